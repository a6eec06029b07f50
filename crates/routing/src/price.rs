//! Prices: one line of a rate card as it is written, in a file or in the configuration.

use std::collections::HashMap;

use domain::money::{BadAmount, Decimal, parse_amount};
use domain::{Country, Timestamp};

use crate::country;
use crate::operator::{Mcc, Operator};

mod card;
mod exchange;
mod prices;

pub use card::{Card, Rated, Surcharge};
pub use exchange::Exchange;
pub use prices::Prices;

/// What one segment or one message costs somewhere, from some time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceLine {
    pub place: Place,
    pub charge: Charge,
    /// None: as far back as anyone asks.
    pub effective_from: Option<Timestamp>,
}

/// What is taken for a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    Price(Decimal),
    /// The vendor does not carry anything there, whatever holds for a wider place.
    Closed,
}

/// What a price is for. The narrowest one that fits holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// Only of surcharges.
    Anywhere,
    Country(Country),
    /// All networks of a mobile country code that is not a country's only one: else it is the country.
    Mcc(Mcc),
    Operator(Operator),
}

impl Place {
    /// All networks of a code.
    #[must_use]
    pub fn of_mcc(mcc: Mcc) -> Self {
        mcc.only_of().map_or(Self::Mcc(mcc), Self::Country)
    }
}

/// A price, or `closed`.
impl std::str::FromStr for Charge {
    type Err = BadAmount;

    fn from_str(text: &str) -> Result<Self, BadAmount> {
        if text == CLOSED { Ok(Self::Closed) } else { parse_amount(text).map(Self::Price) }
    }
}

/// In the place of a price.
const CLOSED: &str = "closed";

/// A line of a rate card's file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct LineProblem {
    /// Counted from one, the header included.
    pub line: u64,
    pub message: String,
}

/// Reads the file of a rate card: a header, then a price a line. The columns are `country` or `mcc` and `mnc`, `price`
/// (or `closed`) and optionally `effective_from`, in any order. A byte order mark and line ends of any kind are taken as they come.
///
/// # Errors
/// With every line that cannot be used, and every line that says again what an earlier one said.
pub fn parse_csv(text: &str) -> Result<Vec<PriceLine>, Vec<LineProblem>> {
    // With one kind of line end, the reader's positions tell the lines.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n").replace('\r', "\n");
    let mut reader =
        csv::ReaderBuilder::new().trim(csv::Trim::All).flexible(true).from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(header) => Columns::read(header, line_of(header.position(), &text))?,
        Err(error) => return Err(vec![unreadable(&error, &text)]),
    };
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    for record in reader.records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                problems.push(unreadable(&error, &text));
                continue;
            }
        };
        // Spreadsheets end in rows of nothing but commas.
        if record.iter().all(str::is_empty) {
            continue;
        }
        let line = line_of(record.position(), &text);
        let mut add = |message| problems.push(LineProblem { line, message });
        if record.len() != columns.count {
            add(format!("has {} fields where the header has {}", record.len(), columns.count));
            continue;
        }
        match columns.written(&record).read() {
            Err(fields) => fields.into_iter().for_each(|(field, message)| add(format!("{field}: {message}"))),
            Ok(read) => match seen.insert((read.place, read.effective_from), line) {
                Some(earlier) => add(format!("line {earlier} has a price for the same place and time")),
                None => lines.push(read),
            },
        }
    }
    if problems.is_empty() { Ok(lines) } else { Err(problems) }
}

/// A price as written: a field that is absent is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct Written<'a> {
    pub country: &'a str,
    pub mcc: &'a str,
    pub mnc: &'a str,
    pub price: &'a str,
    pub effective_from: &'a str,
}

/// The field, and what is wrong with it.
pub type FieldProblem = (&'static str, String);

impl Written<'_> {
    /// # Errors
    /// With every field that cannot be used.
    pub fn read(self) -> Result<PriceLine, Vec<FieldProblem>> {
        let place = self.place();
        let charge = self.price.parse().map_err(|error: BadAmount| ("price", error.to_string()));
        let effective_from = match self.effective_from {
            "" => Ok(None),
            text => instant(text).map(Some).ok_or_else(|| {
                let message = format!("`{text}` is not a time: expected 2026-03-01 or 2026-03-01T08:00:00Z");
                ("effective_from", message)
            }),
        };
        match (place, charge, effective_from) {
            (Ok(place), Ok(charge), Ok(effective_from)) => Ok(PriceLine { place, charge, effective_from }),
            (place, charge, effective_from) => {
                Err([place.err(), charge.err(), effective_from.err()].into_iter().flatten().collect())
            }
        }
    }

    /// What it is for, whatever it costs.
    ///
    /// # Errors
    /// With the field that cannot be used.
    pub fn place(self) -> Result<Place, FieldProblem> {
        let country = match self.country {
            "" => None,
            text => Some(country::spelled(text).map_err(|message| ("country", message))?),
        };
        if self.mcc.is_empty() {
            return match country {
                Some(_) if !self.mnc.is_empty() => Err(("mcc", "an mnc needs its mcc".to_owned())),
                Some(country) => Ok(Place::Country(country)),
                None => Err(("country", "expected a country, or mcc and mnc".to_owned())),
            };
        }
        let mcc: Mcc = self.mcc.parse().map_err(|error| ("mcc", format!("{error}")))?;
        if !self.mnc.is_empty() {
            let operator = Operator::new(mcc, self.mnc).map_err(|error| ("mnc", error.to_string()))?;
            return Ok(Place::Operator(operator));
        }
        match country {
            Some(country) => Ok(Place::Country(country)),
            None if mcc.countries().next().is_some() => Ok(Place::of_mcc(mcc)),
            None => Err(("mcc", format!("`{}` belongs to no country: give its mnc too", self.mcc))),
        }
    }
}

/// Where the header has which column.
struct Columns {
    count: usize,
    at: [Option<usize>; KNOWN.len()],
}

const KNOWN: [&str; 5] = ["country", "mcc", "mnc", "price", "effective_from"];

impl Columns {
    fn read(header: &csv::StringRecord, line: u64) -> Result<Self, Vec<LineProblem>> {
        let mut at = [None; KNOWN.len()];
        let mut problems = Vec::new();
        let mut add = |message: String| problems.push(LineProblem { line, message });
        for (position, name) in header.iter().enumerate() {
            let known = KNOWN.iter().position(|known| known.eq_ignore_ascii_case(name));
            match known.and_then(|known| at.get_mut(known)) {
                None => add(format!("no column is called `{name}`: expected {}", KNOWN.join(", "))),
                Some(Some(_)) => add(format!("the column `{name}` is there twice")),
                Some(slot) => *slot = Some(position),
            }
        }
        let [country, mcc, _, price, _] = at;
        if price.is_none() {
            add("the header has no column `price`".to_owned());
        }
        if country.is_none() && mcc.is_none() {
            add("the header has neither a column `country` nor a column `mcc`".to_owned());
        }
        if problems.is_empty() { Ok(Self { count: header.len(), at }) } else { Err(problems) }
    }

    fn written<'a>(&self, record: &'a csv::StringRecord) -> Written<'a> {
        let field = |at: Option<usize>| at.and_then(|at| record.get(at)).unwrap_or("");
        let [country, mcc, mnc, price, effective_from] = self.at.map(field);
        Written { country, mcc, mnc, price, effective_from }
    }
}

fn unreadable(error: &csv::Error, text: &str) -> LineProblem {
    LineProblem { line: line_of(error.position(), text), message: error.to_string() }
}

/// A record's position is where the reader began to look for it, which is before any empty lines.
fn line_of(position: Option<&csv::Position>, text: &str) -> u64 {
    let Some(position) = position else { return 1 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.get(start..).unwrap_or("");
    position.line() + rest.bytes().take_while(|byte| *byte == b'\n').map(|_| 1).sum::<u64>()
}

/// What `effective_from` says. A day begins at midnight UTC.
#[must_use]
pub fn instant(text: &str) -> Option<Timestamp> {
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let day: jiff::civil::Date = text.parse().ok()?;
    let midnight = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(midnight.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests;
