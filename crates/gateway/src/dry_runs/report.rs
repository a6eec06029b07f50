//! The report of a dry-run as the API tells it.

use std::collections::BTreeMap;

use domain::{ConnectionId, Currency, Timestamp};
use pipeline::Promised;
use pipeline::replay::{CapLoad, Cost, Counted, Group, GroupKey, Move, Peak, Report, Ways};
use serde_json::{Value as Json, json};

use super::commitments::commitments;
use super::{Found, word};
use crate::api::VendorRecord;

/// Rows of each table; the rest is counted.
const MOST_ROWS: usize = 200;

/// What was found, the largest first, in exact decimals.
///
/// `carried` is what was counted towards commitments, where anything is.
pub(crate) fn report(
    found: &Found,
    vendors: &[VendorRecord],
    carried: Option<&[Promised]>,
    now: Timestamp,
) -> Json {
    let Found { report, damaged, days_left_out, period } = found;
    let left_aside: BTreeMap<&str, u64> =
        report.left_aside.iter().map(|(why, count)| (word(*why), *count)).collect();
    // Whoever does not say which time a file stands for cannot be told what it is a part of.
    let part = period.is_said.then(|| period.until.since(period.since));
    let promises = part.map(|part| commitments(report, vendors, carried, (now, part))).unwrap_or_default();
    let (moves, other_moves) = moves(report);
    let (groups, other_groups) = groups(report);
    json!({
        "decisions": report.decisions,
        "unchanged": report.unchanged,
        "changed": report.changed,
        "lost": report.lost,
        "gained": report.gained,
        "still_refused": report.still_refused,
        "planned": report.planned,
        "planned_refused": report.planned_refused,
        "assumed": report.assumed,
        "without_text": report.without_text,
        "left_aside": left_aside,
        "damaged": damaged,
        "days_left_out": days_left_out,
        "costs": costs(&report.costs),
        "unpriced": { "before": report.unpriced.0, "after": report.unpriced.1 },
        "moves": moves,
        "other_moves": other_moves,
        "groups": groups,
        "other_groups": other_groups,
        "refused": refused(report),
        "connections": connections(report),
        "other_connections": report.other_loads,
        "caps": caps(report),
        "commitments": promises,
    })
}

fn costs(costs: &BTreeMap<Currency, Cost>) -> Vec<Json> {
    let one = |(currency, cost): (&Currency, &Cost)| {
        json!({
            "currency": currency.to_string(),
            "before": cost.before.to_string(),
            "after": cost.after.to_string(),
            "delta": cost.delta().to_string(),
        })
    };
    costs.iter().map(one).collect()
}

/// Takes out what a table has no rows for.
fn beyond<T>(all: &mut Vec<T>) -> Vec<T> {
    all.split_off(all.len().min(MOST_ROWS))
}

fn moves(report: &Report) -> (Vec<Json>, u64) {
    let mut all: Vec<(&Ways, &Move)> = report.moves.iter().collect();
    all.sort_unstable_by(|(a, x), (b, y)| y.messages.cmp(&x.messages).then_with(|| a.cmp(b)));
    let rest = beyond(&mut all);
    let others: u64 = rest.iter().map(|(_, one)| one.messages).sum();
    let one = |(ways, one): (&Ways, &Move)| {
        let routes = |routes: &[domain::RouteId]| routes.iter().map(ToString::to_string).collect::<Vec<_>>();
        json!({
            "before": routes(&ways.before),
            "after": routes(&ways.after),
            "messages": one.messages,
            "costs": costs(&one.costs),
            "examples": one.examples.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    (all.into_iter().map(one).collect(), others + report.other_moves)
}

fn groups(report: &Report) -> (Vec<Json>, u64) {
    let mut all: Vec<(&GroupKey, &Group)> = report.groups.iter().collect();
    let touched = |group: &Group| group.changed + group.lost;
    all.sort_unstable_by(|(a, x), (b, y)| {
        touched(y).cmp(&touched(x)).then(y.messages.cmp(&x.messages)).then_with(|| a.cmp(b))
    });
    let rest = beyond(&mut all);
    let others: u64 = rest.iter().map(|(_, group)| group.messages).sum();
    let one = |(key, group): (&GroupKey, &Group)| {
        json!({
            "class": key.class.as_str(),
            "country": key.country.map(|country| country.to_string()),
            "operator": key.operator,
            "messages": group.messages,
            "changed": group.changed,
            "lost": group.lost,
            "costs": costs(&group.costs),
        })
    };
    (all.into_iter().map(one).collect(), others + report.other_groups)
}

fn refused(report: &Report) -> Vec<Json> {
    let mut all: Vec<_> = report.refused.iter().collect();
    all.sort_by_key(|(_, refused)| std::cmp::Reverse((refused.lost, refused.messages)));
    let one = |(reason, refused): (&String, &pipeline::replay::Refused)| {
        json!({
            "reason": reason,
            "messages": refused.messages,
            "lost": refused.lost,
            "examples": refused.examples.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    all.into_iter().take(MOST_ROWS).map(one).collect()
}

fn caps(report: &Report) -> Vec<Json> {
    let side = |counted: &Counted| {
        json!({
            "segments": counted.segments,
            "fullest_period": counted.fullest,
            "fullest_at": counted.fullest_at.map(Timestamp::from_millis),
            "periods_above": counted.periods_above,
            "segments_above": counted.segments_above,
        })
    };
    let one = |of: &CapLoad| {
        json!({
            "cap": of.cap.as_str(),
            "limit": of.limit,
            "per": of.per.as_str(),
            "before": side(&of.before),
            "after": side(&of.after),
        })
    };
    report.caps.iter().map(one).collect()
}

fn connections(report: &Report) -> Vec<Json> {
    let side = |peak: &Peak| {
        json!({
            "messages": peak.messages,
            "busiest_second": peak.segments,
            "busiest_at": (peak.segments > 0).then(|| Timestamp::from_millis(peak.at)),
            "seconds_above": peak.seconds_above,
            "segments_above": peak.segments_above,
        })
    };
    let one = |(connection, load): (&ConnectionId, &pipeline::replay::Load)| {
        json!({
            "connection": connection.as_str(),
            "throughput": load.throughput,
            "before": side(&load.before),
            "after": side(&load.after),
            "costs": costs(&load.costs),
        })
    };
    report.loads.iter().map(one).collect()
}
