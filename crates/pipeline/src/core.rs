//! What every stage works with: the store's writer, the table and the connections of now, and the waiting messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};

use arc_swap::ArcSwap;
use domain::attempt::Attempt;
use domain::id::MessageIds;
use domain::plan::{DrawFlags, Probing};
use domain::record::Input;
use domain::{AppId, Class, ConnectionId, Message, MessageId, Record, Timestamp};
use parking_lot::Mutex;
use rand::Rng as _;
use rand::rngs::StdRng;
use routing::learning::Beliefs;
use routing::{Choice, InForce, NoRule};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Reader, Retention, Write};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::app::App;
use crate::caps::Caps;
use crate::clock::Clock;
use crate::commitments::Commitments;
use crate::health::Fleet;
use crate::lanes::{Lanes, Wake};
use crate::learn::Feedback;
use crate::notify::Notices;
use crate::observe::Observer;
use crate::operators::Operators;
use crate::recent::{Before, Probed, RecentRoutes, is_probe};
use crate::standing::Standing;
use crate::steer::Steering;
use crate::worker;
use crate::writer::{Urgency, WriterHandle};

pub(crate) struct Core {
    /// The store was restored and nobody has said what becomes of what was open: nothing may change.
    pub(crate) on_hold: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) operators: Arc<dyn Operators>,
    /// Acceptances that wait until their recipient's operator is known, each for a moment.
    pub(crate) asking: Mutex<JoinSet<()>>,
    pub(crate) writer: WriterHandle,
    pub(crate) reader: Arc<dyn Reader>,
    /// Blocking is allowed on the runtime itself.
    pub(crate) blocks_inline: bool,
    /// That of the configuration, with the overrides of now laid over it.
    pub(crate) tables: ArcSwap<InForce>,
    pub(crate) steering: Steering,
    pub(crate) caps: Caps,
    pub(crate) commitments: Commitments,
    pub(crate) apps: ArcSwap<FxHashMap<AppId, App>>,
    /// How long what is stored is kept. Locked to be copied.
    pub(crate) retention: Mutex<Retention>,
    pub(crate) fleet: ArcSwap<Fleet>,
    /// What the adaptive engine believes now, and where it hears what becomes of messages.
    pub(crate) beliefs: ArcSwap<Beliefs>,
    pub(crate) feedback: Feedback,
    /// Messages that wait for a slot. Locked briefly, by the dispatcher and by whoever queues.
    pub(crate) lanes: Mutex<Lanes>,
    pub(crate) dispatch: Dispatch,
    pub(crate) notices: Notices,
    pub(crate) recent: RecentRoutes,
    pub(crate) probed: Probed,
    /// (app, key) of requests whose commit is under way.
    pub(crate) keys_in_flight: Mutex<FxHashSet<(AppId, Box<str>)>>,
    ids: Mutex<(MessageIds, StdRng)>,
    references: AtomicU16,
    pub(crate) receipts_are_refused: AtomicBool,
    /// Kept beside the lanes so that acceptance needs no lock to see that nobody waits.
    somebody_waits: AtomicBool,
}

/// What wakes the dispatcher, and which lanes it has to look at then.
#[derive(Default)]
pub(crate) struct Dispatch {
    woken: Notify,
    /// Locked for moments, by connections and by the dispatcher.
    wake: Mutex<Option<Wake>>,
}

impl Dispatch {
    /// A message was queued.
    pub(crate) fn queued(&self) {
        self.woken.notify_one();
    }

    pub(crate) fn slot_free(&self, connection: &ConnectionId) {
        let mut wake = self.wake.lock();
        match wake.get_or_insert_with(|| Wake::Connections(FxHashSet::default())) {
            Wake::Connections(freed) if freed.contains(connection) => {}
            Wake::Connections(freed) => {
                freed.insert(connection.clone());
            }
            Wake::All => {}
        }
        drop(wake);
        self.woken.notify_one();
    }

    /// The table or the health is another one.
    pub(crate) fn all_changed(&self) {
        *self.wake.lock() = Some(Wake::All);
        self.woken.notify_one();
    }

    /// Cancel-safe: what was noted stays until it is taken.
    pub(crate) async fn woken(&self) {
        self.woken.notified().await;
    }

    pub(crate) fn take(&self) -> Wake {
        self.wake.lock().take().unwrap_or_else(|| Wake::Connections(FxHashSet::default()))
    }
}

pub(crate) struct Parts {
    pub(crate) on_hold: bool,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) operators: Arc<dyn Operators>,
    pub(crate) writer: WriterHandle,
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) blocks_inline: bool,
    pub(crate) steering: Steering,
    pub(crate) caps: Caps,
    pub(crate) commitments: Commitments,
    pub(crate) apps: FxHashMap<AppId, App>,
    pub(crate) retention: Retention,
    pub(crate) notices: Notices,
    pub(crate) beliefs: Beliefs,
    pub(crate) feedback: Feedback,
    pub(crate) last_key: i64,
    pub(crate) random: StdRng,
}

impl Core {
    pub(crate) fn new(mut parts: Parts) -> Self {
        let now = parts.clock.now();
        let first_reference = parts.random.next_u32() as u16;
        Self {
            on_hold: parts.on_hold,
            clock: parts.clock,
            observer: parts.observer,
            operators: parts.operators,
            asking: Mutex::new(JoinSet::new()),
            writer: parts.writer,
            reader: parts.reader,
            blocks_inline: parts.blocks_inline,
            tables: ArcSwap::new(parts.steering.tables(now)),
            steering: parts.steering,
            caps: parts.caps,
            commitments: parts.commitments,
            apps: ArcSwap::from_pointee(parts.apps),
            retention: Mutex::new(parts.retention),
            fleet: ArcSwap::from_pointee(Fleet::default()),
            beliefs: ArcSwap::from_pointee(parts.beliefs),
            feedback: parts.feedback,
            lanes: Mutex::new(Lanes::default()),
            dispatch: Dispatch::default(),
            notices: parts.notices,
            recent: RecentRoutes::default(),
            probed: Probed::default(),
            keys_in_flight: Mutex::new(FxHashSet::default()),
            ids: Mutex::new((MessageIds::new(parts.last_key), parts.random)),
            references: AtomicU16::new(first_reference),
            receipts_are_refused: AtomicBool::new(false),
            somebody_waits: AtomicBool::new(false),
        }
    }

    /// As it is now.
    pub(crate) fn standing(&self) -> Standing<'_> {
        Standing {
            fleet: self.fleet.load(),
            beliefs: self.beliefs.load(),
            paces: self.commitments.paces(),
            caps: &self.caps,
            now: self.clock.now(),
        }
    }

    pub(crate) fn new_id(&self, now: Timestamp) -> MessageId {
        self.new_ids(now, 1)
    }

    /// The first of a run of so many.
    pub(crate) fn new_ids(&self, now: Timestamp, count: u8) -> MessageId {
        let mut ids = self.ids.lock();
        let random = ids.1.next_u64();
        ids.0.run(now, random, count)
    }

    /// What the parts of the next long text have in common on the wire.
    pub(crate) fn new_reference(&self) -> u16 {
        self.references.fetch_add(1, Ordering::Relaxed)
    }

    /// What happened to the recipient of a new message.
    pub(crate) fn before(&self, message: &Message) -> Before {
        let used = if message.class == Class::Otp {
            self.recent.used(&message.to, message.created_at)
        } else {
            None
        };
        Before { used, probed: self.probed.is_held(&message.to, message.id), is_retried: false }
    }

    /// As `before`, of a message that may have been sent already.
    pub(crate) fn before_attempt(&self, record: &Record) -> Before {
        Before { is_retried: record.counted_attempts() > 0, ..self.before(&record.message) }
    }

    /// Decides, and if the message is to be a probe sees to it that none other to the same recipient is.
    pub(crate) fn choose_with_claim(
        &self,
        message: &Message,
        before: Before,
        choose: impl Fn(&Before) -> Result<Choice, NoRule>,
    ) -> Result<Choice, NoRule> {
        let choice = choose(&before)?;
        let is_own = |choice: &Choice| choice.plan.probing == Some(Probing::TestNumber);
        let is_probe = choice.targets.first().is_some_and(is_probe) && !is_own(&choice);
        if !is_probe || self.probed.claim(&message.to, message.id) {
            return Ok(choice);
        }
        choose(&Before { probed: true, ..before })
    }

    /// An attempt leaves for its vendor: what its recipient gets next depends on it.
    pub(crate) fn left(&self, record: &Record, attempt: &Attempt) {
        let message = &record.message;
        if message.class == Class::Otp {
            self.recent.remember(&message.to, &attempt.route, self.clock.now());
        }
        if attempt.drawn.is_none_or(|drawn| !drawn.flags.contains(DrawFlags::PROBE)) {
            self.probed.release(&message.to, message.id, attempt.number == 1);
        } else if record.plan.as_ref().and_then(|plan| plan.probing) != Some(Probing::TestNumber) {
            // What was decided on before it and left in between has released the recipient.
            self.probed.claim(&message.to, message.id);
        }
    }

    /// Steps a record, and follows up once that is durable.
    pub(crate) fn step(self: &Arc<Self>, message: MessageId, input: Input) {
        let core = Arc::clone(self);
        let write = Write::Apply { message, input };
        self.writer.write(Urgency::News, write, Box::new(move |result| worker::follow(&core, result)));
    }

    /// Lets a message wait for a slot.
    pub(crate) fn enqueue(&self, record: Arc<Record>) {
        self.with_lanes(|lanes| lanes.push(record));
        self.dispatch.queued();
    }

    /// Changes the lanes, and notes whether anybody waits then.
    pub(crate) fn with_lanes<R>(&self, change: impl FnOnce(&mut Lanes) -> R) -> R {
        let mut lanes = self.lanes.lock();
        let result = change(&mut lanes);
        self.somebody_waits.store(!lanes.is_empty(), Ordering::Relaxed);
        result
    }

    pub(crate) fn nobody_waits(&self) -> bool {
        !self.somebody_waits.load(Ordering::Relaxed)
    }

    /// Whether a free slot of the connection is nobody's who waits.
    pub(crate) fn nobody_wants(&self, connection: &ConnectionId) -> bool {
        self.nobody_waits() || !self.lanes.lock().want(connection)
    }
}
