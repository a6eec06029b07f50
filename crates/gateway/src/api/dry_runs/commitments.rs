//! What vendors were promised, held against what they would get in such a period if all of it were like the time of the
//! dry-run: only what a vendor accepted counts, as it does when it is really sent.

use std::time::Duration;

use domain::commitment::Unit;
use domain::money::Decimal;
use pipeline::Promised;
use pipeline::replay::{Cost, Load, Peak, Report};
use serde_json::{Value as Json, json};

use crate::api::vendors::VendorRecord;

/// Of each promise whose period runs; `part` is how long the time of the dry-run was.
pub(super) fn commitments(
    report: &Report,
    vendors: &[VendorRecord],
    promised: &[Promised],
    part: Duration,
) -> Vec<Json> {
    let of = |one: &Promised| {
        let vendor = vendors.iter().find(|vendor| vendor.id == one.vendor)?;
        let loads = || vendor.connections.iter().filter_map(|connection| report.loads.get(connection));
        let (pace, whole) = (&one.pace, one.days.end().since(one.days.begin()));
        let [before, after] = [
            loads().map(|load| carried(pace.unit, load, &load.before, |cost| cost.before)).sum(),
            loads().map(|load| carried(pace.unit, load, &load.after, |cost| cost.after)).sum(),
        ]
        .map(|sum| projected(pace.unit, sum, whole, part));
        Some(json!({
            "vendor": one.vendor.as_str(),
            "period": one.period.as_str(),
            "unit": pace.unit.as_str(),
            "promised": pace.promised.to_string(),
            "carried": pace.carried.to_string(),
            "before": before.to_string(),
            "after": after.to_string(),
            "met_before": before >= pace.promised,
            "met_after": after >= pace.promised,
        }))
    };
    promised.iter().filter_map(of).collect()
}

fn carried(unit: Unit, load: &Load, side: &Peak, of: impl Fn(&Cost) -> Decimal) -> Decimal {
    match unit {
        Unit::Messages => Decimal::from(side.accepted),
        Unit::Segments => Decimal::from(side.accepted_segments),
        Unit::Spend(currency) => load.costs.get(&currency).map(of).unwrap_or_default(),
    }
}

/// As much in the whole period as there was in a part of it.
fn projected(unit: Unit, sum: Decimal, whole: Duration, part: Duration) -> Decimal {
    let [whole, part] = [whole, part].map(|span| Decimal::from(span.as_millis().max(1)));
    let all = sum.saturating_mul(whole).checked_div(part).unwrap_or_default();
    if unit.is_counted() { all.trunc() } else { all.round_dp(2) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_stands_for_the_whole() {
        let [hour, day] = [3600, 86_400].map(Duration::from_secs);
        let of = |unit, sum: &str| projected(unit, sum.parse().unwrap(), day, hour).to_string();
        assert_eq!(of(Unit::Messages, "10"), "240");
        assert_eq!(of(Unit::Spend(domain::Currency::EUR), "0.123456"), "2.96");
    }
}
