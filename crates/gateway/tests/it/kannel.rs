//! Kannel is an application at the SMPP door: its texts arrive whole, and it tells whoever asked what became of each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use parking_lot::Mutex;
use reqwest::{Method, Url};
use simulator::Vendor;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::peer;
use crate::process::Process;
use crate::setup::{APP_PASSWORD, APP_SYSTEM_ID, Setup};

/// What Kannel calls a report: the bits of its dlr-mask.
const DELIVERED: u64 = 1;
const UNDELIVERED: u64 = 2;
/// The vendor has it.
const BUFFERED: u64 = 4;
/// The gateway has it.
const TAKEN: u64 = 8;
const ALL: &str = "31";

/// Its ports are chosen before it listens there, so another may have taken one.
const STARTS: usize = 5;

/// A bearerbox that is bound to the gateway, with a smsbox that takes texts over HTTP.
pub(crate) struct Kannel {
    bearerbox: Process,
    _smsbox: Process,
    sendsms: Client,
    sink: Sink,
}

/// Where Kannel reports, in the test's own process.
struct Sink {
    port: u16,
    reports: Arc<Mutex<Vec<Report>>>,
    /// Aborted when this is dropped.
    _server: JoinSet<()>,
}

/// The query of a report: see `Kannel::send`.
type Report = BTreeMap<String, String>;

impl Kannel {
    pub(crate) async fn start(folder: &Path, gateway: u16) -> Self {
        let sink = Sink::start().await;
        for _ in 0..STARTS {
            let [admin, smsbox, sendsms] = [(); 3].map(|()| lab::closed_port());
            let file = folder.join("kannel.conf");
            std::fs::write(&file, configuration(gateway, admin, smsbox, sendsms)).unwrap();
            let mut bearerbox = Process::start("bearerbox", peer::kannel("bearerbox").arg(&file), folder);
            if !listens(&mut bearerbox, smsbox).await {
                continue;
            }
            let mut smsbox = Process::start("smsbox", peer::kannel("smsbox").arg(&file), folder);
            if !listens(&mut smsbox, sendsms).await {
                continue;
            }
            let sendsms = Client::new(&format!("http://127.0.0.1:{sendsms}"));
            return Self { bearerbox, _smsbox: smsbox, sendsms, sink };
        }
        panic!("Kannel does not start: {}", std::fs::read_to_string(folder.join("bearerbox.log")).unwrap());
    }

    /// Hands it a text. Reports are asked for by a name, with what Kannel knows of the message then.
    async fn send(&self, name: &str, to: &str, text: &str, coding: &str) {
        // Kannel puts in what it knows: the kind of report, the id that the gateway gave, the receipt's text.
        let report_to =
            format!("http://127.0.0.1:{}/report?name={name}&kind=%d&id=%F&receipt=%A", self.sink.port);
        let fields = [
            ("username", "tester"),
            ("password", "tester-pw"),
            ("from", "Kannel"),
            ("to", to),
            ("text", text),
            ("coding", coding),
            ("charset", "UTF-8"),
            ("dlr-mask", ALL),
            ("dlr-url", &report_to),
        ];
        let query = Url::parse_with_params("http://kannel/", fields).unwrap();
        let path = format!("/cgi-bin/sendsms?{}", query.query().unwrap());
        let answer = self.sendsms.bare(Method::GET, &path).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 202, "{}", answer.text().await.unwrap());
    }

    /// The reports of this kind, by name.
    fn reports(&self, kind: u64) -> BTreeMap<String, Report> {
        let mut found = BTreeMap::new();
        for report in self.sink.reports.lock().iter().filter(|report| report["kind"] == kind.to_string()) {
            let before = found.insert(report["name"].clone(), report.clone());
            assert!(before.is_none(), "told twice: {report:?}");
        }
        found
    }

    async fn until_reported(&self, kind: u64, count: usize) -> BTreeMap<String, Report> {
        until(&format!("{count} are reported as {kind}"), async || {
            let reports = self.reports(kind);
            (reports.len() >= count).then_some(reports)
        })
        .await
    }

    /// Ends it as its operator does: it unbinds.
    pub(crate) async fn leave(mut self) {
        self.bearerbox.signal("TERM");
        self.bearerbox.end().await;
    }
}

impl Sink {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let reports = Arc::<Mutex<Vec<Report>>>::default();
        let router = Router::new().route("/report", get(hear)).with_state(Arc::clone(&reports));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, reports, _server: server }
    }
}

async fn hear(State(reports): State<Arc<Mutex<Vec<Report>>>>, Query(report): Query<Report>) {
    reports.lock().push(report);
}

/// Waits until the port is taken; false when the process ends instead.
async fn listens(process: &mut Process, port: u16) -> bool {
    until("one of Kannel's boxes listens, or ends", async || {
        if process.ended().is_some() {
            return Some(false);
        }
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(|_| true)
    })
    .await
}

/// As docs/smpp.md has it, but that a second is enough before it sends again what was throttled, and asks whether the
/// gateway is there.
fn configuration(gateway: u16, admin: u16, smsbox: u16, sendsms: u16) -> String {
    format!(
        r#"
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = admin-pw
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
sms-resend-freq = 1

group = smsc
smsc = smpp
smsc-id = strowger
host = 127.0.0.1
port = {gateway}
smsc-username = {APP_SYSTEM_ID}
smsc-password = {APP_PASSWORD}
system-type = ""
transceiver-mode = true
dest-addr-ton = 1
dest-addr-npi = 1
enquire-link-interval = 1

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {smsbox}
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1

group = sendsms-user
username = tester
password = tester-pw
max-messages = 10
concatenation = true
"#
    )
}

/// Kannel's codings.
const GSM: &str = "0";
const UNICODE: &str = "2";

/// What Kannel is tried with.
struct Sample {
    name: &'static str,
    to: &'static str,
    text: String,
    coding: &'static str,
    /// The kind of its last report.
    ends: u64,
}

/// How many submit_sm carry the samples.
pub(crate) const SUBMISSIONS: usize = 8;
/// How many deliver_sm tell of them: for each text the vendor's taking it and its end, by Kannel's wish for its first
/// part only.
pub(crate) const RECEIPTS: usize = 10;

fn samples() -> [Sample; 5] {
    let sample =
        |name, to, text: &str, coding, ends| Sample { name, to, text: text.to_owned(), coding, ends };
    let long: String = (0..40).map(|number| format!("{number} apples, ")).collect();
    let long_unicode: String = (0..10).map(|number| format!("{number} яблок, ")).collect();
    [
        sample("short", "447700900200", "Total: 42 € [tax incl.] £ ñ Ω @", GSM, DELIVERED),
        sample("unicode", "+447700900300", "Grüße aus Київ, 東京!", UNICODE, DELIVERED),
        sample("long", "447700900400", &long, GSM, DELIVERED),
        sample("long-unicode", "447700900500", &long_unicode, UNICODE, DELIVERED),
        sample("undelivered", "447700900203", "Nobody is there", GSM, UNDELIVERED),
    ]
}

/// Sends all samples, and checks what the vendor has of them and what Kannel reports.
pub(crate) async fn hold(kannel: &Kannel, vendor: &Vendor) {
    let samples = samples();
    for sample in &samples {
        kannel.send(sample.name, sample.to, &sample.text, sample.coding).await;
    }
    let taken = kannel.until_reported(TAKEN, samples.len()).await;
    let mut ended = kannel.until_reported(DELIVERED, samples.len() - 1).await;
    ended.extend(kannel.until_reported(UNDELIVERED, 1).await);
    for sample in &samples {
        let (taken, ended) = (&taken[sample.name], &ended[sample.name]);
        assert_eq!(ended["kind"], sample.ends.to_string(), "{ended:?}");
        // Kannel asks for the receipt of a text's first part alone.
        let is_long = sample.name.starts_with("long");
        assert_eq!(taken["id"].strip_suffix("-1").is_some(), is_long, "{taken:?}");
        assert_eq!(taken["id"], ended["id"]);
        let state = if sample.ends == DELIVERED { "DELIVRD" } else { "UNDELIV" };
        assert!(ended["receipt"].starts_with(&format!("id:{} ", taken["id"])), "{ended:?}");
        assert!(ended["receipt"].contains(&format!(" stat:{state} ")), "{ended:?}");
    }
    let ids: BTreeSet<&String> = taken.values().map(|report| &report["id"]).collect();
    assert_eq!(ids.len(), samples.len(), "{taken:?}");
    kannel.until_reported(BUFFERED, samples.len()).await;
    let mut received: Vec<(String, String)> =
        vendor.received().into_iter().map(|message| (message.to, message.text)).collect();
    received.sort();
    let mut sent: Vec<(String, String)> = samples
        .iter()
        .map(|sample| (sample.to.trim_start_matches('+').to_owned(), sample.text.clone()))
        .collect();
    sent.sort();
    assert_eq!(received, sent);
}

#[tokio::test]
async fn kannel_sends_short_unicode_and_long_texts_and_gets_the_right_receipt_for_each() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor_with(|settings| settings.obeys_demo_numbers = true).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let kannel = Kannel::start(folder.path(), gateway.smpp_port().await).await;
    hold(&kannel, &vendor).await;
    kannel.leave().await;
}

/// More at once than an account with ten a second may send.
pub(crate) const MANY: usize = 40;

/// Hands it so many texts at once: what is throttled comes again. Returns how often something was.
pub(crate) async fn overrun(kannel: &Kannel, count: usize) -> usize {
    let names: Vec<String> = (0..count).map(|number| format!("one-of-many-{number}")).collect();
    let before = kannel.reports(DELIVERED).len();
    for name in &names {
        kannel.send(name, "447700900200", name, GSM).await;
    }
    let reports = kannel.until_reported(DELIVERED, before + count).await;
    assert!(names.iter().all(|name| reports.contains_key(name)), "{reports:?}");
    let throttled = kannel.bearerbox.log().matches("Throttling error").count();
    assert!(throttled > 0, "nothing was throttled");
    throttled
}

#[tokio::test]
async fn kannel_sends_again_what_was_throttled() {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor().await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door(r#", throughput = "10/s""#);
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let kannel = Kannel::start(folder.path(), gateway.smpp_port().await).await;
    overrun(&kannel, MANY).await;
    assert_eq!(vendor.stats().accepted, MANY as u64);
    kannel.leave().await;
}
