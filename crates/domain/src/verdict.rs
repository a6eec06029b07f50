//! What the adaptive engine concludes of an arm, with the numbers that prove it.

use std::fmt;

use minicbor::{Decode, Encode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ConnectionId, VerdictId};
use crate::number::Country;
use crate::time::Timestamp;

/// One thing that went wrong, from when it was noticed until it was over.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Verdict {
    #[n(0)]
    pub id: VerdictId,
    #[n(1)]
    pub kind: Kind,
    #[n(2)]
    pub scope: Scope,
    #[n(3)]
    pub raised_at: Timestamp,
    /// When more was known and the kind changed, last.
    #[n(4)]
    pub revised_at: Option<Timestamp>,
    #[n(5)]
    pub recovered_at: Option<Timestamp>,
    #[n(6)]
    pub proof: Proof,
}

/// What a verdict is about. Without a destination: all that the connection carries; without a connection: all that
/// goes to the destination.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Scope {
    #[n(0)]
    pub connection: Option<ConnectionId>,
    #[n(1)]
    pub destination: Option<Destination>,
}

/// Where messages go, as far as the engine tells it apart. Without an operator: those of a country whose operator is not
/// known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Destination {
    #[n(0)]
    pub country: Option<Country>,
    /// MCC and MNC, digits alone.
    #[n(1)]
    pub operator: Option<Box<str>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize, JsonSchema)]
#[cbor(index_only)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Submits are not answered.
    #[n(0)]
    Outage,
    /// Accepted, and lost.
    #[n(1)]
    SilentDrop,
    /// Receipts say "delivered", conversions say no.
    #[n(2)]
    FakeReceipts,
    /// Receipts are late or missing, conversions say that messages arrive.
    #[n(3)]
    SlowReceipts,
    /// Messages arrive late.
    #[n(4)]
    SlowDelivery,
    /// The vendor takes far less than it should.
    #[n(5)]
    Throttled,
    /// All routes to an operator are in trouble: no vendor is to blame.
    #[n(6)]
    OperatorWide,
    /// Many more codes are asked for than users enter, on all routes to an operator: no vendor is to blame.
    #[n(7)]
    Pumping,
}

/// The numbers behind a verdict. Rates are shares from zero to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Encode, Decode)]
pub struct Proof {
    /// When it changed, as far as can be told, in milliseconds since the Unix epoch.
    #[n(0)]
    pub since_ms: i64,
    #[n(1)]
    pub before: f64,
    #[n(2)]
    pub after: f64,
    /// The log-likelihood ratio, and the threshold that it passed; zero where none was needed.
    #[n(3)]
    pub ratio: f64,
    #[n(4)]
    pub threshold: f64,
    /// Messages that it rests on.
    #[n(5)]
    pub observations: f64,
}

impl Kind {
    pub const ALL: [Self; 8] = [
        Self::Outage,
        Self::SilentDrop,
        Self::FakeReceipts,
        Self::SlowReceipts,
        Self::SlowDelivery,
        Self::Throttled,
        Self::OperatorWide,
        Self::Pumping,
    ];

    /// The name in events, metrics and documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::SilentDrop => "silent_drop",
            Self::FakeReceipts => "fake_receipts",
            Self::SlowReceipts => "slow_receipts",
            Self::SlowDelivery => "slow_delivery",
            Self::Throttled => "throttled",
            Self::OperatorWide => "operator_wide",
            Self::Pumping => "pumping",
        }
    }

    /// What the rates of its proof are of, and what it all means.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Outage => ("answered submits", "submits unanswered: outage"),
            Self::SilentDrop => ("delivery by receipts", "accepted and lost: silent drop suspected"),
            Self::FakeReceipts => ("conversion", "receipts normal: fake receipts suspected"),
            Self::SlowReceipts => {
                ("delivery by receipts", "conversions normal: receipts are late or missing, messages arrive")
            }
            Self::SlowDelivery => ("delivery in time", "receipts come late: slow delivery suspected"),
            Self::Throttled => ("messages a second", "the vendor refuses more: throttled"),
            Self::Pumping => (
                "conversion",
                "receipts normal, many more codes asked for and as many entered as before: pumping suspected, no vendor is to blame",
            ),
            Self::OperatorWide => {
                ("delivery by receipts", "all routes to the operator have fallen: no vendor is to blame")
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Destination {
    /// `26201`, `DE`, or `unknown`.
    #[must_use]
    pub fn name(&self) -> &str {
        let country = || self.country.as_ref().map(Country::as_str);
        self.operator.as_deref().or_else(country).unwrap_or("unknown")
    }
}

impl Scope {
    /// Whether the verdict is about messages of this connection to this destination, perhaps among others.
    #[must_use]
    pub fn covers(&self, connection: &ConnectionId, destination: &Destination) -> bool {
        self.connection.as_ref().is_none_or(|of| of == connection)
            && self.destination.as_ref().is_none_or(|of| of == destination)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.connection, &self.destination) {
            (Some(connection), Some(destination)) => write!(f, "{connection} to {}", destination.name()),
            (Some(connection), None) => write!(f, "{connection}"),
            (None, Some(destination)) => write!(f, "all routes to {}", destination.name()),
            (None, None) => f.write_str("everything"),
        }
    }
}

impl Verdict {
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.recovered_at.is_none()
    }

    /// Whether it was in force then.
    #[must_use]
    pub fn held_at(&self, at: Timestamp) -> bool {
        self.raised_at <= at && self.recovered_at.is_none_or(|recovered_at| at < recovered_at)
    }

    /// `conversion 11 % against 62 % since 2026-03-01 14:03 UTC, 37 messages, LLR 8.3 > 8.0, receipts normal: fake
    /// receipts suspected`.
    #[must_use]
    pub fn explanation(&self) -> String {
        let Proof { since_ms, before, after, ratio, threshold, observations } = self.proof;
        let (of, meaning) = self.kind.words();
        let since = Timestamp::from_millis(since_ms).to_the_minute();
        let rates = match self.kind {
            Kind::Throttled if before.is_finite() => format!("{after:.0} {of} against {before:.0} agreed"),
            Kind::Throttled => format!("{after:.0} {of}"),
            Kind::Outage
            | Kind::SilentDrop
            | Kind::FakeReceipts
            | Kind::SlowReceipts
            | Kind::SlowDelivery
            | Kind::OperatorWide
            | Kind::Pumping => format!("{of} {:.0} % against {:.0} %", after * 100.0, before * 100.0),
        };
        let sum = if threshold > 0.0 { format!(", LLR {ratio:.1} > {threshold:.1}") } else { String::new() };
        format!("{rates} since {since}, {observations:.0} messages{sum}, {meaning}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(kind: Kind) -> Verdict {
        let connection = Some(ConnectionId::new("acme").unwrap());
        let country = Some("DE".parse().unwrap());
        let destination = Some(Destination { country, operator: Some("26201".into()) });
        Verdict {
            id: VerdictId::from_u128(7),
            kind,
            scope: Scope { connection, destination },
            raised_at: Timestamp::from_millis(1_772_374_000_000),
            revised_at: None,
            recovered_at: Some(Timestamp::from_millis(1_772_374_600_000)),
            proof: Proof {
                since_ms: 1_772_373_780_000,
                before: 0.62,
                after: 0.11,
                ratio: 8.3,
                threshold: 8.0,
                observations: 37.0,
            },
        }
    }

    #[test]
    fn a_verdict_is_told_in_numbers_and_reads_back() {
        let verdict = verdict(Kind::FakeReceipts);
        assert_eq!(
            verdict.explanation(),
            "conversion 11 % against 62 % since 2026-03-01 14:03 UTC, 37 messages, LLR 8.3 > 8.0, receipts normal: fake receipts suspected"
        );
        assert_eq!(verdict.scope.to_string(), "acme to 26201");
        let bytes = minicbor::to_vec(&verdict).unwrap();
        assert_eq!(minicbor::decode::<Verdict>(&bytes).unwrap(), verdict);
    }

    #[test]
    fn a_verdict_covers_its_arm_while_it_holds() {
        let verdict = verdict(Kind::SilentDrop);
        let [acme, other] = ["acme", "borealis"].map(|name| ConnectionId::new(name).unwrap());
        let destination = verdict.scope.destination.clone().unwrap();
        assert!(verdict.scope.covers(&acme, &destination));
        assert!(!verdict.scope.covers(&other, &destination));
        assert!(!verdict.scope.covers(&acme, &Destination::default()));
        assert!(verdict.held_at(verdict.raised_at));
        assert!(!verdict.held_at(verdict.recovered_at.unwrap()));
    }
}
