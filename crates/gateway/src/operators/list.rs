//! The buyer's lists as CSV: whose a number or a prefix is, and what networks are called. A list is understood whole or
//! refused whole, with every line that is wrong.

use std::collections::BTreeMap;

use domain::number::Country;
use routing::operator::{Mcc, Operator};
use store::OperatorListKind;

/// A list that was understood.
#[derive(Clone, Debug, PartialEq)]
pub enum List {
    Numbers(Assigned),
    Prefixes(Assigned),
    Networks(BTreeMap<Operator, Network>),
}

/// What the buyer says of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    pub name: Box<str>,
    pub country: Option<Country>,
}

/// Digits and whose they are: sixteen bytes for each, whatever their number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assigned {
    /// In order, each with a one in front so that leading zeros count.
    digits: Box<[u64]>,
    /// In the same order.
    operators: Box<[Operator]>,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub line: u64,
    pub detail: String,
}

/// Why a list is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// In the order of the lines, at most `MOST_TOLD`.
    pub lines: Vec<BadLine>,
    /// How many more there are.
    pub more: usize,
}

/// Whoever has more wrong lines than this has another file in hand.
pub const MOST_TOLD: usize = 1000;
/// Of E.164.
const LONGEST: usize = 15;
const SHORTEST_NUMBER: usize = 7;

/// Which columns the heading names, by their places.
struct Columns {
    kind: OperatorListKind,
    digits: Option<usize>,
    operator: Option<usize>,
    mcc: Option<usize>,
    mnc: Option<usize>,
    name: Option<usize>,
    country: Option<usize>,
}

#[derive(Default)]
struct Wrong {
    lines: Vec<BadLine>,
    more: usize,
}

impl Wrong {
    fn tell(&mut self, line: u64, detail: impl Into<String>) {
        if self.lines.len() < MOST_TOLD {
            self.lines.push(BadLine { line, detail: detail.into() });
        } else {
            self.more += 1;
        }
    }

    fn refuse<T>(mut self, whole: T) -> Result<T, Refused> {
        if self.lines.is_empty() {
            return Ok(whole);
        }
        self.lines.sort_by_key(|bad| bad.line);
        Err(Refused { lines: self.lines, more: self.more })
    }
}

/// Reads a list. Its heading says which kind it is: a column `number`, `prefix`, or neither; then `operator`, or `mcc` and
/// `mnc`; and for networks `name` and perhaps `country`. Columns are separated by commas or semicolons.
///
/// # Errors
/// With every line that is wrong.
pub fn read(text: &str) -> Result<List, Refused> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut wrong = Wrong::default();
    let heading = text.lines().next().unwrap_or_default();
    let delimiter = if heading.contains(';') { b';' } else { b',' };
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let columns = match reader.headers() {
        Ok(heading) => columns(heading, &mut wrong),
        Err(error) => {
            wrong.tell(1, error.to_string());
            None
        }
    };
    let Some(columns) = columns else {
        return Err(Refused { lines: wrong.lines, more: 0 });
    };
    let list = match columns.kind {
        OperatorListKind::Numbers => List::Numbers(assigned(&mut reader, &columns, &mut wrong)),
        OperatorListKind::Prefixes => List::Prefixes(assigned(&mut reader, &columns, &mut wrong)),
        OperatorListKind::Networks => List::Networks(networks(&mut reader, &columns, &mut wrong)),
    };
    if list.is_empty() && wrong.lines.is_empty() {
        wrong.tell(2, "the list holds nothing below its heading");
    }
    wrong.refuse(list)
}

fn columns(heading: &csv::StringRecord, wrong: &mut Wrong) -> Option<Columns> {
    const KNOWN: [&str; 7] = ["number", "prefix", "operator", "mcc", "mnc", "name", "country"];
    let names: Vec<String> = heading.iter().map(str::to_lowercase).collect();
    let place = |name: &str| names.iter().position(|other| other == name);
    for (index, name) in names.iter().enumerate() {
        let shown: String = name.chars().take(40).collect();
        if !KNOWN.contains(&name.as_str()) {
            wrong.tell(1, format!("the heading names a column `{shown}`: known are {}", KNOWN.join(", ")));
        } else if place(name) != Some(index) {
            wrong.tell(1, format!("the heading names the column `{shown}` twice"));
        }
    }
    let (number, prefix) = (place("number"), place("prefix"));
    let kind = match (number, prefix) {
        (Some(_), None) => OperatorListKind::Numbers,
        (None, Some(_)) => OperatorListKind::Prefixes,
        (None, None) => OperatorListKind::Networks,
        (Some(_), Some(_)) => {
            wrong.tell(1, "a list is of numbers or of prefixes: leave out one of the columns");
            OperatorListKind::Numbers
        }
    };
    let columns = Columns {
        kind,
        digits: number.or(prefix),
        operator: place("operator"),
        mcc: place("mcc"),
        mnc: place("mnc"),
        name: place("name"),
        country: place("country"),
    };
    let split = columns.mcc.is_some() && columns.mnc.is_some();
    if columns.operator.is_some() == split || columns.mcc.is_some() != columns.mnc.is_some() {
        wrong.tell(1, "expected a column `operator`, or the two columns `mcc` and `mnc`");
    }
    if kind == OperatorListKind::Networks && columns.name.is_none() {
        wrong.tell(1, "expected a column `number` or `prefix`, or `name` in a list of networks");
    }
    wrong.lines.is_empty().then_some(columns)
}

/// Calls back for every line that is not blank.
fn each_line(
    reader: &mut csv::Reader<&[u8]>,
    wrong: &mut Wrong,
    mut take: impl FnMut(u64, &csv::StringRecord, &mut Wrong),
) {
    let width = reader.headers().map_or(0, csv::StringRecord::len);
    let mut row = csv::StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(false) => return,
            Ok(true) => {}
            Err(error) => {
                wrong.tell(error.position().map_or(0, csv::Position::line), "cannot be read as CSV");
                return;
            }
        }
        let line = row.position().map_or(0, csv::Position::line);
        if row.iter().all(str::is_empty) {
            continue;
        }
        if row.len() == width {
            take(line, &row, wrong);
        } else {
            wrong.tell(line, format!("has {} columns, the heading {width}", row.len()));
        }
    }
}

fn assigned(reader: &mut csv::Reader<&[u8]>, columns: &Columns, wrong: &mut Wrong) -> Assigned {
    let mut rows: Vec<(u64, Operator, u32)> = Vec::new();
    let shortest = match columns.kind {
        OperatorListKind::Numbers => SHORTEST_NUMBER,
        OperatorListKind::Prefixes | OperatorListKind::Networks => 1,
    };
    each_line(reader, wrong, |line, row, wrong| {
        let written = cell(row, columns.digits);
        let digits = key(written.strip_prefix('+').unwrap_or(written), shortest);
        if digits.is_none() {
            let shown: String = written.chars().take(40).collect();
            wrong.tell(
                line,
                format!("`{shown}` is not {shortest} to {LONGEST} digits of an international number"),
            );
        }
        if let Some((digits, operator)) = digits.zip(operator(row, columns, line, wrong)) {
            rows.push((digits, operator, u32::try_from(line).unwrap_or(u32::MAX)));
        }
    });
    rows.sort_unstable_by_key(|(digits, _, line)| (*digits, *line));
    for pair in rows.windows(2) {
        if let [(before, _, first), (digits, _, line)] = pair
            && before == digits
        {
            wrong.tell(u64::from(*line), format!("the same digits as line {first}"));
        }
    }
    Assigned {
        digits: rows.iter().map(|(digits, _, _)| *digits).collect(),
        operators: rows.iter().map(|(_, operator, _)| *operator).collect(),
    }
}

fn networks(
    reader: &mut csv::Reader<&[u8]>,
    columns: &Columns,
    wrong: &mut Wrong,
) -> BTreeMap<Operator, Network> {
    let mut networks: BTreeMap<Operator, Network> = BTreeMap::new();
    each_line(reader, wrong, |line, row, wrong| {
        let name = cell(row, columns.name);
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            wrong.tell(line, "expected a name of 1 to 100 characters");
        }
        let country = match cell(row, columns.country) {
            "" => None,
            code => {
                let parsed = routing::country::read(code);
                if parsed.is_err() {
                    let shown: String = code.chars().take(40).collect();
                    wrong.tell(line, format!("`{shown}` is not a country: expected two letters of ISO 3166"));
                }
                parsed.ok()
            }
        };
        let Some(operator) = operator(row, columns, line, wrong) else { return };
        if networks.insert(operator, Network { name: name.into(), country }).is_some() {
            wrong.tell(line, format!("the network {operator} is given twice"));
        }
    });
    networks
}

fn cell(row: &csv::StringRecord, place: Option<usize>) -> &str {
    place.and_then(|place| row.get(place)).unwrap_or_default()
}

fn operator(row: &csv::StringRecord, columns: &Columns, line: u64, wrong: &mut Wrong) -> Option<Operator> {
    let read = if columns.operator.is_some() {
        cell(row, columns.operator).parse().map_err(|bad: routing::operator::BadOperator| bad.to_string())
    } else {
        let mcc = cell(row, columns.mcc).parse::<Mcc>().map_err(|bad| bad.to_string());
        mcc.and_then(|mcc| Operator::new(mcc, cell(row, columns.mnc)).map_err(|bad| bad.to_string()))
    };
    read.map_err(|detail| wrong.tell(line, detail.chars().take(200).collect::<String>())).ok()
}

/// The digits with a one in front.
fn key(digits: &str, shortest: usize) -> Option<u64> {
    let plain = (shortest..=LONGEST).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    if !plain {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(10_u64.pow(u32::try_from(digits.len()).ok()?) + number)
}

impl Assigned {
    /// Whose exactly this number is.
    #[must_use]
    pub fn number(&self, digits: &str) -> Option<Operator> {
        self.find(key(digits, 1)?)
    }

    /// Whose the longest prefix of this number is.
    #[must_use]
    pub fn prefix(&self, digits: &str) -> Option<Operator> {
        (1..=digits.len().min(LONGEST)).rev().find_map(|length| self.find(key(digits.get(..length)?, 1)?))
    }

    fn find(&self, key: u64) -> Option<Operator> {
        self.digits.binary_search(&key).ok().and_then(|place| self.operators.get(place).copied())
    }
}

impl List {
    #[must_use]
    pub fn kind(&self) -> OperatorListKind {
        match self {
            Self::Numbers(_) => OperatorListKind::Numbers,
            Self::Prefixes(_) => OperatorListKind::Prefixes,
            Self::Networks(_) => OperatorListKind::Networks,
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(assigned) | Self::Prefixes(assigned) => assigned.digits.len(),
            Self::Networks(networks) => networks.len(),
        }
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(operator: Option<Operator>) -> Option<String> {
        operator.map(Operator::code)
    }

    #[test]
    fn a_number_is_found_whole_and_a_prefix_by_its_longest() {
        let List::Numbers(numbers) =
            read("number,operator\n+4915112345678,262-02\n447700900123,23410\n").unwrap()
        else {
            panic!("a list of numbers")
        };
        assert_eq!(code(numbers.number("4915112345678")), Some("26202".to_owned()));
        assert_eq!(numbers.number("491511234567"), None);
        let text = "\u{feff}prefix;mcc;mnc\r\n49;262;01\r\n49151;262;02\r\n\r\n1;310;026\r\n";
        let List::Prefixes(prefixes) = read(text).unwrap() else { panic!("a list of prefixes") };
        assert_eq!(code(prefixes.prefix("4915112345678")), Some("26202".to_owned()));
        assert_eq!(code(prefixes.prefix("4917012345678")), Some("26201".to_owned()));
        assert_eq!(code(prefixes.prefix("12025550123")), Some("310026".to_owned()));
        assert_eq!(prefixes.prefix("33612345678"), None);
    }

    #[test]
    fn networks_have_names_and_countries() {
        let List::Networks(networks) =
            read("operator,name,country\n26201,\"Tele, A\",DE\n23410,B,\n").unwrap()
        else {
            panic!("a list of networks")
        };
        let names: Vec<_> = networks.values().map(|network| (&*network.name, network.country)).collect();
        assert_eq!(names, [("B", None), ("Tele, A", Some("DE".parse().unwrap()))]);
    }

    #[test]
    fn every_wrong_line_is_named_and_nothing_is_taken() {
        let text = "number,operator\n4915112345678,26201\n12,26201\n+49 151,262\n4915112345678,26202\n4915199999999\n";
        let refused = read(text).unwrap_err();
        let told: Vec<_> = refused.lines.iter().map(|bad| (bad.line, bad.detail.as_str())).collect();
        assert_eq!(
            told,
            [
                (3, "`12` is not 7 to 15 digits of an international number"),
                (4, "`+49 151` is not 7 to 15 digits of an international number"),
                (4, "`262` is not an operator: expected MCC and MNC, such as 262-01 or 26201"),
                (5, "the same digits as line 2"),
                (6, "has 1 columns, the heading 2"),
            ]
        );
        for (text, detail) in [
            ("", "expected a column"),
            ("number,prefix,operator\n", "numbers or of prefixes"),
            ("number,carrier\n", "`carrier`"),
            ("number,operator,mcc,mnc\n", "expected a column `operator`, or"),
            ("number,operator\n", "holds nothing"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.lines.iter().any(|bad| bad.detail.contains(detail)), "{text}: {refused:?}");
        }
    }

    #[test]
    fn a_file_that_is_all_wrong_is_told_in_bounds() {
        let text = format!("number,operator\n{}", "x,y\n".repeat(5000));
        let refused = read(&text).unwrap_err();
        assert_eq!((refused.lines.len(), refused.more), (MOST_TOLD, 9000));
    }

    proptest! {
        #[test]
        fn whatever_is_given_never_panics(text in "(number|prefix|mcc)?,(operator|mnc)?\n([0-9+;,\"]{0,20}\n){0,8}") {
            drop(read(&text));
        }

        /// As a search of every prefix one by one would find it.
        #[test]
        fn the_longest_prefix_wins(
            prefixes in proptest::collection::btree_map("[0-9]{1,6}", 1_u16..999, 1..40),
            number in "[0-9]{7,15}",
        ) {
            let lines = prefixes.iter().map(|(prefix, mnc)| format!("{prefix},262{mnc:03}\n"));
            let List::Prefixes(list) = read(&format!("prefix,operator\n{}", lines.collect::<String>())).unwrap()
            else { panic!("a list of prefixes") };
            let longest = prefixes.iter().filter(|(prefix, _)| number.starts_with(*prefix))
                .max_by_key(|(prefix, _)| prefix.len());
            prop_assert_eq!(code(list.prefix(&number)), longest.map(|(_, mnc)| format!("262{mnc:03}")));
        }
    }
}
