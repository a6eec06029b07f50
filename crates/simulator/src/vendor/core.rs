//! What all sessions of a vendor share, and the decisions it takes.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rand::SeedableRng;
use rand::rngs::StdRng;
use smpp_wire::connection::{self, Handle};
use smpp_wire::pdu::{Bind, CommandId, MessageResp, Outgoing, Pdu};
use smpp_wire::session::{self, BindKind};
use smpp_wire::status::CommandStatus;
use tokio::time::Instant;

use super::assembly::{Accepted, Assemblies, Inbox, Received};
use super::delivery::{self, About, Delivery, Inbound};
use super::ids::{Ids, MessageId};
use super::sessions::{Sessions, Went};
use super::settings::{ResponseOrder, Settings};
use super::stats::Tally;
use super::submission::Submission;
use super::throughput::Throughput;
use crate::agenda::Agenda;
use crate::asked::{Fails, Question};
use crate::behaviour::{Behaviour, Behaviours};
use crate::demo_number::{self, Outcome};
use crate::fate::{Answer, Asked, Course, Fate, Line, Timing};
use crate::handset::Arrival;
use crate::personality::Conduct;

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
    Respond { handle: Handle<Token>, sequence_number: u32, response: Outgoing },
    Cut(Handle<Token>),
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
        Self { settings, identity, started, state: Mutex::new(state), agenda, tally: Tally::new() }
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

    pub(super) fn set(&self, prefix: &str, behaviour: Behaviour) {
        self.state.lock().behaviours.set(prefix, behaviour);
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
        let refusal = match self.state.lock().behaviours.bind_refusal() {
            Some(status) => Some(status),
            None if !is(&account.system_id, bind.system_id) => Some(CommandStatus::RINVSYSID),
            None if !is(&account.password, bind.password) => Some(CommandStatus::RINVPASWD),
            None => None,
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

    /// Takes a submission, and says how it is answered. It comes after the answer that is due at `last_answer`, where
    /// order is kept.
    pub(super) fn submit(&self, pdu: &Pdu<'_>, system_id: &Arc<str>, last_answer: Instant) -> Reply {
        let now = Instant::now();
        self.tally.count(|stats| stats.submissions += 1);
        let submission = match Submission::read(pdu, self.settings.default_charset) {
            Ok(submission) => submission,
            Err(status) => return self.refuse(pdu.command_id(), status, now.max(last_answer)),
        };
        let mut state = self.state.lock();
        let fate = self.fate(&submission, now, &mut state);
        let ready = now.checked_add(fate.latency).unwrap_or(now);
        let at = match self.settings.response_order {
            ResponseOrder::AsReceived => ready.max(last_answer),
            ResponseOrder::AsReady => ready,
        };
        match fate.answer {
            Answer::Never => {
                self.tally.count(|stats| stats.unanswered += 1);
                // What is never answered holds nothing up.
                Reply { response: None, at: last_answer, line: fate.line }
            }
            Answer::Refuse(status) => {
                Reply { line: fate.line, ..self.refuse(submission.command_id, status, at) }
            }
            Answer::Accept => {
                let id = self.accept(
                    &Taken { submission: &submission, system_id, course: fate.course, now, at },
                    &mut state,
                );
                Reply { response: Some(accepted(submission.command_id, &id)), at, line: fate.line }
            }
        }
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
            Due::Deliver(token) => self.deliver(token),
        }
    }
}

/// A submission that is accepted.
struct Taken<'a> {
    submission: &'a Submission,
    system_id: &'a Arc<str>,
    course: Course,
    now: Instant,
    /// When its acceptance is answered.
    at: Instant,
}

impl Core {
    /// What becomes of a submission: by throughput, else by behaviour over demo number over conduct.
    fn fate(&self, submission: &Submission, now: Instant, state: &mut State) -> Fate {
        let recipient = submission.recipient();
        let conduct = self.conduct_towards(&recipient);
        let demo = demo_number::outcome(&recipient).filter(|_| self.settings.obeys_demo_numbers);
        let usual = match demo {
            Some(outcome) => {
                let asked = self.asked(outcome, submission, now);
                Fate::by_demo_number(outcome, asked, conduct, &mut state.rng)
            }
            None => Fate::by_conduct(conduct, &mut state.rng),
        };
        let fate = state.behaviours.towards(&recipient).bend(usual);
        if state.throughput.as_mut().is_some_and(|throughput| !throughput.allows_one(now)) {
            return Fate { answer: Answer::Refuse(CommandStatus::RTHROTTLED), line: Line::Holds, ..fate };
        }
        if self.agenda.is_full() {
            return Fate { answer: Answer::Refuse(CommandStatus::RMSGQFUL), line: Line::Holds, ..fate };
        }
        fate
    }

    fn conduct_towards(&self, recipient: &str) -> &Conduct {
        let fitting = self.settings.regions.iter().filter(|region| recipient.starts_with(&region.prefix));
        fitting
            .max_by_key(|region| region.prefix.len())
            .map_or(&self.settings.conduct, |region| &region.conduct)
    }

    fn asked(&self, outcome: Outcome, submission: &Submission, now: Instant) -> Asked {
        let fails = match outcome {
            Outcome::ThrottledThenDelivered => Fails::Once,
            Outcome::VendorError | Outcome::VendorTimeout => Fails::OneVendor,
            Outcome::Delivered
            | Outcome::Slow
            | Outcome::NoReceipt
            | Outcome::Unreachable
            | Outcome::UnknownSubscriber
            | Outcome::SpamFiltered
            | Outcome::FakeReceipt
            | Outcome::DuplicateReceipt
            | Outcome::ReceiptBeforeResponse
            | Outcome::Random => return Asked::Again,
        };
        let text = if submission.is_part() { String::new() } else { submission.text.clone() };
        let question = Question { fails, recipient: submission.recipient(), text };
        self.settings.asked_first.ask(question, self.identity, now)
    }

    fn refuse(&self, command_id: CommandId, status: CommandStatus, at: Instant) -> Reply {
        self.tally.count(|stats| match status {
            CommandStatus::RTHROTTLED => stats.throttled += 1,
            _ => stats.refused += 1,
        });
        Reply { response: Some(Outgoing::refusal(command_id, status)), at, line: Line::Holds }
    }

    /// Gives the submission its id, and sees to it that everything that follows will happen.
    fn accept(&self, taken: &Taken<'_>, state: &mut State) -> String {
        self.tally.count(|stats| stats.accepted += 1);
        let id = state.ids.draw(&mut state.rng);
        let (course, whole) = state.assemblies.add(Accepted {
            submission: taken.submission,
            system_id: taken.system_id,
            id: id.answered(),
            course: taken.course,
            now: taken.now,
        });
        if let Some(message) = whole {
            self.bring(&message, course, taken.at);
            state.inbox.add(message);
        }
        self.report(taken, id, course);
        id.answered()
    }

    /// Brings a whole message to the handset, if that is its course.
    fn bring(&self, message: &Received, course: Course, accepted: Instant) {
        let (Some(handsets), Some(after)) = (&self.settings.handsets, course.arrives) else { return };
        let Some(at) = accepted.checked_add(after) else { return };
        let Received { to, from, text, .. } = message;
        handsets.arrive(Arrival { to: to.clone(), from: from.clone(), text: text.clone(), after, at });
    }

    fn report(&self, taken: &Taken<'_>, id: MessageId, course: Course) {
        let Some(report) = course.report.filter(|report| delivery::is_wanted(taken.submission, report.state))
        else {
            return;
        };
        let at = match report.timing {
            Timing::AfterResponse(after) => taken.at.checked_add(after).unwrap_or(taken.at),
            Timing::BeforeResponse => taken.now,
        };
        let about = About {
            submission: taken.submission,
            id,
            report,
            submitted: self.unix_seconds(taken.now),
            done: self.unix_seconds(at),
        };
        let outgoing = match delivery::receipt(&about, &self.settings) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                tracing::warn!(%error, "a receipt could not be written");
                return;
            }
        };
        let token = Arc::new(Delivery { system_id: Some(Arc::clone(taken.system_id)), outgoing, resends: 0 });
        for _ in 0..report.copies {
            self.deliver_later(at, Arc::clone(&token));
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

fn accepted(command_id: CommandId, id: &str) -> Outgoing {
    let body = MessageResp { message_id: Some(id.as_bytes()), ..MessageResp::default() };
    let pdu = if command_id == CommandId::DATA_SM { Pdu::DataSmResp(body) } else { Pdu::SubmitSmResp(body) };
    // Our ids always fit; a vendor that could not say one would answer so.
    Outgoing::response(&pdu, CommandStatus::ROK)
        .unwrap_or_else(|_| Outgoing::refusal(command_id, CommandStatus::RSYSERR))
}
