//! Workbooks (XLSX), read cell by cell: what is in memory at a time is a row, and the texts that the cells share.

use std::borrow::Cow;
use std::io::{Cursor, Read as _, Write};
use std::sync::Arc;

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use jiff::civil::DateTime;

use crate::problem::Problem;
use crate::rows::{Cell, MOST_COLUMNS, Next, Source, Visit};

const MOST_PARTS: usize = 10_000;

const MIB: u64 = 1024 * 1024;

/// What parts may unpack to, in bytes.
#[derive(Clone, Copy)]
struct Limits {
    /// A million rows take some 400 MB.
    sheet: u64,
    /// The texts that cells share, which are in memory as long as the workbook is.
    strings: u64,
    part: u64,
    total: u64,
}

const LIMITS: Limits = Limits { sheet: 1024 * MIB, strings: 128 * MIB, part: 256 * MIB, total: 2048 * MIB };

/// No text that cells share is written in less: `<si/>`.
const SHORTEST_STRING: u64 = 5;

type Opened<'a> = Xlsx<Cursor<&'a [u8]>>;

pub(crate) struct Workbook<'a> {
    book: Opened<'a>,
    pub(crate) sheet: Arc<str>,
}

impl<'a> Workbook<'a> {
    /// # Errors
    /// When it is none, or has no such sheet, or leaves open which one is meant.
    pub(crate) fn open(bytes: &'a [u8], wanted: Option<&str>) -> Result<Self, Problem> {
        measure(bytes, &LIMITS)?;
        let mut book: Opened<'a> = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
        let sheet = choose(&mut book, wanted)?;
        Ok(Self { book, sheet: sheet.into() })
    }
}

/// Unpacks everything once, without keeping it: what a part says of its own size is not believed.
fn measure(bytes: &[u8], limits: &Limits) -> Result<(), Problem> {
    let broken =
        |error: &dyn std::fmt::Display| Problem::whole(format!("the workbook cannot be unpacked: {error}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.len() > MOST_PARTS {
        return Err(Problem::whole(format!("the workbook has more than {MOST_PARTS} parts")));
    }
    let mut left = limits.total;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = part.name().map_err(|error| broken(&error))?.into_owned();
        let lower = name.to_ascii_lowercase();
        let is_strings = lower.ends_with("sharedstrings.xml");
        let limit = match () {
            () if is_strings => limits.strings,
            () if lower.contains("worksheets/") => limits.sheet,
            () => limits.part,
        };
        let mut counts = Counts::default();
        let mut part = part.take(limit.min(left) + 1);
        let size = if is_strings {
            std::io::copy(&mut part, &mut counts)
        } else {
            std::io::copy(&mut part, &mut std::io::sink())
        }
        .map_err(|error| broken(&error))?;
        if size > limit {
            let message = format!("`{name}` of the workbook unpacks to more than {} MiB", limit / MIB);
            return Err(Problem::whole(message));
        }
        left = left.checked_sub(size).ok_or_else(|| {
            Problem::whole(format!("the workbook unpacks to more than {} MiB", limits.total / MIB))
        })?;
        if counts.largest() > size / SHORTEST_STRING {
            let message = format!(
                "`{name}` of the workbook claims to have {} texts, and is too short for them",
                counts.largest()
            );
            return Err(Problem::whole(message));
        }
    }
    Ok(())
}

/// Finds the numbers that shared texts are counted with: room is made for so many before any is read.
#[derive(Default)]
struct Counts {
    /// Of the attribute's name, so many signs were seen.
    seen: usize,
    number: Option<u64>,
    largest: u64,
}

impl Counts {
    const NAME: &[u8] = b"uniqueCount";

    fn largest(&self) -> u64 {
        self.largest.max(self.number.unwrap_or_default())
    }

    fn take(&mut self, octet: u8) {
        if self.seen < Self::NAME.len() {
            let is_next = Self::NAME.get(self.seen) == Some(&octet);
            self.seen = if is_next { self.seen + 1 } else { usize::from(Self::NAME.first() == Some(&octet)) };
            return;
        }
        match (octet, self.number) {
            (b'0'..=b'9', number) => {
                let digit = u64::from(octet - b'0');
                self.number = Some(number.unwrap_or_default().saturating_mul(10).saturating_add(digit));
            }
            (b'=' | b'"' | b'\'' | b'+' | b' ' | b'\t' | b'\r' | b'\n', None) => {}
            (_, _) => {
                self.largest = self.largest();
                (self.number, self.seen) = (None, usize::from(Self::NAME.first() == Some(&octet)));
            }
        }
    }
}

impl Write for Counts {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        // In UTF-16 every other octet is zero.
        octets.iter().filter(|octet| **octet != 0).for_each(|octet| self.take(*octet));
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn choose(book: &mut Opened<'_>, wanted: Option<&str>) -> Result<String, Problem> {
    let names = book.sheet_names();
    let listed = names.join("`, `");
    if let Some(wanted) = wanted {
        let found = names.into_iter().find(|name| name.trim().eq_ignore_ascii_case(wanted.trim()));
        return found
            .ok_or_else(|| Problem::whole(format!("no sheet is called `{wanted}`: there are `{listed}`")));
    }
    let mut filled = Vec::new();
    for name in names {
        if has_cells(book, &name)? {
            filled.push(name);
        }
    }
    match <[String; 1]>::try_from(filled) {
        Ok([only]) => Ok(only),
        Err(several) if several.is_empty() => Err(Problem::whole("the workbook is empty")),
        Err(_) => Err(Problem::whole(format!(
            "the workbook has the sheets `{listed}`: say which one it is (`sheet`)"
        ))),
    }
}

/// # Errors
/// When the sheet cannot be read, and so may be the one that is meant.
fn has_cells(book: &mut Opened<'_>, sheet: &str) -> Result<bool, Problem> {
    let unclear = |error: &XlsxError| {
        let message = format!("cannot be read ({error}): say which sheet it is (`sheet`)");
        Problem { sheet: Some(sheet.into()), ..Problem::whole(message) }
    };
    let mut cells = match book.worksheet_cells_reader(sheet) {
        Ok(cells) => cells,
        // A chart has no cells.
        Err(XlsxError::NotAWorksheet(kind)) if kind != "worksheet" => return Ok(false),
        Err(error) => return Err(unclear(&error)),
    };
    while let Some(cell) = cells.next_cell().map_err(|error| unclear(&error))? {
        if *cell.get_value() != DataRef::Empty {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Source for Workbook<'_> {
    fn walk(&mut self, visit: &mut Visit<'_>) -> Result<(), Problem> {
        let sheet = Arc::clone(&self.sheet);
        let mut cells = self.book.worksheet_cells_reader(&sheet).map_err(|error| unreadable(&error))?;
        let (mut row, mut of_row) = (0, Vec::new());
        while let Some(cell) = cells.next_cell_with_formula_metadata().map_err(|error| unreadable(&error))? {
            let number = cell.pos.0.saturating_add(1);
            if number < row {
                return Err(Problem::row(number, "stands behind a later row: the workbook is broken"));
            }
            if number > row {
                if row > 0 && visit(row, &of_row) == Next::Stop {
                    return Ok(());
                }
                row = number;
                of_row.clear();
            }
            let column = usize::try_from(cell.pos.1).unwrap_or(usize::MAX);
            if column >= MOST_COLUMNS {
                continue;
            }
            if of_row.len() <= column {
                of_row.resize(column + 1, Cell::Empty);
            }
            let read = if cell.formula.is_some() { Cell::Formula } else { value(cell.value) };
            if let Some(place) = of_row.get_mut(column) {
                *place = read;
            }
        }
        if row > 0 {
            visit(row, &of_row);
        }
        Ok(())
    }

    fn is_delimited(&self) -> bool {
        false
    }
}

fn value(value: DataRef<'_>) -> Cell<'_> {
    match value {
        DataRef::Empty => Cell::Empty,
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            Cell::Text(Cow::Owned(text))
        }
        DataRef::SharedString(text) => Cell::Text(Cow::Borrowed(text)),
        // Whole numbers of a cell are far below where a float skips any.
        DataRef::Int(number) => Cell::Text(Cow::Owned(number.to_string())),
        DataRef::Float(number) => Cell::Number(number),
        DataRef::Bool(claim) => Cell::Text(Cow::Borrowed(if claim { "true" } else { "false" })),
        DataRef::DateTime(serial) => {
            let (year, month, day, hour, minute, second, milli) = serial.to_ymd_hms_milli();
            let read = || {
                let [month, day, hour] = [month, day, hour].map(|part| i8::try_from(part).ok());
                let [minute, second] = [minute, second].map(|part| i8::try_from(part).ok());
                let nanosecond = i32::from(milli).checked_mul(1_000_000)?;
                DateTime::new(i16::try_from(year).ok()?, month?, day?, hour?, minute?, second?, nanosecond)
                    .ok()
            };
            read().map_or(Cell::Error, Cell::Day)
        }
        DataRef::Error(_) => Cell::Error,
    }
}

fn unreadable(error: &XlsxError) -> Problem {
    Problem::whole(format!("the workbook cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
