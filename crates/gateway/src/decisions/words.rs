//! What happens to a message at a vendor, in the words of the API.

use domain::attempt::{PartAnswer, Verdict};
use pipeline::replay::LeftAside;
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Accepted,
    Rejected,
    Unknown,
    Busy,
    NotSent,
}

impl From<PartAnswer> for Answer {
    fn from(answer: PartAnswer) -> Self {
        match answer {
            PartAnswer::Accepted => Self::Accepted,
            PartAnswer::Rejected => Self::Rejected,
            PartAnswer::Unknown => Self::Unknown,
            PartAnswer::Busy => Self::Busy,
            PartAnswer::NotSent => Self::NotSent,
        }
    }
}

impl From<Answer> for PartAnswer {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Accepted => Self::Accepted,
            Answer::Rejected => Self::Rejected,
            Answer::Unknown => Self::Unknown,
            Answer::Busy => Self::Busy,
            Answer::NotSent => Self::NotSent,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Receipt {
    Delivered,
    Undelivered,
    Expired,
}

impl From<Verdict> for Receipt {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Delivered => Self::Delivered,
            Verdict::Undelivered => Self::Undelivered,
            Verdict::Expired => Self::Expired,
        }
    }
}

impl From<Receipt> for Verdict {
    fn from(receipt: Receipt) -> Self {
        match receipt {
            Receipt::Delivered => Self::Delivered,
            Receipt::Undelivered => Self::Undelivered,
            Receipt::Expired => Self::Expired,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Aside {
    Refused,
    Canceled,
    Withheld,
}

impl From<LeftAside> for Aside {
    fn from(why: LeftAside) -> Self {
        match why {
            LeftAside::Refused => Self::Refused,
            LeftAside::Canceled => Self::Canceled,
            LeftAside::Withheld => Self::Withheld,
        }
    }
}

impl From<Aside> for LeftAside {
    fn from(why: Aside) -> Self {
        match why {
            Aside::Refused => Self::Refused,
            Aside::Canceled => Self::Canceled,
            Aside::Withheld => Self::Withheld,
        }
    }
}

/// Why no route took a message.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Refused {
    NoRule,
    NoRoute,
}
