//! What a vendor's error means: each of a vendor's many codes is of one class, and the class says what happens next.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

/// In the order of strength: where the parts of a text met different errors, the last of them counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum ErrorClass {
    /// Too fast: the connection slows down, and the attempt waits again.
    #[n(0)]
    Throttle,
    /// The vendor's queue is full: the bind pauses, and the attempt waits again.
    #[n(1)]
    Pause,
    /// It passes: the same route gets the message again, later.
    #[n(2)]
    Retry,
    /// This vendor does not take it: the next route, at once.
    #[n(3)]
    FailOver,
    /// The vendor does not say whether it has it.
    #[n(4)]
    UnknownOutcome,
    /// The vendor does not carry this sender: the next route that does not offer the same vendor the same sender.
    #[n(5)]
    Sender,
    /// No vendor can deliver to this number.
    #[n(6)]
    PermanentNumber,
    /// No vendor may deliver this text.
    #[n(7)]
    PermanentContent,
    /// The message is taken for a part of a fraud.
    #[n(8)]
    Fraud,
    /// The recipient does not want to hear from the sender.
    #[n(9)]
    OptOut,
}

/// Where a vendor tells of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// In the answer to a submit.
    Submit,
    Receipt,
}

/// The text is the name of no class.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a class of errors: expected one of {known}", known = ErrorClass::ALL.map(ErrorClass::as_str).join(", "))]
pub struct UnknownErrorClass(pub String);

/// The text is the name of no stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a stage: expected submit or receipt")]
pub struct UnknownStage(pub String);

impl ErrorClass {
    pub const ALL: [Self; 10] = [
        Self::Throttle,
        Self::Pause,
        Self::Retry,
        Self::FailOver,
        Self::UnknownOutcome,
        Self::Sender,
        Self::PermanentNumber,
        Self::PermanentContent,
        Self::Fraud,
        Self::OptOut,
    ];

    /// The stable word of the API and the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Pause => "pause",
            Self::Retry => "retry",
            Self::FailOver => "fail_over",
            Self::UnknownOutcome => "unknown_outcome",
            Self::Sender => "sender",
            Self::PermanentNumber => "permanent_number",
            Self::PermanentContent => "permanent_content",
            Self::Fraud => "fraud",
            Self::OptOut => "opt_out",
        }
    }

    /// No vendor is asked again, whatever the rule says.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::PermanentNumber | Self::PermanentContent | Self::Fraud | Self::OptOut => true,
            Self::Throttle
            | Self::Pause
            | Self::Retry
            | Self::FailOver
            | Self::UnknownOutcome
            | Self::Sender => false,
        }
    }

    /// It says how fast to send, and nothing of the message.
    #[must_use]
    pub fn is_of_pace(self) -> bool {
        matches!(self, Self::Throttle | Self::Pause)
    }

    /// What it says of the message, as the rest of a sentence.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::Throttle => "which asks to slow down",
            Self::Pause => "which asks for a pause",
            Self::Retry => "which may pass",
            Self::FailOver => "which says that this vendor does not take it",
            Self::UnknownOutcome => "which does not say whether the vendor has it",
            Self::Sender => "which says that the vendor does not carry the sender",
            Self::PermanentNumber => "which says that nothing can be delivered to the number",
            Self::PermanentContent => "which says that the text may not be delivered",
            Self::Fraud => "which takes it for a part of a fraud",
            Self::OptOut => "which says that the recipient has opted out",
        }
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ErrorClass {
    type Err = UnknownErrorClass;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|class| class.as_str() == text);
        found.ok_or_else(|| UnknownErrorClass(text.to_owned()))
    }
}

impl Stage {
    pub const ALL: [Self; 2] = [Self::Submit, Self::Receipt];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Submit => "submit",
            Self::Receipt => "receipt",
        }
    }
}

impl FromStr for Stage {
    type Err = UnknownStage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|stage| stage.as_str() == text);
        found.ok_or_else(|| UnknownStage(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for class in ErrorClass::ALL {
            assert_eq!(class.as_str().parse(), Ok(class));
        }
        for stage in Stage::ALL {
            assert_eq!(stage.as_str().parse(), Ok(stage));
        }
        let refused = "permanent".parse::<ErrorClass>().unwrap_err().to_string();
        assert!(
            refused.starts_with("`permanent` is not a class of errors: expected one of throttle, pause, ")
        );
    }

    #[test]
    fn the_strongest_is_the_one_that_is_hardest_to_go_against() {
        let strongest = ErrorClass::ALL.into_iter().max();
        assert_eq!(strongest, Some(ErrorClass::OptOut));
        let mut final_ones = ErrorClass::ALL.into_iter().skip_while(|class| !class.is_final());
        assert!(final_ones.all(ErrorClass::is_final));
    }
}
