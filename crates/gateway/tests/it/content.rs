//! What a route makes of texts: the vendor sees it and is paid for it, and the message keeps its own.

use serde_json::{Value, json};
use smpp_wire::pdu::{Pdu, RegisteredDelivery, ShortMessage};
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::{Tag, TlvBuffer};

use crate::gateway::Gateway;
use crate::lab;
use crate::peer::{Library, Peer};
use crate::setup::{APP_PASSWORD, Setup};
use crate::wire::{Wire, submission};

const CONTENT: &str = r#"
rate_card = "acme"
content = { prefix = "[Acme] ", suffix = " Reply STOP", transliterate = "gsm7", max_segments = 2, rewrite = [
    { pattern = 'https?://bit\.ly/', to = "https://acme.example/" },
] }
content_by = [{ countries = ["AT"], must_match = "^\\[Acme\\]" }]

[[rate_cards]]
id = "acme"
currency = "EUR"
prices = [{ country = "DE", price = "0.04" }, { country = "AT", price = "0.05" }]
"#;

fn edits(attempt: &Value) -> Vec<(String, u64)> {
    let edits = attempt["text_changes"]["edits"].as_array().cloned().unwrap_or_default();
    let of = |edit: &Value| (edit["rule"].as_str().unwrap().to_owned(), edit["times"].as_u64().unwrap());
    edits.iter().map(of).collect()
}

/// Followed to a vendor built on a library that is not ours, which puts the parts together itself.
async fn is_sent_as_the_route_demands(library: Library) {
    let folder = tempfile::tempdir().unwrap();
    let mut acme = Peer::vendor(library, folder.path()).await;
    let borealis = lab::vendor().await;
    let setup = Setup::default().vendor("borealis", borealis.addr().port(), "").vendor("acme", acme.port, "");
    let rules = "[[policy.rules]]\nid = \"all\"\nroutes = [\"acme-sms\", \"borealis-sms\"]\n";
    let gateway = Gateway::start(folder.path(), &setup.route(CONTENT).rules(rules)).await;
    let client = &gateway.client;

    let own = "It’s here – https://bit.ly/a1";
    let id = client.send("+4915112345678", own).await;
    let received = acme.hear("received").await;
    assert_eq!(received["text"], "[Acme] It's here - https://acme.example/a1 Reply STOP");
    assert_eq!((&received["parts"], &received["data_coding"]), (&json!(1), &json!(0)));
    let trace = client.settled(&id, &["delivered"]).await;
    assert_eq!((&trace["message"]["segments"], &trace["message"]["encoding"]), (&json!(1), &json!("ucs2")));
    let attempt = &trace["attempts"][0];
    assert_eq!((&attempt["segments"], &attempt["encoding"]), (&json!(1), &json!("gsm7")));
    let expected = [
        ("content.rewrite[0]", 1),
        ("content.prefix", 1),
        ("content.suffix", 1),
        ("content.transliterate", 2),
    ];
    assert_eq!(edits(attempt), expected.map(|(rule, times)| (rule.to_owned(), times)));
    assert!(!trace.to_string().contains("acme.example"), "no word of a text is shown: {trace}");

    // Three segments of UCS-2 become two of GSM 03.38, and that is what is paid for.
    let own = format!("“{}”", "x".repeat(150));
    let id = client.send("+4915112345679", &own).await;
    let received = acme.hear("received").await;
    assert_eq!(received["text"], format!("[Acme] \"{}\" Reply STOP", "x".repeat(150)));
    assert_eq!(received["parts"], 2);
    let trace = client.settled(&id, &["delivered"]).await;
    assert_eq!((&trace["message"]["segments"], &trace["attempts"][0]["segments"]), (&json!(3), &json!(2)));
    assert_eq!(trace["attempts"][0]["parts"].as_array().unwrap().len(), 2);
    assert_eq!(trace["message"]["cost"], json!({ "amount": "0.08", "currency": "EUR" }));

    // What the route does not carry goes by the next one, as it is.
    for (to, text, reason, explanation) in [
        ("+4915112345670", "y".repeat(300), "too_many_segments", "the text takes more segments"),
        ("+436641234567", "hello".to_owned(), "text_mismatch", "(content_by[0])"),
    ] {
        let id = client.send(to, &text).await;
        let trace = client.settled(&id, &["delivered"]).await;
        assert_eq!(trace["attempts"][0]["route"], "borealis-sms");
        assert_eq!(borealis.received().last().unwrap().text, text);
        let left_out = &trace["plan"][1];
        assert_eq!(left_out["reason"], reason);
        assert!(left_out["explanation"].as_str().unwrap().contains(explanation), "{left_out}");
    }

    let question = json!({ "to": "+4915112345678", "text": "hi" });
    let explained = client.post("/v1/routing/explain", &question).await.body;
    let first = &explained["plan"][0];
    assert_eq!(first["text_changes"]["text"], "[Acme] hi Reply STOP");
    let changed = "; text changed by content.prefix, content.suffix: 1 segment as gsm7";
    assert!(first["explanation"].as_str().unwrap().ends_with(changed), "{first}");
    let estimate = client.post("/v1/estimate", &json!({ "to": "+4915112345678", "text": own })).await.body;
    assert_eq!((&estimate["segments"], &estimate["routes"][1]["segments"]), (&json!(3), &json!(2)));
    assert_eq!(estimate["routes"][1]["price"]["amount"], "0.08");
}

#[tokio::test]
async fn a_node_vendor_gets_what_its_route_demands() {
    is_sent_as_the_route_demands(Library::NodeSmpp).await;
}

#[tokio::test]
async fn a_twisted_vendor_gets_what_its_route_demands() {
    is_sent_as_the_route_demands(Library::SmppTwisted).await;
}

#[tokio::test]
async fn a_text_that_came_in_parts_goes_out_as_it_came() {
    let folder = tempfile::tempdir().unwrap();
    let acme = lab::vendor().await;
    let content = "content = { prefix = \"[Acme] \" }\n";
    let setup = Setup::default().vendor("acme", acme.addr().port(), "").route(content).door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let mut line = Wire::dial(gateway.smpp_port().await).await;
    assert_eq!(line.bind(APP_PASSWORD).await, CommandStatus::ROK);
    for (part, text) in [(1_u8, "first, "), (2, "second")] {
        let mut tlvs = TlvBuffer::default();
        tlvs.push_two_octets(Tag::SAR_MSG_REF_NUM, 7);
        tlvs.push_octet(Tag::SAR_TOTAL_SEGMENTS, 2);
        tlvs.push_octet(Tag::SAR_SEGMENT_SEQNUM, part);
        let body = ShortMessage { tlvs: tlvs.as_tlvs(), ..submission("4915112345678", text) };
        let answer = line.ask(&Pdu::SubmitSm(body)).await;
        assert_eq!(answer.command_status(), CommandStatus::ROK);
    }
    let whole = ShortMessage {
        registered_delivery: RegisteredDelivery::NONE,
        ..submission("4915112345679", "at once")
    };
    assert_eq!(line.ask(&Pdu::SubmitSm(whole)).await.command_status(), CommandStatus::ROK);
    acme.until(|stats| stats.accepted >= 2).await;
    let mut texts: Vec<_> = acme.received().into_iter().map(|message| message.text).collect();
    texts.sort();
    assert_eq!(texts, ["[Acme] at once", "first, second"]);
}
