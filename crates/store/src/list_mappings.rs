//! How vendors write their price lists, as it is remembered from one list to the next.

use domain::Timestamp;

/// The mapping of one vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListMapping {
    pub vendor: Box<str>,
    /// As it is kept; the store does not look into it. None: it is to be forgotten.
    pub mapping: Option<Box<str>>,
    pub at: Timestamp,
    /// Whoever said it last.
    pub by: Box<str>,
}
