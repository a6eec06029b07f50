//! What a run is judged by, as the specification of ARB-1 defines it.

use std::collections::BTreeMap;

use crate::play::{BIN, Played};
use crate::policy::Alarm;
use crate::world::{Event, World};

/// The first minutes are for learning and are told apart, in seconds.
pub(crate) const WARM_UP: f64 = 300.0;
/// What an incident leaves behind counts with it for so long.
const AFTERMATH: f64 = 300.0;
/// An alarm may come this late after the end of what it tells of.
const ALARM_LAG: f64 = 120.0;
/// A share of traffic that an incident can be seen in.
const SEEN: f64 = 0.10;
/// When traffic that has not come back is given up.
const NEVER: f64 = 1200.0;

/// By name; absent where it cannot be told.
pub(crate) type Metrics = BTreeMap<String, f64>;

pub(crate) fn metrics(world: &World, played: &Played, oracle: &Played) -> Metrics {
    let mut metrics = regret(world, played, oracle);
    for event in &world.events {
        lost(world, played, oracle, event, &mut metrics);
        if let Some(vendor) = event.vendor {
            shares(played, event, vendor, &mut metrics);
        }
    }
    for (vendor, share) in &world.commitments {
        let accepted = played.vendor.iter().flatten();
        let (all, own) = accepted.fold((0, 0), |(all, own), v| (all + 1, own + usize::from(v == vendor)));
        let short = (share - f64::from(own as u32) / f64::from(all.max(1))) * 100.0;
        metrics.insert("commit short pp".to_owned(), short.max(0.0));
    }
    if let Some(alarms) = &played.alarms {
        told(world, alarms, &mut metrics);
    }
    metrics.insert("outside mask".to_owned(), played.outside as f64);
    metrics
}

fn regret(world: &World, played: &Played, oracle: &Played) -> Metrics {
    let mut sums = [[0.0; 2]; 3];
    let (mut useful, mut count) = ([0_u32; 2], 0_u32);
    let mut cost = (0.0, 0_u32);
    for (at, message) in world.messages.iter().enumerate() {
        let value = world.classes[message.class].value;
        let worth = |of: &Played| if of.useful[at] { value - of.cost[at] } else { -of.cost[at] };
        let both = [worth(oracle), worth(played)];
        let is_steady =
            !world.events.iter().any(|event| event.start <= message.at && message.at < event.end + AFTERMATH);
        let is_warm = message.at >= WARM_UP;
        for (sum, counts) in sums.iter_mut().zip([is_warm, is_warm && is_steady, !is_warm]) {
            if counts {
                sum[0] += both[0];
                sum[1] += both[1];
            }
        }
        cost.0 += played.cost[at];
        cost.1 += u32::from(played.useful[at]);
        if is_warm {
            useful[0] += u32::from(oracle.useful[at]);
            useful[1] += u32::from(played.useful[at]);
            count += 1;
        }
    }
    let share = |part: u32| 100.0 * f64::from(part) / f64::from(count.max(1));
    let [whole, steady, warm_up] = sums.map(|[best, got]| 100.0 * (best - got) / best);
    let named = [
        ("useful %", share(useful[1])),
        ("oracle %", share(useful[0])),
        ("regret %", whole),
        ("steady regret %", steady),
        ("warm-up regret %", warm_up),
        ("cost/useful", cost.0 / f64::from(cost.1.max(1))),
    ];
    named.map(|(name, value)| (name.to_owned(), value)).into()
}

fn lost(world: &World, played: &Played, oracle: &Played, event: &Event, metrics: &mut Metrics) {
    let mut lost = 0.0;
    for (at, message) in world.messages.iter().enumerate() {
        let is_hit = event.start <= message.at && message.at < event.end + 60.0;
        if is_hit && event.operators.contains(&message.operator) {
            lost += f64::from(u8::from(oracle.useful[at])) - f64::from(u8::from(played.useful[at]));
        }
    }
    metrics.insert(format!("lost.{}", event.name), lost);
}

/// How fast the victim's share of the traffic fell and came back.
fn shares(played: &Played, event: &Event, vendor: usize, metrics: &mut Metrics) {
    let bin = |at: f64| (at / BIN).max(0.0) as usize;
    let share = |from: usize, to: usize| {
        let (mut own, mut all) = (0_u32, 0_u32);
        for bin in &played.bins[from.min(to)..to.min(played.bins.len())] {
            for (of, counts) in bin.iter().enumerate() {
                let sum: u32 = event.operators.iter().map(|operator| counts[*operator]).sum();
                all += sum;
                own += if of == vendor { sum } else { 0 };
            }
        }
        f64::from(own) / f64::from(all.max(1))
    };
    let name = event.name;
    let before = share(bin(event.start - 180.0), bin(event.start));
    metrics.insert(format!("share before.{name}"), before);
    if before < SEEN {
        return;
    }
    let (first, last) = ((event.start / BIN).ceil() as usize, bin(event.end));
    let fallen = (first..last.saturating_sub(1)).find(|at| share(*at, at + 2) <= 0.25 * before);
    let detected = fallen.map_or(event.end - event.start, |at| (at + 1) as f64 * BIN - event.start);
    metrics.insert(format!("detect.{name}"), detected);
    let end = (last + 120).min(played.bins.len().saturating_sub(3));
    let back = (last..end).find(|at| share(*at, at + 3) >= 0.5 * before);
    metrics.insert(format!("return.{name}"), back.map_or(NEVER, |at| (at as f64 * BIN - event.end).max(0.0)));
    metrics.insert(format!("kept.{name}"), share(first + 6, last) / before);
}

/// Alarms: when the first came for each incident, how many, and how many for nothing.
fn told(world: &World, alarms: &[Alarm], metrics: &mut Metrics) {
    let is_poor = |alarm: &Alarm| match (alarm.vendor, alarm.operator) {
        (Some(vendor), Some(operator)) => {
            world.faked[vendor][operator] > 0.0 || world.delivery[vendor][operator] < 0.75
        }
        (Some(_) | None, _) => false,
    };
    let tells_of = |alarm: &Alarm, event: &Event| {
        let of_vendor = event.vendor.is_none() || alarm.vendor == event.vendor;
        of_vendor && alarm.operator.is_none_or(|operator| event.operators.contains(&operator))
    };
    let during = |alarm: &Alarm, event: &Event| event.start <= alarm.at && alarm.at < event.end + ALARM_LAG;
    let explained = |alarm: &Alarm| {
        is_poor(alarm) || world.events.iter().any(|event| during(alarm, event) && tells_of(alarm, event))
    };
    let for_nothing = alarms.iter().filter(|alarm| !explained(alarm)).count();
    metrics.insert("false alarms/h".to_owned(), for_nothing as f64 * 3600.0 / world.length);
    for alarm in alarms {
        *metrics.entry(format!("raised.{}", alarm.kind)).or_insert(0.0) += 1.0;
    }
    let mut counts = Vec::new();
    for event in world.events.iter().filter(|event| event.name != "shock") {
        let own: Vec<f64> = alarms
            .iter()
            .filter(|alarm| event.start <= alarm.at && alarm.at < event.end)
            .filter(|alarm| event.vendor.is_none() || alarm.vendor == event.vendor)
            .filter(|alarm| tells_of(alarm, event))
            .map(|alarm| alarm.at - event.start)
            .collect();
        counts.push(own.len() as f64);
        let first = own.iter().copied().reduce(f64::min).unwrap_or(event.end - event.start);
        metrics.insert(format!("alarm.{}", event.name), first);
    }
    if let Some(typical) = median(counts) {
        metrics.insert("alarms an incident".to_owned(), typical);
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len().checked_sub(1)? / 2;
    let upper = values.len() / 2;
    Some((values[middle] + values[upper]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_of_an_even_number_is_between_the_two() {
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(Vec::new()), None);
    }
}
