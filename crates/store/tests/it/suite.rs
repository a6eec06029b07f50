//! What every backend must do. Each test gets an empty store that can be closed and opened again.

pub(crate) mod acceptance;
pub(crate) mod receipts;

use std::sync::Arc;

use store::{Reader, Writer};

/// A store that survives being closed.
pub(crate) trait Backend {
    /// The one before must have been dropped.
    fn open(&self) -> Store;
}

pub(crate) struct Store {
    pub(crate) writer: Box<dyn Writer>,
    pub(crate) reader: Arc<dyn Reader>,
}

/// Makes a `#[test]` of each function of the suite, over the backend that the expression makes.
macro_rules! run {
    ($backend:expr) => {
        $crate::suite::run!($backend,
            acceptance: an_accepted_message_reads_back_and_survives_reopening, a_repeated_key_is_answered_with_the_first_message,
                another_body_under_a_used_key_is_refused, one_batch_may_hold_a_key_twice, keys_are_forgotten_after_a_day,
                an_id_with_another_random_half_is_nobodys, what_no_longer_fits_changes_nothing;
            receipts: a_receipt_finds_its_attempt_and_leaves_notices, an_early_receipt_waits_for_its_attempt,
                a_receipt_of_another_connection_does_not_match, a_repeated_receipt_changes_nothing,
                an_id_used_again_leads_to_the_newest_attempt, a_receipt_that_waited_too_long_is_forgotten;
        );
    };
    ($backend:expr, $($module:ident: $($name:ident),+;)+) => {
        $(mod $module { $(#[test] fn $name() { $crate::suite::$module::$name(&$backend); })+ })+
    };
}
pub(crate) use run;
