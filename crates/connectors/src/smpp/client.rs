//! The client as the pipeline sees it, and the owner of its tasks.

use std::sync::Arc;
use std::time::Duration;

use domain::{ConnectionId, Timestamp};
use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::bind::{BindTask, Role};
use super::dial::{Dial, Network};
use super::errors::Errors;
use super::gate::Gate;
use super::keeper;
use super::settings::{BindMode, Settings, Tls};
use super::slot::Slots;
use super::submit;
use super::text::{Text, TextOf};
use super::tls;
use crate::{Connector, Events, Health, NoSlot, Slot, Submission};

/// What time it is for the world outside.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// An SMPP connection.
pub struct Client {
    shared: Arc<Shared>,
}

/// What a client is started with. The settings have been validated.
pub struct Start {
    pub id: ConnectionId,
    pub settings: Settings,
    /// What the vendor's codes mean, which may change while it runs.
    pub errors: Errors,
    pub events: Arc<dyn Events>,
    pub clock: Clock,
    /// For the jitter of its back-off.
    pub seed: u64,
}

/// The tasks of a client. They end with `shutdown`, or at once when this is dropped.
#[must_use = "dropping it ends the connection"]
pub struct Running {
    shared: Arc<Shared>,
    binds: JoinSet<()>,
    keeper: JoinSet<()>,
    stop_binds: CancellationToken,
    stop_keeper: CancellationToken,
}

/// What the callers of a client and its tasks have in common.
pub(super) struct Shared {
    pub(super) id: ConnectionId,
    pub(super) settings: Settings,
    pub(super) errors: Errors,
    pub(super) events: Arc<dyn Events>,
    pub(super) slots: Arc<Slots>,
    pub(super) gate: Mutex<Gate>,
    clock: Clock,
}

impl Client {
    /// Opens the binds, and goes on opening them until `Running::shutdown`. To be called within a runtime.
    ///
    /// # Errors
    /// When a file that the TLS settings name cannot be used.
    pub fn start(start: Start) -> Result<(Arc<Self>, Running), tls::Error> {
        let network = Network::new(&start.settings)?;
        Ok(Self::start_over(start, Arc::new(network)))
    }

    /// As `start`, over a network that was made before, or over lines of another kind.
    pub fn start_over(start: Start, dial: Arc<dyn Dial>) -> (Arc<Self>, Running) {
        let Start { id, settings, errors, events, clock, seed } = start;
        if matches!(&settings.tls, Tls::On(tls) if !tls.verify) {
            tracing::warn!(connection = %id, "the vendor's certificate is not checked");
        }
        let throughput = settings.throughput.map(|rate| rate.per_second);
        let (binds, window) = (settings.binds, settings.window);
        let shared = Arc::new(Shared {
            id,
            settings,
            errors,
            events,
            slots: Arc::new(Slots::new(binds, window)),
            gate: Mutex::new(Gate::new(binds, throughput, Instant::now())),
            clock,
        });
        let mut running = Running {
            shared: Arc::clone(&shared),
            binds: JoinSet::new(),
            keeper: JoinSet::new(),
            stop_binds: CancellationToken::new(),
            stop_keeper: CancellationToken::new(),
        };
        let health = shared.gate.lock().health(Instant::now());
        running.keeper.spawn(keeper::keep(Arc::clone(&shared), health, running.stop_keeper.clone()));
        let mut rng = StdRng::seed_from_u64(seed);
        for bind in 0..binds {
            for role in roles(shared.settings.bind) {
                let task = BindTask {
                    shared: Arc::clone(&shared),
                    bind,
                    role: *role,
                    dial: Arc::clone(&dial),
                    rng: StdRng::from_rng(&mut rng),
                    stop: running.stop_binds.clone(),
                };
                running.binds.spawn(task.run());
            }
        }
        (Arc::new(Self { shared }), running)
    }
}

fn roles(mode: BindMode) -> &'static [Role] {
    match mode {
        BindMode::Transceiver => &[Role::Transceiver],
        BindMode::TransmitterReceiver => &[Role::Transmitter, Role::Receiver],
        BindMode::Transmitter => &[Role::Transmitter],
    }
}

impl Connector for Client {
    fn id(&self) -> &ConnectionId {
        &self.shared.id
    }

    fn reserve(&self) -> Result<Slot, NoSlot> {
        let Shared { slots, gate, .. } = &*self.shared;
        let mut gate = gate.lock();
        let now = Instant::now();
        let found = gate.reserve(slots, now).or_else(|_| {
            // A slot that came back between the look and the note would be told to nobody: so look again.
            slots.refuse();
            gate.reserve(slots, now)
        });
        match found {
            Ok((bind, epoch)) => Ok(slots.reserve(bind, epoch)),
            Err(shut) => Err(shut.why),
        }
    }

    fn submit(&self, slot: Slot, submission: Submission) {
        let shared = &*self.shared;
        let Ok(parts @ 1..) = u8::try_from(submission.parts.len()) else {
            tracing::error!(connection = %shared.id, message_id = %submission.message, "not a number of parts");
            return;
        };
        let encoded = submit::encode(&shared.settings, &submission, || (shared.clock)());
        let now = Instant::now();
        let text = TextOf {
            message: submission.message,
            attempt: submission.attempt,
            parts,
            expires: now.checked_add(submission.validity).unwrap_or(now),
            pdus: Vec::new(),
        };
        let mut gate = shared.gate.lock();
        let slot = shared.slots.occupy(slot);
        match encoded {
            Ok(pdus) => gate.begin(&Text::new(TextOf { pdus, ..text }, slot), now),
            Err(unsendable) => gate.refuse(&Text::new(text, slot), &unsendable.to_string(), now),
        }
        if gate.has_reports() {
            shared.slots.wake();
        }
    }

    fn health(&self) -> Health {
        self.shared.gate.lock().health(Instant::now())
    }
}

impl Running {
    /// Begins nothing more, waits for the answers to what is on the wire (for the response timeout at most), and unbinds within
    /// a second.
    pub async fn shutdown(mut self) {
        self.close_binds().await;
        self.end_keeper().await;
    }

    /// As `shutdown`, for a process that goes on: ends only when no slot is out any more, so that each attempt has its
    /// outcome reported and a client that is opened next has the whole window. A text whose dispatch is being written
    /// meanwhile is answered `NotSent`. That takes as long as the store does, or until `given_up`.
    pub async fn retire(mut self, given_up: impl Future<Output = ()>) {
        self.close_binds().await;
        // Waiting for slots is cancel-safe.
        tokio::select! {
            () = self.shared.slots.idle() => {}
            () = given_up => {}
        }
        self.end_keeper().await;
    }

    async fn close_binds(&mut self) {
        let Shared { slots, gate, settings, .. } = &*self.shared;
        gate.lock().close();
        if timeout(settings.response_timeout.0, slots.idle()).await.is_err() {
            tracing::warn!(connection = %self.shared.id, "some answers did not come before the shutdown");
        }
        self.stop_binds.cancel();
        while self.binds.join_next().await.is_some() {}
    }

    /// What was to be reported is reported before it ends.
    async fn end_keeper(&mut self) {
        self.stop_keeper.cancel();
        while self.keeper.join_next().await.is_some() {}
        tracing::info!(connection = %self.shared.id, "connection closed");
    }
}

/// How long an unbind may take when we shut down: a vendor that is still there answers at once.
pub(super) const UNBIND_PATIENCE: Duration = Duration::from_secs(1);
