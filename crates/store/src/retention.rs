//! How long what is stored is kept, per kind of data.

use std::time::Duration;

use domain::Timestamp;
use domain::record::RECEIPT_HORIZON;

/// Ages count from the end of the UTC day of a message's id. None: kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Closed messages, with everything that is known of them. Receipts are matched within `RECEIPT_HORIZON`, so a
    /// shorter age counts as that.
    pub messages: Option<Duration>,
    /// The texts of closed messages; all else stays and is found as before. Records that do not read back have their
    /// text in them and go with the texts.
    pub texts: Option<Duration>,
}

impl Retention {
    /// Messages of days that ended before this are dropped.
    #[must_use]
    pub fn messages_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.messages.map(|age| before(now, age.max(RECEIPT_HORIZON)))
    }

    /// Texts of days that ended before this are dropped.
    #[must_use]
    pub fn texts_before(&self, now: Timestamp) -> Option<Timestamp> {
        self.texts.map(|age| before(now, age))
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(age))
}
