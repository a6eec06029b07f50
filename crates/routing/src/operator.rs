//! Networks by their codes (ITU-T E.212): the operator, and the countries that an MCC stands for.

use std::fmt;
use std::str::FromStr;

use domain::Country;

mod mcc;
pub mod origin;

/// A network: MCC and MNC. `262-01` and `26201` are the same; `310-26` and `310-260` are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    mcc: Mcc,
    mnc: u16,
    mnc_has_three_digits: bool,
}

/// A mobile country code. A large country has several, and a few are shared by several territories.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mcc(u16);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an operator: expected MCC and MNC, such as 262-01 or 26201")]
pub struct BadOperator(pub String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCode {
    #[error("`{0}` is not an MCC: expected three digits, such as 262")]
    Mcc(String),
    #[error("`{0}` is not an MNC: expected two or three digits, with their leading zeros")]
    Mnc(String),
}

impl Operator {
    /// As messages and the API write it: digits alone.
    #[must_use]
    pub fn code(self) -> String {
        format!("{:03}{:0width$}", self.mcc.0, self.mnc, width = self.mnc_width())
    }

    #[must_use]
    pub fn mcc(self) -> Mcc {
        self.mcc
    }

    /// The network's own part of the code, with its leading zeros.
    #[must_use]
    pub fn mnc(self) -> String {
        format!("{:0width$}", self.mnc, width = self.mnc_width())
    }

    fn mnc_width(self) -> usize {
        if self.mnc_has_three_digits { 3 } else { 2 }
    }

    /// # Errors
    /// When the text is not an MNC.
    pub fn new(mcc: Mcc, mnc: &str) -> Result<Self, BadCode> {
        let number = digits(mnc, 2..=3).ok_or_else(|| BadCode::Mnc(mnc.to_owned()))?;
        Ok(Self { mcc, mnc: number, mnc_has_three_digits: mnc.len() == 3 })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}-{:0width$}", self.mcc.0, self.mnc, width = self.mnc_width())
    }
}

impl FromStr for Operator {
    type Err = BadOperator;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let (mcc, mnc) = text.split_at_checked(3)?;
            Self::new(mcc.parse().ok()?, mnc.strip_prefix('-').unwrap_or(mnc)).ok()
        };
        read().ok_or_else(|| BadOperator(text.to_owned()))
    }
}

impl Mcc {
    /// None of the international networks and unassigned codes have any.
    pub fn countries(self) -> impl Iterator<Item = Country> {
        mcc::countries(self.0)
    }

    /// The country whose only code this is, when it is no other country's.
    #[must_use]
    pub fn only_of(self) -> Option<Country> {
        mcc::only_of(self.0)
    }
}

impl fmt::Display for Mcc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:03}", self.0)
    }
}

impl FromStr for Mcc {
    type Err = BadCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        digits(text, 3..=3).map(Self).ok_or_else(|| BadCode::Mcc(text.to_owned()))
    }
}

/// At most four of them.
fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u16> {
    let plain = lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.bytes().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_is_its_digits() {
        let operator: Operator = "262-01".parse().unwrap();
        assert_eq!("26201".parse(), Ok(operator));
        assert_ne!("310-26".parse::<Operator>(), "310-026".parse::<Operator>());
        for text in ["", "262", "2621", "262-1", "26-201", "262-0001", "262_01", "２６２01", "262-+1"] {
            assert!(text.parse::<Operator>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_mcc_stands_for_its_countries() {
        let countries =
            |mcc: &str| mcc.parse::<Mcc>().unwrap().countries().map(|c| c.to_string()).collect::<Vec<_>>();
        assert_eq!(countries("262"), ["DE"]);
        assert_eq!(countries("311"), ["US"]);
        assert_eq!(countries("647"), ["RE", "YT"]);
        let only_of = |mcc: &str| mcc.parse::<Mcc>().unwrap().only_of().map(|country| country.to_string());
        assert_eq!(only_of("262").as_deref(), Some("DE"));
        for shared in ["234", "235", "310", "647", "901"] {
            assert_eq!(only_of(shared), None, "{shared}");
        }
        assert!(countries("901").is_empty());
        assert!(countries("999").is_empty());
    }
}
