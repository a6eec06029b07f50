//! The demo numbers: fictional telephone numbers whose last two digits choose what becomes of a message.
//!
//! Both ranges are set aside for fiction by the authorities of their countries, so that nobody can be messaged. Other
//! numbers of the ranges, like all numbers outside them, leave the outcome to the vendor.

/// What a demo number makes of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    Delivered,
    Slow,
    NoReceipt,
    Unreachable,
    UnknownSubscriber,
    SpamFiltered,
    ThrottledThenDelivered,
    VendorError,
    VendorTimeout,
    FakeReceipt,
    DuplicateReceipt,
    ReceiptBeforeResponse,
    Random,
}

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoNumber {
    /// The last two digits.
    pub ending: u8,
    pub outcome: Outcome,
    pub about: &'static str,
}

/// The whole table, by ending.
pub const TABLE: [DemoNumber; 13] = [
    line(0, Outcome::Delivered, "delivered within a second"),
    line(1, Outcome::Slow, "delivered after 45 seconds"),
    line(2, Outcome::NoReceipt, "accepted, and never heard of again"),
    line(3, Outcome::Unreachable, "undelivered: the handset cannot be reached"),
    line(4, Outcome::UnknownSubscriber, "undelivered: nobody has this number"),
    line(7, Outcome::SpamFiltered, "rejected by a spam filter on the way"),
    line(29, Outcome::ThrottledThenDelivered, "throttled at first, then delivered"),
    line(50, Outcome::VendorError, "the first vendor answers an error, the next one delivers"),
    line(51, Outcome::VendorTimeout, "the first vendor never answers, the next one delivers"),
    line(60, Outcome::FakeReceipt, "a receipt says delivered, but nothing reached the handset"),
    line(90, Outcome::DuplicateReceipt, "delivered, and the receipt comes twice"),
    line(91, Outcome::ReceiptBeforeResponse, "delivered, and the receipt comes before the response"),
    line(99, Outcome::Random, "one of the others, by the seed"),
];

/// What the table says of a number given in digits, with or without a `+`.
#[must_use]
pub fn outcome(number: &str) -> Option<Outcome> {
    let ending = ending(number)?;
    TABLE.iter().find(|line| line.ending == ending).map(|line| line.outcome)
}

/// Whether a number belongs to the ranges set aside for fiction: +1 202 555 0100–0199 and +44 7700 900000–900999.
#[must_use]
pub fn is_fictional(number: &str) -> bool {
    ending(number).is_some()
}

fn ending(number: &str) -> Option<u8> {
    let digits = number.strip_prefix('+').unwrap_or(number);
    let last = match (digits.strip_prefix("120255501"), digits.strip_prefix("447700900")) {
        (Some(last), _) if last.len() == 2 => last,
        (_, Some(last)) if last.len() == 3 && last.starts_with(|first: char| first.is_ascii_digit()) => {
            last.get(1..)?
        }
        _ => return None,
    };
    last.bytes().all(|digit| digit.is_ascii_digit()).then(|| last.parse().ok())?
}

const fn line(ending: u8, outcome: Outcome, about: &'static str) -> DemoNumber {
    DemoNumber { ending, outcome, about }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fictional_ranges_choose_an_outcome() {
        assert_eq!(outcome("+12025550100"), Some(Outcome::Delivered));
        assert_eq!(outcome("12025550160"), Some(Outcome::FakeReceipt));
        assert_eq!(outcome("+447700900001"), Some(Outcome::Slow));
        assert_eq!(outcome("447700900951"), Some(Outcome::VendorTimeout));
        for ordinary in ["+12025550110", "+447700900042"] {
            assert!(is_fictional(ordinary) && outcome(ordinary).is_none(), "{ordinary}");
        }
        for other in [
            "+12025550200",
            "+1202555010",
            "+120255501000",
            "+447700901000",
            "+4477009000",
            "+447700900x00",
            "",
            "+",
        ] {
            assert!(!is_fictional(other), "{other}");
        }
    }

    #[test]
    fn no_ending_is_twice_in_the_table() {
        assert!(TABLE.windows(2).all(|pair| pair[0].ending < pair[1].ending));
    }
}
