//! What is wrong with a list, and where.

use std::fmt;
use std::sync::Arc;

/// So many problems are told with their places; of the rest, how many there are.
pub const MOST_TOLD: usize = 100;

/// Something that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Of a workbook.
    pub sheet: Option<Arc<str>>,
    /// Counted from one as a spreadsheet or an editor counts; None where it is the list as a whole.
    pub row: Option<u32>,
    /// Counted from zero.
    pub column: Option<u16>,
    /// What stands above the column.
    pub heading: Option<Arc<str>>,
    pub message: String,
}

impl Problem {
    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { sheet: None, row: None, column: None, heading: None, message: message.into() }
    }

    pub(crate) fn row(row: u32, message: impl Into<String>) -> Self {
        Self { row: Some(row), ..Self::whole(message) }
    }

    /// The place alone: `sheet Rates, row 14, column E (Price)`.
    #[must_use]
    pub fn place(&self) -> String {
        let mut parts = Vec::new();
        if let Some(sheet) = &self.sheet {
            parts.push(format!("sheet {sheet}"));
        }
        if let Some(row) = self.row {
            parts.push(format!("row {row}"));
        }
        if let Some(column) = self.column {
            let letters = letters(column);
            parts.push(match &self.heading {
                Some(heading) => format!("column {letters} ({heading})"),
                None => format!("column {letters}"),
            });
        }
        if parts.is_empty() { "the list".to_owned() } else { parts.join(", ") }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)
    }
}

/// Why a list is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{count} problems in the list")]
pub struct Refused {
    /// In the order of the rows, at most `MOST_TOLD`.
    pub told: Vec<Problem>,
    /// Of all.
    pub count: u64,
}

/// Gathers problems, within bounds.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    told: Vec<Problem>,
    count: u64,
}

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        self.count += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push(problem);
        }
    }

    pub(crate) fn are_any(&self) -> bool {
        self.count > 0
    }

    pub(crate) fn refuse(mut self) -> Refused {
        self.told.sort_by_key(|problem| (problem.row, problem.column));
        Refused { told: self.told, count: self.count }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self { told: vec![problem], count: 1 }
    }
}

/// `A`, `Z`, `AA`: as spreadsheets name columns.
pub(crate) fn letters(column: u16) -> String {
    let mut rest = u32::from(column) + 1;
    let mut letters = Vec::new();
    while rest > 0 {
        let letter = u8::try_from((rest - 1) % 26).unwrap_or_default();
        letters.push(char::from(b'A' + letter));
        rest = (rest - 1) / 26;
    }
    letters.into_iter().rev().collect()
}

/// The column that such letters name.
pub(crate) fn column_of(letters: &str) -> Option<u16> {
    if letters.is_empty() || letters.len() > 2 || !letters.bytes().all(|b| b.is_ascii_uppercase()) {
        return None;
    }
    let number = letters.bytes().fold(0_u16, |number, letter| number * 26 + u16::from(letter - b'A') + 1);
    number.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_named_as_spreadsheets_do() {
        for (column, name) in [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (701, "ZZ")] {
            assert_eq!((letters(column), column_of(name)), (name.to_owned(), Some(column)));
        }
        for text in ["", "a", "MCC", "1", "Ä"] {
            assert_eq!(column_of(text), None, "{text}");
        }
    }
}
