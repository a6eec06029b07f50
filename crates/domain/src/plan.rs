//! The ordered routes for one message, each with the reason it is there or was left out, and the terms of its rule.

use std::fmt;
use std::time::Duration;

use minicbor::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::commitment::ShadowPrice;
use crate::id::{CapId, RouteId, RuleId};
use crate::money::Tariff;
use crate::overrides::{Flip, Steered};
use crate::time::Timestamp;

mod draw;

pub use draw::{DrawFlags, Drawn, Probing};

/// What `routing` decided for one message. It is stored with the message, so that the decision can be explained
/// however long after.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Plan {
    /// The version of the routing table that decided.
    #[n(0)]
    pub table: u64,
    #[n(1)]
    pub rule: RuleId,
    #[n(2)]
    pub terms: Terms,
    /// In the order in which they are tried.
    #[n(3)]
    pub routes: Vec<PlannedRoute>,
    #[n(4)]
    pub left_out: Vec<LeftOutRoute>,
    /// The flips that shaped it, in full: what a reason says of them can still be said when they are long over.
    #[cbor(n(5), default, skip_if = "Vec::is_empty")]
    pub flips: Vec<Flip>,
    /// As `flips`, for the other overrides and the maintenance of vendors.
    #[cbor(n(6), default, skip_if = "Vec::is_empty")]
    pub steered: Vec<Steered>,
    /// The pin that put a route before those of the rule.
    #[cbor(n(7), default, skip_if = "Option::is_none")]
    pub pin: Option<RuleId>,
    /// Why the message was drawn without the shares that are there to learn, or for those alone.
    #[cbor(n(8), default, skip_if = "Option::is_none")]
    pub probing: Option<Probing>,
}

impl Plan {
    /// Whether another message of the same kind may have another order.
    #[must_use]
    pub fn is_drawn(&self) -> bool {
        self.routes.iter().any(|planned| planned.drawn.is_some())
    }
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct PlannedRoute {
    #[n(0)]
    pub route: RouteId,
    #[n(1)]
    pub reason: Reason,
    /// None when the route has no price for the destination.
    #[n(2)]
    pub price: Option<Tariff>,
    /// Where the adaptive engine had a say.
    #[cbor(n(8), default, skip_if = "Option::is_none")]
    pub drawn: Option<Drawn>,
    /// Where a commitment to its vendor had a say. In a box, because few have one.
    #[cbor(n(9), default, skip_if = "Option::is_none")]
    pub shadow_price: Option<Box<ShadowPrice>>,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct LeftOutRoute {
    #[n(0)]
    pub route: RouteId,
    #[n(1)]
    pub because: Exclusion,
    /// Which entry of the route's `senders_by` does not carry the sender, or of its `content_by` the text, counted from
    /// zero as in the configuration; None when it is its `senders` or `content`, and where the reason is another.
    #[cbor(n(2), default, skip_if = "Option::is_none")]
    pub entry: Option<u16>,
    /// The cap that is reached, as it stood; None where the reason is another.
    #[cbor(n(3), default, skip_if = "Option::is_none")]
    pub capped: Option<Capped>,
    /// For a route below the rule's floor of quality.
    #[cbor(n(8), default, skip_if = "Option::is_none")]
    pub shortfall: Option<Shortfall>,
}

/// A cap that has no room for a message.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Capped {
    #[n(0)]
    pub cap: CapId,
    /// Segments that were counted.
    #[n(1)]
    pub count: u32,
    #[n(2)]
    pub limit: u32,
    /// When the count begins anew.
    #[n(3)]
    pub until: Timestamp,
}

/// `cap acme-day is reached: 1000 of 1000 segments until 2026-03-01 00:00 UTC`.
impl fmt::Display for Capped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cap, count, limit, until } = self;
        write!(f, "cap {cap} is reached: {count} of {limit} segments until {}", until.to_the_minute())
    }
}

/// How far a route stays behind what its rule asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Shortfall {
    /// The part of its messages that arrives, as the adaptive engine believes, in hundredths of a percent.
    #[n(0)]
    pub quality: u16,
    /// What the rule asks for, in the same unit.
    #[n(1)]
    pub floor: u16,
    /// How many messages that is known from.
    #[n(2)]
    pub messages: u32,
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |hundredths: u16| f64::from(hundredths) / 100.0;
        let (quality, floor) = (percent(self.quality), percent(self.floor));
        write!(
            f,
            "{quality:.1} % of its messages arrive ({} messages), and the rule asks for {floor:.1} %",
            self.messages
        )
    }
}

/// Why a route stands where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Reason {
    /// The rule lists it at this place, counted from one.
    #[n(0)]
    Priority(#[n(0)] u8),
    /// Drawn by the hash of the recipient; the share of traffic it gets, in thousandths.
    #[n(1)]
    Weight(#[n(0)] u16),
    /// Its place in the order of price, counted from one.
    #[n(2)]
    Price(#[n(0)] u8),
    /// It has no price that can be compared, so it stands behind all that have one.
    #[n(3)]
    NoPrice,
    /// It carried this recipient's last one-time password a moment ago, so the others go first.
    #[n(4)]
    UsedJustNow,
    /// Its connection is down, so the others go first.
    #[n(5)]
    ConnectionDown,
    /// It stands in for a route that is flipped to it.
    #[n(6)]
    Flipped,
    /// Its vendor is in maintenance, and no other route can carry the message now.
    #[n(40)]
    Maintenance,
    /// It shares a failure domain with a route before it, so others go first.
    #[n(7)]
    SameFailureDomain,
    /// A pin puts it before those of the rule.
    #[n(50)]
    Pinned,
    /// Drawn by what the adaptive engine knows; its place by utility, counted from one.
    #[n(60)]
    Adaptive(#[n(0)] u8),
    /// The adaptive engine knows nothing of such messages yet; its place in the rule, counted from one.
    #[n(61)]
    NotLearned(#[n(0)] u8),
}

/// Why a route that the rule names is not in the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Exclusion {
    /// The route carries another channel.
    #[n(0)]
    Channel,
    /// The route does not go to the recipient's country.
    #[n(1)]
    Country,
    /// The route does not carry the sender, and has no default to put in its place.
    #[n(2)]
    Sender,
    /// The message or its rule allows less than the route costs.
    #[n(3)]
    PriceAboveMax,
    /// There is a limit, and no price is known: it may cost anything.
    #[n(4)]
    PriceUnknown,
    /// The limit is in another currency than the price, and there is no exchange rate.
    #[n(5)]
    CurrencyDiffers,
    /// Its weight is zero.
    #[n(6)]
    NoWeight,
    /// An override has another route stand in for it.
    #[n(7)]
    Flipped,
    /// An override lets it, its connection or its vendor take no traffic.
    #[n(40)]
    Suspended,
    /// Its vendor is in maintenance, and other routes can carry the message.
    #[n(41)]
    Maintenance,
    /// An override gives it no weight.
    #[n(42)]
    WeightTaken,
    /// The vendor has closed the destination.
    #[n(30)]
    Closed,
    /// It, or its connection, has carried as much as it may for now.
    #[n(50)]
    Capped,
    /// A pin lets another route alone carry the message.
    #[n(51)]
    Pinned,
    /// It delivers less than the rule asks for.
    #[n(60)]
    QualityFloor,
    /// The text, as it would send it, does not match what it asks for.
    #[n(70)]
    TextMismatch,
    /// It does not carry the encoding of the text.
    #[n(71)]
    Encoding,
    /// The text, as it would send it, takes more segments than it carries, or than are sent at all.
    #[n(72)]
    TooManySegments,
}

impl Reason {
    /// The stable code that the API shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Priority(_) => "priority",
            Self::Weight(_) => "weight",
            Self::Price(_) => "price",
            Self::NoPrice => "no_price",
            Self::UsedJustNow => "used_just_now",
            Self::ConnectionDown => "connection_down",
            Self::Flipped => "flipped",
            Self::Maintenance => "maintenance",
            Self::SameFailureDomain => "same_failure_domain",
            Self::Pinned => "pinned",
            Self::Adaptive(_) => "adaptive",
            Self::NotLearned(_) => "not_learned",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn explanation(self) -> String {
        match self {
            Self::Priority(place) => format!("the rule lists it in place {place}"),
            Self::Weight(share) => {
                format!("drawn by weight: {}.{} % of recipients get it first", share / 10, share % 10)
            }
            Self::Price(place) => format!("in place {place} by price"),
            Self::NoPrice => {
                "no price is known that can be compared, so it stands behind all that have one".to_owned()
            }
            Self::UsedJustNow => {
                "it carried this recipient's last one-time password a moment ago, so the others go first"
                    .to_owned()
            }
            Self::ConnectionDown => "its connection is down, so the others go first".to_owned(),
            Self::Flipped => "it stands in for a route that is flipped to it".to_owned(),
            Self::Maintenance => {
                "its vendor is in maintenance, and no other route can carry it now".to_owned()
            }
            Self::SameFailureDomain => {
                "it shares a failure domain with a route before it, so others go first".to_owned()
            }
            Self::Pinned => "a pin puts it before those of the rule".to_owned(),
            Self::Adaptive(place) => format!("in place {place} by what its messages are worth"),
            Self::NotLearned(place) => {
                format!("nothing is known of such messages yet: the rule lists it in place {place}")
            }
        }
    }
}

impl Exclusion {
    /// Whether the route does not carry the text.
    #[must_use]
    pub fn is_of_text(self) -> bool {
        matches!(self, Self::TextMismatch | Self::Encoding | Self::TooManySegments)
    }

    /// The stable code that the API shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Country => "country",
            Self::Sender => "sender_not_allowed",
            Self::PriceAboveMax => "price_above_max",
            Self::PriceUnknown => "price_unknown",
            Self::CurrencyDiffers => "currency_differs",
            Self::NoWeight => "no_weight",
            Self::Flipped => "flipped",
            Self::Suspended => "suspended",
            Self::Maintenance => "maintenance",
            Self::WeightTaken => "weight_taken",
            Self::Closed => "closed",
            Self::Capped => "capped",
            Self::Pinned => "pinned",
            Self::QualityFloor => "quality_floor",
            Self::TextMismatch => "text_mismatch",
            Self::Encoding => "encoding",
            Self::TooManySegments => "too_many_segments",
        }
    }

    /// One sentence for people.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Channel => "the route carries another channel",
            Self::Country => "the route does not go to the recipient's country",
            Self::Sender => "the route does not carry this sender",
            Self::PriceAboveMax => "the route costs more than the limit allows",
            Self::PriceUnknown => "the route has no price for this destination, and there is a limit",
            Self::CurrencyDiffers => {
                "the limit is in another currency than the route's prices, and no exchange rate holds between them"
            }
            Self::NoWeight => "the rule gives the route no weight",
            Self::Flipped => "the route is flipped to another",
            Self::Suspended => "the route is suspended",
            Self::Maintenance => "the route's vendor is in maintenance",
            Self::WeightTaken => "an override gives the route no weight",
            Self::Closed => "the vendor's rate card says that the destination is closed",
            Self::Capped => "a cap of the route or its connection is reached",
            Self::Pinned => "a pin lets another route alone carry the message",
            Self::QualityFloor => "the route delivers less than the rule asks for",
            Self::TextMismatch => "the text is not what the route asks for",
            Self::Encoding => "the route does not carry the text's encoding",
            Self::TooManySegments => "the text takes more segments than the route carries",
        }
    }
}

/// What the rule says of failure, as it stood when the message was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Terms {
    #[n(0)]
    pub on_unknown: OnUnknown,
    #[n(1)]
    pub failover_on: FailoverSet,
    /// Milliseconds to wait for a slot or a bind before the next route is tried.
    #[n(2)]
    pub wait_at_most_ms: u32,
    /// Milliseconds from dispatch after which a missing receipt counts as a failure.
    #[n(3)]
    pub no_receipt_after_ms: Option<u32>,
    /// Attempts that a vendor may have taken or refused.
    #[n(4)]
    pub max_attempts: u8,
}

impl Terms {
    #[must_use]
    pub fn wait_at_most(&self) -> Duration {
        Duration::from_millis(self.wait_at_most_ms.into())
    }

    /// None unless the rule fails over on a missing receipt.
    #[must_use]
    pub fn no_receipt_after(&self) -> Option<Duration> {
        let wanted = self.failover_on.contains(FailoverOn::NoReceipt);
        self.no_receipt_after_ms.filter(|_| wanted).map(|ms| Duration::from_millis(ms.into()))
    }
}

/// What happens after an attempt whose outcome nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum OnUnknown {
    /// Once more on the same route, marked as a possible duplicate.
    #[n(0)]
    Resend,
    /// On the next route, marked as a possible duplicate.
    #[default]
    #[n(1)]
    NextRoute,
    /// Nothing is sent again: at most once.
    #[n(2)]
    Hold,
}

/// What makes a message go on to the next route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailoverOn {
    /// The vendor refused it at submit.
    Rejected,
    /// No slot came free in time, or the vendor throttles.
    Busy,
    /// No bind came up in time.
    Unavailable,
    /// A receipt says that it was not delivered.
    Undelivered,
    /// No receipt came in time.
    NoReceipt,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct FailoverSet(#[n(0)] u8);

impl FailoverSet {
    #[must_use]
    pub fn with(self, on: FailoverOn) -> Self {
        Self(self.0 | 1 << on as u8)
    }

    #[must_use]
    pub fn contains(self, on: FailoverOn) -> bool {
        self.0 & (1 << on as u8) != 0
    }
}

impl FromIterator<FailoverOn> for FailoverSet {
    fn from_iter<I: IntoIterator<Item = FailoverOn>>(words: I) -> Self {
        words.into_iter().fold(Self::default(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::OverrideId;

    fn plan(flips: Vec<Flip>) -> Plan {
        let terms = Terms {
            on_unknown: OnUnknown::NextRoute,
            failover_on: FailoverSet::default(),
            wait_at_most_ms: 3000,
            no_receipt_after_ms: None,
            max_attempts: 3,
        };
        let rule = RuleId::new("all").unwrap();
        Plan {
            table: 1,
            rule,
            terms,
            routes: Vec::new(),
            left_out: Vec::new(),
            flips,
            steered: Vec::new(),
            pin: None,
            probing: None,
        }
    }

    #[test]
    fn a_plan_without_flips_is_written_as_before_there_were_any() {
        let [without, with] = [plan(Vec::new()), plan(vec![flip()])].map(|plan| {
            let bytes = minicbor::to_vec(&plan).unwrap();
            assert_eq!(minicbor::decode::<Plan>(&bytes).unwrap(), plan);
            bytes
        });
        // An array of five.
        assert_eq!(without.first(), Some(&0x85));
        assert_eq!(with.first(), Some(&0x86));
    }

    fn flip() -> Flip {
        Flip {
            id: OverrideId::from_u128(7),
            from: RouteId::new("acme-de").unwrap(),
            to: RouteId::new("borealis-de").unwrap(),
            until: Timestamp::from_millis(5000),
            by: "ops".into(),
            reason: "receipts drop".into(),
        }
    }
}
