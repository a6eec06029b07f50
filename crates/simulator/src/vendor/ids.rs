//! The ids that a vendor gives to messages, in the notations that vendors use.

use domain::Timestamp;
use rand::RngExt;
use rand::rngs::StdRng;

use super::settings::{IdFormat, ReceiptId};

/// Counts the ids up from the time of the start, so that a restarted vendor does not give one again.
#[derive(Debug)]
pub(super) struct Ids {
    format: IdFormat,
    next: u64,
}

/// One id: a number, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MessageId {
    format: IdFormat,
    number: u128,
}

/// Room for this many messages in each millisecond since the last start.
const IDS_A_MILLISECOND: u64 = 1_000;

impl Ids {
    pub(super) fn new(format: IdFormat, started_at: Timestamp) -> Self {
        let millis = u64::try_from(started_at.as_millis()).unwrap_or_default();
        Self { format, next: millis.saturating_mul(IDS_A_MILLISECOND) }
    }

    pub(super) fn draw(&mut self, rng: &mut StdRng) -> MessageId {
        self.next = self.next.wrapping_add(1);
        let number = match self.format {
            IdFormat::Decimal | IdFormat::Hex => u128::from(self.next),
            IdFormat::Uuid => as_uuid(self.next, rng.random()),
        };
        MessageId { format: self.format, number }
    }
}

impl MessageId {
    pub(super) fn answered(self) -> String {
        match self.format {
            IdFormat::Decimal => self.decimal(),
            IdFormat::Hex => self.hex(),
            IdFormat::Uuid => hyphenated(self.number),
        }
    }

    pub(super) fn in_receipt(self, form: ReceiptId) -> String {
        match form {
            ReceiptId::AsAnswered => self.answered(),
            ReceiptId::Hex => self.hex(),
            ReceiptId::Decimal => self.decimal(),
            ReceiptId::ZeroPadded(width) => format!("{:0>width$}", self.answered()),
            ReceiptId::Recased => self.answered().chars().map(recased).collect(),
        }
    }

    fn decimal(self) -> String {
        self.number.to_string()
    }

    fn hex(self) -> String {
        format!("{:X}", self.number)
    }
}

fn recased(letter: char) -> char {
    if letter.is_ascii_uppercase() { letter.to_ascii_lowercase() } else { letter.to_ascii_uppercase() }
}

/// The counter in front, chance behind, and between them the bits that mark a UUID of version 4.
fn as_uuid(counter: u64, random: u64) -> u128 {
    let random = u128::from(random >> 2);
    let (front, middle) = (u128::from(counter >> 12), u128::from(counter & 0xFFF));
    (front << 80) | (4 << 76) | (middle << 64) | (0b10 << 62) | random
}

fn hyphenated(number: u128) -> String {
    let hex = format!("{number:032x}");
    let mut written = String::with_capacity(36);
    for (position, digit) in hex.chars().enumerate() {
        if matches!(position, 8 | 12 | 16 | 20) {
            written.push('-');
        }
        written.push(digit);
    }
    written
}
