//! What every client at the SMPP door is tried with: each way to write a text, and each way to hear of it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use simulator::Vendor;

use crate::gateway::Gateway;
use crate::lab;
use crate::peer::{Bind, Library, Peer};
use crate::setup::{APP_PASSWORD, Setup};

const DELIVERED: u64 = 2;
const UNDELIVERABLE: u64 = 5;
const THROTTLED: u64 = 88;

/// Of a header with 16 bits of reference, the most characters of a part.
const PART: usize = 150;

/// How a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    ShortMessage,
    /// Parts by a user data header.
    Header,
    /// Parts by the sar_ parameters.
    Sar,
    Payload,
}

struct Sample {
    to: &'static str,
    text: String,
    by: By,
    state: u64,
}

/// What a conversation was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exchanged {
    pub(crate) submissions: usize,
    pub(crate) receipts: usize,
}

fn samples() -> [Sample; 6] {
    let sample = |to, text: &str, by| Sample { to, text: text.to_owned(), by, state: DELIVERED };
    // Where one library cuts it, the escape of the euro sign is the last of its part.
    let cut_in_the_euro = format!("{}€{}", "a".repeat(152), "b".repeat(200));
    let numbered = |count: usize| (0..count).map(|number| format!("{number} apples, ")).collect::<String>();
    let by_sar = numbered(25);
    assert_eq!((cut_in_the_euro.chars().count().div_ceil(PART), by_sar.len().div_ceil(PART)), (3, 2));
    let mut undelivered = sample("447700900203", "Nobody is there", By::ShortMessage);
    undelivered.state = UNDELIVERABLE;
    [
        sample("447700900200", "Total: 42 € [tax incl.] ^{}", By::ShortMessage),
        sample("447700900300", "Grüße aus Київ, 東京 😀!", By::ShortMessage),
        sample("447700900400", &cut_in_the_euro, By::Header),
        sample("447700900500", &by_sar, By::Sar),
        sample("447700900600", &numbered(40), By::Payload),
        undelivered,
    ]
}

impl Sample {
    /// How many submit_sm carry it.
    fn submissions(&self) -> u8 {
        match self.by {
            By::ShortMessage | By::Payload => 1,
            By::Header => 3,
            By::Sar => 2,
        }
    }

    /// As the library's application takes it: npm's knows nothing of parts, so they are made here.
    fn written(&self, library: Library) -> Vec<Value> {
        match library {
            Library::NodeSmpp => self.as_submissions(),
            Library::Smpplib | Library::SmppTwisted => {
                let by = match self.by {
                    By::ShortMessage | By::Header => "header",
                    By::Sar => "sar",
                    By::Payload => "payload",
                };
                vec![json!({ "to": self.to, "text": self.text, "by": by })]
            }
        }
    }

    fn as_submissions(&self) -> Vec<Value> {
        let submission = |text: &str| {
            json!({
                "source_addr_ton": 5, "source_addr": sender(Library::NodeSmpp), "dest_addr_ton": 1,
                "dest_addr_npi": 1, "destination_addr": self.to, "short_message": text, "registered_delivery": 1,
            })
        };
        match self.by {
            By::ShortMessage => vec![submission(&self.text)],
            By::Payload => {
                let mut one = submission("");
                one["message_payload"] = json!(self.text);
                vec![one]
            }
            By::Header | By::Sar => {
                let characters: Vec<char> = self.text.chars().collect();
                let parts = (1_u8..).zip(characters.chunks(PART));
                parts
                    .map(|(number, text)| self.part(number, submission(&text.iter().collect::<String>())))
                    .collect()
            }
        }
    }

    fn part(&self, number: u8, mut submission: Value) -> Value {
        if self.by == By::Sar {
            submission["sar_msg_ref_num"] = json!(7);
            submission["sar_total_segments"] = json!(self.submissions());
            submission["sar_segment_seqnum"] = json!(number);
            return submission;
        }
        let header = [6, 8, 4, 0x12, 0x34, self.submissions(), number];
        submission["short_message"] = json!({ "udh": header, "message": submission["short_message"] });
        submission["esm_class"] = json!(0x40);
        submission
    }

    /// Its ids, of which each gets a receipt, from the answers to its submissions.
    fn ids(&self, answers: &[(u64, String)]) -> Vec<String> {
        assert!(answers.iter().all(|(status, _)| *status == 0), "{answers:?}");
        let ids: Vec<String> = answers.iter().map(|(_, id)| id.clone()).collect();
        let first = ids[0].as_str();
        let whole = if ids.len() == 1 { first } else { first.strip_suffix("-1").unwrap() };
        assert_eq!(whole.len(), 32, "{ids:?}");
        for (number, id) in (1..).zip(&ids).filter(|_| ids.len() > 1) {
            assert_eq!(*id, format!("{whole}-{number}"));
        }
        ids
    }
}

fn sender(library: Library) -> &'static str {
    match library {
        Library::NodeSmpp => "Node",
        Library::Smpplib | Library::SmppTwisted => "Py",
    }
}

fn bind(port: u16, kind: &str) -> Bind<'_> {
    Bind { port, kind, password: APP_PASSWORD }
}

/// Bound, with these messages on their way.
async fn application(library: Library, folder: &Path, bind: &Bind<'_>, messages: &[Value]) -> Peer {
    let mut application = Peer::application(library, folder, bind, &json!(messages));
    assert_eq!(application.hear("bound").await, 0);
    application
}

/// Status and id of each submission, in the order in which they were made.
async fn answers(application: &mut Peer, count: usize) -> Vec<(u64, String)> {
    let mut all = BTreeMap::new();
    while all.len() < count {
        let one = application.hear("submitted").await;
        let id = one["id"].as_str().unwrap_or_default().to_owned();
        all.insert(one["number"].as_u64().unwrap(), (one["status"].as_u64().unwrap(), id));
    }
    all.into_values().collect()
}

/// Each id gets one receipt, from its recipient, of its end.
async fn hears_of_all(application: &mut Peer, library: Library, mut open: BTreeMap<String, &Sample>) {
    while !open.is_empty() {
        let receipt = application.hear("receipt").await;
        let id = receipt["id"].as_str().unwrap();
        let sample = open.remove(id).unwrap_or_else(|| panic!("told twice, or of nothing: {receipt}"));
        assert_eq!((&receipt["from"], &receipt["to"]), (&json!(sample.to), &json!(sender(library))));
        assert_eq!(receipt["state"], sample.state, "{receipt}");
        let stat = if sample.state == DELIVERED { "dlvrd:001" } else { "dlvrd:000" };
        let text = receipt["text"].as_str().unwrap();
        assert!(text.starts_with(&format!("id:{id} sub:001 {stat} ")), "{text}");
        let stat = if sample.state == DELIVERED { "stat:DELIVRD err:000" } else { "stat:UNDELIV err:001" };
        assert!(text.contains(stat), "{text}");
    }
}

/// Sends all samples, and checks what the vendor and the client have of them. Then one more, whose receipt waits until
/// the client receives.
pub(crate) async fn hold(library: Library, folder: &Path, port: u16, vendor: &Vendor) -> Exchanged {
    let samples = samples();
    let mut messages: Vec<Value> = samples.iter().flat_map(|sample| sample.written(library)).collect();
    let count = samples.iter().map(|sample| usize::from(sample.submissions())).sum();
    let others = others(library);
    messages.extend(others.iter().cloned());
    let mut client = application(library, folder, &bind(port, "transceiver"), &messages).await;
    let answers = answers(&mut client, count).await;
    let mut open = BTreeMap::new();
    let mut rest = answers.as_slice();
    for sample in &samples {
        let (of_sample, after) = rest.split_at(usize::from(sample.submissions()));
        open.extend(sample.ids(of_sample).into_iter().map(|id| (id, sample)));
        rest = after;
    }
    assert_eq!(open.len(), count, "{answers:?}");
    hears_of_all(&mut client, library, open).await;
    // Of a text that lacks parts there is nothing to tell yet, so a query may be refused; it is answered.
    for _ in 0..count {
        client.hear("queried").await;
    }
    for _ in &others {
        client.hear("answered").await;
    }
    client.leave().await;
    let mut received: Vec<(String, String)> =
        vendor.received().into_iter().map(|message| (message.to, message.text)).collect();
    received.sort();
    let sent: Vec<(String, String)> =
        samples.iter().map(|sample| (sample.to.to_owned(), sample.text.clone())).collect();
    let mut expected = sent;
    expected.sort();
    assert_eq!(received, expected);
    is_told_later(library, folder, port, vendor, &samples[0]).await;
    Exchanged { submissions: count + 1, receipts: count + 1 }
}

/// A receipt waits while nobody is bound that receives.
async fn is_told_later(library: Library, folder: &Path, port: u16, vendor: &Vendor, sample: &Sample) {
    let before = vendor.stats().receipts_acknowledged;
    let message = sample.written(library);
    let mut client = application(library, folder, &bind(port, "transmitter"), &message).await;
    let ids = sample.ids(&answers(&mut client, 1).await);
    // smpplib refuses by itself to query on a transmitter.
    if library == Library::NodeSmpp {
        client.hear("queried").await;
    }
    client.leave().await;
    vendor.until(|stats| stats.receipts_acknowledged == before + 1).await;
    let mut client = application(library, folder, &bind(port, "receiver"), &[]).await;
    hears_of_all(&mut client, library, ids.into_iter().map(|id| (id, sample)).collect()).await;
    client.leave().await;
}

/// Other requests that the library has, none of which can come to anything: what they ask for does not exist.
fn others(library: Library) -> Vec<Value> {
    if library != Library::NodeSmpp {
        return Vec::new();
    }
    let id = "0".repeat(32);
    vec![
        json!({ "command": "cancel_sm", "message_id": id, "source_addr": "Node", "source_addr_ton": 5 }),
        json!({
            "command": "replace_sm", "message_id": id, "source_addr": "Node", "source_addr_ton": 5,
            "short_message": "another text",
        }),
        json!({
            "command": "submit_multi", "source_addr": "Node", "source_addr_ton": 5,
            "dest_address": [{ "dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": "4477" }],
            "short_message": "to many",
        }),
    ]
}

/// Submits so many at once, more than its account may, and hears of all that were taken.
pub(crate) async fn overrun(library: Library, folder: &Path, port: u16, count: usize) -> Exchanged {
    let samples = samples();
    let sample = &samples[0];
    let messages: Vec<Value> = (0..count).flat_map(|_| sample.written(library)).collect();
    let mut client = application(library, folder, &bind(port, "transceiver"), &messages).await;
    let answers = answers(&mut client, count).await;
    let taken: Vec<(u64, String)> = answers.iter().filter(|(status, _)| *status == 0).cloned().collect();
    let throttled = answers.iter().filter(|(status, _)| *status == THROTTLED).count();
    assert!(throttled > 0 && throttled + taken.len() == count, "{answers:?}");
    let open = taken.iter().map(|(_, id)| (id.clone(), sample)).collect();
    hears_of_all(&mut client, library, open).await;
    for _ in &taken {
        client.hear("queried").await;
    }
    client.leave().await;
    Exchanged { submissions: count, receipts: taken.len() }
}

async fn converses(library: Library) {
    let folder = tempfile::tempdir().unwrap();
    let vendor = lab::vendor_with(|settings| settings.obeys_demo_numbers = true).await;
    let setup = Setup::default().vendor("acme", vendor.addr().port(), "").door("");
    let mut gateway = Gateway::start(folder.path(), &setup).await;
    let port = gateway.smpp_port().await;
    hold(library, folder.path(), port, &vendor).await;
}

#[tokio::test]
async fn a_node_client_writes_texts_in_every_way_and_hears_of_each() {
    converses(Library::NodeSmpp).await;
}

#[tokio::test]
async fn a_python_client_writes_texts_in_every_way_and_hears_of_each() {
    converses(Library::Smpplib).await;
}
