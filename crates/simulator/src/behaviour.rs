//! What a vendor does differently while a test or a scenario wants it to.

use std::collections::BTreeMap;
use std::time::Duration;

use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;

use crate::fate::{Answer, Course, Fate, Line, network_error};

/// A way to behave, which can be changed while the vendor runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Behaviour {
    /// As its settings and the demo numbers say.
    #[default]
    Usual,
    /// Refuses new binds, and leaves the sessions that are there.
    RefuseBinds(CommandStatus),
    /// Answers every submission with this error.
    Refuse(CommandStatus),
    /// Never answers a submission.
    Mute,
    /// Takes the message, then the line breaks instead of the answer.
    CutBeforeResponse,
    /// Answers, then the line breaks.
    CutAfterResponse,
    ReceiptBeforeResponse,
    DuplicateReceipts,
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
}

/// The behaviours in force, by the first digits of the recipient. The longest that fits counts.
#[derive(Debug, Default)]
pub(crate) struct Behaviours {
    by_prefix: BTreeMap<String, Behaviour>,
}

impl Behaviour {
    pub const THROTTLE: Self = Self::Refuse(CommandStatus::RTHROTTLED);
    pub const QUEUE_FULL: Self = Self::Refuse(CommandStatus::RMSGQFUL);

    /// What it makes of the fate that a submission would have had.
    pub(crate) fn bend(self, fate: Fate) -> Fate {
        let course = fate.course;
        match self {
            Self::Usual | Self::RefuseBinds(_) => fate,
            Self::Refuse(status) => Fate { answer: Answer::Refuse(status), ..fate },
            Self::Mute => Fate { answer: Answer::Never, ..fate },
            Self::CutBeforeResponse => {
                Fate { answer: Answer::Accept, line: Line::BreaksBeforeResponse, ..fate }
            }
            Self::CutAfterResponse => {
                Fate { answer: Answer::Accept, line: Line::BreaksAfterResponse, ..fate }
            }
            Self::ReceiptBeforeResponse => fate.with_receipt_first(),
            Self::DuplicateReceipts => {
                let report = course.report.map(|mut report| {
                    report.copies = 2;
                    report
                });
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

    /// The status that binds are refused with, if they are.
    pub(crate) fn bind_refusal(&self) -> Option<CommandStatus> {
        match self.by_prefix.get("") {
            Some(Behaviour::RefuseBinds(status)) => Some(*status),
            _ => None,
        }
    }
}
