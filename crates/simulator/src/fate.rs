//! What a vendor makes of one submission: how it answers, and what then becomes of the message.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;
use smpp_wire::status::CommandStatus;
use smpp_wire::tlv::MessageState;

use crate::demo_number::Outcome;
use crate::personality::Conduct;

/// How one submission is answered, and the course of the message should it be accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fate {
    pub(crate) answer: Answer,
    pub(crate) latency: Duration,
    pub(crate) line: Line,
    pub(crate) course: Course,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Accept,
    Refuse(CommandStatus),
    Never,
}

/// What happens to the line when the answer is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Holds,
    BreaksBeforeResponse,
    BreaksAfterResponse,
}

/// What becomes of an accepted message. All parts of a long one share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Course {
    /// When after its acceptance it reaches the handset; never if `None`.
    pub(crate) arrives: Option<Duration>,
    pub(crate) report: Option<Report>,
}

/// The receipt of an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) state: MessageState,
    /// The network's error code, as vendors write it in `err:`.
    pub(crate) error: u16,
    pub(crate) timing: Timing,
    pub(crate) copies: u8,
    /// Another one goes with it, of an id that nobody was given.
    pub(crate) with_stray: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timing {
    AfterResponse(Duration),
    BeforeResponse,
}

/// GSM's codes for what went wrong with a short message, and one of those that vendors make up for their filters.
pub(crate) mod network_error {
    pub(crate) const NONE: u16 = 0;
    pub(crate) const UNKNOWN_SUBSCRIBER: u16 = 1;
    pub(crate) const ABSENT_SUBSCRIBER: u16 = 27;
    pub(crate) const FILTERED: u16 = 88;
}

/// How long a demo number takes to be delivered, and the slow one.
const PROMPT: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(45);

/// How far the receipt is ahead of the response where it comes first.
const LEAD: Duration = Duration::from_millis(200);

/// Whether a message that the demo numbers treat differently at first was asked for before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    First,
    Again,
}

impl Fate {
    /// By the vendor's conduct alone.
    pub(crate) fn by_conduct(conduct: &Conduct, rng: &mut StdRng) -> Self {
        let latency = conduct.latency.draw(rng);
        let answer = if chance(rng, conduct.error_rate) {
            Answer::Refuse(conduct.error_status)
        } else if chance(rng, conduct.throttled_rate) {
            Answer::Refuse(CommandStatus::RTHROTTLED)
        } else {
            Answer::Accept
        };
        let line = if chance(rng, conduct.cut_rate) { Line::BreaksBeforeResponse } else { Line::Holds };
        Self { answer, latency, line, course: Course::by_conduct(conduct, rng) }
    }

    /// By a demo number. Of the vendor's conduct only the latency remains.
    pub(crate) fn by_demo_number(
        outcome: Outcome,
        asked: Asked,
        conduct: &Conduct,
        rng: &mut StdRng,
    ) -> Self {
        let outcome = if outcome == Outcome::Random { random_outcome(rng) } else { outcome };
        let answer = match (outcome, asked) {
            (Outcome::ThrottledThenDelivered, Asked::First) => Answer::Refuse(CommandStatus::RTHROTTLED),
            (Outcome::VendorError, Asked::First) => Answer::Refuse(CommandStatus::RSYSERR),
            (Outcome::VendorTimeout, Asked::First) => Answer::Never,
            (_, Asked::First | Asked::Again) => Answer::Accept,
        };
        let course = Course::by_demo_number(outcome);
        let fate = Self { answer, latency: conduct.latency.draw(rng), line: Line::Holds, course };
        if outcome == Outcome::ReceiptBeforeResponse { fate.with_receipt_first() } else { fate }
    }

    /// The receipt, if there is one, overtakes the response.
    pub(crate) fn with_receipt_first(mut self) -> Self {
        if let Some(report) = &mut self.course.report {
            report.timing = Timing::BeforeResponse;
            self.latency = self.latency.max(LEAD);
        }
        self
    }
}

impl Course {
    const DELIVERED: Self = Self::delivered(PROMPT);

    /// Accepted, and never heard of again.
    pub(crate) const LOST: Self = Self { arrives: None, report: None };

    const fn delivered(after: Duration) -> Self {
        let report = Report::new(MessageState::Delivered, network_error::NONE, after);
        Self { arrives: Some(after), report: Some(report) }
    }

    pub(crate) const fn undelivered(state: MessageState, error: u16) -> Self {
        Self { arrives: None, report: Some(Report::new(state, error, PROMPT)) }
    }

    /// Reported as delivered, but never arrived.
    pub(crate) const fn fake(report_after: Duration) -> Self {
        let report = Report::new(MessageState::Delivered, network_error::NONE, report_after);
        Self { arrives: None, report: Some(report) }
    }

    fn by_conduct(conduct: &Conduct, rng: &mut StdRng) -> Self {
        let arrives = chance(rng, conduct.arrival_rate).then(|| conduct.arrival_delay.draw(rng));
        let claimed = arrives.is_some() || chance(rng, conduct.fake_rate);
        let (state, error) = if claimed {
            (MessageState::Delivered, network_error::NONE)
        } else {
            (MessageState::Undeliverable, network_error::ABSENT_SUBSCRIBER)
        };
        let delay = conduct.receipt_delay.draw(rng);
        // An honest vendor does not report a delivery before it happens; one that fakes does not wait for handsets.
        let is_honest = conduct.fake_rate <= 0.0;
        let after = arrives.filter(|_| is_honest).map_or(delay, |arrival| delay.max(arrival));
        let report = chance(rng, conduct.receipt_rate).then(|| Report::new(state, error, after));
        Self { arrives, report }
    }

    fn by_demo_number(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Delivered
            | Outcome::ThrottledThenDelivered
            | Outcome::VendorError
            | Outcome::VendorTimeout
            | Outcome::ReceiptBeforeResponse
            | Outcome::Random => Self::DELIVERED,
            Outcome::Slow => Self::delivered(LATE),
            Outcome::NoReceipt => Self::LOST,
            Outcome::Unreachable => {
                Self::undelivered(MessageState::Undeliverable, network_error::ABSENT_SUBSCRIBER)
            }
            Outcome::UnknownSubscriber => {
                Self::undelivered(MessageState::Undeliverable, network_error::UNKNOWN_SUBSCRIBER)
            }
            Outcome::SpamFiltered => Self::undelivered(MessageState::Rejected, network_error::FILTERED),
            Outcome::FakeReceipt => Self::fake(PROMPT),
            Outcome::DuplicateReceipt => {
                let report = Self::DELIVERED.report.map(|report| Report { copies: 2, ..report });
                Self { report, ..Self::DELIVERED }
            }
        }
    }
}

impl Report {
    const fn new(state: MessageState, error: u16, after: Duration) -> Self {
        Self { state, error, timing: Timing::AfterResponse(after), copies: 1, with_stray: false }
    }

    pub(crate) fn delayed(mut self, by: Duration) -> Self {
        if let Timing::AfterResponse(after) = &mut self.timing {
            *after = after.saturating_add(by);
        }
        self
    }
}

/// Mostly delivered, and a little of everything that a lone vendor can do to a message.
const RANDOM_ODDS: [(u32, Outcome); 8] = [
    (76, Outcome::Delivered),
    (6, Outcome::Slow),
    (4, Outcome::NoReceipt),
    (4, Outcome::Unreachable),
    (3, Outcome::UnknownSubscriber),
    (2, Outcome::SpamFiltered),
    (4, Outcome::FakeReceipt),
    (1, Outcome::DuplicateReceipt),
];

fn random_outcome(rng: &mut StdRng) -> Outcome {
    let mut drawn = rng.random_range(0..RANDOM_ODDS.iter().map(|(odds, _)| odds).sum());
    for (odds, outcome) in RANDOM_ODDS {
        if drawn < odds {
            return outcome;
        }
        drawn -= odds;
    }
    Outcome::Delivered
}

/// Odds come from settings, where nobody has checked them.
pub(crate) fn chance(rng: &mut StdRng, odds: f64) -> bool {
    rng.random_bool(if odds.is_nan() { 0.0 } else { odds.clamp(0.0, 1.0) })
}
