//! An application, as the pipeline knows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::number::Country;
use domain::status::StatusSet;
use domain::{Class, Sender, Timestamp};

/// What the pipeline has to know of an application.
#[derive(Clone, Debug)]
pub struct App {
    pub default_sender: Option<Sender>,
    pub default_country: Option<Country>,
    pub default_class: Option<Class>,
    pub has_webhook: bool,
    /// Which changes it wants to hear of.
    pub notify: StatusSet,
    /// Refuse numbers that no numbering plan assigns.
    pub strict_numbers: bool,
    rejected: Arc<RejectedBudget>,
}

/// Refused requests that are kept, per app and second.
const REJECTED_PER_SECOND: u64 = 20;

#[derive(Debug, Default)]
struct RejectedBudget {
    second: AtomicU64,
    kept: AtomicU64,
}

impl App {
    #[must_use]
    pub fn new(notify: StatusSet) -> Self {
        Self {
            default_sender: None,
            default_country: None,
            default_class: None,
            has_webhook: false,
            notify,
            strict_numbers: false,
            rejected: Arc::default(),
        }
    }

    /// Whether another refused request may be kept in this second. Approximate under contention, which is enough.
    pub(crate) fn keeps_another_rejected(&self, now: Timestamp) -> bool {
        let second = u64::try_from(now.as_millis() / 1000).unwrap_or(0);
        if self.rejected.second.swap(second, Ordering::Relaxed) != second {
            self.rejected.kept.store(0, Ordering::Relaxed);
        }
        self.rejected.kept.fetch_add(1, Ordering::Relaxed) < REJECTED_PER_SECOND
    }
}
