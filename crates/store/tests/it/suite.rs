//! What every backend must do. Each test gets an empty store that can be closed and opened again.

pub(crate) mod acceptance;
pub(crate) mod changes;
pub(crate) mod claims;
pub(crate) mod notices;
pub(crate) mod overrides;
pub(crate) mod parts;
pub(crate) mod receipts;
pub(crate) mod sealing;
pub(crate) mod search;
pub(crate) mod versions;

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
            acceptance:
                an_accepted_message_reads_back_and_survives_reopening,
                a_repeated_key_is_answered_with_the_first_message,
                another_body_under_a_used_key_is_refused,
                one_batch_may_hold_a_key_twice,
                keys_are_forgotten_after_a_day,
                an_id_with_another_random_half_is_nobodys,
                what_no_longer_fits_changes_nothing;
            receipts:
                a_receipt_finds_its_attempt_and_leaves_notices,
                an_early_receipt_waits_for_its_attempt,
                a_receipt_of_another_connection_does_not_match,
                a_repeated_receipt_changes_nothing,
                an_id_used_again_leads_to_the_newest_attempt,
                a_receipt_that_waited_too_long_is_forgotten;
            claims:
                what_waits_is_claimed_lane_by_lane_page_by_page,
                a_message_waits_in_the_lane_of_its_routes,
                the_most_overdue_is_claimed_first,
                a_scheduled_message_is_due_at_its_time,
                what_nobody_settled_is_due_at_the_horizon,
                a_time_that_moves_is_never_missed;
            notices:
                a_notice_is_leased_then_claimed_then_leased_again,
                a_notice_is_retried_when_it_was_said_to,
                ids_of_notices_are_never_given_twice,
                one_target_cannot_fill_the_page,
                only_what_is_wanted_is_noticed;
            overrides:
                an_override_reads_back_and_survives_reopening,
                those_that_ended_are_told_from_those_in_force,
                a_reverted_one_takes_the_place_of_what_it_was,
                the_newest_come_first,
                an_overrides_key_is_given_to_nothing_else;
            changes:
                keys_read_back_as_they_became,
                the_last_configuration_is_known,
                entries_are_numbered_and_bound_across_a_reopening,
                entries_are_found_by_what_they_say,
                a_step_that_is_refused_makes_no_entry;
            parts:
                parts_wait_for_their_message_and_go_with_it,
                a_part_that_comes_after_its_message_is_in_it_already;
            sealing:
                closed_records_move_once_and_read_back,
                the_last_key_may_be_that_of_a_sealed_record,
                a_late_receipt_corrects_a_sealed_record,
                beyond_the_horizon_a_receipt_finds_nothing,
                a_sealed_record_takes_a_conversion,
                a_reused_id_of_sealed_records_leads_to_the_newest,
                what_changes_while_it_is_sealed_stays_as_it_became,
                only_what_was_found_last_is_removed;
            search:
                every_filter_finds_what_it_says,
                the_log_is_read_in_the_order_of_acceptance,
                a_page_is_the_record_as_it_is_now,
                an_empty_store_has_one_empty_page;
            versions:
                versions_read_back_and_one_of_them_is_active,
                a_table_is_found_by_its_number_as_it_was_first;
        );
    };
    ($backend:expr, $($module:ident: $($name:ident),+;)+) => {
        $(mod $module { $(#[test] fn $name() { $crate::suite::$module::$name(&$backend); })+ })+
    };
}
pub(crate) use run;
