//! How what a vendor was promised stands, as the API shows it.

use domain::VendorId;
use domain::commitment::{Pace, Unit};
use pipeline::Promised;
use routing::Table;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct PaceView {
    period: &'static str,
    /// Days in UTC, the last one not within.
    from: String,
    until: String,
    unit: Unit,
    promised: String,
    carried: String,
    due: String,
    behind: String,
    /// The part of their price by which its routes count as cheaper. None where the policy lets commitments steer nothing.
    shadow_price: Option<String>,
}

/// Those of one vendor.
pub(super) fn of(vendor: &VendorId, promised: &[Promised], table: &Table) -> Vec<PaceView> {
    promised.iter().filter(|one| one.vendor == *vendor).map(|one| view(one, table)).collect()
}

fn view(of: &Promised, table: &Table) -> PaceView {
    let Promised { vendor: _, period, days, pace } = of;
    let Pace { unit, promised, carried, due, .. } = pace;
    let shadow_price = table.commitments().map(|commitments| commitments.part_off(pace).normalize());
    PaceView {
        period: period.as_str(),
        from: days.from.to_string(),
        until: days.until.to_string(),
        unit: *unit,
        promised: promised.to_string(),
        carried: carried.to_string(),
        due: due.to_string(),
        behind: pace.behind().to_string(),
        shadow_price: shadow_price.map(|part| part.to_string()),
    }
}
