//! A price list from its bytes to lines of a card: understood whole, or refused whole.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::money::Decimal;
use domain::{Currency, Timestamp};
use jiff::tz::TimeZone;
use routing::price::{Charge, Place, PriceLine, Written};
use routing::settings::Per;

use crate::codes::{self, Code, Repaired};
use crate::columns::{self, HEAD_ROWS, Head, Role, Top};
use crate::delimited::{DELIMITERS, Delimited};
use crate::mapping::{Charset, DateOrder, DecimalMark, Mapping, Zero};
use crate::problem::{Problem, Problems, Refused, letters};
use crate::rows::{Cell, Next, Source};
use crate::workbook::Workbook;
use crate::{MOST_BYTES, MOST_PRICES, amount, day, terms, text};

/// What the card says that the list is for.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    pub currency: Currency,
    pub per: Per,
    /// From when on a price holds that has no date of its own; None: always.
    pub effective_from: Option<Timestamp>,
}

/// A list that was understood.
#[derive(Clone, Debug)]
pub struct List {
    /// At most one for each place and time, in order of both.
    pub lines: Vec<PriceLine>,
    pub report: Report,
}

/// How the list was read.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub sheet: Option<Arc<str>>,
    pub encoding: Option<Charset>,
    pub delimiter: Option<char>,
    pub header_row: Option<u32>,
    /// What each column was taken for, its letter and its heading.
    pub columns: Vec<(&'static str, String, Option<Arc<str>>)>,
    pub decimal: Option<DecimalMark>,
    pub dates: Option<DateOrder>,
    /// Rows with a price, or closed.
    pub rows: u64,
    /// The first of those whose code lacked zeros.
    pub repaired: Vec<Repaired>,
    /// How many there are.
    pub repaired_count: u64,
}

/// So many repairs are told one by one.
const MOST_REPAIRS: usize = 100;
/// So many rows are looked at to find out how the rest is written.
const EVIDENCE_ROWS: u32 = 10_000;

/// # Errors
/// With everything that is wrong with the list.
pub fn read(bytes: &[u8], mapping: &Mapping, terms: &Terms) -> Result<List, Refused> {
    mapping.check()?;
    let zone = mapping.place()?;
    if bytes.len() > MOST_BYTES {
        return Err(Problem::whole(format!("is larger than {} MiB", MOST_BYTES / 1024 / 1024)).into());
    }
    if bytes.starts_with(b"PK\x03\x04") {
        let mut book = Workbook::open(bytes, mapping.sheet.as_deref())?;
        let sheet = Arc::clone(&book.sheet);
        let of_sheet = |mut refused: Refused| {
            refused.told.iter_mut().for_each(|problem| problem.sheet = Some(Arc::clone(&sheet)));
            refused
        };
        let head = top(&mut book)
            .and_then(|top| columns::find(mapping, &top))
            .map_err(|problem| of_sheet(problem.into()))?;
        let report = Report { sheet: Some(Arc::clone(&sheet)), ..Report::default() };
        return Reading::new(mapping, terms, zone, head).whole(&mut book, report).map_err(of_sheet);
    }
    if bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        let message = "is a workbook of the old kind (.xls), or one that is locked: save it as .xlsx without a password";
        return Err(Problem::whole(message).into());
    }
    if mapping.sheet.is_some() {
        return Err(Problem::whole("is a text and has no sheets, and the mapping names one (`sheet`)").into());
    }
    let (text, encoding) = text::decode(bytes, mapping.encoding)?;
    let (delimiter, head) = delimiter(&text, mapping)?;
    let byte = u8::try_from(delimiter).unwrap_or(b',');
    let report = Report { encoding: Some(encoding), delimiter: Some(delimiter), ..Report::default() };
    Reading::new(mapping, terms, zone, head).whole(&mut Delimited { text: &text, delimiter: byte }, report)
}

fn top(source: &mut dyn Source) -> Result<Top, Problem> {
    let mut rows = Top::new();
    source.walk(&mut |number, cells| {
        rows.push((number, cells.iter().map(|cell| cell.text().into_owned()).collect()));
        if rows.len() < HEAD_ROWS { Next::Go } else { Next::Stop }
    })?;
    Ok(rows)
}

/// The delimiter with which the columns are found.
fn delimiter(text: &str, mapping: &Mapping) -> Result<(char, Head), Problem> {
    let candidates: &[char] = mapping.delimiter.as_ref().map_or(&DELIMITERS, std::slice::from_ref);
    let mut tried: Vec<(usize, char, Result<Head, Problem>)> = Vec::new();
    for &delimiter in candidates {
        let byte = u8::try_from(delimiter).unwrap_or(b',');
        let top = top(&mut Delimited { text, delimiter: byte })?;
        // A heading that is right is found under one delimiter; letters alone fit any, so that the widest counts.
        let mut widths: Vec<usize> = top.iter().map(|(_, cells)| cells.len()).collect();
        widths.sort_unstable();
        let usual = widths.get(widths.len() / 2).copied().unwrap_or_default();
        tried.push((usual, delimiter, columns::find(mapping, &top)));
    }
    tried.sort_by_key(|(width, ..)| std::cmp::Reverse(*width));
    let found = tried.iter().position(|(.., head)| head.is_ok()).unwrap_or_default();
    match tried.into_iter().nth(found) {
        Some((_, delimiter, head)) => Ok((delimiter, head?)),
        None => Err(Problem::whole("the list is empty")),
    }
}

struct Reading<'a> {
    mapping: &'a Mapping,
    terms: &'a Terms,
    zone: TimeZone,
    head: Head,
    decimal: Option<DecimalMark>,
    dates: Option<DateOrder>,
    lines: Vec<(PriceLine, u32)>,
    problems: Problems,
    report: Report,
}

/// Something of a row that cannot be used: in this column, or in the row as a whole.
type Wrong = (Option<u16>, String);

impl<'a> Reading<'a> {
    fn new(mapping: &'a Mapping, terms: &'a Terms, zone: TimeZone, head: Head) -> Self {
        let (problems, report) = (Problems::default(), Report::default());
        let (decimal, dates) = (mapping.decimal, mapping.dates);
        Self { mapping, terms, zone, head, decimal, dates, lines: Vec::new(), problems, report }
    }

    fn whole(mut self, source: &mut dyn Source, report: Report) -> Result<List, Refused> {
        self.report = report;
        self.gather(source)?;
        let (width, fields) = if source.is_delimited() {
            (self.head.width, self.head.fields)
        } else {
            (usize::MAX, usize::MAX)
        };
        let heading = self.head.column(Role::Price).and_then(|column| self.head.heading(column));
        if let (Some(row), Some(heading)) = (self.head.row, heading) {
            self.check_heading(row, &heading);
        }
        let mut has_begun = self.head.row.is_some();
        let mut is_too_long = false;
        let walked = source.walk(&mut |number, cells| {
            if self.head.row.is_some_and(|row| number <= row) {
                return Next::Go;
            }
            has_begun = has_begun || self.begins(cells) || self.lacks_a_price(cells);
            if has_begun {
                self.row(number, cells, width, fields);
            } else {
                self.check_heading(number, &cell(cells, self.head.column(Role::Price)).text());
            }
            is_too_long = self.lines.len() > MOST_PRICES;
            if is_too_long { Next::Stop } else { Next::Go }
        });
        if let Err(broken) = walked {
            self.problems.add(broken);
        }
        if is_too_long {
            self.problems.add(Problem::whole(format!("the list has more than {MOST_PRICES} prices")));
        }
        self.refuse_repetitions();
        if self.lines.is_empty() && !self.problems.are_any() {
            self.problems.add(Problem::whole("the list has no prices"));
        }
        if self.problems.are_any() {
            return Err(self.problems.refuse());
        }
        self.report.header_row = self.head.row;
        let columns = self.head.mapped();
        self.report.columns = columns
            .map(|(role, column)| (role.as_str(), letters(column), self.head.heading(column)))
            .collect();
        (self.report.decimal, self.report.dates) = (self.decimal, self.dates);
        Ok(List { lines: self.lines.into_iter().map(|(line, _)| line).collect(), report: self.report })
    }

    /// How the list writes decimals and dates, by cells that can be read in one way only.
    fn gather(&mut self, source: &mut dyn Source) -> Result<(), Refused> {
        let (price, date) = (self.head.column(Role::Price), self.head.column(Role::EffectiveFrom));
        let first = self.head.row.unwrap_or_default();
        let (mut points, mut commas, mut day_first, mut month_first) = (0_u32, 0_u32, 0_u32, 0_u32);
        source.walk(&mut |number, cells| {
            if number > first {
                match cell(cells, price) {
                    // What is closed has no price that would tell anything.
                    Cell::Text(text) if self.is_closed(text) || self.is_marked_closed(cells) => {}
                    Cell::Text(text) => match amount::evidence(text) {
                        Some(DecimalMark::Point) => points += 1,
                        Some(DecimalMark::Comma) => commas += 1,
                        None => {}
                    },
                    Cell::Empty | Cell::Number(_) | Cell::Day(_) | Cell::Formula | Cell::Error => {}
                }
                if let Cell::Text(text) = cell(cells, date) {
                    match day::evidence(text) {
                        Some(DateOrder::DayFirst) => day_first += 1,
                        Some(DateOrder::MonthFirst) => month_first += 1,
                        None => {}
                    }
                }
            }
            if number > first.saturating_add(EVIDENCE_ROWS) { Next::Stop } else { Next::Go }
        })?;
        if self.decimal.is_none() && points + commas > 0 {
            self.decimal = Some(if points >= commas { DecimalMark::Point } else { DecimalMark::Comma });
        }
        if self.dates.is_none() && day_first + month_first > 0 {
            self.dates =
                Some(if day_first >= month_first { DateOrder::DayFirst } else { DateOrder::MonthFirst });
        }
        Ok(())
    }

    /// Whether this is the first row of prices, where no headings say where they begin.
    fn begins(&self, cells: &[Cell<'_>]) -> bool {
        match cell(cells, self.head.column(Role::Price)) {
            Cell::Number(_) | Cell::Formula => true,
            Cell::Text(text) => amount::read(text, self.decimal).is_ok() || self.is_closed(text),
            Cell::Empty | Cell::Day(_) | Cell::Error => false,
        }
    }

    /// Whether this is a row of prices whose price cannot be read, and no title: it says what it is for.
    fn lacks_a_price(&mut self, cells: &[Cell<'_>]) -> bool {
        let places = [Role::Country, Role::Mcc, Role::Mnc, Role::Operator];
        let has_place = places.iter().any(|role| !cell(cells, self.head.column(*role)).is_empty());
        // `CC` above a column is a country, too.
        let is_heading =
            columns::is_price(&columns::normal(&cell(cells, self.head.column(Role::Price)).text()));
        if !has_place || is_heading {
            return false;
        }
        // It is read again with all that is told of it.
        let told = (self.report.repaired.len(), self.report.repaired_count);
        let is_place = self.places(0, cells).is_ok();
        self.report.repaired.truncate(told.0);
        self.report.repaired_count = told.1;
        is_place
    }

    fn row(&mut self, number: u32, cells: &[Cell<'_>], width: usize, fields: usize) {
        if self.head.mapped().all(|(_, column)| cell(cells, Some(column)).is_empty()) {
            return;
        }
        match self.lines_of(number, cells, width, fields) {
            Ok(lines) => {
                self.report.rows += 1;
                self.lines.extend(lines.into_iter().map(|line| (line, number)));
            }
            Err(wrong) => {
                for (column, message) in wrong {
                    let heading = column.and_then(|column| self.head.heading(column));
                    self.problems.add(Problem { column, heading, ..Problem::row(number, message) });
                }
            }
        }
    }

    fn lines_of(
        &mut self,
        number: u32,
        cells: &[Cell<'_>],
        width: usize,
        fields: usize,
    ) -> Result<Vec<PriceLine>, Vec<Wrong>> {
        let mut wrong: Vec<Wrong> = Vec::new();
        let last = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        // Empty ones count: `1,05,` under `price,comment` is a price of 1,05 and not of 1.
        if last > width || cells.len() > fields {
            let (has, wanted) = if last > width { (last, width) } else { (cells.len(), fields) };
            let message = format!(
                "has {has} fields where the headings have {wanted}: is a field with the delimiter not quoted?"
            );
            return Err(vec![(None, message)]);
        }
        for (_, column) in self.head.mapped() {
            let unusable = match cell(cells, Some(column)) {
                Cell::Formula => {
                    "is a formula: what it came to here may be another value elsewhere; put the value in its place"
                }
                Cell::Error => "is an error of the spreadsheet",
                Cell::Text(text) if text.trim().contains('\n') => {
                    "goes over several lines: is a quotation mark missing?"
                }
                Cell::Text(_) | Cell::Empty | Cell::Number(_) | Cell::Day(_) => continue,
            };
            wrong.push((Some(column), unusable.to_owned()));
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let charge = keep(self.charge(cells), &mut wrong);
        let effective_from = keep(self.effective_from(cells), &mut wrong);
        let places = keep(self.places(number, cells), &mut wrong);
        wrong.extend(self.terms_differ(cells));
        match (charge, effective_from, places) {
            (Some(charge), Some(effective_from), Some(places)) if wrong.is_empty() => {
                Ok(places.into_iter().map(|place| PriceLine { place, charge, effective_from }).collect())
            }
            (_, _, _) => Err(wrong),
        }
    }

    fn charge(&self, cells: &[Cell<'_>]) -> Result<Charge, Wrong> {
        if self.is_marked_closed(cells) {
            return Ok(Charge::Closed);
        }
        let column = self.head.column(Role::Price);
        let at = |message: String| (column, message);
        let amount = match cell(cells, column) {
            Cell::Number(number) => amount::of_number(*number).map_err(at)?,
            Cell::Text(text) if self.is_closed(text) => return Ok(Charge::Closed),
            Cell::Text(text) => {
                let (amount, currency) = amount::read(text, self.decimal).map_err(at)?;
                if let Some(currency) = currency.filter(|found| *found != self.terms.currency.as_str()) {
                    return Err(at(format!("is in {currency}, and the card is in {}", self.terms.currency)));
                }
                amount
            }
            Cell::Empty => return Err(at("is missing".to_owned())),
            other @ (Cell::Day(_) | Cell::Formula | Cell::Error) => {
                return Err(at(format!("`{}` is not a price", other.text())));
            }
        };
        self.known(amount).map_err(at)
    }

    fn known(&self, amount: Decimal) -> Result<Charge, String> {
        let is_listed = || self.mapping.closed_words.iter().any(|word| word.trim().parse() == Ok(amount));
        match self.mapping.zero {
            _ if is_listed() => Ok(Charge::Closed),
            Some(Zero::Free) => Ok(Charge::Price(amount)),
            Some(Zero::Closed) if amount.is_zero() => Ok(Charge::Closed),
            None if amount.is_zero() => {
                Err("is zero: say whether that is `free` or `closed` (`zero`)".to_owned())
            }
            Some(Zero::Closed) | None => Ok(Charge::Price(amount)),
        }
    }

    /// In the column that is there for it. Of a status, yes and 1 may as well say that it is open.
    fn is_marked_closed(&self, cells: &[Cell<'_>]) -> bool {
        let text = cell(cells, self.head.column(Role::Closed)).text();
        let is_yes = || ["yes", "y", "true", "1"].iter().any(|word| text.eq_ignore_ascii_case(word));
        self.is_closed(&text) || (self.head.has_closed_flag && is_yes())
    }

    fn is_closed(&self, text: &str) -> bool {
        const WORDS: [&str; 12] = [
            "closed",
            "close",
            "n/a",
            "na",
            "not available",
            "unavailable",
            "blocked",
            "ceased",
            "cease",
            "stopped",
            "no coverage",
            "not supported",
        ];
        let text = text.trim();
        let own = self.mapping.closed_words.iter().map(|word| word.trim());
        !text.is_empty() && own.chain(WORDS).any(|word| word.eq_ignore_ascii_case(text))
    }

    fn effective_from(&self, cells: &[Cell<'_>]) -> Result<Option<Timestamp>, Wrong> {
        let column = self.head.column(Role::EffectiveFrom);
        let read = match cell(cells, column) {
            Cell::Empty => return Ok(self.terms.effective_from),
            Cell::Text(text) if text.trim().is_empty() => return Ok(self.terms.effective_from),
            Cell::Text(text) => day::read(text, self.dates, &self.zone),
            Cell::Day(day) => day::at(*day, &self.zone),
            Cell::Number(number) => day::read(&number.to_string(), self.dates, &self.zone)
                .map_err(|_| format!("`{number}` is a number: give the cell the format of a date")),
            other @ (Cell::Formula | Cell::Error) => Err(format!("`{}` is not a date", other.text())),
        };
        read.map(Some).map_err(|message| (column, message))
    }

    fn places(&mut self, number: u32, cells: &[Cell<'_>]) -> Result<Vec<Place>, Wrong> {
        let [of_country, of_mcc, of_mnc, of_operator] =
            [Role::Country, Role::Mcc, Role::Mnc, Role::Operator].map(|role| self.head.column(role));
        let operator = cell(cells, of_operator);
        let (mcc, mncs) = if operator.is_empty() {
            let written = cell(cells, of_mcc);
            if codes::is_all(&written.text()) {
                let mnc = cell(cells, of_mnc);
                if !codes::is_all(&mnc.text()) {
                    return Err((of_mnc, format!("`{}`: an MNC needs its MCC", mnc.text())));
                }
                return self.country(cells).map(|place| vec![place]);
            }
            let mcc = codes::mcc(&written.text()).map_err(|message| (of_mcc, message))?;
            self.repaired(number, &mcc, &written.text(), "");
            let mnc = cell(cells, of_mnc);
            let is_number = matches!(mnc, Cell::Number(_));
            let mncs = codes::mncs(&mcc.code, &mnc.text(), is_number).map_err(|message| (of_mnc, message))?;
            for one in &mncs {
                self.repaired(number, one, &mnc.text(), &mcc.code);
            }
            (mcc.code, mncs)
        } else {
            let text = operator.text();
            let (mcc, mnc) = codes::operator(&text).map_err(|message| (of_operator, message))?;
            if let Some(mnc) = &mnc {
                self.repaired(number, mnc, &text, &mcc);
            }
            (mcc, mnc.into_iter().collect())
        };
        let at = if operator.is_empty() { of_mcc } else { of_operator };
        if mncs.is_empty() {
            // The country beside it may be a name; what the code says is enough where it says it.
            let country = cell(cells, of_country).text().to_uppercase();
            let country = if country.len() == 2 { country } else { String::new() };
            let written = Written { country: &country, mcc: &mcc, price: "0", ..Written::default() };
            return written.place().map(|place| vec![place]).map_err(|(_, message)| (at, message));
        }
        let networks = mncs.iter().map(|mnc| codes::network(&mcc, &mnc.code).map(Place::Operator));
        let networks: Result<BTreeSet<Place>, String> = networks.collect();
        networks.map(|places| places.into_iter().collect()).map_err(|message| (at, message))
    }

    fn country(&self, cells: &[Cell<'_>]) -> Result<Place, Wrong> {
        let column = self.head.column(Role::Country);
        let text = cell(cells, column).text();
        let upper = text.to_uppercase();
        let country = if text.len() == 2 { &*upper } else { &*text };
        let written = Written { country, price: "0", ..Written::default() };
        written.place().map_err(|(_, message)| (column, message))
    }

    fn repaired(&mut self, row: u32, code: &Code<String>, from: &str, mcc: &str) {
        if !code.is_repaired {
            return;
        }
        self.report.repaired_count += 1;
        if self.report.repaired.len() < MOST_REPAIRS {
            let to = if mcc.is_empty() { code.code.clone() } else { format!("{mcc}-{}", code.code) };
            self.report.repaired.push(Repaired { row, from: from.to_owned(), to });
        }
    }

    /// A row that is in another currency than the card, or for something else.
    fn terms_differ(&self, cells: &[Cell<'_>]) -> Vec<Wrong> {
        let [currency, per] = [Role::Currency, Role::Per].map(|role| self.head.column(role));
        let of_currency = terms::currency_differs(&cell(cells, currency).text(), self.terms);
        let of_unit = terms::unit_differs(&cell(cells, per).text(), self.terms);
        let of_currency = of_currency.map(|message| (currency, message));
        of_currency.into_iter().chain(of_unit.map(|message| (per, message))).collect()
    }

    /// What stands above the prices, be it named or not.
    fn check_heading(&mut self, row: u32, heading: &str) {
        let column = self.head.column(Role::Price);
        for message in terms::of_heading(heading, self.terms) {
            let heading = Some(heading.split_whitespace().collect::<Vec<_>>().join(" ").into());
            self.problems.add(Problem { column, heading, ..Problem::row(row, message) });
        }
    }

    fn refuse_repetitions(&mut self) {
        self.lines.sort_by_key(|(line, row)| (line.place, line.effective_from, *row));
        let mut before: Option<(Place, Option<Timestamp>, u32)> = None;
        for (line, row) in &self.lines {
            match before {
                Some((place, from, earlier)) if (place, from) == (line.place, line.effective_from) => {
                    let message = format!("row {earlier} has a price for the same place and time");
                    self.problems.add(Problem::row(*row, message));
                }
                Some(_) | None => before = Some((line.place, line.effective_from, *row)),
            }
        }
    }
}

fn keep<T>(read: Result<T, Wrong>, wrong: &mut Vec<Wrong>) -> Option<T> {
    read.map_err(|problem| wrong.push(problem)).ok()
}

fn cell<'c>(cells: &'c [Cell<'c>], column: Option<u16>) -> &'c Cell<'c> {
    column.and_then(|column| cells.get(usize::from(column))).unwrap_or(&Cell::Empty)
}

#[cfg(test)]
mod tests;
