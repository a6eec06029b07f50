//! How a vendor writes its lists: what is remembered of it, and what of it is left to be found out.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::delimited::DELIMITERS;
use crate::problem::Problem;

/// Everything that is absent is found out from the list itself, and refused where the list leaves it open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// The sheet of a workbook; absent: the only one that has anything in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// The row of the headings, counted from one; absent: the first that has all that are looked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header_row: Option<u32>,
    /// Of a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Charset>,
    /// Of a text: one of `,`, `;`, a tab and `|`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// What stands before the decimals of a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decimal: Option<DecimalMark>,
    /// Which of two numbers is the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dates: Option<DateOrder>,
    /// Where a day begins, as in the IANA database; absent: UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Words in the place of a price that say that nothing is carried there, beside those that are understood anyway.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed_words: Vec<String>,
    /// What a price of zero says; absent: it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zero: Option<Zero>,
    /// Absent: those with well-known headings.
    #[serde(skip_serializing_if = "Columns::is_empty")]
    pub columns: Columns,
}

impl Mapping {
    /// What no list could be read with.
    ///
    /// # Errors
    /// With the first thing that is wrong.
    pub fn check(&self) -> Result<(), Problem> {
        self.place().map(drop)?;
        let known = |delimiter: &char| DELIMITERS.contains(delimiter);
        match self.delimiter.filter(|delimiter| !known(delimiter)) {
            None => Ok(()),
            Some(delimiter) => Err(Problem::whole(format!(
                "`{delimiter}` is no delimiter: expected `,`, `;`, `|` or a tab (`delimiter`)"
            ))),
        }
    }

    pub(crate) fn place(&self) -> Result<TimeZone, Problem> {
        let Some(name) = &self.zone else { return Ok(TimeZone::UTC) };
        TimeZone::get(name).map_err(|_| {
            Problem::whole(format!("`{name}` is no time zone: expected such as Europe/Berlin (`zone`)"))
        })
    }
}

/// Each by its heading or by its letter, such as `E`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Columns {
    /// Two letters of ISO 3166.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcc: Option<String>,
    /// Also several in one cell, or a word for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mnc: Option<String>,
    /// MCC and MNC in one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Whether a price is for a segment or a message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_from: Option<String>,
    /// Holds a word that says that nothing is carried there, or something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed: Option<String>,
}

impl Columns {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How the bytes of a text are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Charset {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-16le")]
    Utf16Le,
    #[serde(rename = "utf-16be")]
    Utf16Be,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl Charset {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1252 => "windows-1252",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DecimalMark {
    #[serde(rename = ".")]
    Point,
    #[serde(rename = ",")]
    Comma,
}

impl DecimalMark {
    #[must_use]
    pub fn as_char(self) -> char {
        match self {
            Self::Point => '.',
            Self::Comma => ',',
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    DayFirst,
    MonthFirst,
}

impl DateOrder {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DayFirst => "day_first",
            Self::MonthFirst => "month_first",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zero {
    Free,
    Closed,
}
