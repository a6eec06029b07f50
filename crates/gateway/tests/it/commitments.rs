//! A commitment is kept by the policy that asks for it: the dearer vendor gets traffic until it is on pace.

use serde_json::Value;

use crate::client::ADMIN_KEY;
use crate::command_line::by;
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::setup::Setup;

const PROMISED: u64 = 60;

const POLICY: &str = r#"
[policy.commitments]
worth_at_most = "0.50"
[[rate_cards]]
id = "acme"
currency = "EUR"
prices = [{ country = "DE", price = "0.04" }]
[[rate_cards]]
id = "borealis"
currency = "EUR"
prices = [{ country = "DE", price = "0.05" }]
[[policy.rules]]
id = "all"
strategy = "least_cost"
routes = ["acme-sms", "borealis-sms"]
"#;

/// Whoever would carry a message now, and why.
async fn first(gateway: &Gateway) -> (String, String) {
    let asked = serde_json::json!({ "to": "+4915112345678", "text": "hello" });
    let told = gateway.client.post("/v1/routing/explain", &asked).await.body;
    let first = &told["plan"][0];
    let text = |field: &str| first[field].as_str().unwrap_or_else(|| panic!("{told}")).to_owned();
    (text("route"), text("explanation"))
}

/// How the promise to borealis stands.
async fn pace(gateway: &Gateway) -> (u64, Value) {
    let told = by(ADMIN_KEY, &gateway.client, &["vendor", "show", "borealis", "--json"]).await;
    let pace = told.ended_with(0).json()["paces"][0].clone();
    (pace["carried"].as_str().unwrap().parse().unwrap(), pace)
}

#[tokio::test]
async fn the_dearer_vendor_has_the_traffic_until_it_is_on_pace_and_a_restart_does_not_forget() {
    let folder = tempfile::tempdir().unwrap();
    let (acme, borealis) = (lab::vendor().await, lab::vendor().await);
    // Some two thirds of the month that the contract counts are over.
    let starts = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let starts = starts.checked_sub(jiff::Span::new().days(20)).unwrap();
    let contract = format!(
        "[vendors.contract]\nstarts = \"{starts}\"\ncommitments = [{{ period = \"month\", messages = {PROMISED} }}]\n"
    );
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .route("rate_card = \"acme\"")
        .vendor("borealis", borealis.addr().port(), &contract)
        .route("rate_card = \"borealis\"")
        .rules(POLICY);
    let gateway = Gateway::start(folder.path(), &setup).await;
    let (route, because) = first(&gateway).await;
    assert_eq!(route, "borealis-sms", "{because}");
    assert!(because.contains(&format!("0 of {PROMISED} messages by ")), "{because}");
    assert!(because.ends_with("counted as 0.025 EUR cheaper"), "{because}");

    let mut sent = 0;
    while first(&gateway).await.0 == "borealis-sms" {
        let id = gateway.client.send("+4915112345678", "hello").await;
        gateway.client.settled(&id, &["delivered"]).await;
        sent += 1;
        assert!(sent < 3 * PROMISED, "it is never on pace: {}", pace(&gateway).await.1);
    }
    let (carried, stands) = pace(&gateway).await;
    assert!((PROMISED / 2..PROMISED).contains(&carried), "{carried} of {sent}: {stands}");
    let off: f64 = stands["shadow_price"].as_str().unwrap().parse().unwrap();
    assert!((0.0..=0.2).contains(&off), "{stands}");
    let shown = by(ADMIN_KEY, &gateway.client, &["vendor", "show", "borealis"]).await.ended_with(0).stdout;
    assert!(shown.contains(&format!("{carried} of {PROMISED} messages from {starts}")), "{shown}");
    let metrics = gateway.client.bare(reqwest::Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    let gauge = r#"strowger_commitment_behind_ratio{vendor="borealis",period="month",unit="messages"} 0"#;
    assert!(metrics.contains(gauge), "{metrics}");

    let mut gateway = gateway;
    gateway.process.signal("TERM");
    gateway.process.end().await;
    let gateway = Gateway::start(folder.path(), &setup).await;
    assert_eq!((pace(&gateway).await.0, first(&gateway).await.0), (carried, "acme-sms".to_owned()));

    // The promise is another one after a reload, and then more is behind.
    let more = contract.replace(&format!("messages = {PROMISED}"), "messages = 1000");
    let file = folder.path().join("strowger.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace(&contract, &more)).unwrap();
    gateway.process.signal("HUP");
    until("the promise of the new file is kept", async || {
        (first(&gateway).await.0 == "borealis-sms").then_some(())
    })
    .await;
}
