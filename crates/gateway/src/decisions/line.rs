//! One line: a message, and what the log has of it.

use std::time::Duration;

use domain::money::Price;
use domain::plan::{Capped, DrawFlags, Drawn, Shortfall};
use domain::{
    AppId, CapId, Channel, Class, ConnectionId, Encoding, ErrorClass, MessageId, RouteId, Sender, Timestamp,
    segment,
};
use pipeline::replay::{Answered, Believed, Decision, Done, Fate, LeftAside, Leg, Refusal};
use serde::{Deserialize, Deserializer, Serialize};

use super::pace::PaceLine;
use super::words::{Answer, Aside, Receipt, Refused};

/// A field that is null says that there is none; one that is absent is found out as for a new message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<MessageId>,
    /// When it was accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<Option<Sender>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) channel: Option<Channel>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) class: Option<Class>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) encoding: Option<Encoding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) segments: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) has_link: Option<bool>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub(super) country: Option<Option<String>>,
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<Option<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) send_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) expires_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_price: Option<Price>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) no_probe: bool,
    /// What was done with it. Neither this nor `refused`: it is planned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) attempts: Option<Vec<LegLine>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<Refused>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) outcomes: Vec<OutcomeLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) down: Vec<RouteId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) capped: Vec<CappedLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) believed: Vec<BelievedLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) paces: Vec<PaceLine>,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) probed_just_now: bool,
    /// No table decided it: nothing but its id and instant is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) left_aside: Option<Aside>,
}

fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(from: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// An attempt of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LegLine {
    route: RouteId,
    connection: ConnectionId,
    pub(super) asked_at: Timestamp,
    /// Of the text that it sent; absent: the message's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    segments: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost: Option<Price>,
    /// Segments that the vendor took.
    #[serde(default, skip_serializing_if = "is_default")]
    taken: u16,
    #[serde(default, skip_serializing_if = "is_default")]
    unpriced: u16,
}

/// What a route did with the message. Of a text with more parts than are said here, the rest fare like the last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OutcomeLine {
    route: RouteId,
    /// No slot came free for it; nothing else is said then.
    #[serde(default, skip_serializing_if = "is_default")]
    no_slot: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Answer>,
    #[serde(default, skip_serializing_if = "is_default")]
    after_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    late: Option<LateLine>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    receipts: Vec<Option<Receipt>>,
    #[serde(default, skip_serializing_if = "is_default")]
    receipt_after_ms: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<Option<String>>,
    #[serde(default, skip_serializing_if = "is_default")]
    assumed: bool,
}

/// Answers that came after they had been given up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LateLine {
    answers: Vec<Answer>,
    after_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CappedLine {
    cap: CapId,
    count: u32,
    limit: u32,
    until: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BelievedLine {
    route: RouteId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    drawn: Option<DrawnLine>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shortfall: Option<ShortfallLine>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DrawnLine {
    table: u64,
    place: u8,
    share: u16,
    probe: u16,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    flags: Vec<Flag>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Flag {
    Probe,
    Fallback,
    Throttled,
    CircuitOpen,
}

const FLAGS: [(Flag, DrawFlags); 4] = [
    (Flag::Probe, DrawFlags::PROBE),
    (Flag::Fallback, DrawFlags::FALLBACK),
    (Flag::Throttled, DrawFlags::THROTTLED),
    (Flag::CircuitOpen, DrawFlags::SHUT),
];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShortfallLine {
    quality: u16,
    floor: u16,
    messages: u32,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Line {
    pub(super) fn of(decision: &Decision) -> Self {
        let message = &decision.message;
        let (attempts, refused) = match &decision.done {
            Done::Planned => (None, None),
            Done::Sent(legs) => (Some(legs.iter().map(LegLine::of).collect()), None),
            Done::Refused(Refusal::NoRule) => (None, Some(Refused::NoRule)),
            Done::Refused(Refusal::NoRoute(_)) => (None, Some(Refused::NoRoute)),
        };
        Self {
            id: Some(message.id),
            at: Some(message.created_at),
            app: Some(message.app.clone()),
            to: Some(message.to.as_str().to_owned()),
            from: Some(message.from.clone()),
            channel: Some(message.channel),
            class: Some(message.class),
            text: None,
            encoding: Some(message.encoding),
            segments: Some(message.segments),
            has_link: Some(message.has_link),
            no_probe: message.no_probe,
            country: Some(message.country.map(|country| country.to_string())),
            operator: Some(message.operator.as_deref().map(str::to_owned)),
            send_at: message.send_at,
            expires_at: Some(message.expires_at),
            max_price: message.max_price,
            attempts,
            refused,
            outcomes: decision.fates.iter().map(|(route, fate)| OutcomeLine::of(route, fate)).collect(),
            down: decision.down.clone(),
            capped: decision.capped.iter().map(CappedLine::of).collect(),
            believed: decision.believed.iter().map(BelievedLine::of).collect(),
            paces: decision.paces.iter().map(PaceLine::of).collect(),
            probed_just_now: decision.probed_just_now,
            left_aside: None,
        }
    }

    pub(super) fn aside(id: MessageId, at: Timestamp, why: LeftAside) -> Self {
        Self { id: Some(id), at: Some(at), left_aside: Some(why.into()), ..Self::default() }
    }

    pub(super) fn done(&self) -> Done {
        match (&self.attempts, self.refused) {
            (_, Some(Refused::NoRule)) => Done::Refused(Refusal::NoRule),
            (_, Some(Refused::NoRoute)) => Done::Refused(Refusal::NoRoute(Vec::new())),
            (Some(legs), None) => {
                let segments = self.segments.map_or_else(|| self.segments_of_text(), u16::from);
                Done::Sent(legs.iter().map(|leg| leg.leg(segments)).collect())
            }
            (None, None) => Done::Planned,
        }
    }

    fn segments_of_text(&self) -> u16 {
        let cut = segment::segment(self.text.as_deref().unwrap_or_default());
        u16::try_from(cut.segments.len()).unwrap_or(u16::MAX)
    }
}

impl LegLine {
    fn of(leg: &Leg) -> Self {
        let Leg { route, connection, asked_at, segments, cost, taken, unpriced } = leg.clone();
        Self { route, connection, asked_at, segments: Some(segments), cost, taken, unpriced }
    }

    fn leg(&self, of_message: u16) -> Leg {
        let Self { route, connection, asked_at, segments, cost, taken, unpriced } = self.clone();
        let segments = segments.unwrap_or(of_message);
        Leg { route, connection, asked_at, segments, cost, taken, unpriced }
    }
}

impl OutcomeLine {
    fn of(route: &RouteId, fate: &Fate) -> Self {
        let (no_slot, answered) = match fate {
            Fate::NoSlot => (true, Answered::default()),
            Fate::Answered(answered) => (false, answered.clone()),
        };
        let words =
            |answers: &[domain::attempt::PartAnswer]| answers.iter().map(|one| (*one).into()).collect();
        let class = |class: &Option<ErrorClass>| class.map(|class| class.as_str().to_owned());
        Self {
            route: route.clone(),
            no_slot,
            answers: words(&answered.parts),
            after_ms: millis(answered.after),
            late: answered
                .late
                .map(|(answers, after)| LateLine { answers: words(&answers), after_ms: millis(after) }),
            receipts: answered.receipts.iter().map(|one| one.map(Receipt::from)).collect(),
            receipt_after_ms: millis(answered.receipt_after),
            classes: answered.classes.iter().map(class).collect(),
            assumed: answered.is_assumed,
        }
    }

    /// # Errors
    /// In words, without the place.
    pub(super) fn fate(&self) -> Result<(RouteId, Fate), String> {
        if self.no_slot {
            return Ok((self.route.clone(), Fate::NoSlot));
        }
        if self.answers.is_empty() {
            return Err("has neither `answers` nor `no_slot`".to_owned());
        }
        let answers = |words: &[Answer]| words.iter().map(|one| (*one).into()).collect();
        let class = |word: &Option<String>| word.as_deref().map(str::parse::<ErrorClass>).transpose();
        let classes: Result<Vec<_>, _> = self.classes.iter().map(class).collect();
        Ok((
            self.route.clone(),
            Fate::Answered(Answered {
                parts: answers(&self.answers),
                after: Duration::from_millis(self.after_ms),
                late: self
                    .late
                    .as_ref()
                    .map(|late| (answers(&late.answers), Duration::from_millis(late.after_ms))),
                receipts: self.receipts.iter().map(|one| one.map(Into::into)).collect(),
                receipt_after: Duration::from_millis(self.receipt_after_ms),
                classes: classes.map_err(|bad| bad.to_string())?.into(),
                is_assumed: self.assumed,
            }),
        ))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl CappedLine {
    fn of(capped: &Capped) -> Self {
        let Capped { cap, count, limit, until } = capped.clone();
        Self { cap, count, limit, until }
    }

    pub(super) fn capped(&self) -> Capped {
        let Self { cap, count, limit, until } = self.clone();
        Capped { cap, count, limit, until }
    }
}

impl BelievedLine {
    fn of(believed: &Believed) -> Self {
        let drawn = believed.drawn.map(|Drawn { table, place, share, probe, flags }| DrawnLine {
            table,
            place,
            share,
            probe,
            flags: FLAGS
                .into_iter()
                .filter(|(_, flag)| flags.contains(*flag))
                .map(|(word, _)| word)
                .collect(),
        });
        let shortfall = believed.shortfall;
        let shortfall = shortfall.map(|Shortfall { quality, floor, messages }| ShortfallLine {
            quality,
            floor,
            messages,
        });
        Self { route: believed.route.clone(), drawn, shortfall }
    }

    pub(super) fn believed(&self) -> Believed {
        let flags = |words: &[Flag]| {
            let set = FLAGS.into_iter().filter(|(word, _)| words.contains(word));
            set.fold(DrawFlags::default(), |flags, (_, flag)| flags.with(flag))
        };
        Believed {
            route: self.route.clone(),
            drawn: self.drawn.as_ref().map(|drawn| Drawn {
                table: drawn.table,
                place: drawn.place,
                share: drawn.share,
                probe: drawn.probe,
                flags: flags(&drawn.flags),
            }),
            shortfall: self.shortfall.as_ref().map(|ShortfallLine { quality, floor, messages }| Shortfall {
                quality: *quality,
                floor: *floor,
                messages: *messages,
            }),
        }
    }
}
