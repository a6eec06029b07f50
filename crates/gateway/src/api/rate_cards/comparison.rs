//! Two cards side by side, and what the traffic of the last days costs by each.

use std::collections::BTreeMap;

use domain::money::Decimal;
use domain::{RateCardId, Timestamp};
use rates::compare::{self, Cost, Effect, Kind};
use routing::Settings;
use routing::price::{Card, Charge, Prices};
use serde_json::{Value as Json, json};

use super::super::Api;
use super::super::parameters::Parameters;
use super::super::problem::Problem;
use super::{Names, charge, place_view};
use crate::rating::{self, Traffic};

/// So many are told one by one, and the rest counted.
const MOST_TOLD: usize = 1000;
const MOST_DAYS: i64 = 31;
const USUAL_DAYS: i64 = 7;
const DAY_MS: i64 = 24 * 3600 * 1000;

/// From how many days is projected.
pub(super) fn days(parameters: &mut Parameters) -> i64 {
    let read = parameters.parsed("days", |text| {
        let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
        days.ok_or_else(|| format!("`{text}` is not a number of days: expected 1 to {MOST_DAYS}"))
    });
    read.unwrap_or(USUAL_DAYS)
}

/// What was carried on the card's routes until now.
pub(super) async fn traffic(
    api: &Api,
    document: &Settings,
    card: &RateCardId,
    days: i64,
) -> Result<Traffic, Problem> {
    let (reader, until, routes) =
        (api.pipeline.reader(), api.pipeline.now(), rating::routes_of(document, card));
    let since = Timestamp::from_millis(until.as_millis().saturating_sub(days.saturating_mul(DAY_MS)));
    api.scans.run(move |is_stopped| rating::traffic(&*reader, &routes, since, until, is_stopped)).await
}

/// `before`: None when there was no such card.
pub(super) fn view(
    before: Option<&Card>,
    after: &Card,
    traffic: &Traffic,
    at: Option<Timestamp>,
    names: &Names,
) -> Json {
    let nothing = Prices::default();
    let old = before.map_or(&nothing, |card| &card.prices);
    let at = at.unwrap_or_else(|| compare::instant(old, &after.prices, traffic.until));
    let differences = compare::differences(old, &after.prices, at);
    let counts: BTreeMap<&str, usize> = Kind::ALL
        .into_iter()
        .map(|kind| (kind.as_str(), differences.iter().filter(|one| one.kind == kind).count()))
        .collect();
    let told = differences.iter().take(MOST_TOLD).map(|one| {
        let mut view = place_view(one.place, names);
        if let Some(view) = view.as_object_mut() {
            view.insert("how".to_owned(), json!(one.kind.as_str()));
            view.insert("before".to_owned(), json!(charge(one.before)));
            view.insert("after".to_owned(), json!(charge(one.after)));
            view.insert("percent".to_owned(), json!(percent(one.before, one.after)));
        }
        view
    });
    json!({
        "at": at,
        "currency": after.currency.to_string(),
        "counts": counts,
        "differences": told.collect::<Vec<_>>(),
        "effect": effect(before, after, traffic, at, names),
    })
}

fn percent(before: Option<Charge>, after: Option<Charge>) -> Option<String> {
    match (before, after) {
        (Some(Charge::Price(before)), Some(Charge::Price(after))) => {
            let change = after.checked_sub(before)?.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(before)?;
            Some(change.round_dp(2).normalize().to_string())
        }
        (None | Some(Charge::Closed | Charge::Price(_)), _) => None,
    }
}

fn effect(before: Option<&Card>, after: &Card, traffic: &Traffic, at: Timestamp, names: &Names) -> Json {
    let effects = traffic.volumes.iter().map(|volume| compare::effect(before, after, *volume, at));
    let (mut priced, mut unpriced): (Vec<Effect>, Vec<Effect>) =
        effects.partition(|effect| effect.difference().is_some());
    priced.sort_by_key(|effect| std::cmp::Reverse(effect.difference().unwrap_or_default().abs()));
    unpriced.sort_by_key(|effect| std::cmp::Reverse(effect.volume.segments));
    let sum = |side: fn(&Effect) -> Cost| {
        let known = priced.iter().filter_map(|effect| match side(effect) {
            Cost::Known(amount) => Some(amount),
            Cost::Unknown | Cost::Closed => None,
        });
        known.fold(Decimal::ZERO, Decimal::saturating_add)
    };
    let (cost_before, cost_after) = (sum(|effect| effect.before), sum(|effect| effect.after));
    let difference = cost_after.saturating_sub(cost_before);
    let monthly =
        |amount: Decimal| compare::monthly(amount, traffic.period()).map(|amount| amount.to_string());
    let group = |effect: &Effect| {
        let volume = effect.volume;
        json!({
            "operator": volume.operator.map(routing::operator::Operator::code),
            "name": volume.operator.and_then(|operator| names.of_operator(operator)),
            "country": volume.country.map(|country| country.to_string()),
            "segments": volume.segments,
            "messages": volume.messages,
            "before": cost(effect.before),
            "after": cost(effect.after),
            "difference": effect.difference().map(|amount| amount.to_string()),
            "difference_per_30_days": effect.difference().and_then(monthly),
        })
    };
    json!({
        "since": traffic.since,
        "until": traffic.until,
        "is_whole": traffic.is_whole,
        "messages": traffic.messages,
        "before": cost_before.to_string(),
        "after": cost_after.to_string(),
        "difference": difference.to_string(),
        "before_per_30_days": monthly(cost_before),
        "after_per_30_days": monthly(cost_after),
        "difference_per_30_days": monthly(difference),
        "groups": priced.iter().take(MOST_TOLD).map(group).collect::<Vec<_>>(),
        "unpriced": unpriced.iter().take(MOST_TOLD).map(group).collect::<Vec<_>>(),
    })
}

fn cost(cost: Cost) -> String {
    match cost {
        Cost::Known(amount) => amount.to_string(),
        Cost::Unknown => "unknown".to_owned(),
        Cost::Closed => "closed".to_owned(),
    }
}
