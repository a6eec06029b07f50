//! Texts with a value between delimiters.

use std::borrow::Cow;

use crate::problem::Problem;
use crate::rows::{Cell, MOST_COLUMNS, Next, Source, Visit};

pub(crate) const DELIMITERS: [char; 4] = [';', '\t', ',', '|'];

/// Of a text with one kind of line end.
pub(crate) struct Delimited<'a> {
    pub(crate) text: &'a str,
    pub(crate) delimiter: u8,
}

impl Source for Delimited<'_> {
    fn walk(&mut self, visit: &mut Visit<'_>) -> Result<(), Problem> {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.delimiter)
            .from_reader(self.text.as_bytes());
        let mut record = csv::StringRecord::new();
        loop {
            match reader.read_record(&mut record) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    let line = error.position().map_or(1, csv::Position::line);
                    let line = u32::try_from(line).unwrap_or(u32::MAX);
                    return Err(Problem::row(line, error.to_string()));
                }
            }
            let fields = record.iter().take(MOST_COLUMNS);
            let cells: Vec<Cell<'_>> = fields
                .map(|field| if field.is_empty() { Cell::Empty } else { Cell::Text(Cow::Borrowed(field)) })
                .collect();
            if visit(self.line(record.position()), &cells) == Next::Stop {
                return Ok(());
            }
        }
    }

    fn is_delimited(&self) -> bool {
        true
    }
}

impl Delimited<'_> {
    /// A record's position is where the reader began to look for it, which is before any empty lines.
    fn line(&self, position: Option<&csv::Position>) -> u32 {
        let Some(position) = position else { return 1 };
        let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let rest = self.text.get(start..).unwrap_or("");
        let empty = rest.bytes().take_while(|byte| *byte == b'\n').count();
        u32::try_from(position.line())
            .unwrap_or(u32::MAX)
            .saturating_add(u32::try_from(empty).unwrap_or(u32::MAX))
    }
}
