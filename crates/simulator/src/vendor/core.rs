//! What all sessions of a vendor share.

mod submit;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use smpp_wire::connection::{self, Handle};
use smpp_wire::pdu::{Bind, Outgoing};
use smpp_wire::session::{self, BindKind};
use smpp_wire::status::CommandStatus;
use tokio::time::Instant;

use super::assembly::{Assemblies, Inbox, Received};
use super::delivery::{self, Delivery, Inbound};
use super::ids::Ids;
use super::sessions::{Sessions, Went};
use super::settings::Settings;
use super::stats::Tally;
use super::throughput::Throughput;
use super::valve::Valve;
use crate::agenda::Agenda;
use crate::behaviour::{Behaviour, Behaviours};
use crate::fate::Line;

/// A delivery as a session gives it back.
pub(super) type Token = Arc<Delivery>;

pub(super) struct Core {
    settings: Settings,
    /// Tells it from the other vendors of the process.
    identity: u64,
    started: Instant,
    state: Mutex<State>,
    agenda: Agenda<Due>,
    tally: Tally,
    valve: Arc<Valve>,
}

/// Locked for one event at a time, never while waiting.
struct State {
    rng: StdRng,
    behaviours: Behaviours,
    throughput: Option<Throughput>,
    ids: Ids,
    assemblies: Assemblies,
    inbox: Inbox,
    sessions: Sessions,
}

/// What is to be done at a later time.
pub(super) enum Due {
    Respond {
        handle: Handle<Token>,
        sequence_number: u32,
        response: Outgoing,
    },
    Cut(Handle<Token>),
    /// Unless it no longer flaps by then.
    Flap(Handle<Token>),
    Deliver(Token),
}

/// How a submission is answered.
pub(super) struct Reply {
    /// None at all if `None`.
    pub(super) response: Option<Outgoing>,
    pub(super) at: Instant,
    pub(super) line: Line,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Followed {
    Taken,
    /// Answered with an error, or not in time.
    Refused,
    /// The session ended before it was answered.
    NotSent,
}

/// How sessions are ended from our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Unbind,
    Cut,
}

/// Between a response and the cut that follows it: enough for the response to be written.
const CUT_DELAY: Duration = Duration::from_millis(20);

/// How many submissions of one session may wait for their answers.
const MAX_UNANSWERED: usize = 10_000;

impl Core {
    pub(super) fn new(settings: Settings, identity: u64) -> Self {
        let started = Instant::now();
        let state = State {
            rng: StdRng::seed_from_u64(settings.seed),
            behaviours: Behaviours::default(),
            throughput: settings.throughput.map(|per_second| Throughput::new(per_second, started)),
            ids: Ids::new(settings.id_format, settings.started_at),
            assemblies: Assemblies::default(),
            inbox: Inbox::new(settings.memory),
            sessions: Sessions::new(settings.capacity),
        };
        let agenda = Agenda::new(settings.capacity);
        let (state, valve) = (Mutex::new(state), Arc::default());
        Self { settings, identity, started, state, agenda, tally: Tally::new(), valve }
    }

    pub(super) fn connection_settings(&self) -> connection::Settings {
        connection::Settings {
            session: session::Settings {
                window: self.settings.receipt_window,
                max_unanswered: MAX_UNANSWERED,
                ..session::Settings::default()
            },
            ..connection::Settings::default()
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.settings.name
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.state.lock().inbox.all()
    }

    pub(super) fn incomplete(&self) -> usize {
        self.state.lock().assemblies.len()
    }

    pub(super) fn set(&self, prefix: &str, behaviour: Behaviour) {
        let now_towards_all = {
            let mut state = self.state.lock();
            state.behaviours.set(prefix, behaviour);
            state.behaviours.towards_all()
        };
        // What concerns some numbers only leaves the lines alone.
        if !prefix.is_empty() {
            return;
        }
        match now_towards_all {
            Behaviour::Stall => self.valve.shut(),
            Behaviour::HalfOpen => {
                self.valve.shut();
                self.valve.forsake();
                // Their sockets stay open: only we forget them.
                self.end_sessions(Ending::Cut);
            }
            Behaviour::Flap(_) => {
                self.valve.open();
                self.end_sessions(Ending::Cut);
            }
            Behaviour::Usual
            | Behaviour::RefuseBinds(_)
            | Behaviour::Refuse(_)
            | Behaviour::RefusePart(..)
            | Behaviour::Mute
            | Behaviour::SlowResponses(_)
            | Behaviour::CutBeforeResponse
            | Behaviour::CutAfterResponse
            | Behaviour::CutAtPart(_)
            | Behaviour::ReceiptBeforeResponse
            | Behaviour::UndeliverableBeforeResponse
            | Behaviour::DuplicateReceipts
            | Behaviour::StrayReceipts
            | Behaviour::NoReceipts
            | Behaviour::SilentDrop
            | Behaviour::FakeReceipts
            | Behaviour::SlowReceipts(_)
            | Behaviour::SlowDelivery(_)
            | Behaviour::Undeliverable
            | Behaviour::BrownOut(_) => self.valve.open(),
        }
    }

    pub(super) fn valve(&self) -> &Arc<Valve> {
        &self.valve
    }

    pub(super) fn end_sessions(&self, ending: Ending) {
        self.state.lock().sessions.end(ending);
    }

    pub(super) fn session_opened(&self, handle: Handle<Token>) -> u64 {
        self.state.lock().sessions.open(handle)
    }

    pub(super) fn session_ending(&self, session: u64) {
        self.state.lock().sessions.ending(session);
    }

    pub(super) fn session_closed(&self, session: u64, was_bound: bool) {
        self.state.lock().sessions.closed(session);
        self.tally.count(|stats| stats.sessions = stats.sessions.saturating_sub(u64::from(was_bound)));
    }

    /// Says why a bind is refused, if it is.
    pub(super) fn check(&self, bind: &Bind<'_>) -> Result<(), CommandStatus> {
        let account = &self.settings.account;
        let is = |wanted: &Option<String>, given: &[u8]| {
            wanted.as_ref().is_none_or(|wanted| wanted.as_bytes() == given)
        };
        let refusal = if let Behaviour::RefuseBinds(status) = self.behaviour() {
            Some(status)
        } else if !is(&account.system_id, bind.system_id) {
            Some(CommandStatus::RINVSYSID)
        } else if !is(&account.password, bind.password) {
            Some(CommandStatus::RINVPASWD)
        } else {
            None
        };
        self.tally.count(|stats| stats.binds_refused += u64::from(refusal.is_some()));
        refusal.map_or(Ok(()), Err)
    }

    /// A bind was accepted: what was kept for it can go.
    pub(super) fn bound(&self, session: u64, kind: BindKind, system_id: &Arc<str>) {
        self.state.lock().sessions.bound(session, kind, system_id);
        self.tally.count(|stats| {
            stats.binds += 1;
            stats.sessions += 1;
        });
        self.flush();
    }

    pub(super) fn send(&self, inbound: &Inbound) -> Result<(), delivery::Error> {
        let outgoing = delivery::inbound(inbound)?;
        self.deliver(Arc::new(Delivery { system_id: None, outgoing, resends: 0 }));
        Ok(())
    }

    /// Follows up a delivery that a session has done with.
    pub(super) fn follow(&self, token: Token, followed: Followed) {
        match followed {
            Followed::Taken => self.tally.count(|stats| stats.receipts_acknowledged += 1),
            Followed::Refused => self.resend(&token),
            Followed::NotSent => self.deliver(token),
        }
        self.flush();
    }

    /// Gives what is due back when there is no room for it.
    pub(super) fn put(&self, at: Instant, due: Due) -> Result<(), Due> {
        self.agenda.put(at, due)
    }

    /// A session was bound: where the vendor flaps its end is near.
    pub(super) fn flap(&self, handle: &Handle<Token>) {
        let Behaviour::Flap(after) = self.behaviour() else { return };
        let now = Instant::now();
        let due = Due::Flap(handle.clone());
        if let Err(due) = self.put(now.checked_add(after).unwrap_or(now), due) {
            self.act(due);
        }
    }

    fn behaviour(&self) -> Behaviour {
        self.state.lock().behaviours.towards_all()
    }

    pub(super) fn cut_soon(&self, handle: Handle<Token>, after: Instant) {
        let at = after.checked_add(CUT_DELAY).unwrap_or(after);
        if let Err(due) = self.put(at, Due::Cut(handle)) {
            self.act(due);
        }
    }

    pub(super) async fn due(&self) -> Due {
        self.agenda.next().await
    }

    pub(super) fn act(&self, due: Due) {
        match due {
            Due::Respond { handle, sequence_number, response } => {
                if let Err(cause) = handle.respond(sequence_number, response) {
                    tracing::debug!(%cause, "a response could not be given to its session");
                }
            }
            Due::Cut(handle) => handle.abort(),
            Due::Flap(handle) => {
                if matches!(self.behaviour(), Behaviour::Flap(_)) {
                    handle.abort();
                }
            }
            Due::Deliver(token) => self.deliver(token),
        }
    }

    fn unix_seconds(&self, at: Instant) -> i64 {
        self.settings.started_at.plus(at.duration_since(self.started)).as_millis().div_euclid(1000)
    }

    fn resend(&self, token: &Token) {
        self.tally.count(|stats| stats.receipts_refused += 1);
        if token.resends >= self.settings.max_resends {
            self.tally.count(|stats| stats.receipts_lost += 1);
            return;
        }
        let again = Delivery { resends: token.resends.saturating_add(1), ..Delivery::clone(token) };
        let now = Instant::now();
        self.deliver_later(now.checked_add(self.settings.resend_after).unwrap_or(now), Arc::new(again));
    }

    fn deliver_later(&self, at: Instant, token: Token) {
        if self.put(at, Due::Deliver(token)).is_err() {
            self.tally.count(|stats| stats.receipts_lost += 1);
        }
    }

    fn deliver(&self, token: Token) {
        let went = self.state.lock().sessions.deliver(token);
        self.tally.count(|stats| match went {
            Went::ToSession => stats.receipts_sent += 1,
            Went::Nowhere => stats.receipts_kept += 1,
            Went::Crowding => stats.receipts_lost += 1,
        });
    }

    fn flush(&self) {
        let went = self.state.lock().sessions.flush();
        if went > 0 {
            self.tally.count(|stats| {
                stats.receipts_sent += went;
                stats.receipts_kept = stats.receipts_kept.saturating_sub(went);
            });
        }
    }
}
