//! The adaptive engine in a gateway that runs: what is lost or lied about is noticed, traffic leaves it and comes back,
//! and a restart in between changes neither.

use std::time::Duration;

use domain::verdict::Kind;
use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Behaviour, Vendor};
use tokio::time::{Instant, sleep};

use crate::client::{self, ADMIN_KEY};
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

mod application;
mod trained;

use application::Application;

/// Numbers of two operators.
const FIRST: &str = "491511";
const SECOND: &str = "491522";

/// Two vendors with the same users behind them, and an application that reports what those do.
struct Lab {
    acme: Vendor,
    borealis: Vendor,
    application: Application,
    folder: tempfile::TempDir,
    gateway: Option<Gateway>,
}

impl Lab {
    async fn start(rate: u32, is_trained: bool) -> Self {
        let (handsets, conversions) = application::handsets();
        let vendor = async || {
            lab::vendor_with(|settings| {
                settings.handsets = Some(handsets.clone());
                // What came in the last seconds: all of it is copied by whoever looks.
                settings.memory = 4000;
            })
            .await
        };
        let (acme, borealis) = (vendor().await, vendor().await);
        let folder = tempfile::tempdir().unwrap();
        let application = Application::start(rate, [FIRST, SECOND], conversions);
        let mut lab = Self { acme, borealis, application, folder, gateway: None };
        if is_trained {
            trained::save(lab.folder.path(), &lab.setup());
        }
        lab.open().await;
        lab
    }

    /// The first vendor is cheaper, so as long as both deliver it has nearly all.
    fn setup(&self) -> Setup {
        Setup::default()
            .vendor("acme", self.acme.addr().port(), "window = 50")
            .route("rate_card = \"acme\"")
            .vendor("borealis", self.borealis.addr().port(), "window = 50")
            .route("rate_card = \"borealis\"")
            .rules(RULES)
    }

    async fn open(&mut self) {
        let gateway = Gateway::start(self.folder.path(), &self.setup()).await;
        for vendor in [&self.acme, &self.borealis] {
            vendor.until(|stats| stats.sessions > 0).await;
        }
        self.application.aim_at(Some(&gateway.client));
        self.gateway = Some(gateway);
    }

    async fn restart(&mut self) {
        self.application.aim_at(None);
        let mut gateway = self.gateway.take().unwrap();
        gateway.process.signal("TERM");
        gateway.process.end().await;
        self.open().await;
        self.gateway().process.logs("what the adaptive engine learned is taken up").await;
    }

    /// As `restart`, after `kill -9`: what was learned since it was last saved is gone.
    async fn crash(&mut self) {
        self.application.aim_at(None);
        self.gateway.take().unwrap().kill();
        self.open().await;
        self.gateway().process.logs("what the adaptive engine learned is taken up").await;
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Of the messages to numbers that begin so, the part that went by the first vendor in the time to come.
    async fn share(&self, prefix: &str, within: Duration) -> f64 {
        let begin = Instant::now();
        sleep(within).await;
        let count = |vendor: &Vendor| {
            let received = vendor.received();
            received
                .iter()
                .rev()
                .take_while(|one| one.at >= begin)
                .filter(|one| one.to.starts_with(prefix))
                .count()
        };
        let (acme, borealis) = (count(&self.acme), count(&self.borealis));
        let all = acme + borealis;
        assert!(all > 0, "nothing was sent to {prefix}");
        acme as f64 / all as f64
    }

    /// Waits until the first vendor has this part of the traffic to such numbers. Returns how long that took.
    async fn until_share(&self, prefix: &str, limit: Duration, wanted: impl Fn(f64) -> bool) -> Duration {
        let begin = Instant::now();
        loop {
            let waited = begin.elapsed();
            let share = self.share(prefix, Duration::from_secs(2)).await;
            println!("{:4.0} s: {:.1} % of {prefix} by acme", waited.as_secs_f64(), share * 100.0);
            if wanted(share) {
                return waited;
            }
            assert!(waited < limit, "not within {limit:?}: {share}");
        }
    }

    async fn verdicts(&self, query: &str) -> Vec<Value> {
        let client = &self.gateway().client;
        let request = client.bare(Method::GET, &format!("/v1/verdicts{query}")).bearer_auth(ADMIN_KEY);
        let answer = client::answer(request).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body["data"].as_array().unwrap().clone()
    }

    /// A message to such a number says why it does not go by the first vendor, in its trace and beforehand.
    async fn tells_why(&self, prefix: &str) {
        let client = &self.gateway().client;
        let to = format!("+{prefix}000001");
        let id = client.send(&to, "why").await;
        let trace = client.settled(&id, &["submitted", "delivered"]).await;
        let planned = trace["plan"].as_array().unwrap();
        let acme = planned.iter().find(|planned| planned["route"] == "acme-sms").unwrap();
        assert!(acme["explanation"].as_str().unwrap().contains("silent drop suspected"), "{acme}");
        assert_eq!(trace["verdicts"][0]["kind"], "silent_drop");
        let draw = &trace["attempts"][0]["draw"];
        assert!(draw["propensity"].as_f64().unwrap() > 0.0 && draw["table"].is_string(), "{draw}");
        let explained = client.post("/v1/routing/explain", &json!({ "to": to })).await.body;
        let told = explained["plan"].to_string();
        assert!(told.contains("silent drop suspected"), "{told}");
        let planned = explained["plan"].as_array().unwrap();
        let acme = planned.iter().find(|planned| planned["route"] == "acme-sms").unwrap();
        assert!(acme["learned"]["arrives"].as_f64().unwrap() < 0.5, "{acme}");
        assert!(
            acme["explanation"].as_str().unwrap().contains("of what it gets there arrives, by the"),
            "{acme}"
        );
        assert_eq!(acme["learned"]["worth"]["currency"], "EUR", "{acme}");
        let path = "/v1/routes/stats?route=acme-sms&operator=26201";
        let known = client::answer(client.bare(Method::GET, path).bearer_auth(ADMIN_KEY)).await.unwrap().body;
        let known = &known["data"][0];
        assert_eq!(
            (&known["state"], &known["verdicts"]),
            (&json!("in_trouble"), &json!(["silent_drop"])),
            "{known}"
        );
        assert!(known["arrives"].as_f64().unwrap() < 0.5, "{known}");
    }

    async fn print_verdicts(&self) {
        for verdict in self.verdicts("").await {
            println!("{} {}: {}", verdict["kind"], verdict["state"], verdict["explanation"]);
        }
    }

    async fn is_over(&self, verdict: &Value) {
        until("the verdict is over", async || {
            let over = self.verdicts("?state=recovered").await;
            over.iter().any(|one| one["id"] == verdict["id"]).then_some(())
        })
        .await;
    }

    /// Waits for an open verdict of this kind about the first vendor.
    async fn verdict(&self, kind: Kind) -> Value {
        until(&format!("a verdict of {kind} is open"), async || {
            let open = self.verdicts("?state=open").await;
            open.into_iter().find(|one| one["kind"] == kind.as_str() && one["connection"] == "acme-main")
        })
        .await
    }
}

const RULES: &str = r#"
[[policy.rules]]
id = "all"
strategy = "adaptive"
routes = ["acme-sms", "borealis-sms"]

[[rate_cards]]
id = "acme"
currency = "EUR"
prices = [{ country = "DE", price = "0.03" }]

[[rate_cards]]
id = "borealis"
currency = "EUR"
prices = [{ country = "DE", price = "0.05" }]
"#;

/// Samples are taken until one holds: a machine that is busy with other tests sends little, and late.
const GENEROUS: Duration = Duration::from_secs(180);

/// The part of its traffic that a vendor in trouble keeps at most: what is learned from.
const STAYS: f64 = 0.1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_lost_and_what_is_faked_is_left_and_a_restart_does_not_bring_it_back() {
    let mut lab = Lab::start(60, true).await;
    lab.gateway().process.logs("what the adaptive engine learned is taken up").await;
    lab.until_share(FIRST, GENEROUS, |share| share > 0.8).await;
    lab.acme.set_for(FIRST, Behaviour::SilentDrop);
    let took = lab.until_share(FIRST, GENEROUS, |share| share <= STAYS).await;
    println!("what is lost: left after {took:?}");
    let lost = lab.verdict(Kind::SilentDrop).await;
    assert_eq!((&lost["operator"], &lost["country"]), (&json!("26201"), &json!("DE")));
    assert!(lost["proof"]["log_likelihood_ratio"].as_f64() > lost["proof"]["threshold"].as_f64(), "{lost}");
    lab.gateway().process.logs("a verdict is raised").await;
    lab.tells_why(FIRST).await;
    // The other operator is not concerned.
    lab.until_share(SECOND, GENEROUS, |share| share > 0.8).await;

    lab.restart().await;
    // Noticed anew it would be another verdict.
    assert_eq!(lab.verdict(Kind::SilentDrop).await["id"], lost["id"]);
    lab.until_share(FIRST, GENEROUS, |share| share <= STAYS).await;
    lab.until_share(SECOND, GENEROUS, |share| share > 0.8).await;
    assert_eq!(lab.verdict(Kind::SilentDrop).await["id"], lost["id"]);

    lab.acme.set_for(SECOND, Behaviour::FakeReceipts);
    let took = lab.until_share(SECOND, GENEROUS, |share| share <= STAYS).await;
    println!("what is faked: left after {took:?}");
    lab.print_verdicts().await;
    let faked = lab.verdict(Kind::FakeReceipts).await;
    // Both of the operators that there are: the verdict is about the whole of the connection.
    assert_eq!(faked["operator"], Value::Null);
    let why = faked["explanation"].as_str().unwrap();
    assert!(why.starts_with("conversion ") && why.ends_with("fake receipts suspected"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_left_stays_left_after_a_kill() {
    let mut lab = Lab::start(60, true).await;
    lab.until_share(FIRST, GENEROUS, |share| share > 0.8).await;
    lab.acme.set_for(FIRST, Behaviour::SilentDrop);
    lab.verdict(Kind::SilentDrop).await;
    // At once: whether these seconds were saved is left to chance, and either way they are soon known again.
    lab.crash().await;
    lab.until_share(FIRST, GENEROUS, |share| share <= STAYS).await;
    lab.until_share(SECOND, GENEROUS, |share| share > 0.8).await;
    let lost = lab.verdict(Kind::SilentDrop).await;
    // Of what the crash took no verdict stays open for ever.
    let open = lab.verdicts("?state=open").await;
    let of_it = open.iter().filter(|one| one["connection"] == "acme-main" && one["kind"] == "silent_drop");
    assert_eq!(of_it.count(), 1, "{open:?}");
    lab.crash().await;
    assert_eq!(lab.verdict(Kind::SilentDrop).await["id"], lost["id"]);
    lab.until_share(FIRST, GENEROUS, |share| share <= STAYS).await;
}

/// As it was asked for, from a gateway that knows nothing: some minutes of real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes some minutes and a machine of its own: cargo test --release -p gateway --test it adaptive -- --ignored --nocapture"]
async fn at_200_messages_a_second_trouble_is_left_in_time_and_comes_to_an_end() {
    let mut lab = Lab::start(200, false).await;
    sleep(Duration::from_secs(100)).await;
    lab.until_share(FIRST, Duration::from_secs(60), |share| share > 0.8).await;
    assert_eq!(lab.verdicts("").await, [Value::Null; 0], "nothing happened yet");

    lab.acme.set_for(FIRST, Behaviour::SilentDrop);
    let took = lab.until_share(FIRST, Duration::from_secs(30), |share| share <= STAYS).await;
    println!("what is lost: left after {took:?}");
    let lost = lab.verdict(Kind::SilentDrop).await;
    println!("{}", lost["explanation"]);
    sleep(Duration::from_secs(20)).await;
    lab.restart().await;
    let after = lab.share(FIRST, Duration::from_secs(10)).await;
    assert!(after <= STAYS, "{after}");
    lab.crash().await;
    let after = lab.share(FIRST, Duration::from_secs(10)).await;
    assert!(after <= STAYS, "{after}");
    lab.acme.set_for(FIRST, Behaviour::Usual);
    let took = lab.until_share(FIRST, Duration::from_secs(300), |share| share > 0.8).await;
    println!("what was lost: back after {took:?}");
    lab.is_over(&lost).await;

    lab.acme.set_for(FIRST, Behaviour::FakeReceipts);
    let took = lab.until_share(FIRST, Duration::from_secs(120), |share| share <= STAYS).await;
    println!("what is faked: left after {took:?}");
    lab.print_verdicts().await;
    let faked = lab.verdict(Kind::FakeReceipts).await;
    println!("{}", faked["explanation"]);
    lab.restart().await;
    let after = lab.share(FIRST, Duration::from_secs(10)).await;
    assert!(after <= STAYS, "{after}");
    lab.acme.set_for(FIRST, Behaviour::Usual);
    let took = lab.until_share(FIRST, Duration::from_secs(300), |share| share > 0.8).await;
    println!("what was faked: back after {took:?}");
    lab.is_over(&faked).await;
    lab.print_verdicts().await;
}
