//! What a vendor's codes mean decides where a message goes: each class of the error map, over real binds.

use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use simulator::{Behaviour, Vendor};
use smpp_wire::status::CommandStatus;
use tokio::time::{Instant, sleep};

use crate::client::{ADMIN_KEY, answer};
use crate::command_line::run;
use crate::deadline::{LIMIT, until};
use crate::gateway::{Gateway, strowger};
use crate::lab;
use crate::setup::Setup;
use crate::webhook_sink::WebhookSink;

const TO: &str = "+447700900123";
/// A status that is the vendor's own.
const OWN: CommandStatus = CommandStatus(0x412);
const CODE: &str = "0x00000412";
/// What the simulated vendor reports of a handset that is not there.
const ABSENT: &str = "UNDELIV err:027";

const RULE: &str =
    r#"failover = { on = ["rejected", "busy", "undelivered"], wait_at_most = "500ms", max_attempts = 5 }"#;

/// The vendor whose codes are mapped, one after it, and who is told of messages.
struct Stand {
    gateway: Gateway,
    acme: Vendor,
    borealis: Vendor,
    hook: WebhookSink,
    folder: tempfile::TempDir,
    sent: usize,
}

/// An entry of the vendor that was added last.
fn entry(stage: &str, code: &str, class: &str) -> String {
    format!("[[vendors.errors]]\nstage = \"{stage}\"\ncode = \"{code}\"\nclass = \"{class}\"\n")
}

impl Stand {
    async fn start(acme: Behaviour, entries: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (acme, borealis) = (lab::vendor_that(acme).await, lab::vendor().await);
        let hook = WebhookSink::start().await;
        let setup = setup(&acme, &borealis, &hook, entries);
        let gateway = Gateway::start(folder.path(), &setup).await;
        for vendor in [&acme, &borealis] {
            vendor.until(|stats| stats.sessions > 0).await;
        }
        Self { gateway, acme, borealis, hook, folder, sent: 0 }
    }

    fn write(&self, entries: &str) {
        let setup = setup(&self.acme, &self.borealis, &self.hook, entries);
        std::fs::write(self.folder.path().join("strowger.toml"), setup.file()).unwrap();
    }

    /// Puts other entries in place, and waits until this one decides on the code.
    async fn map(&self, stage: &str, code: &str, class: &str) {
        self.write(&entry(stage, code, class));
        self.gateway.process.signal("HUP");
        let path = format!("/v1/vendors/acme/errors?stage={stage}&code={}", code.replace(' ', "%20"));
        until(&format!("{code} is {class}"), async || {
            let map = self.admin(&path).await;
            (map["data"][0]["class"] == class && map["data"][0]["source"] == "own").then_some(())
        })
        .await;
    }

    async fn admin(&self, path: &str) -> Value {
        let request = self.gateway.client.bare(Method::GET, path).bearer_auth(ADMIN_KEY);
        let answer = answer(request).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// Sends a message; its id, and the reference by which the webhook knows it.
    async fn send(&mut self) -> (String, String) {
        self.sent += 1;
        let reference = format!("message-{}", self.sent);
        let body = json!({ "to": TO, "text": format!("hello {}", self.sent), "reference": reference });
        let answer = self.gateway.client.post("/v1/messages", &body).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        (answer.body["id"].as_str().unwrap().to_owned(), reference)
    }

    /// Waits out both waits for a route: on a slow machine one is over before the vendor was changed.
    async fn delivered_at_last(&self, id: &str) -> Value {
        let limit = domain::record::RETRY_AFTER.iter().sum::<Duration>() + 3 * LIMIT;
        let begin = Instant::now();
        loop {
            let message = self.gateway.client.message(id).await;
            if message["status"] == "delivered" {
                return self.gateway.client.trace(id).await;
            }
            assert!(begin.elapsed() < limit, "not within {limit:?}: {message}");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Sends a message and waits for its end: its trace, and what the webhook was told of errors.
    async fn sends(&mut self, status: &str) -> (Value, Vec<String>) {
        let (id, reference) = self.send().await;
        let trace = self.gateway.client.settled(&id, &[status]).await;
        until("the application is told", async || {
            self.hook.was_told(&reference, &format!("message.{status}")).then_some(())
        })
        .await;
        (trace, self.hook.told()[&reference].errors.iter().cloned().collect())
    }
}

fn setup(acme: &Vendor, borealis: &Vendor, hook: &WebhookSink, entries: &str) -> Setup {
    Setup::default()
        .vendor("acme", acme.addr().port(), entries)
        .vendor("borealis", borealis.addr().port(), "")
        .rule(RULE)
        .webhook(hook.port)
}

/// Route, outcome and status of each attempt.
fn attempts(trace: &Value) -> Vec<[&str; 3]> {
    let attempts = trace["attempts"].as_array().unwrap().iter();
    attempts
        .map(|attempt| ["route", "outcome", "status"].map(|field| attempt[field].as_str().unwrap_or("none")))
        .collect()
}

const ACME_REFUSED: [&str; 3] = ["acme-sms", "rejected", "rejected"];
const ACME_FAILED: [&str; 3] = ["acme-sms", "accepted", "undelivered"];
const BOREALIS_TOOK: [&str; 3] = ["borealis-sms", "accepted", "delivered"];
const ACME_TOOK: [&str; 3] = ["acme-sms", "accepted", "delivered"];

#[tokio::test]
async fn a_refusal_goes_where_its_class_says_and_another_map_needs_no_bind() {
    let mut stand = Stand::start(Behaviour::Refuse(OWN), "").await;
    for (class, status, expected) in [
        ("fail_over", "delivered", vec![ACME_REFUSED, BOREALIS_TOOK]),
        ("sender", "delivered", vec![ACME_REFUSED, BOREALIS_TOOK]),
        ("permanent_number", "failed", vec![ACME_REFUSED]),
        ("permanent_content", "failed", vec![ACME_REFUSED]),
        ("fraud", "failed", vec![ACME_REFUSED]),
        ("opt_out", "failed", vec![ACME_REFUSED]),
        ("unknown_outcome", "delivered", vec![["acme-sms", "unknown", "unknown"], BOREALIS_TOOK]),
    ] {
        stand.map("submit", CODE, class).await;
        let (trace, told) = stand.sends(status).await;
        assert_eq!(attempts(&trace), expected, "{class}: {trace}");
        let error = json!({ "stage": "submit", "class": class, "vendor_code": CODE });
        assert_eq!(trace["attempts"][0]["error"], error);
        assert_eq!(trace["attempts"][0]["parts"][0]["class"], class);
        let duplicate = class == "unknown_outcome";
        assert_eq!(trace["message"]["possible_duplicate"], duplicate, "{class}");
        if status == "failed" {
            assert_eq!(trace["message"]["error"]["class"], class);
            assert_eq!(trace["message"]["error"]["route"], "acme-sms");
            assert!(trace["summary"].as_str().unwrap().ends_with("No vendor is asked again."), "{trace}");
            assert!(told.contains(&format!("message.failed {class} {CODE}")), "{told:?}");
        } else {
            assert_eq!(trace["message"]["error"], Value::Null);
            assert!(!told.iter().any(|event| event.starts_with("message.delivered")), "{told:?}");
        }
    }
    assert_eq!((stand.acme.stats().binds, stand.borealis.stats().binds), (1, 1));
    let metrics =
        stand.gateway.client.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let sample = r#"strowger_vendor_errors_total{connection="acme-main",stage="submit",class="opt_out"} 1"#;
    assert!(metrics.lines().any(|line| line == sample), "{metrics}");
}

#[tokio::test]
async fn a_refusal_that_may_pass_has_the_same_route_again_later_and_nobody_waits_behind_it() {
    let mut stand = Stand::start(Behaviour::Refuse(OWN), &entry("submit", CODE, "retry")).await;
    let (id, _) = stand.send().await;
    let waits = until("it waits for its route", async || {
        let trace = stand.gateway.client.trace(&id).await;
        trace["events"].to_string().contains("it is sent there again at").then_some(trace)
    })
    .await;
    stand.acme.set(Behaviour::Usual);
    assert_eq!(waits["message"]["status"], "accepted");
    assert_eq!(waits["message"]["error"]["class"], "retry");
    // Whoever comes later is not held up by it.
    let (later, _) = stand.sends("delivered").await;
    assert_eq!(attempts(&later), [ACME_TOOK]);
    let trace = stand.delivered_at_last(&id).await;
    // On a slow machine the vendor may have refused the second attempt, too.
    let all = attempts(&trace);
    assert_eq!((all.first(), all.last()), (Some(&ACME_REFUSED), Some(&ACME_TOOK)), "{trace}");
    let at = |place: usize, field: &str| {
        trace["attempts"][place][field].as_str().unwrap().parse::<domain::Timestamp>().unwrap()
    };
    assert!(at(1, "dispatched_at").since(at(0, "answered_at")) >= domain::record::RETRY_AFTER[0]);
    assert_eq!(trace["message"]["possible_duplicate"], false);
    assert_eq!(stand.borealis.stats().submissions, 0);
}

/// The wait is in the store, and a route that is suspended when it is over is waited for further.
#[tokio::test]
async fn a_wait_for_a_route_outlives_the_process_and_a_suspension_of_the_route() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor_that(Behaviour::Refuse(OWN)).await;
    let setup = Setup::default().vendor("acme", acme.addr().port(), &entry("submit", CODE, "retry"));
    let gateway = Gateway::start(folder.path(), &setup).await;
    let id = gateway.client.send(TO, "hello").await;
    until("it waits for its route", async || {
        let trace = gateway.client.trace(&id).await;
        trace["events"].to_string().contains("it is sent there again at").then_some(())
    })
    .await;
    gateway.kill();
    let gateway = Gateway::start(folder.path(), &setup).await;
    let suspend = json!({ "kind": "suspend", "route": "acme-sms", "reason": "a look at it" });
    let request = gateway.client.bare(Method::POST, "/v1/overrides").bearer_auth(ADMIN_KEY);
    let request = request.header("content-type", "application/json").body(suspend.to_string());
    let made = answer(request).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.body);
    acme.set(Behaviour::Usual);
    let trace = until("its wait is over", async || {
        let trace = gateway.client.trace(&id).await;
        (attempts(&trace).last() == Some(&["acme-sms", "none", "queued"])).then_some(trace)
    })
    .await;
    assert_eq!((&trace["message"]["status"], acme.stats().accepted), (&json!("accepted"), 0));
    let made = made.body["id"].as_str().unwrap();
    let revert = gateway.client.bare(Method::DELETE, &format!("/v1/overrides/{made}")).bearer_auth(ADMIN_KEY);
    assert_eq!(answer(revert).await.unwrap().status, 200);
    let trace = gateway.client.settled(&id, &["delivered"]).await;
    let all = attempts(&trace);
    assert_eq!((all.first(), all.last()), (Some(&ACME_REFUSED), Some(&ACME_TOOK)));
    assert_eq!(trace["message"]["possible_duplicate"], false);
}

#[tokio::test]
async fn a_refusal_for_the_pace_slows_the_vendor_down_and_is_no_attempt() {
    for class in ["throttle", "pause"] {
        let mut stand = Stand::start(Behaviour::Refuse(OWN), &entry("submit", CODE, class)).await;
        let (trace, _) = stand.sends("delivered").await;
        assert_eq!(attempts(&trace), [BOREALIS_TOOK], "{class}");
        let events = trace["events"].to_string();
        assert!(events.contains("on acme-sms: the vendor asks to slow down"), "{events}");
        assert!(trace["attempts"][0]["throttled"].as_u64() >= Some(1), "{trace}");
        assert_eq!(stand.acme.stats().accepted, 0);
    }
}

#[tokio::test]
async fn a_receipt_goes_where_its_class_says() {
    let mut stand = Stand::start(Behaviour::Undeliverable, "").await;
    for (class, status, expected) in [
        ("fail_over", "delivered", vec![ACME_FAILED, BOREALIS_TOOK]),
        ("sender", "delivered", vec![ACME_FAILED, BOREALIS_TOOK]),
        ("permanent_number", "undelivered", vec![ACME_FAILED]),
        ("permanent_content", "undelivered", vec![ACME_FAILED]),
        ("fraud", "undelivered", vec![ACME_FAILED]),
        ("opt_out", "undelivered", vec![ACME_FAILED]),
    ] {
        stand.map("receipt", ABSENT, class).await;
        let (trace, told) = stand.sends(status).await;
        assert_eq!(attempts(&trace), expected, "{class}: {trace}");
        let error = json!({ "stage": "receipt", "class": class, "vendor_code": ABSENT });
        assert_eq!(trace["attempts"][0]["error"], error);
        if status == "undelivered" {
            assert!(told.contains(&format!("message.undelivered {class} {ABSENT}")), "{told:?}");
        }
    }
    // The vendor does not know: the message waits for what it says later.
    stand.map("receipt", ABSENT, "unknown_outcome").await;
    let (id, _) = stand.send().await;
    let trace = until("the receipt is here", async || {
        let trace = stand.gateway.client.trace(&id).await;
        trace["events"].to_string().contains("the vendor's receipt says").then_some(trace)
    })
    .await;
    assert_eq!(trace["message"]["status"], "submitted");
    assert_eq!(attempts(&trace), [["acme-sms", "accepted", "submitted"]]);
    // The next one has the route again.
    stand.map("receipt", ABSENT, "retry").await;
    let (id, _) = stand.send().await;
    until("it waits for its route", async || {
        let trace = stand.gateway.client.trace(&id).await;
        trace["events"].to_string().contains("it is sent there again at").then_some(())
    })
    .await;
    stand.acme.set(Behaviour::Usual);
    let trace = stand.delivered_at_last(&id).await;
    // On a slow machine the second attempt may have come before the vendor was changed.
    let all = attempts(&trace);
    assert_eq!((all.first(), all.last()), (Some(&ACME_FAILED), Some(&ACME_TOOK)), "{trace}");
    assert_eq!(stand.acme.stats().binds, 1);
}

#[tokio::test]
async fn a_receipt_that_is_early_keeps_what_it_means() {
    let entries = entry("receipt", ABSENT, "opt_out");
    // The receipt is held until the answer names the message that it is of.
    let mut stand = Stand::start(Behaviour::UndeliverableBeforeResponse, &entries).await;
    let (trace, _) = stand.sends("undelivered").await;
    assert_eq!(attempts(&trace), [ACME_FAILED]);
    assert_eq!(trace["message"]["error"]["class"], "opt_out");
    assert_eq!(stand.borealis.stats().submissions, 0);
}

#[tokio::test]
async fn a_vendor_is_not_offered_a_sender_again_that_it_does_not_carry() {
    let folder = tempfile::tempdir().unwrap();
    let refuse = Behaviour::Refuse(CommandStatus::RINVSRCADR);
    let (acme, borealis) = (lab::vendor_that(refuse).await, lab::vendor_that(refuse).await);
    let setup = Setup::default()
        .vendor("acme", acme.addr().port(), "")
        .route("[[routes]]\nid = \"acme-same\"\nconnection = \"acme-main\"")
        .route(
            "[[routes]]\nid = \"acme-other\"\nconnection = \"acme-main\"\nsenders = { forced = \"OTHER\" }",
        )
        .vendor("borealis", borealis.addr().port(), "")
        .rules(
            r#"
[[policy.rules]]
id = "all"
match = { channel = "sms" }
routes = ["acme-sms", "acme-same", "acme-other", "borealis-sms"]
"#,
        );
    let gateway = Gateway::start(folder.path(), &setup).await;
    for vendor in [&acme, &borealis] {
        vendor.until(|stats| stats.sessions > 0).await;
    }
    let id = gateway.client.send(TO, "hello").await;
    let trace = gateway.client.settled(&id, &["failed"]).await;
    let routes: Vec<&str> = attempts(&trace).iter().map(|[route, ..]| *route).collect();
    assert_eq!(routes, ["acme-sms", "borealis-sms", "acme-other"]);
    let senders = trace["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["from"]);
    assert_eq!(senders.collect::<Vec<_>>(), ["SHOP", "SHOP", "OTHER"]);
}

#[tokio::test]
async fn codes_that_nobody_mapped_are_listed_until_somebody_does() {
    let mut stand = Stand::start(Behaviour::Refuse(OWN), "").await;
    let (first, _) = stand.sends("delivered").await;
    let (second, _) = stand.sends("delivered").await;
    assert_eq!(attempts(&first), [ACME_REFUSED, BOREALIS_TOOK]);
    assert_eq!(first["attempts"][0]["error"]["class"], Value::Null);
    stand.acme.set(Behaviour::Undeliverable);
    let (third, _) = stand.sends("delivered").await;
    let listed = stand.admin("/v1/vendors/errors").await;
    let shown = |listed: &Value| {
        let errors = listed["data"].as_array().unwrap().iter();
        let fields = ["vendor", "connection", "stage", "code", "count", "message"];
        errors.map(|one| fields.map(|field| one[field].clone())).collect::<Vec<_>>()
    };
    let expected = |stage: &str, code: &str, count: u64, trace: &Value| {
        [
            json!("acme"),
            json!("acme-main"),
            json!(stage),
            json!(code),
            json!(count),
            trace["message"]["id"].clone(),
        ]
    };
    assert_eq!(
        shown(&listed),
        [expected("submit", CODE, 2, &second), expected("receipt", ABSENT, 1, &third)]
    );
    assert!(listed["data"][0]["first_seen_at"].as_str() < listed["data"][0]["last_seen_at"].as_str());
    let metrics =
        stand.gateway.client.bare(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap();
    let sample = r#"strowger_vendor_errors_total{connection="acme-main",stage="submit",class="unmapped"} 2"#;
    assert!(metrics.lines().any(|line| line == sample), "{metrics}");

    let command = |arguments: &[&str]| {
        let mut command = strowger();
        command.args(arguments).env("STROWGER_ENDPOINT", stand.gateway.client.base());
        command.env("STROWGER_API_KEY", ADMIN_KEY);
        command
    };
    let told = run(command(&["vendor", "errors"])).await.ended_with(0);
    let line = told.stdout.lines().nth(1).unwrap();
    assert!(line.starts_with("acme") && line.contains(CODE), "{}", told.stdout);
    let told = run(command(&["vendor", "errors", "acme", "--json"])).await.ended_with(0).json();
    assert_eq!(told, listed);
    assert_eq!(
        run(command(&["vendor", "errors", "borealis", "--json"])).await.ended_with(0).json()["data"],
        json!([])
    );
    run(command(&["vendor", "errors", "nobody"])).await.ended_with(4);
    let map = ["vendor", "error-map", "acme", "--stage", "submit", "--code", "ESME_RSYSERR", "--json"];
    let map = run(command(&map)).await.ended_with(0).json();
    assert_eq!(
        (&map["data"][0]["class"], &map["data"][0]["source"]),
        (&json!("fail_over"), &json!("standard"))
    );
    run(command(&["vendor", "error-map", "acme", "--code", "ESME_RSYSERR"])).await.ended_with(2);

    stand.map("submit", CODE, "fraud").await;
    let listed = stand.admin("/v1/vendors/errors").await;
    assert_eq!(shown(&listed), [expected("receipt", ABSENT, 1, &third)]);
}

#[tokio::test]
async fn a_bad_map_is_refused_as_a_whole_and_the_one_of_before_holds() {
    let mut stand = Stand::start(Behaviour::Refuse(OWN), &entry("submit", CODE, "fraud")).await;
    let bad = [
        entry("submit", CODE, "opt_out"),
        entry("submit", "RSYSERR", "permanent"),
        entry("receipt", "UNDELIV", "throttle"),
    ];
    stand.write(&bad.concat());
    stand.gateway.process.signal("HUP");
    for problem in [
        "vendors[0].errors[1].code: `RSYSERR` is not a command_status",
        "vendors[0].errors[1].class: `permanent` is not a class of errors",
        "vendors[0].errors[2].class: `throttle` slows a bind down",
    ] {
        stand.gateway.process.logs(problem).await;
    }
    let (trace, _) = stand.sends("failed").await;
    assert_eq!(trace["message"]["error"]["class"], "fraud");
    let file = stand.folder.path().join("strowger.toml");
    let checked = check(&file).await;
    assert!(
        checked.contains("vendors[0].errors[1].class") && checked.contains("errors[2].class"),
        "{checked}"
    );
}

async fn check(file: &Path) -> String {
    let mut command = strowger();
    command.args(["config", "validate", "--config"]).arg(file);
    run(command).await.ended_with(3).stdout
}
