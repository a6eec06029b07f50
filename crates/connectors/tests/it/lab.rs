//! A client on a table: its lines are pipes in memory, so that paused time works, and all it tells is kept.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use connectors::connector::{Answered, Connector, Events, Health, Passed, ReceiptReport, Slot, Submission};
use connectors::smpp::errors::Errors;
use connectors::smpp::{Client, Dial, Dialing, Running, Settings, Start};
use domain::record::Answer;
use domain::{ConnectionId, Encoding, MessageId, Recipient, Sender, Timestamp};
use smpp_wire::status::CommandStatus;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::vendor::Vendor;

pub(crate) struct Lab {
    pub(crate) client: Arc<Client>,
    pub(crate) running: Running,
    pub(crate) told: Told,
    lines: mpsc::Receiver<DuplexStream>,
}

/// Everything a client tells, each kind apart.
pub(crate) struct Told {
    pub(crate) answers: mpsc::Receiver<Answered>,
    pub(crate) receipts: mpsc::Receiver<ReceiptReport>,
    pub(crate) slots_free: mpsc::Receiver<()>,
    pub(crate) health: mpsc::Receiver<Health>,
}

pub(crate) struct Recorder {
    answers: mpsc::Sender<Answered>,
    receipts: mpsc::Sender<ReceiptReport>,
    slots_free: mpsc::Sender<()>,
    health: mpsc::Sender<Health>,
}

/// Every dial makes a new pipe, whose other end goes to the test.
struct Pipes(mpsc::Sender<DuplexStream>);

/// More than any test brings about.
const PLENTY: usize = 10_000;

impl Lab {
    /// `extra` is what the settings have besides what every connection needs.
    pub(crate) fn new(extra: &str) -> Self {
        Self::with(extra, Errors::default())
    }

    fn with(extra: &str, errors: Errors) -> Self {
        let (sender, lines) = mpsc::channel(PLENTY);
        let (recorder, told) = recorder();
        let start = Start { errors, ..start(settings(extra), recorder) };
        let (client, running) = Client::start_over(start, Arc::new(Pipes(sender)));
        Self { client, running, told, lines }
    }

    /// A lab with one vendor that has accepted the bind.
    pub(crate) async fn bound(extra: &str) -> (Self, Vendor) {
        Self::bound_with(extra, Errors::default()).await
    }

    /// As `bound`, with an error map that can be replaced.
    pub(crate) async fn bound_with(extra: &str, errors: Errors) -> (Self, Vendor) {
        let mut lab = Self::with(extra, errors);
        let vendor = lab.vendor().await;
        (lab, vendor)
    }

    /// The next line that the client opens.
    pub(crate) async fn line(&mut self) -> Vendor {
        Vendor::on(self.raw_line().await)
    }

    /// The same with nobody at its end.
    pub(crate) async fn raw_line(&mut self) -> DuplexStream {
        self.lines.recv().await.expect("the client is gone")
    }

    /// The next line, with the bind accepted and heard of.
    pub(crate) async fn vendor(&mut self) -> Vendor {
        let mut vendor = self.line().await;
        let binds_before = self.client.health().binds_up;
        vendor.bind(CommandStatus::ROK).await;
        while self.client.health().binds_up == binds_before {
            tokio::task::yield_now().await;
        }
        vendor
    }

    /// Cuts the line of `old`, and takes the next one.
    pub(crate) async fn vendor_after_cut(&mut self, old: &mut Vendor) -> Vendor {
        old.end();
        let mut vendor = self.line().await;
        vendor.bind(CommandStatus::ROK).await;
        vendor
    }

    /// Asserts that no line is opened for so long.
    pub(crate) async fn opens_no_line_for(&mut self, span: Duration) {
        assert!(timeout(span, self.lines.recv()).await.is_err());
    }

    pub(crate) async fn answered(&mut self) -> Answered {
        self.told.answers.recv().await.expect("the client is gone")
    }

    /// The next answer, its slot given back.
    pub(crate) async fn answer(&mut self) -> Answer {
        self.answered().await.answer
    }

    pub(crate) fn reserve(&self) -> Slot {
        self.client.reserve().expect("a slot")
    }

    /// The next slot, waited for if there is none now.
    pub(crate) async fn slot(&mut self) -> Slot {
        loop {
            match self.client.reserve() {
                Ok(slot) => return slot,
                Err(_) => self.told.slots_free.recv().await.expect("the client is gone"),
            }
        }
    }

    /// Submits a text of one part on a slot that must be there.
    pub(crate) fn submit(&self, number: u128) {
        self.client.submit(self.reserve(), submission(number, &["hello"]));
    }
}

impl Dial for Pipes {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async {
            let (near, far) = tokio::io::duplex(64 * 1024);
            self.0.send(far).await.expect("the test listens");
            Ok(Box::new(near) as Box<_>)
        })
    }
}

pub(crate) fn recorder() -> (Recorder, Told) {
    let (answers, heard_answers) = mpsc::channel(PLENTY);
    let (receipts, heard_receipts) = mpsc::channel(PLENTY);
    let (slots_free, heard_slots_free) = mpsc::channel(PLENTY);
    let (health, heard_health) = mpsc::channel(PLENTY);
    let told = Told {
        answers: heard_answers,
        receipts: heard_receipts,
        slots_free: heard_slots_free,
        health: heard_health,
    };
    (Recorder { answers, receipts, slots_free, health }, told)
}

/// What a test that has ended no longer hears is dropped.
impl Events for Recorder {
    fn answered(&self, _: &ConnectionId, batch: &mut Vec<Answered>) {
        batch.drain(..).for_each(|answered| {
            self.answers.try_send(answered).ok();
        });
    }

    fn receipts(&self, _: &ConnectionId, batch: &mut Vec<ReceiptReport>) {
        batch.drain(..).for_each(|receipt| {
            self.receipts.try_send(receipt).ok();
        });
    }

    fn slots_free(&self, _: &ConnectionId) {
        self.slots_free.try_send(()).ok();
    }

    fn health_changed(&self, _: &ConnectionId, health: Health) {
        self.health.try_send(health).ok();
    }
}

pub(crate) fn settings(extra: &str) -> Settings {
    let common = "host = \"localhost\"\nport = 2775\nsystem_id = \"buyer\"\npassword = \"secret\"\n";
    let settings: Settings = toml::from_str(&format!("{common}{extra}")).unwrap();
    assert_eq!(settings.validate(), []);
    settings
}

pub(crate) fn start(settings: Settings, events: Recorder) -> Start {
    static SEED: AtomicU64 = AtomicU64::new(1);
    Start {
        id: ConnectionId::new("acme-main").unwrap(),
        settings,
        errors: Errors::default(),
        events: Arc::new(events),
        clock: Arc::new(|| Timestamp::from_millis(1_767_225_600_000)),
        seed: SEED.fetch_add(1, Ordering::Relaxed),
    }
}

pub(crate) fn submission(number: u128, parts: &[&str]) -> Submission {
    Submission {
        message: MessageId::from_u128(number),
        attempt: 1,
        to: Recipient::from_e164("+4915112345678").unwrap(),
        from: Some("SHOP".parse::<Sender>().unwrap()),
        encoding: Encoding::Gsm7,
        parts: parts.iter().map(|part| (*part).into()).collect(),
        reference: 0x1234,
        validity: Duration::from_secs(600),
        passed: Passed::default(),
    }
}

pub(crate) fn accepted(vendor_id: &str) -> Answer {
    Answer::Accepted { vendor_id: Some(vendor_id.into()) }
}

pub(crate) fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
