//! Which operator a number was given to, by the numbering plan: a guess, because numbers are carried to other operators.
//!
//! `cargo xtask operators` writes the tables from public data; docs/operators.md says from which.

use std::sync::LazyLock;

use domain::Recipient;
use rustc_hash::FxHashMap;

use super::Operator;

const CARRIERS: &str = include_str!("../../data/carriers.csv");
const PREFIXES: &str = include_str!("../../data/prefixes.csv");
/// The longest prefix in digits.
const LONGEST: usize = 9;

/// What the numbering plan knows of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The name under which the prefix was given out.
    pub carrier: Box<str>,
    /// Its network; None where no code is known to be that carrier's.
    pub operator: Option<Operator>,
}

struct Numbering {
    origins: Vec<Origin>,
    /// By the prefix with a one in front, so that leading zeros count: an index into `origins`.
    by_prefix: FxHashMap<u32, u16>,
}

static NUMBERING: LazyLock<Numbering> = LazyLock::new(Numbering::read);

/// Reads the tables, so that the first message need not wait for it: some milliseconds.
pub fn prepare() {
    LazyLock::force(&NUMBERING);
}

/// None when nobody is known to have the number's prefix.
#[must_use]
pub fn of(recipient: &Recipient) -> Option<&'static Origin> {
    let digits = recipient.as_str().strip_prefix('+')?.as_bytes();
    let mut prefix = 1_u32;
    let mut found = None;
    for digit in digits.iter().take(LONGEST) {
        prefix = prefix * 10 + u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
        found = NUMBERING.by_prefix.get(&prefix).or(found);
    }
    NUMBERING.origins.get(usize::from(*found?))
}

/// The networks that are known to be carriers', with the carriers' names; one for each country that a carrier is in.
pub fn carriers() -> impl Iterator<Item = (Operator, &'static str)> {
    NUMBERING.origins.iter().filter_map(|origin| Some((origin.operator?, &*origin.carrier)))
}

impl Numbering {
    /// What does not read is left out; a test sees to it that everything does.
    fn read() -> Self {
        let mut carriers = csv::Reader::from_reader(CARRIERS.as_bytes());
        let origins = carriers.records().filter_map(Result::ok).map(|row| Origin {
            carrier: row.get(1).unwrap_or_default().into(),
            operator: row.get(2).and_then(|code| code.parse().ok()),
        });
        // The heading's first word is no number, so it is left out like whatever does not read.
        let by_prefix = PREFIXES.lines().filter_map(|line| {
            let (prefix, carrier) = line.split_once(',')?;
            Some((format!("1{prefix}").parse().ok()?, carrier.parse().ok()?))
        });
        Self { origins: origins.collect(), by_prefix: by_prefix.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(number: &str) -> Option<(&'static str, Option<String>)> {
        let origin = of(&Recipient::from_e164(number).unwrap())?;
        Some((&*origin.carrier, origin.operator.map(|operator| operator.to_string())))
    }

    #[test]
    fn every_line_of_the_tables_reads() {
        assert_eq!(NUMBERING.origins.len(), CARRIERS.lines().count() - 1);
        assert_eq!(NUMBERING.by_prefix.len(), PREFIXES.lines().count() - 1);
        let without_code = CARRIERS.lines().filter(|line| line.ends_with(',')).count();
        assert_eq!(NUMBERING.origins.iter().filter(|origin| origin.operator.is_none()).count(), without_code);
        let longest = PREFIXES.lines().filter_map(|line| line.find(',')).max();
        assert!(NUMBERING.by_prefix.values().all(|carrier| usize::from(*carrier) < NUMBERING.origins.len()));
        assert_eq!(longest, Some(LONGEST));
    }

    #[test]
    fn the_longest_prefix_says_whose_a_number_was() {
        let code = |code: &str| Some(code.to_owned());
        assert_eq!(origin("+4915112345678"), Some(("T-Mobile", code("262-01"))));
        assert_eq!(origin("+4917212345678"), Some(("Vodafone", code("262-02"))));
        assert_eq!(origin("+447400123456").map(|(carrier, _)| carrier), Some("Three"));
        assert_eq!(origin("+8613812345678"), Some(("China Mobile", code("460-00"))));
        assert_eq!(origin("+493012345678"), None);
        // Where numbers move freely nobody publishes whose they were.
        assert_eq!(origin("+12025550123"), None);
    }

    #[test]
    fn a_code_is_of_the_carriers_own_country() {
        let mut abroad = Vec::new();
        let mut carriers = csv::Reader::from_reader(CARRIERS.as_bytes());
        for row in carriers.records().map(Result::unwrap) {
            let Ok(operator) = row[2].parse::<Operator>() else { continue };
            let Ok(country) = row[0].parse::<domain::Country>() else { continue };
            if !operator.mcc().countries().any(|of| of == country) {
                abroad.push(format!("{} {}", &row[0], &row[2]));
            }
        }
        // American and Caribbean codes that territories share, and a network in Transnistria that uses a Ukrainian one.
        let shared = "VI 311-470, KY 338-05, BM 310-59, BM 338-050, TC 338-050, MS 338-05, MP 310-110, GU 310-140, \
                      AS 311-780, LC 338-05, MD 255-00";
        assert_eq!(abroad.join(", "), shared);
    }
}
