//! Vendors' price lists: read as they come, laid over rate cards, and compared with what holds.
//!
//! A list is understood whole or refused whole, with the place of everything that is wrong with it. Nothing here does I/O
//! or knows a clock: bytes and instants are arguments.

mod amount;
mod codes;
mod columns;
pub mod compare;
mod day;
mod delimited;
pub mod lay;
mod mapping;
mod problem;
mod read;
mod rows;
mod terms;
mod text;
mod workbook;

pub use codes::Repaired;
pub use lay::{Laid, Mode, lay};
pub use mapping::{Charset, Columns, DateOrder, DecimalMark, Mapping, Zero};
pub use problem::{MOST_TOLD, Problem, Refused};
pub use read::{List, Report, Terms, read};

/// A card has at most so many prices: what comes to more is no list of prices.
pub const MOST_PRICES: usize = 2_000_000;
/// A list that is larger is not looked at.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;
