//! What a plan keeps of a draw by the adaptive engine: enough to make the draw again.

use minicbor::{Decode, Encode};

/// What the adaptive engine gave a route for one message: all that it takes to make the draw again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Drawn {
    /// The version of the engine's table.
    #[n(0)]
    pub table: u64,
    /// Its place by utility, counted from one: the order in which the shares were laid side by side.
    #[n(1)]
    pub place: u8,
    /// How often such a message goes there first because that is best, and how often to learn: in 65,535ths.
    #[n(2)]
    pub share: u16,
    #[n(3)]
    pub probe: u16,
    #[n(4)]
    pub flags: DrawFlags,
}

/// Why a route was taken, when it is not simply the one that the draw prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct DrawFlags(#[n(0)] u8);

impl DrawFlags {
    /// To learn about it.
    pub const PROBE: Self = Self(1);
    /// It was not drawn: it follows when those before it fail.
    pub const FALLBACK: Self = Self(2);
    /// The route that was drawn takes no more messages just now.
    pub const THROTTLED: Self = Self(4);
    /// Its vendor does not answer submits: it is tried again, or there is no better one.
    pub const SHUT: Self = Self(8);

    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[must_use]
    pub fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of those that are set.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let all = [
            (Self::PROBE, "probe"),
            (Self::FALLBACK, "fallback"),
            (Self::THROTTLED, "throttled"),
            (Self::SHUT, "circuit_open"),
        ];
        all.into_iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| name)
    }
}

impl Drawn {
    /// With which probability a first attempt went there, from zero to one. A fallback was not drawn.
    #[must_use]
    pub fn propensity(self) -> f64 {
        if self.flags.contains(DrawFlags::FALLBACK) {
            return 1.0;
        }
        (f64::from(self.share) + f64::from(self.probe)) / f64::from(u16::MAX)
    }

    /// The same for an attempt after another.
    #[must_use]
    pub fn as_fallback(self) -> Self {
        Self { flags: self.flags.with(DrawFlags::FALLBACK), ..self }
    }
}

/// What kept a message from being a probe, or made it one, whatever the engine's table says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Probing {
    /// The application asked for no probe.
    #[n(0)]
    Message,
    /// Its rule allows none.
    #[n(1)]
    Rule,
    /// The recipient's last message was one.
    #[n(2)]
    ProbedJustNow,
    /// Its recipient is a test number: it goes first to a route of which more is to be known.
    #[n(3)]
    TestNumber,
}

impl Probing {
    /// The stable code that the API shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Message => "no_probe",
            Self::Rule => "rule",
            Self::ProbedJustNow => "probed_just_now",
            Self::TestNumber => "test_number",
        }
    }

    /// One clause for people.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Message => "it is no probe, because the application asked for none",
            Self::Rule => "it is no probe, because the rule allows none",
            Self::ProbedJustNow => "it is no probe, because this recipient's last message was one",
            Self::TestNumber => "its recipient is a test number, so it goes where more is to be learned",
        }
    }
}
