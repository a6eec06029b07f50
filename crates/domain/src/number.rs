//! Telephone numbers: from what an application wrote to E.164, with the country and the kind of number.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};
use rlibphonenumber::{
    PHONE_NUMBER_UTIL, ParseError, PhoneNumberFormat, PhoneNumberType, Region, ValidationError,
};

use crate::address::Recipient;

/// Two capital letters of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Country(#[n(0)] minicbor::bytes::ByteArray<2>);

impl Country {
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The constructor lets only ASCII letters in.
        std::str::from_utf8(&*self.0).unwrap_or("ZZ")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a country: expected two capital letters of ISO 3166, such as DE")]
pub struct BadCountry(pub String);

impl FromStr for Country {
    type Err = BadCountry;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match <[u8; 2]>::try_from(text.as_bytes()) {
            Ok(letters) if letters.iter().all(u8::is_ascii_uppercase) => Ok(Self(letters.into())),
            Ok(_) | Err(_) => Err(BadCountry(text.to_owned())),
        }
    }
}

/// What a number is for, as far as its range tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NumberKind {
    Mobile,
    FixedLine,
    FixedLineOrMobile,
    TollFree,
    PremiumRate,
    SharedCost,
    Voip,
    Personal,
    Pager,
    Uan,
    Voicemail,
    Unknown,
}

impl NumberKind {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mobile => "mobile",
            Self::FixedLine => "fixed_line",
            Self::FixedLineOrMobile => "fixed_line_or_mobile",
            Self::TollFree => "toll_free",
            Self::PremiumRate => "premium_rate",
            Self::SharedCost => "shared_cost",
            Self::Voip => "voip",
            Self::Personal => "personal",
            Self::Pager => "pager",
            Self::Uan => "uan",
            Self::Voicemail => "voicemail",
            Self::Unknown => "unknown",
        }
    }
}

/// A number that is at least possible: of a length that its country has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    pub recipient: Recipient,
    /// None for ranges that belong to no country, such as satellite and international networks.
    pub country: Option<Country>,
    pub kind: NumberKind,
    /// Within a range that the country's numbering plan assigns.
    pub valid: bool,
}

/// Why a number cannot be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    #[error("it is not a telephone number: expected international form such as +4915112345678")]
    NotANumber,
    #[error(
        "it has no country code: write it in international form with a leading +, or set the app's default_country"
    )]
    NoCountry,
    #[error("it is too short for its country")]
    TooShort,
    #[error("it is too long for its country")]
    TooLong,
    #[error("its country code is not assigned")]
    UnknownCountry,
    #[error("its length does not exist in its country")]
    ImpossibleLength,
}

/// Longer input is refused unread: the longest way to write a number is far below.
const MAX_INPUT: usize = 64;

/// Reads the numbering plans, which takes some hundred milliseconds: at a start, so that no message waits for it.
pub fn prepare() {
    // What the plans say of this number is nothing to anybody.
    drop(parse("+12025550100", None));
}

/// Reads a number as people write it: `+49 151 …`, `0049…`-style only with a country to dial from, national form
/// with `default_country`.
///
/// # Errors
/// When it is not a number or not a possible one. A number that is possible but not valid is returned.
pub fn parse(input: &str, default_country: Option<Country>) -> Result<Number, BadNumber> {
    if input.len() > MAX_INPUT {
        return Err(BadNumber::TooLong);
    }
    let region = default_country.and_then(|country| country.as_str().parse::<Region>().ok());
    let number =
        PHONE_NUMBER_UTIL.parse(input, region).map_err(|error| refusal(&error, input, default_country))?;
    // A number that can only be dialled within its area counts as possible: the plan of its country has the length.
    PHONE_NUMBER_UTIL.is_possible_number_with_reason(&number).map_err(|error| match error {
        ValidationError::InvalidCountryCode => BadNumber::UnknownCountry,
        ValidationError::TooShort => BadNumber::TooShort,
        ValidationError::TooLong => BadNumber::TooLong,
        ValidationError::InvalidLength => BadNumber::ImpossibleLength,
    })?;
    let kind = kind_of(PHONE_NUMBER_UTIL.get_number_type(&number));
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&number);
    let region = region.or_else(|| PHONE_NUMBER_UTIL.get_region_for_country_code(number.country_code));
    let e164 = PHONE_NUMBER_UTIL.format(&number, PhoneNumberFormat::E164);
    Ok(Number {
        recipient: Recipient::from_e164(&e164).ok_or(BadNumber::NotANumber)?,
        country: region.and_then(|region| region.as_region_str().parse().ok()),
        kind,
        valid: PHONE_NUMBER_UTIL.is_valid_number(&number),
    })
}

fn refusal(error: &ParseError, input: &str, default_country: Option<Country>) -> BadNumber {
    // The full-width plus is a plus to the library, too.
    let international = input.trim_start().starts_with(['+', '\u{ff0b}']);
    match error {
        ParseError::InvalidCountryCode if default_country.is_none() && !international => BadNumber::NoCountry,
        ParseError::InvalidCountryCode => BadNumber::UnknownCountry,
        ParseError::TooShortAfterIdd | ParseError::TooShortNsn => BadNumber::TooShort,
        ParseError::TooLongNsn => BadNumber::TooLong,
        ParseError::NotANumber(_) => BadNumber::NotANumber,
    }
}

fn kind_of(kind: PhoneNumberType) -> NumberKind {
    match kind {
        PhoneNumberType::Mobile => NumberKind::Mobile,
        PhoneNumberType::FixedLine => NumberKind::FixedLine,
        PhoneNumberType::FixedLineOrMobile => NumberKind::FixedLineOrMobile,
        PhoneNumberType::TollFree => NumberKind::TollFree,
        PhoneNumberType::PremiumRate => NumberKind::PremiumRate,
        PhoneNumberType::SharedCost => NumberKind::SharedCost,
        PhoneNumberType::VoIP => NumberKind::Voip,
        PhoneNumberType::PersonalNumber => NumberKind::Personal,
        PhoneNumberType::Pager => NumberKind::Pager,
        PhoneNumberType::UAN => NumberKind::Uan,
        PhoneNumberType::VoiceMail => NumberKind::Voicemail,
        PhoneNumberType::Unknown => NumberKind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> (String, Option<String>, NumberKind, bool) {
        let number = parse(input, None).unwrap();
        let country = number.country.map(|country| country.to_string());
        (number.recipient.to_string(), country, number.kind, number.valid)
    }

    #[test]
    fn numbers_become_e164_with_country_and_kind() {
        let german = ("+4915112345678".to_owned(), Some("DE".to_owned()), NumberKind::Mobile, true);
        assert_eq!(read("+49 (0)151 123-456 78"), german);
        let at_home = parse("0151 12345678", "DE".parse().ok()).unwrap();
        assert_eq!(at_home.recipient.as_str(), "+4915112345678");
        assert_eq!(read("+12025550100").1.as_deref(), Some("US"));
    }

    #[test]
    fn what_cannot_be_reached_is_refused_with_its_reason() {
        assert_eq!(parse("hello", None), Err(BadNumber::NotANumber));
        assert_eq!(parse("", None), Err(BadNumber::NotANumber));
        assert_eq!(parse("0151 12345678", None), Err(BadNumber::NoCountry));
        assert_eq!(parse("+999 123456789", None), Err(BadNumber::UnknownCountry));
        assert_eq!(parse("+49 1", None), Err(BadNumber::TooShort));
        assert_eq!(parse(&"1".repeat(1000), None), Err(BadNumber::TooLong));
    }
}
