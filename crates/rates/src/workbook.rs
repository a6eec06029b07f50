//! Workbooks (XLSX), read cell by cell: what is in memory at a time is a row, and the texts that the cells share.

use std::borrow::Cow;
use std::io::{Cursor, Read as _};
use std::sync::Arc;

use calamine::{DataRef, Reader as _, Xlsx, XlsxError};
use jiff::civil::DateTime;

use crate::problem::Problem;
use crate::rows::{Cell, MOST_COLUMNS, Next, Source, Visit};

/// What a sheet unpacks to, in bytes; a million rows take some 400 MB.
const LARGEST_SHEET: u64 = 1024 * 1024 * 1024;
/// Any other part, such as the texts that cells share.
const LARGEST_PART: u64 = 256 * 1024 * 1024;
const MOST_PARTS: usize = 10_000;

type Opened<'a> = Xlsx<Cursor<&'a [u8]>>;

pub(crate) struct Workbook<'a> {
    book: Opened<'a>,
    pub(crate) sheet: Arc<str>,
}

impl<'a> Workbook<'a> {
    /// # Errors
    /// When it is none, or has no such sheet, or leaves open which one is meant.
    pub(crate) fn open(bytes: &'a [u8], wanted: Option<&str>) -> Result<Self, Problem> {
        measure(bytes)?;
        let mut book: Opened<'a> = Xlsx::new(Cursor::new(bytes)).map_err(|error| unreadable(&error))?;
        let sheet = choose(&mut book, wanted)?;
        Ok(Self { book, sheet: sheet.into() })
    }
}

/// Unpacks everything once, without keeping it: what a part says of its own size is not believed.
fn measure(bytes: &[u8]) -> Result<(), Problem> {
    let broken =
        |error: &dyn std::fmt::Display| Problem::whole(format!("the workbook cannot be unpacked: {error}"));
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|error| broken(&error))?;
    if archive.len() > MOST_PARTS {
        return Err(Problem::whole(format!("the workbook has more than {MOST_PARTS} parts")));
    }
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(|error| broken(&error))?;
        let name = part.name().map_err(|error| broken(&error))?.into_owned();
        let limit = if name.contains("worksheets/") { LARGEST_SHEET } else { LARGEST_PART };
        let size =
            std::io::copy(&mut part.take(limit + 1), &mut std::io::sink()).map_err(|error| broken(&error))?;
        if size > limit {
            let message =
                format!("`{name}` of the workbook unpacks to more than {} MiB", limit / 1024 / 1024);
            return Err(Problem::whole(message));
        }
    }
    Ok(())
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
        if has_cells(book, &name) {
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

fn has_cells(book: &mut Opened<'_>, sheet: &str) -> bool {
    let Ok(mut cells) = book.worksheet_cells_reader(sheet) else { return false };
    while let Ok(Some(cell)) = cells.next_cell() {
        if *cell.get_value() != DataRef::Empty {
            return true;
        }
    }
    false
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
