//! `GET /v1/rate-cards/{id}/diff`: the card of one version against that of another.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use domain::Scope;
use routing::price::{Card, PriceLine};
use routing::settings::Per;
use serde_json::json;

use super::super::auth::Caller;
use super::super::code::Code;
use super::super::parameters::Parameters;
use super::super::problem::Problem;
use super::super::{Api, respond};
use super::{Names, Version, comparison};

pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["version", "against", "days", "at"])?;
    let version = parameters.word::<u64>("version");
    let against = parameters.word::<u64>("against");
    let (days, at) = (comparison::days(&mut parameters), parameters.instant("at"));
    parameters.finish()?;
    let (after, before) = (Version::read(&api, version).await?, Version::read(&api, against).await?);
    let card = after.known(&id)?;
    let old = before.card(&id);
    if let Some(old) = old.filter(|old| old.currency != card.currency) {
        let detail =
            format!("the card is in {} in one version and in {} in the other", old.currency, card.currency);
        return Err(Problem::new(Code::InvalidQuery, detail));
    }
    let terms = old.map(|old| terms(old, card)).unwrap_or_default();
    let traffic = comparison::traffic(&api, &before.sources.document, &card.id, days).await?;
    let names = Names::of(&api);
    let compared = comparison::view(old.map(|old| &**old), card, &traffic, at, &names);
    Ok(respond::ok(&json!({
        "card": id,
        "version": after.number,
        "against": before.number,
        "same": old.is_some_and(|old| old.prices.lines() == card.prices.lines()) && terms.is_empty(),
        "terms": terms,
        "comparison": compared,
    })))
}

/// What else of two cards differs, beside the prices of places.
fn terms(before: &Card, after: &Card) -> Vec<&'static str> {
    let surcharges = |card: &Card| -> Vec<(Per, Vec<PriceLine>)> {
        card.surcharges.iter().map(|one| (one.per, one.prices.lines())).collect()
    };
    let differ = [("per", before.per != after.per), ("surcharges", surcharges(before) != surcharges(after))];
    differ.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
