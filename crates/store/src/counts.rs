//! What was counted towards caps: so that a restart does not forget it.

use domain::{CapId, Timestamp};

/// The count of one cap in the period that began last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub cap: CapId,
    /// In milliseconds.
    pub period: i64,
    /// When the period began.
    pub since: Timestamp,
    pub count: u32,
}
