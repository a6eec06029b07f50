//! Message ids that a vendor writes in one base in its responses and in another in its receipts.
//!
//! Both are brought to one form, the key under which an attempt is stored and found: numbers become hexadecimal
//! digits in lower case without leading zeros, however long they are.

use super::{Receipt, filled};

/// How one side of a vendor writes its ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum IdBase {
    /// A name, not a number: leading zeros count.
    #[default]
    AsIs,
    Hex,
    Decimal,
}

/// The bases of a vendor, one for each direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IdBases {
    pub response: IdBase,
    pub receipt: IdBase,
}

impl IdBases {
    /// The key of an id from a `submit_sm_resp`; `None` when the vendor gave none.
    #[must_use]
    pub fn response_key(self, id: &str) -> Option<String> {
        filled(id).map(|id| self.response.normalise(id))
    }

    /// The key of the message that a receipt is about; `None` when it does not say.
    ///
    /// A TLV repeats the id of the response, base included, and texts are where the other base is met. Only a TLV
    /// that says just what the text says is written as texts are.
    #[must_use]
    pub fn receipt_key(self, receipt: &Receipt<'_>) -> Option<String> {
        let id = receipt.id?;
        let base = if receipt.text_id == Some(id) { self.receipt } else { self.response };
        Some(base.normalise(id))
    }
}

impl IdBase {
    /// Brings an id to the form in which ids are compared. One that is no number of this base stays as it is.
    #[must_use]
    pub fn normalise(self, id: &str) -> String {
        let id = id.trim_matches(super::PADDING);
        let number = match self {
            Self::AsIs => None,
            Self::Hex => hexadecimal(id),
            Self::Decimal => decimal(id),
        };
        number.unwrap_or_else(|| as_is(id))
    }
}

/// Lowers UUIDs, which vendors write in either case, and groups of eight or more hexadecimal digits. Shorter groups and
/// groups in mixed case may be of a base where case counts.
fn as_is(id: &str) -> String {
    if is_uuid(id) {
        return id.to_ascii_lowercase();
    }
    let mut key = String::with_capacity(id.len());
    for group in id.split_inclusive('-') {
        let digits = group.trim_end_matches('-');
        let upper_hex = |b: u8| b.is_ascii_digit() || matches!(b, b'A'..=b'F');
        if digits.len() >= 8 && digits.bytes().all(upper_hex) {
            key.push_str(&group.to_ascii_lowercase());
        } else {
            key.push_str(group);
        }
    }
    key
}

fn is_uuid(id: &str) -> bool {
    let lengths = id.split('-').map(|group| group.len());
    lengths.eq([8, 4, 4, 4, 12]) && id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit())
}

fn hexadecimal(id: &str) -> Option<String> {
    let digits = id.strip_prefix("0x").or_else(|| id.strip_prefix("0X")).unwrap_or(id);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some(without_leading_zeros(digits).to_ascii_lowercase())
}

/// Digit by digit, since ids of more digits than any integer holds are met.
fn decimal(id: &str) -> Option<String> {
    if id.is_empty() || id.len() > LONGEST_DECIMAL || !id.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut decimal: Vec<u8> = id.bytes().map(|b| b.wrapping_sub(b'0')).collect();
    let mut hex = Vec::new();
    while decimal.iter().any(|digit| *digit != 0) {
        let mut remainder = 0_u8;
        for digit in &mut decimal {
            // At most 15 * 10 + 9.
            let value = remainder.wrapping_mul(10).wrapping_add(*digit);
            (*digit, remainder) = (value / 16, value % 16);
        }
        hex.push(char::from_digit(u32::from(remainder), 16)?);
    }
    let digits: String = hex.into_iter().rev().collect();
    Some(if digits.is_empty() { "0".to_owned() } else { digits })
}

/// SMPP allows ids of 64 characters; a conversion costs the square of the length.
const LONGEST_DECIMAL: usize = 128;

fn without_leading_zeros(digits: &str) -> &str {
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() { "0" } else { significant }
}
