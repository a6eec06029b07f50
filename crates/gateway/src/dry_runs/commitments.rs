//! What vendors were promised, held against what they would get in such a period if all of it were like the time of the
//! dry-run: only what a vendor accepted counts, as it does when it is really sent.

use std::time::Duration;

use domain::Timestamp;
use domain::commitment::Unit;
use domain::money::Decimal;
use pipeline::Promised;
use pipeline::replay::{Cost, Load, Peak, Report};
use serde_json::{Value as Json, json};

use crate::api::VendorRecord;
use crate::config::Contract;

/// Of each promise whose period runs at an instant; the time of the dry-run was so long.
pub(super) fn commitments(
    report: &Report,
    vendors: &[VendorRecord],
    counted: Option<&[Promised]>,
    (now, part): (Timestamp, Duration),
) -> Vec<Json> {
    let mut told = Vec::new();
    for vendor in vendors {
        let loads = || vendor.connections.iter().filter_map(|connection| report.loads.get(connection));
        for promise in vendor.contract.iter().flat_map(Contract::promises) {
            let (Some(days), unit) = (promise.days(now), promise.unit) else { continue };
            let whole = days.end().since(days.begin());
            let [before, after] = [
                total(loads().map(|load| carried(unit, load, &load.before, |cost| cost.before))),
                total(loads().map(|load| carried(unit, load, &load.after, |cost| cost.after))),
            ]
            .map(|sum| projected(unit, sum, whole, part));
            let is_its = |one: &&Promised| {
                one.vendor == vendor.id && one.period == promise.period && one.pace.unit == unit
            };
            let so_far = counted.and_then(|all| all.iter().find(is_its)).map(|one| one.pace.carried);
            told.push(json!({
                "vendor": vendor.id.as_str(),
                "period": promise.period.as_str(),
                "unit": unit.as_str(),
                "promised": promise.promised.to_string(),
                "carried": so_far.map(|amount| amount.to_string()),
                "before": before.to_string(),
                "after": after.to_string(),
                "met_before": before >= promise.promised,
                "met_after": after >= promise.promised,
            }));
        }
    }
    told
}

/// A file may say any amounts.
fn total(all: impl Iterator<Item = Decimal>) -> Decimal {
    all.fold(Decimal::ZERO, Decimal::saturating_add)
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
