//! Stage one: a request is checked, normalised, segmented and planned, and becomes durable in one write.
//!
//! The write holds the message, its plan, its idempotency key and its first attempt. When a slot is free and nobody
//! waits, the attempt is dispatched in that same write, and its bytes leave as soon as the write is durable.

use std::sync::Arc;
use std::time::Duration;

use domain::address::{Recipient, Sender};
use domain::number::{self, BadNumber, Country};
use domain::plan::Exclusion;
use domain::record::{Dispatch, Effects, Input, NextAttempt, RECEIPT_HORIZON, Target};
use domain::status::StatusSet;
use domain::{
    AppId, Channel, Class, Message, MessageId, Price, Record, RouteId, Timestamp, content, segment,
};
use routing::Choice;
use routing::learning::Vendors;
use store::write::Idempotency;
use store::{Write, Written};
use tokio::sync::oneshot;

use crate::app::App;
use crate::caps::Taken;
use crate::core::Core;
use crate::next::facts;
use crate::operators::Asked;
use crate::recent::Before;
use crate::worker;
use crate::writer::{NotWritten, Urgency};

/// What an application asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub app: AppId,
    /// As the application wrote it.
    pub to: String,
    pub from: Option<Sender>,
    pub channel: Channel,
    /// None: the app's default, else the policy's.
    pub class: Option<Class>,
    pub text: String,
    /// None: the rule's.
    pub validity: Option<Duration>,
    pub send_at: Option<Timestamp>,
    pub max_price: Option<Price>,
    pub reference: Option<Box<str>>,
    /// A JSON object, kept as written.
    pub metadata: Option<Box<str>>,
    pub callback_url: Option<Box<str>>,
    /// Nothing is to be learned with it.
    pub no_probe: bool,
    /// Of a request that came by SMPP.
    pub by_smpp: Option<BySmpp>,
    /// Given before, to its parts; None for a new one.
    pub id: Option<MessageId>,
    pub idempotency: Option<Idempotency>,
}

/// What a bind asks for beside the message.
#[derive(Clone, Debug)]
pub struct BySmpp {
    pub addresses: domain::message::BySmpp,
    /// Which changes are told, whatever the app's webhook wants.
    pub notify: StatusSet,
}

/// A durable message.
#[derive(Debug)]
pub struct Acceptance {
    pub record: Arc<Record>,
    /// The idempotency key was used before, with the same request: this is the record of then.
    pub replayed: bool,
}

/// Why a request was not accepted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    #[error("no app `{0}` is configured")]
    UnknownApp(AppId),
    #[error("the channel {0} is not served yet: only sms is")]
    ChannelNotServed(Channel),
    #[error("the text is empty")]
    EmptyText,
    #[error("the text takes {segments} segments, and at most {MAX_SEGMENTS} are sent")]
    TextTooLong { segments: usize },
    #[error("the number cannot be sent to: {0}")]
    BadNumber(BadNumber),
    #[error("the number is possible but not valid, and numbers.strict is set")]
    InvalidNumber,
    #[error("the validity must be between 1 second and {} days", MAX_VALIDITY.as_secs() / 86_400)]
    BadValidity,
    #[error("send_at is more than {} days ahead, or after the validity ends", MAX_SCHEDULE.as_secs() / 86_400)]
    BadSchedule,
    #[error("no rule of the policy matches this message")]
    NoRule,
    /// With every route that the rule names and why it is out.
    #[error("no route can carry this message")]
    NoRoute { left_out: Vec<(RouteId, Exclusion)> },
    #[error("the idempotency key was used before with another request")]
    KeyReused,
    #[error("a request with this idempotency key is still being worked on")]
    KeyInFlight,
    #[error(transparent)]
    NotWritten(#[from] NotWritten),
}

/// More is a mistake of the application more often than a message.
pub const MAX_SEGMENTS: usize = segment::MAX_SENT;
/// A record is closed at the horizon, and what is closed is not tried again.
pub const MAX_VALIDITY: Duration = RECEIPT_HORIZON;
/// How far ahead a message may be scheduled.
pub const MAX_SCHEDULE: Duration = Duration::from_secs(35 * 86_400);

/// A request whose write is under way.
pub struct Sending {
    state: State,
}

enum State {
    Refused(Refused),
    Writing(oneshot::Receiver<Result<Acceptance, Refused>>),
}

impl Sending {
    /// Waits until the message is durable, or is known not to be accepted.
    ///
    /// # Errors
    /// As `Refused` says.
    pub async fn accepted(self) -> Result<Acceptance, Refused> {
        match self.state {
            State::Refused(refused) => Err(refused),
            // The writer drops a sender only when its thread is gone.
            State::Writing(answer) => answer.await.unwrap_or(Err(Refused::NotWritten(NotWritten::Broken))),
        }
    }
}

/// Checks the request and queues its write. The write goes on even when nobody waits for it.
pub(crate) fn send(core: &Arc<Core>, request: Request) -> Sending {
    if core.on_hold {
        return Sending { state: State::Refused(Refused::NotWritten(NotWritten::OnHold)) };
    }
    let (answer, answered) = oneshot::channel();
    if let Some(asked) = worth_asking(core, &request) {
        let then = Box::new(move |accepted| drop(answer.send(accepted)));
        begin_after(core, request, asked, then);
        return Sending { state: State::Writing(answered) };
    }
    // Nobody waits any more when the client has gone; the message is accepted all the same.
    let then = Box::new(move |accepted| drop(answer.send(accepted)));
    let state = match begin(core, request, then) {
        Ok(()) => State::Writing(answered),
        Err((refused, _)) => State::Refused(refused),
    };
    Sending { state }
}

/// As `send`, for whoever answers many: told on the writer's thread, or at once when it is refused.
pub(crate) fn send_and_tell(core: &Arc<Core>, request: Request, then: Answer) {
    if core.on_hold {
        then(Err(Refused::NotWritten(NotWritten::OnHold)));
    } else if let Some(asked) = worth_asking(core, &request) {
        begin_after(core, request, asked, then);
    } else if let Err((refused, then)) = begin(core, request, then) {
        then(Err(refused));
    }
}

/// What is told of a request. It must not block.
pub(crate) type Answer = Box<dyn FnOnce(Result<Acceptance, Refused>) + Send>;

/// Whether somebody is asked for the recipient's operator. What would be refused anyway costs no question.
fn worth_asking(core: &Core, request: &Request) -> Option<Asked> {
    if request.channel != Channel::Sms || request.text.is_empty() {
        return None;
    }
    let apps = core.apps.load();
    let app = apps.get(&request.app)?;
    let number = number::parse(&request.to, app.default_country).ok()?;
    if app.strict_numbers && !number.valid {
        return None;
    }
    let class =
        request.class.or(app.default_class).unwrap_or_else(|| core.tables.load().base.default_class());
    core.operators.ask(&number.recipient, number.country, class, core.clock.now())
}

/// Goes on with the request once its recipient's operator is known, or will not be in time.
fn begin_after(core: &Arc<Core>, request: Request, asked: Asked, then: Answer) {
    let after = Arc::clone(core);
    let mut asking = core.asking.lock();
    while asking.try_join_next().is_some() {}
    asking.spawn(async move {
        asked.await;
        if let Err((refused, then)) = begin(&after, request, then) {
            then(Err(refused));
        }
    });
}

fn begin(core: &Arc<Core>, request: Request, then: Answer) -> Result<(), (Refused, Answer)> {
    match prepare(core, request) {
        Ok((prepared, idempotency, key)) => {
            write(core, prepared, idempotency, key, then);
            Ok(())
        }
        Err(refused) => Err((refused, then)),
    }
}

fn prepare(core: &Arc<Core>, request: Request) -> Result<(Prepared, Option<Idempotency>, KeyGuard), Refused> {
    let key = KeyGuard::take(core, &request)?;
    let apps = core.apps.load();
    let app = apps.get(&request.app).ok_or_else(|| Refused::UnknownApp(request.app.clone()))?;
    let now = core.clock.now();
    let idempotency = request.idempotency.clone();
    let draft = draft(core, app, request, now);
    let prepared = draft.and_then(|(message, validity)| plan(core, message, validity));
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(Turned { refused, message }) => {
            keep_rejected(core, app, message, &refused);
            return Err(refused);
        }
    };
    Ok((prepared, idempotency, key))
}

/// A request turned down, with what of it can be kept and found again.
struct Turned {
    refused: Refused,
    message: Option<Box<Message>>,
}

impl From<Refused> for Turned {
    fn from(refused: Refused) -> Self {
        Self { refused, message: None }
    }
}

/// Everything that does not need the routing table.
fn draft(
    core: &Core,
    app: &App,
    request: Request,
    now: Timestamp,
) -> Result<(Box<Message>, Option<Duration>), Turned> {
    if request.channel != Channel::Sms {
        return Err(Refused::ChannelNotServed(request.channel).into());
    }
    if request.text.is_empty() {
        return Err(Refused::EmptyText.into());
    }
    let cut = segment::segment(&request.text);
    if cut.segments.len() > MAX_SEGMENTS {
        return Err(Refused::TextTooLong { segments: cut.segments.len() }.into());
    }
    let validity_is_sound = request.validity.is_none_or(|v| v >= Duration::from_secs(1) && v <= MAX_VALIDITY);
    if !validity_is_sound {
        return Err(Refused::BadValidity.into());
    }
    if request.send_at.is_some_and(|at| at > now.plus(MAX_SCHEDULE)) {
        return Err(Refused::BadSchedule.into());
    }
    let number = number::parse(&request.to, app.default_country);
    let (to, country) = match &number {
        Ok(number) => (number.recipient.clone(), number.country),
        Err(_) => (Recipient::unresolved(&request.to), None),
    };
    let message = Box::new(message(core, app, request, Resolved { to, country, cut: &cut, now }));
    match number {
        Err(bad) => Err(Turned { refused: Refused::BadNumber(bad), message: Some(message) }),
        Ok(number) if app.strict_numbers && !number.valid => {
            Err(Turned { refused: Refused::InvalidNumber, message: Some(message) })
        }
        Ok(_) => {
            let validity = (message.expires_at > now).then(|| message.expires_at.since(now));
            Ok((message, validity))
        }
    }
}

struct Resolved<'a> {
    to: Recipient,
    country: Option<Country>,
    cut: &'a segment::Segmentation,
    now: Timestamp,
}

fn message(core: &Core, app: &App, request: Request, resolved: Resolved<'_>) -> Message {
    let Resolved { to, country, cut, now } = resolved;
    let class =
        request.class.or(app.default_class).unwrap_or_else(|| core.tables.load().base.default_class());
    let has_endpoint = app.has_webhook || request.callback_url.is_some();
    let known = core.operators.of(&to, now);
    let has_link = content::has_link(&request.text);
    Message {
        id: request.id.unwrap_or_else(|| core.new_id(now)),
        app: request.app,
        created_at: now,
        to,
        from: request.from.or_else(|| app.default_sender.clone()),
        channel: request.channel,
        class,
        text: request.text.into(),
        encoding: cut.encoding,
        segments: u8::try_from(cut.segments.len()).unwrap_or(u8::MAX),
        country,
        operator: known.map(|known| known.operator.code().into_boxed_str()),
        reference: request.reference,
        metadata: request.metadata,
        send_at: request.send_at.filter(|at| *at > now),
        // Zero until the rule is known, when the application gave none.
        expires_at: request.validity.map_or(now, |validity| now.plus(validity)),
        max_price: request.max_price,
        callback_url: request.callback_url,
        notify: match request.by_smpp {
            Some(ref by_smpp) => by_smpp.notify,
            None if has_endpoint => app.notify,
            None => StatusSet::NONE,
        },
        by_smpp: request.by_smpp.map(|by_smpp| Box::new(by_smpp.addresses)),
        operator_source: known.map(|known| known.source),
        operator_known_at: known.and_then(|known| known.at),
        has_link,
        no_probe: request.no_probe,
    }
}

struct Prepared {
    record: Arc<Record>,
    effects: Effects,
    slot: Option<Room>,
    /// What the adaptive engine had to choose from.
    drawn_from: Vendors,
}

/// A slot, and what caps counted with it.
type Room = (connectors::Slot, Taken);

fn plan(core: &Arc<Core>, mut message: Box<Message>, validity: Option<Duration>) -> Result<Prepared, Turned> {
    let now = message.created_at;
    let decided_at = tokio::time::Instant::now();
    let choice = {
        let tables = core.tables.load();
        let (table, standing) = (tables.of(&message.to), core.standing());
        let choose = |before: &Before| routing::choose(&facts(&message, before, now), table, &standing);
        // One that is scheduled is decided on again when it is due.
        if message.send_at.is_some() {
            choose(&core.before(&message))
        } else {
            core.choose_with_claim(&message, core.before(&message), choose)
        }
    };
    core.observer.decision_took(decided_at.elapsed());
    let choice = match choice {
        Ok(choice) => choice,
        Err(routing::NoRule) => return Err(Turned { refused: Refused::NoRule, message: Some(message) }),
    };
    let Choice { plan, targets, spare, held, validity: of_rule, drawn_from } = choice;
    core.caps.passed_over(core.tables.load().of(&message.to), &plan, now);
    let starts_at = message.send_at.unwrap_or(now);
    message.expires_at = validity.map_or_else(|| starts_at.plus(of_rule), |validity| now.plus(validity));
    if message.expires_at <= starts_at {
        return Err(Turned { refused: Refused::BadSchedule, message: Some(message) });
    }
    let waits = targets.is_empty() && spare.is_empty();
    // One that only a route could carry from which an override takes the traffic waits for it.
    let Some(target) = targets.into_iter().chain(spare).chain(held).next() else {
        let left_out = plan.left_out.iter().map(|left| (left.route.clone(), left.because)).collect();
        return Err(Turned { refused: Refused::NoRoute { left_out }, message: Some(message) });
    };
    if message.send_at.is_some() {
        let (record, effects) = Record::accepted(*message, plan, None);
        return Ok(Prepared { record: Arc::new(record), effects, slot: None, drawn_from });
    }
    let next = NextAttempt { target: target.clone(), reference: core.new_reference() };
    let (mut record, effects) = Record::accepted(*message, plan, Some(next));
    let slot = if waits { None } else { dispatch_at_once(core, &mut record, target) };
    Ok(Prepared { record: Arc::new(record), effects, slot, drawn_from })
}

/// Takes a slot for the first attempt, when nobody waits for it who has an older claim.
fn dispatch_at_once(core: &Core, record: &mut Record, target: Target) -> Option<Room> {
    if !core.nobody_wants(&target.connection) {
        return None;
    }
    let now = record.message.created_at;
    let tables = core.tables.load();
    let table = tables.of(&record.message.to);
    let taken = core.caps.take(table, &target, &record.message, now).ok()?;
    let reserved = core.fleet.load().get(&target.connection).map(|connector| connector.reserve());
    let Some(Ok(slot)) = reserved else {
        taken.give_back();
        return None;
    };
    let text_revision = record.text_revision;
    let dispatch = Dispatch { attempt: 1, target, text_revision, bind: slot.bind, epoch: slot.epoch };
    // A new record cannot refuse its first dispatch; were it to, the attempt simply waits and the slot goes back.
    record.apply(Input::Dispatch(dispatch), now).ok().map(|_| (slot, taken))
}

fn write(
    core: &Arc<Core>,
    prepared: Prepared,
    idempotency: Option<Idempotency>,
    key: KeyGuard,
    answer: Answer,
) {
    let Prepared { record, effects, slot, drawn_from } = prepared;
    let after = Arc::clone(core);
    let then = move |result: Result<Written, NotWritten>| {
        let answered = match result {
            Ok(Written::Accepted { record, notices }) => {
                let acceptance = Acceptance { record: Arc::clone(&record), replayed: false };
                after.feedback.wanted(&record.message, drawn_from);
                worker::follow_accepted(&after, record, notices, slot.map(|(slot, _)| slot));
                drop(key);
                answer(Ok(acceptance));
                return;
            }
            Ok(Written::Replayed(record)) => Ok(Acceptance { record, replayed: true }),
            Ok(Written::KeyReused) => Err(Refused::KeyReused),
            Ok(other) => {
                tracing::error!(?other, "the store answered an acceptance with something else");
                Err(Refused::NotWritten(NotWritten::Broken))
            }
            Err(not_written) => Err(Refused::NotWritten(not_written)),
        };
        if let Some((_, taken)) = slot {
            taken.give_back();
        }
        drop(key);
        answer(answered);
    };
    core.writer.write(Urgency::Acceptance, Write::Accept { record, effects, idempotency }, Box::new(then));
}

/// A request that was understood and refused is kept, so that it can be found; how many is limited per app.
fn keep_rejected(core: &Arc<Core>, app: &App, message: Option<Box<Message>>, refused: &Refused) {
    let Some(mut message) = message else { return };
    // Parts that were answered are told of in any case.
    let came_in_parts = message.by_smpp.as_ref().is_some_and(|by_smpp| !by_smpp.parts.is_empty());
    // The answer says it all: a receipt would name an id that the application was never given.
    if message.by_smpp.is_some() && !came_in_parts {
        message.notify = StatusSet::NONE;
    }
    if came_in_parts || app.keeps_another_rejected(core.clock.now()) {
        write_rejected(core, message, &refused.to_string());
    }
}

/// Keeps a request that is refused for a reason of the door's.
pub(crate) fn reject(core: &Arc<Core>, request: Request, because: &str) {
    let apps = core.apps.load();
    let Some(app) = apps.get(&request.app).filter(|_| !core.on_hold) else { return };
    let cut = segment::segment(&request.text);
    let (to, country) = match number::parse(&request.to, app.default_country) {
        Ok(number) => (number.recipient, number.country),
        Err(_) => (Recipient::unresolved(&request.to), None),
    };
    let resolved = Resolved { to, country, cut: &cut, now: core.clock.now() };
    write_rejected(core, Box::new(message(core, app, request, resolved)), because);
}

fn write_rejected(core: &Arc<Core>, mut message: Box<Message>, because: &str) {
    message.expires_at = message.created_at;
    let (record, effects) = Record::rejected(*message, because);
    let write = Write::Accept { record: Arc::new(record), effects, idempotency: None };
    let core_after = Arc::clone(core);
    let then = move |result: Result<Written, NotWritten>| {
        if let Ok(Written::Accepted { record, notices }) = result {
            worker::follow_accepted(&core_after, record, notices, None);
        }
    };
    core.writer.write(Urgency::Acceptance, write, Box::new(then));
}

/// Holds an idempotency key while its commit is under way, so that the same key twice at once is noticed.
struct KeyGuard {
    core: Arc<Core>,
    held: Option<(AppId, Box<str>)>,
}

impl KeyGuard {
    fn take(core: &Arc<Core>, request: &Request) -> Result<Self, Refused> {
        let held =
            request.idempotency.as_ref().map(|idempotency| (request.app.clone(), idempotency.key.clone()));
        if let Some(held) = &held
            && !core.keys_in_flight.lock().insert(held.clone())
        {
            return Err(Refused::KeyInFlight);
        }
        Ok(Self { core: Arc::clone(core), held })
    }
}

impl Drop for KeyGuard {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.core.keys_in_flight.lock().remove(&held);
        }
    }
}
