//! How vendors are by nature: five characters for the demo, each a set of odds and delays.

use std::str::FromStr;
use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use smpp_wire::status::CommandStatus;

/// A character that the demo's vendors can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Personality {
    /// Fast and honest.
    Premium,
    /// Reports every message as delivered, of which a part reaches a handset.
    Cheap,
    /// Answers late, delivers well, and reports later still.
    Slow,
    /// Errors, throttling, and a line that breaks now and then.
    Flaky,
    /// Good at home (+44), bad elsewhere.
    Regional,
}

/// The odds and delays by which a vendor treats a message. Odds are between 0 and 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Conduct {
    /// Until a submission is answered.
    pub latency: Spread,
    /// How often it is answered with `error_status`.
    pub error_rate: f64,
    pub error_status: CommandStatus,
    /// How often it is answered with ESME_RTHROTTLED, whatever the throughput.
    pub throttled_rate: f64,
    /// How often the line breaks just before the answer.
    pub cut_rate: f64,
    /// How many of the accepted messages reach the handset, and when after their acceptance.
    pub arrival_rate: f64,
    pub arrival_delay: Spread,
    /// How many of the accepted messages get a receipt, and when after their acceptance.
    pub receipt_rate: f64,
    pub receipt_delay: Spread,
    /// How many of the messages that never arrive are reported as delivered all the same.
    pub fake_rate: f64,
}

/// A duration drawn evenly between two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread {
    pub least: Duration,
    pub most: Duration,
}

/// Another conduct towards the numbers that begin with these digits.
#[derive(Debug, Clone, PartialEq)]
pub struct Region {
    pub prefix: String,
    pub conduct: Conduct,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a personality: expected premium, cheap, slow, flaky or regional")]
pub struct UnknownPersonality(pub String);

impl Personality {
    pub const ALL: [Self; 5] = [Self::Premium, Self::Cheap, Self::Slow, Self::Flaky, Self::Regional];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Premium => "premium",
            Self::Cheap => "cheap",
            Self::Slow => "slow",
            Self::Flaky => "flaky",
            Self::Regional => "regional",
        }
    }

    /// How it treats numbers in general.
    #[must_use]
    pub fn conduct(self) -> Conduct {
        match self {
            Self::Premium => premium(),
            Self::Cheap => Conduct {
                latency: Spread::millis(40, 90),
                arrival_rate: 0.72,
                arrival_delay: Spread::millis(1_500, 6_000),
                receipt_delay: Spread::millis(800, 2_000),
                fake_rate: 1.0,
                ..Conduct::default()
            },
            Self::Slow => Conduct {
                latency: Spread::millis(380, 420),
                arrival_rate: 0.97,
                arrival_delay: Spread::millis(3_000, 9_000),
                receipt_delay: Spread::millis(20_000, 40_000),
                ..Conduct::default()
            },
            Self::Flaky => Conduct {
                latency: Spread::millis(30, 250),
                error_rate: 0.06,
                throttled_rate: 0.04,
                cut_rate: 0.002,
                arrival_rate: 0.95,
                receipt_rate: 0.94,
                ..Conduct::default()
            },
            Self::Regional => Conduct {
                latency: Spread::millis(80, 160),
                error_rate: 0.15,
                error_status: CommandStatus::RSUBMITFAIL,
                arrival_rate: 0.6,
                arrival_delay: Spread::millis(5_000, 30_000),
                receipt_delay: Spread::millis(8_000, 35_000),
                ..Conduct::default()
            },
        }
    }

    /// Where it behaves in another way.
    #[must_use]
    pub fn regions(self) -> Vec<Region> {
        match self {
            Self::Regional => vec![Region { prefix: "44".into(), conduct: premium() }],
            Self::Premium | Self::Cheap | Self::Slow | Self::Flaky => Vec::new(),
        }
    }
}

fn premium() -> Conduct {
    Conduct {
        latency: Spread::millis(15, 40),
        error_rate: 0.001,
        arrival_rate: 0.99,
        receipt_rate: 0.998,
        ..Conduct::default()
    }
}

/// A vendor without faults: every message arrives a second after its acceptance, and the receipt says so.
impl Default for Conduct {
    fn default() -> Self {
        Self {
            latency: Spread::millis(0, 0),
            error_rate: 0.0,
            error_status: CommandStatus::RSYSERR,
            throttled_rate: 0.0,
            cut_rate: 0.0,
            arrival_rate: 1.0,
            arrival_delay: Spread::millis(1_000, 1_000),
            receipt_rate: 1.0,
            receipt_delay: Spread::millis(1_000, 1_000),
            fake_rate: 0.0,
        }
    }
}

impl Spread {
    #[must_use]
    pub const fn millis(least: u64, most: u64) -> Self {
        Self { least: Duration::from_millis(least), most: Duration::from_millis(most) }
    }

    pub(crate) fn draw(self, rng: &mut StdRng) -> Duration {
        if self.least >= self.most { self.least } else { rng.random_range(self.least..=self.most) }
    }
}

impl FromStr for Personality {
    type Err = UnknownPersonality;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|personality| personality.as_str() == text);
        known.ok_or_else(|| UnknownPersonality(text.to_owned()))
    }
}
