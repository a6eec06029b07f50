//! Stage two: an attempt ended, or a scheduled message came due; which route is next, if any?

use domain::Record;
use domain::record::{Input, NextAttempt, Target};

use crate::core::Core;
use crate::next::{self, facts};

/// Answers a record's cause by the table and the connections of now.
pub(crate) fn decide(core: &Core, record: &Record) -> Input {
    match next_target(core, record) {
        Some(target) => Input::Try(NextAttempt { target, reference: core.new_reference() }),
        None => Input::Exhaust,
    }
}

fn next_target(core: &Core, record: &Record) -> Option<Target> {
    let tables = core.tables.load();
    let table = tables.of(&record.message.to);
    let before = core.before_attempt(record);
    let facts = facts(&record.message, &before, core.clock.now());
    next::after_outcome(record, &facts, table, || {
        let started = tokio::time::Instant::now();
        let choice = routing::choose(&facts, table, &core.standing());
        core.observer.decision_took(started.elapsed());
        choice
    })
}
