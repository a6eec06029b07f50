//! What a vendor is tried with: four messages, each followed from the API over the wire to its webhooks.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::Client;
use crate::peer::Peer;

/// How many PDUs carry the four messages.
pub(crate) const SUBMISSIONS: usize = 8;

struct Sample {
    to: &'static str,
    text: String,
    parts: u64,
    encoding: &'static str,
    data_coding: u64,
}

/// Sends all samples, and checks what the vendor and the application's webhook have of them.
pub(crate) async fn hold(client: &Client, vendor: &mut Peer, webhook: &mut Peer) {
    let samples = samples();
    let mut expected = BTreeMap::new();
    for sample in &samples {
        expected.insert(client.send(sample.to, &sample.text).await, sample);
    }
    let mut received = BTreeMap::new();
    let mut vendor_ids = Vec::new();
    for _ in &samples {
        let message = vendor.hear("received").await;
        vendor_ids.extend(message["ids"].as_array().unwrap().iter().map(text));
        received.insert(text(&message["to"]), message);
    }
    let mut receipts = Vec::new();
    for _ in 0..SUBMISSIONS {
        receipts.push(text(&vendor.hear("receipt").await));
    }
    vendor_ids.sort();
    receipts.sort();
    assert_eq!(receipts, vendor_ids, "each part's receipt is answered once");
    for (id, sample) in &expected {
        let message = client.settled(id, &["delivered"]).await["message"].take();
        sample.check(&message, &received[sample.to.trim_start_matches('+')]);
    }
    check_events(client, expected.keys(), webhook).await;
}

impl Sample {
    fn check(&self, message: &Value, received: &Value) {
        assert_eq!(received["text"], self.text.as_str());
        assert_eq!(received["parts"], self.parts);
        assert_eq!(received["data_coding"], self.data_coding);
        assert_eq!(received["from"], "SHOP");
        assert_eq!(message["segments"], self.parts);
        assert_eq!(message["encoding"], self.encoding);
        assert_eq!(message["possible_duplicate"], false);
        let attempts = message["attempts"].as_array().unwrap();
        assert_eq!(attempts.len(), 1, "{message}");
        let parts = attempts[0]["parts"].as_array().unwrap();
        let ids: Vec<&Value> = parts.iter().map(|part| &part["vendor_message_id"]).collect();
        assert_eq!(ids, received["ids"].as_array().unwrap().iter().collect::<Vec<_>>());
    }
}

/// Each message is told of three times, in numbered order, by signatures that the peer has verified.
async fn check_events(client: &Client, ids: impl ExactSizeIterator<Item = &String>, webhook: &mut Peer) {
    let mut told: BTreeMap<String, BTreeMap<u64, String>> = BTreeMap::new();
    for _ in 0..ids.len() * 3 {
        let event = webhook.hear("verified").await["event"].take();
        let data = &event["data"];
        assert_eq!(data["event"]["type"], event["type"]);
        let trace = format!("{}/v1/messages/{}/trace", client.base(), text(&data["id"]));
        assert_eq!(data["trace_url"], trace);
        let of_message = told.entry(text(&data["id"])).or_default();
        let before = of_message.insert(data["sequence"].as_u64().unwrap(), text(&event["type"]));
        assert_eq!(before, None, "told twice: {event}");
    }
    let story = ["message.accepted", "message.submitted", "message.delivered"];
    let story: BTreeMap<u64, String> = (1..).zip(story.map(str::to_owned)).collect();
    for id in ids {
        assert_eq!(told[id], story);
    }
}

fn samples() -> [Sample; 4] {
    // The escape of the euro sign would be the last septet of the first part, its other half the first of the second.
    let mut long_gsm = filler(152);
    long_gsm.push('€');
    long_gsm.push_str(&filler(200));
    // Likewise the halves of the surrogate pair.
    let mut long_ucs2: String = filler(66).replace('a', "ж");
    long_ucs2.push('🎉');
    long_ucs2.push_str(&filler(100));
    [
        Sample {
            to: "+447700900110",
            text: "Total: 42 € [tax {incl.}] ~ ^ | \\ £ ñ Ω @".to_owned(),
            parts: 1,
            encoding: "gsm7",
            data_coding: 0,
        },
        Sample {
            to: "+447700900111",
            text: "Grüße aus Київ, 東京 😀!".to_owned(),
            parts: 1,
            encoding: "ucs2",
            data_coding: 8,
        },
        Sample { to: "+447700900112", text: long_gsm, parts: 3, encoding: "gsm7", data_coding: 0 },
        Sample { to: "+447700900113", text: long_ucs2, parts: 3, encoding: "ucs2", data_coding: 8 },
    ]
}

/// So many characters of which each stretch is another, so that parts in the wrong order are seen.
fn filler(length: usize) -> String {
    (0..)
        .flat_map(|number: u32| format!("{number} apples, ").into_bytes())
        .map(char::from)
        .take(length)
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
