//! `GET /v1/rate-cards/{id}/rerating`: what the attempts of a period cost by a card, against what they were rated at.
//! Nothing is changed: each attempt keeps the price that it was sent at.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use domain::{Scope, Timestamp};
use serde_json::{Value as Json, json};

use super::super::auth::Caller;
use super::super::code::Code;
use super::super::parameters::Parameters;
use super::super::problem::Problem;
use super::super::{Api, respond, vendors};
use super::{Names, Version};
use crate::rating::{self, Group, MOST_RERATED, Rerated};

pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["version", "since", "until"])?;
    let version = parameters.word::<u64>("version");
    let (since, until) = (parameters.instant("since"), parameters.instant("until"));
    parameters.finish()?;
    let missing = |name: &str| Problem::new(Code::InvalidQuery, format!("#/{name}: is missing: an instant"));
    let (since, until) = (since.ok_or_else(|| missing("since"))?, until.ok_or_else(|| missing("until"))?);
    if since >= until {
        return Err(Problem::new(Code::InvalidQuery, "#/until: is not after since"));
    }
    let whole = Version::read(&api, version).await?;
    let card = Arc::clone(whole.known(&id)?);
    // The routes that the card holds for now, or would hold for: what a route was priced by then may be another one.
    let routes = rating::routes_of(&whole.sources.document, &card.id);
    let (reader, rated) = (api.pipeline.reader(), Arc::clone(&card));
    let rerate =
        move |is_stopped: &AtomicBool| rating::rerate(&*reader, &rated, &routes, since, until, is_stopped);
    let rerated = api.scans.run(rerate).await?;
    if !rerated.is_whole {
        let detail = format!("the period has more than {MOST_RERATED} messages: ask for a shorter one");
        return Err(Problem::new(Code::InvalidQuery, detail));
    }
    let period = (since, until);
    Ok(respond::ok(&view(&api, &whole, &id, card.currency.as_str(), period, &rerated)))
}

fn view(
    api: &Api,
    whole: &Version,
    id: &str,
    currency: &str,
    (since, until): (Timestamp, Timestamp),
    rerated: &Rerated,
) -> Json {
    let names = Names::of(api);
    let owners = owners(api, whole);
    let owner = |route: &str| owners.get(route).cloned();
    let mut by_vendor: BTreeMap<Option<String>, Group> = BTreeMap::new();
    for ((route, _), group) in &rerated.groups {
        let sum = by_vendor.entry(owner(route.as_str())).or_default();
        *sum = sum.and(*group);
    }
    let total = by_vendor.values().fold(Group::default(), |sum, group| sum.and(*group));
    let groups = rerated.groups.iter().map(|((route, (operator, country)), group)| {
        let name = operator.and_then(|operator| names.of_operator(operator));
        let place = json!({
            "vendor": owner(route.as_str()),
            "route": route.as_str(),
            "operator": operator.map(routing::operator::Operator::code),
            "name": name,
            "country": country.map(|country| country.to_string()),
        });
        with(place, *group)
    });
    let groups: Vec<Json> = groups.collect();
    let vendors: Vec<Json> =
        by_vendor.iter().map(|(vendor, group)| with(json!({ "vendor": vendor }), *group)).collect();
    json!({
        "card": id,
        "version": whole.number,
        "currency": currency,
        "since": since,
        "until": until,
        "damaged": rerated.damaged,
        "days_left_out": rerated.days_left_out,
        "total": with(json!({}), total),
        "vendors": vendors,
        "groups": groups,
    })
}

/// Whose route it is.
fn owners(api: &Api, whole: &Version) -> BTreeMap<String, String> {
    let settings = api.settings.load();
    let routes = whole.sources.document.routes.iter().filter_map(|route| {
        let owner = vendors::owner(&settings.vendors, &route.connection)?;
        Some((route.id.clone(), owner.to_string()))
    });
    routes.collect()
}

fn with(mut place: Json, group: Group) -> Json {
    let Group {
        attempts,
        segments,
        before,
        after,
        changed,
        unrated,
        unrated_after,
        other_currency,
        unpriced,
    } = group;
    let sums = json!({
        "attempts": attempts,
        "segments": segments,
        "before": before.to_string(),
        "after": after.to_string(),
        "difference": after.saturating_sub(before).to_string(),
        "changed": changed,
        "unrated": unrated,
        "unrated_after": unrated_after.to_string(),
        "other_currency": other_currency,
        "unpriced": unpriced,
    });
    if let (Some(place), Json::Object(sums)) = (place.as_object_mut(), sums) {
        place.extend(sums);
    }
    place
}
