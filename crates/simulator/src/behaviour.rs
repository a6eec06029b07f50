//! What a vendor does differently while a test or a scenario wants it to.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use rand::rngs::StdRng;
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;

use crate::fate::{Answer, Course, Fate, Line, Report, chance, network_error};

/// A way to behave, which can be changed while the vendor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// As its settings and the demo numbers say.
    #[default]
    Usual,
    /// Refuses new binds, and leaves the sessions that are there.
    RefuseBinds(CommandStatus),
    /// Cuts each session so long after its bind.
    Flap(Duration),
    /// Neither reads nor writes, on any line; when it ends all goes on where it stood.
    Stall,
    /// The machine is gone: the lines that there are will never say anything again, not even that they are closed, and
    /// new ones are not answered before it ends.
    HalfOpen,
    /// Answers every submission with this error.
    Refuse(CommandStatus),
    /// Answers the part of a long message that has this number, counted from one, with this error.
    RefusePart(u8, CommandStatus),
    /// Never answers a submission.
    Mute,
    /// Answers so much later.
    SlowResponses(Duration),
    /// Takes the message, then the line breaks instead of the answer.
    CutBeforeResponse,
    /// Answers, then the line breaks.
    CutAfterResponse,
    /// At this part of a long message, counted from one, the line breaks, and the part is lost.
    CutAtPart(u8),
    ReceiptBeforeResponse,
    DuplicateReceipts,
    /// With each receipt comes another, of an id that nobody was given.
    StrayReceipts,
    /// Delivers without saying so.
    NoReceipts,
    /// Accepts, and neither delivers nor reports.
    SilentDrop,
    /// Reports what never arrives as delivered.
    FakeReceipts,
    /// Delivers in time, but reports this much later.
    SlowReceipts(Duration),
    /// Delivers and reports this much later.
    SlowDelivery(Duration),
    /// Accepts, and reports that it could not be delivered.
    Undeliverable,
    /// The same, and the report comes before the answer.
    UndeliverableBeforeResponse,
    /// Loses so many of a hundred messages as `SilentDrop` does, and treats the others as usual.
    BrownOut(u8),
}

/// The behaviours in force, by the first digits of the recipient. The longest that fits counts.
#[derive(Debug, Default)]
pub(crate) struct Behaviours {
    by_prefix: BTreeMap<String, Behaviour>,
}

/// A name that none of the faults has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a fault: expected one of {known}", known = Behaviour::FAULTS.map(|(name, _)| name).join(", "))]
pub struct UnknownFault(pub String);

impl Behaviour {
    /// What a vendor on its own can be told to do wrong, by the names that the command line gives it.
    pub const FAULTS: [(&str, Self); 23] = [
        ("mute", Self::Mute),
        ("stall", Self::Stall),
        ("half-open", Self::HalfOpen),
        ("throttle", Self::THROTTLE),
        ("queue-full", Self::QUEUE_FULL),
        ("refuse", Self::Refuse(CommandStatus::RSYSERR)),
        ("refuse-second-part", Self::RefusePart(2, CommandStatus::RSYSERR)),
        ("refuse-binds", Self::RefuseBinds(CommandStatus::RBINDFAIL)),
        ("wrong-password", Self::RefuseBinds(CommandStatus::RINVPASWD)),
        ("flap", Self::Flap(Duration::from_secs(1))),
        ("cut-before-response", Self::CutBeforeResponse),
        ("cut-after-response", Self::CutAfterResponse),
        ("cut-at-second-part", Self::CutAtPart(2)),
        ("slow-responses", Self::SlowResponses(Duration::from_secs(15))),
        ("receipt-before-response", Self::ReceiptBeforeResponse),
        ("duplicate-receipts", Self::DuplicateReceipts),
        ("stray-receipts", Self::StrayReceipts),
        ("no-receipts", Self::NoReceipts),
        ("silent-drop", Self::SilentDrop),
        ("brown-out", Self::BrownOut(50)),
        ("fake-receipts", Self::FakeReceipts),
        ("slow-receipts", Self::SlowReceipts(Duration::from_secs(90))),
        ("slow-delivery", Self::SlowDelivery(Duration::from_secs(90))),
    ];

    pub const THROTTLE: Self = Self::Refuse(CommandStatus::RTHROTTLED);
    pub const QUEUE_FULL: Self = Self::Refuse(CommandStatus::RMSGQFUL);

    /// As it is towards one submission, where that is a matter of chance. Of a long message, what becomes of the part that
    /// comes first becomes of all.
    pub(crate) fn drawn(self, rng: &mut StdRng) -> Self {
        let Self::BrownOut(of_a_hundred) = self else { return self };
        if chance(rng, f64::from(of_a_hundred) / 100.0) { Self::SilentDrop } else { Self::Usual }
    }

    /// What it makes of the fate that a submission would have had; `part` is which of a long message it is.
    pub(crate) fn bend(self, fate: Fate, part: Option<u8>) -> Fate {
        let course = fate.course;
        match self {
            Self::Usual
            | Self::RefuseBinds(_)
            | Self::Flap(_)
            | Self::Stall
            | Self::HalfOpen
            | Self::BrownOut(_) => fate,
            Self::Refuse(status) => Fate { answer: Answer::Refuse(status), ..fate },
            Self::RefusePart(number, status) if part == Some(number) => {
                Fate { answer: Answer::Refuse(status), ..fate }
            }
            Self::CutAtPart(number) if part == Some(number) => {
                Fate { answer: Answer::Never, line: Line::BreaksBeforeResponse, ..fate }
            }
            Self::RefusePart(..) | Self::CutAtPart(_) => fate,
            Self::Mute => Fate { answer: Answer::Never, ..fate },
            Self::SlowResponses(by) => Fate { latency: fate.latency.saturating_add(by), ..fate },
            Self::CutBeforeResponse => {
                Fate { answer: Answer::Accept, line: Line::BreaksBeforeResponse, ..fate }
            }
            Self::CutAfterResponse => {
                Fate { answer: Answer::Accept, line: Line::BreaksAfterResponse, ..fate }
            }
            Self::ReceiptBeforeResponse => fate.with_receipt_first(),
            Self::UndeliverableBeforeResponse => Self::Undeliverable.bend(fate, part).with_receipt_first(),
            Self::DuplicateReceipts => {
                let report = course.report.map(|mut report| {
                    report.copies = 2;
                    report
                });
                Fate { course: Course { report, ..course }, ..fate }
            }
            Self::StrayReceipts => {
                let report = course.report.map(|report| Report { with_stray: true, ..report });
                Fate { course: Course { report, ..course }, ..fate }
            }
            Self::NoReceipts => Fate { course: Course { report: None, ..course }, ..fate },
            Self::SilentDrop => Fate { course: Course::LOST, ..fate },
            Self::FakeReceipts => {
                let after = course.arrives.unwrap_or(Duration::from_secs(1));
                Fate { course: Course::fake(after), ..fate }
            }
            Self::SlowReceipts(by) => {
                let report = course.report.map(|report| report.delayed(by));
                Fate { course: Course { report, ..course }, ..fate }
            }
            Self::SlowDelivery(by) => {
                let report = course.report.map(|report| report.delayed(by));
                let arrives = course.arrives.map(|after| after.saturating_add(by));
                Fate { course: Course { report, arrives }, ..fate }
            }
            Self::Undeliverable => {
                let course =
                    Course::undelivered(MessageState::Undeliverable, network_error::ABSENT_SUBSCRIBER);
                Fate { course, ..fate }
            }
        }
    }
}

impl FromStr for Behaviour {
    type Err = UnknownFault;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::FAULTS.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, behaviour)| behaviour).ok_or_else(|| UnknownFault(name.to_owned()))
    }
}

impl Behaviours {
    pub(crate) fn set(&mut self, prefix: &str, behaviour: Behaviour) {
        let prefix = prefix.strip_prefix('+').unwrap_or(prefix);
        if behaviour == Behaviour::Usual && !prefix.is_empty() {
            self.by_prefix.remove(prefix);
        } else {
            self.by_prefix.insert(prefix.to_owned(), behaviour);
        }
    }

    pub(crate) fn towards(&self, recipient: &str) -> Behaviour {
        let fitting = self.by_prefix.iter().filter(|(prefix, _)| recipient.starts_with(prefix.as_str()));
        fitting.max_by_key(|(prefix, _)| prefix.len()).map(|(_, behaviour)| *behaviour).unwrap_or_default()
    }

    /// What holds for everyone.
    pub(crate) fn towards_all(&self) -> Behaviour {
        self.towards("")
    }
}
