//! A list as rows of cells, wherever they come from.

use std::borrow::Cow;

use jiff::civil::DateTime;

use crate::problem::Problem;

/// More columns than this no list has; what stands further right is not looked at.
pub(crate) const MOST_COLUMNS: usize = 702;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Empty,
    Text(Cow<'a, str>),
    /// Of a spreadsheet alone.
    Number(f64),
    /// Without a zone, as spreadsheets have it.
    Day(DateTime),
    /// Its value is what some program made of other cells once.
    Formula,
    /// Something that stands for no value.
    Error,
}

impl Cell<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Text(text) => text.trim().is_empty(),
            Self::Number(_) | Self::Day(_) | Self::Formula | Self::Error => false,
        }
    }

    /// As a person would write it.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Empty => Cow::Borrowed(""),
            Self::Text(text) => Cow::Borrowed(text.trim()),
            Self::Number(number) => Cow::Owned(number.to_string()),
            Self::Day(day) => Cow::Owned(day.to_string()),
            Self::Formula => Cow::Borrowed("a formula"),
            Self::Error => Cow::Borrowed("an error"),
        }
    }
}

/// Whether to go on with the next row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Go,
    Stop,
}

/// Is shown each row with its number, counted from one. Rows of nothing may be left out.
pub(crate) type Visit<'v> = dyn FnMut(u32, &[Cell<'_>]) -> Next + 'v;

pub(crate) trait Source {
    /// From the first row on, each time anew.
    ///
    /// # Errors
    /// When the rest cannot be read.
    fn walk(&mut self, visit: &mut Visit<'_>) -> Result<(), Problem>;

    /// Whether a row that is longer than the headings is broken.
    fn is_delimited(&self) -> bool;
}
