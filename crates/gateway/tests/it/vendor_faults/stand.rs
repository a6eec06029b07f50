//! The gateway, three vendors and the load; and what must be true of every message whatever the fault was.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use simulator::{Behaviour, Vendor};
use smpp_wire::status::CommandStatus;
use tempfile::TempDir;
use tokio::time::{Instant, interval};

use crate::deadline::{LIMIT, until};
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

/// How messages are routed, by the first digits of their recipients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Over the faulty vendor alone.
    Alone,
    /// Over the faulty vendor first.
    First,
    /// Over the faulty vendor first, and never twice.
    Held,
    /// Over the others.
    Elsewhere,
}

const KINDS: [Kind; 4] = [Kind::Alone, Kind::First, Kind::Held, Kind::Elsewhere];

const RULES: &str = r#"
[[policy.rules]]
id = "alone"
match = { recipient_prefix = ["+4477009001"] }
routes = ["acme-sms"]

[[policy.rules]]
id = "first"
match = { recipient_prefix = ["+4477009002"] }
routes = ["acme-sms", "borealis-sms", "cumulus-sms"]
failover = { on = ["rejected", "busy", "unavailable"], wait_at_most = "500ms" }

[[policy.rules]]
id = "held"
match = { recipient_prefix = ["+4477009003"] }
routes = ["acme-sms", "borealis-sms"]
on_unknown = "hold"
failover = { on = ["rejected", "busy", "unavailable"], wait_at_most = "500ms" }

[[policy.rules]]
id = "elsewhere"
match = { recipient_prefix = ["+4477009004"] }
routes = ["borealis-sms", "cumulus-sms"]
"#;

/// Of the faulty vendor.
const WINDOW: usize = 10;

const LOAD_EVERY: Duration = Duration::from_millis(100);
/// Of each kind, each time.
const AT_ONCE: usize = 3;
/// How often the load is put on while the fault lasts.
const FAULT_LASTS: usize = 25;
/// From the end of the fault to the first message on the vendor that had it. Where it said that it does not know us, it is
/// left alone for longer.
const RECOVERS_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Stand {
    pub(super) gateway: Gateway,
    pub(super) acme: Vendor,
    others: [Vendor; 2],
    sent: Vec<Sent>,
    numbered: usize,
    _folder: TempDir,
}

struct Sent {
    id: String,
    kind: Kind,
    text: String,
}

/// A message that has ended, and how often its text was taken by any vendor.
struct Ended<'a> {
    sent: &'a Sent,
    message: Value,
    taken: usize,
}

impl Stand {
    pub(super) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (acme, borealis, cumulus) = (lab::vendor().await, lab::vendor().await, lab::vendor().await);
        let lines = format!("window = {WINDOW}\nresponse_timeout = \"3s\"");
        let setup = Setup::default()
            .vendor("acme", acme.addr().port(), &lines)
            .vendor("borealis", borealis.addr().port(), "window = 50")
            .vendor("cumulus", cumulus.addr().port(), "window = 50")
            .rules(RULES);
        let gateway = Gateway::start(folder.path(), &setup).await;
        for vendor in [&acme, &borealis, &cumulus] {
            vendor.until(|stats| stats.sessions > 0).await;
        }
        let others = [borealis, cumulus];
        Self { gateway, acme, others, sent: Vec::new(), numbered: 0, _folder: folder }
    }

    /// Has the vendor misbehave under load, ends that, and checks that everything is well then.
    pub(super) async fn survives(&mut self, fault: Behaviour) {
        // Only shown when the test fails.
        println!("{fault:?}");
        self.load(3).await;
        self.acme.set(fault);
        if matches!(fault, Behaviour::RefuseBinds(_)) {
            self.acme.cut();
        }
        self.load(FAULT_LASTS).await;
        self.acme.set(Behaviour::Usual);
        self.recovers(fault).await;
        self.check(fault).await;
    }

    async fn load(&mut self, times: usize) {
        let mut pace = interval(LOAD_EVERY);
        for _ in 0..times {
            pace.tick().await;
            let wanted: Vec<_> = (0..AT_ONCE).flat_map(|_| KINDS).map(|kind| self.next(kind)).collect();
            self.post(wanted).await;
        }
    }

    fn next(&mut self, kind: Kind) -> (Kind, String) {
        self.numbered += 1;
        (kind, format!("message {}", self.numbered))
    }

    async fn post(&mut self, wanted: Vec<(Kind, String)>) {
        let messages: Vec<_> =
            wanted.iter().map(|(kind, text)| json!({ "to": recipient(*kind), "text": text })).collect();
        let answer = self.gateway.client.post("/v1/messages/batch", &json!({ "messages": messages })).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let results = answer.body["data"].as_array().unwrap();
        for ((kind, text), result) in wanted.into_iter().zip(results) {
            let id = result["id"].as_str().unwrap_or_else(|| panic!("not accepted: {result}")).to_owned();
            self.sent.push(Sent { id, kind, text });
        }
    }

    /// Goes on sending until the vendor takes messages again.
    async fn recovers(&mut self, fault: Behaviour) {
        let is_denied = fault == Behaviour::RefuseBinds(CommandStatus::RINVPASWD);
        let within = if is_denied { LIMIT } else { RECOVERS_WITHIN };
        let (ended, taken) = (Instant::now(), self.acme.stats().accepted);
        while self.acme.stats().accepted == taken {
            assert!(ended.elapsed() < within, "{fault:?} is over, and nothing is sent there");
            self.load(1).await;
        }
        println!("sent to again after {:?}", ended.elapsed());
    }

    /// Waits for the end of every message, and looks at each.
    async fn check(&mut self, fault: Behaviour) {
        let taken = self.taken();
        for sent in std::mem::take(&mut self.sent) {
            let message = until(&format!("{} has ended after {fault:?}", sent.id), async || {
                let message = self.gateway.client.message(&sent.id).await;
                (message["status"] != "accepted" && message["status"] != "submitted").then_some(message)
            })
            .await;
            // Those that waited were taken after the first look.
            let taken = taken.get(&sent.text).copied();
            let taken = taken.unwrap_or_else(|| self.taken().get(&sent.text).copied().unwrap_or_default());
            Ended { sent: &sent, message, taken }.is_well(fault);
        }
    }

    /// How often each text was taken.
    fn taken(&self) -> BTreeMap<String, usize> {
        let mut taken = BTreeMap::new();
        for vendor in [&self.acme, &self.others[0], &self.others[1]] {
            for message in vendor.received() {
                *taken.entry(message.text).or_default() += 1;
            }
        }
        taken
    }

    /// Fills the window of the vendor while it answers nothing: every slot must be there.
    pub(super) async fn has_its_whole_window(&mut self) {
        self.acme.set(Behaviour::Mute);
        let before = self.acme.stats().unanswered;
        let wanted = (0..WINDOW).map(|_| self.next(Kind::Alone)).collect();
        self.post(wanted).await;
        self.acme.until(|stats| stats.unanswered == before + WINDOW as u64).await;
        // A slot that was missing would have been waited for until one of these was given up.
        for sent in std::mem::take(&mut self.sent) {
            let message = self.gateway.client.message(&sent.id).await;
            assert_eq!(message["attempts"][0]["outcome"], Value::Null, "{message}");
        }
        self.acme.set(Behaviour::Usual);
    }
}

fn recipient(kind: Kind) -> &'static str {
    match kind {
        Kind::Alone => "+447700900123",
        Kind::First => "+447700900223",
        Kind::Held => "+447700900323",
        Kind::Elsewhere => "+447700900423",
    }
}

impl Ended<'_> {
    fn is_well(&self, fault: Behaviour) {
        let Self { sent, message, taken } = self;
        let status = message["status"].as_str().unwrap();
        let told = format!("{:?} under {fault:?}, taken {taken} times: {message}", sent.kind);
        let attempts = message["attempts"].as_array().unwrap();
        let with_outcome = |outcome: &str| attempts.iter().filter(|it| it["outcome"] == outcome).count();
        // The status is true.
        match status {
            "delivered" => assert!(*taken >= 1, "{told}"),
            "uncertain" => assert!(with_outcome("unknown") >= 1 && with_outcome("accepted") == 0, "{told}"),
            "failed" => assert!(*taken == 0 && with_outcome("rejected") == attempts.len(), "{told}"),
            _ => panic!("{told}"),
        }
        // Nothing comes twice unless that is said.
        assert!(*taken <= 1 || message["possible_duplicate"] == true, "{told}");
        match sent.kind {
            // Nobody else could have taken it.
            Kind::Alone => {}
            Kind::First => assert_eq!(status, "delivered", "{told}"),
            Kind::Held => {
                // A vendor that never answers may have it, too.
                assert!(*taken <= 1 && with_outcome("unknown") + with_outcome("accepted") <= 1, "{told}");
            }
            Kind::Elsewhere => {
                assert_eq!((status, attempts.len(), *taken), ("delivered", 1, 1), "{told}");
                assert_eq!(message["possible_duplicate"], false, "{told}");
            }
        }
    }
}
