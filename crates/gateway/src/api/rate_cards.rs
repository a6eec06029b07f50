//! `/v1/rate-cards`: what vendors take, from when on; lists of prices laid over cards, and what a card makes of traffic.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use domain::{RateCardId, Scope, Timestamp};
use routing::Settings;
use routing::operator::{Operator, origin};
use routing::price::{Card, Charge, Place, PriceLine};
use routing::settings::Per;
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::aside::aside;
use super::auth::Caller;
use super::code::Code;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, policies, respond, vendors};
use crate::rating;
use crate::tables::Sources;
use crate::versions::{self, Refused};
use store::versions::State as VersionState;

mod comparison;
pub(super) mod diff;
pub(super) mod import;
pub(super) mod mappings;
pub(super) mod rerating;

#[derive(Serialize)]
struct Cards {
    data: Vec<CardView>,
    next_cursor: Option<String>,
    /// The version of the policy that they are of.
    version: u64,
}

#[derive(Serialize)]
struct CardView {
    id: String,
    currency: String,
    per: &'static str,
    prices: usize,
    /// Those that it holds for.
    routes: Vec<String>,
    vendors: Vec<String>,
    /// From when on something else holds.
    next_change_at: Option<Timestamp>,
}

/// `GET /v1/rate-cards`
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["version"])?;
    let version = parameters.word::<u64>("version");
    parameters.finish()?;
    let whole = Version::read(&api, version).await?;
    let (number, now) = (whole.number, api.pipeline.now());
    let data = whole.cards.iter().map(|card| view(&api, card, &whole.sources.document, now)).collect();
    Ok(respond::ok(&Cards { data, next_cursor: None, version: number }))
}

fn view(api: &Api, card: &Card, document: &Settings, now: Timestamp) -> CardView {
    let lines = card.prices.lines();
    let later = lines.iter().filter_map(|line| line.effective_from).filter(|from| *from > now);
    let mut routes: Vec<String> =
        rating::routes_of(document, &card.id).into_iter().map(|route| route.to_string()).collect();
    routes.sort_unstable();
    CardView {
        id: card.id.to_string(),
        currency: card.currency.to_string(),
        per: per(card.per),
        prices: lines.len(),
        routes,
        vendors: vendors_of(api, document, &card.id),
        next_change_at: later.min(),
    }
}

/// Whose connections the routes of a card lead to.
fn vendors_of(api: &Api, document: &Settings, card: &RateCardId) -> Vec<String> {
    let settings = api.settings.load();
    let routes = document.routes.iter().filter(|route| route.rate_card.as_deref() == Some(card.as_str()));
    let mut vendors: Vec<String> = routes
        .filter_map(|route| vendors::owner(&settings.vendors, &route.connection))
        .map(ToString::to_string)
        .collect();
    vendors.sort_unstable();
    vendors.dedup();
    vendors
}

fn per(per: Per) -> &'static str {
    match per {
        Per::Segment => "segment",
        Per::Message => "message",
    }
}

/// A version of the policy with its cards, compiled.
struct Version {
    number: u64,
    state: VersionState,
    sources: Sources,
    /// In order of id.
    cards: Vec<Arc<Card>>,
}

impl Version {
    /// None: the one in force.
    async fn read(api: &Api, number: Option<u64>) -> Result<Self, Problem> {
        let number = number.unwrap_or_else(|| api.versions.standing().active.number);
        let found = versions::read(&api.pipeline, number).await;
        let (version, sources) = found.map_err(|refused| policies::problem(&refused, ""))?;
        Self::of(number, version.summary.state, sources).await
    }

    async fn of(number: u64, state: VersionState, sources: Sources) -> Result<Self, Problem> {
        let compile = move || (rating::cards(&sources), sources);
        let (cards, sources) = aside("the rate cards could not be compiled", compile).await?;
        let mut cards = cards.map_err(|wrong| policies::problem(&Refused::Wrong(wrong), ""))?;
        cards.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(Self { number, state, sources, cards })
    }

    fn card(&self, id: &str) -> Option<&Arc<Card>> {
        self.cards.iter().find(|card| card.id.as_str() == id)
    }

    fn known(&self, id: &str) -> Result<&Arc<Card>, Problem> {
        self.card(id).ok_or_else(|| unknown(self.number))
    }
}

fn unknown(version: u64) -> Problem {
    Problem::new(Code::RateCardNotFound, format!("version {version} has no rate card of this id"))
}

/// `GET /v1/rate-cards/{id}`
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let known = ["version", "at", "country", "operator", "format", "limit", "cursor"];
    let mut parameters = Parameters::read(&uri, &known)?;
    let version = parameters.word::<u64>("version");
    let at = parameters.instant("at").unwrap_or_else(|| api.pipeline.now());
    let country = parameters.word::<domain::Country>("country");
    let operator = parameters.word::<Operator>("operator");
    let is_csv = parameters.parsed("format", |text| match text {
        "json" => Ok(false),
        "csv" => Ok(true),
        _ => Err("is neither json nor csv"),
    });
    let limit = parameters.limit(1000, 10_000);
    let from = parameters.word::<usize>("cursor").unwrap_or(0);
    parameters.finish()?;
    let whole = Version::read(&api, version).await?;
    let card = whole.known(&id)?;
    let lines = card.prices.lines();
    if is_csv == Some(true) {
        let csv = HeaderValue::from_static("text/csv; charset=utf-8");
        return Ok(([(header::CONTENT_TYPE, csv)], rates::lay::text(&lines)).into_response());
    }
    let names = Names::of(&api);
    let is_wanted = |line: &&PriceLine| {
        let of_country = |wanted| match line.place {
            Place::Anywhere => false,
            Place::Country(country) => country == wanted,
            Place::Mcc(mcc) => mcc.countries().any(|country| country == wanted),
            Place::Operator(operator) => operator.mcc().countries().any(|country| country == wanted),
        };
        country.is_none_or(of_country) && operator.is_none_or(|wanted| line.place == Place::Operator(wanted))
    };
    let mut wanted = lines.iter().filter(is_wanted).skip(from);
    let data: Vec<Json> = wanted.by_ref().take(limit).map(|line| line_view(card, line, &names, at)).collect();
    let next = wanted.next().map(|_| (from + limit).to_string());
    let view = view(&api, card, &whole.sources.document, at);
    Ok(respond::ok(&json!({
        "card": view,
        "version": whole.number,
        "at": at,
        "data": data,
        "next_cursor": next,
    })))
}

fn line_view(card: &Card, line: &PriceLine, names: &Names, at: Timestamp) -> Json {
    let mut view = place_view(line.place, names);
    let dates = card.prices.dates(line.place);
    let in_force = dates.and_then(|dates| dates.filter(|from| from.is_none_or(|from| from <= at)).last());
    if let Some(view) = view.as_object_mut() {
        view.insert("price".to_owned(), json!(charge(Some(line.charge))));
        view.insert("effective_from".to_owned(), json!(line.effective_from));
        view.insert("in_force".to_owned(), json!(in_force == Some(line.effective_from)));
    }
    view
}

/// An amount, `closed`, or nothing.
fn charge(charge: Option<Charge>) -> Option<String> {
    charge.map(|charge| match charge {
        Charge::Price(amount) => amount.to_string(),
        Charge::Closed => "closed".to_owned(),
    })
}

fn place_view(place: Place, names: &Names) -> Json {
    let (country, mcc, operator) = match place {
        Place::Anywhere => (None, None, None),
        Place::Country(country) => (Some(country), None, None),
        Place::Mcc(mcc) => (mcc.countries().next(), Some(mcc), None),
        Place::Operator(operator) => {
            (operator.mcc().countries().next(), Some(operator.mcc()), Some(operator))
        }
    };
    json!({
        "country": country.map(|country| country.to_string()),
        "mcc": mcc.map(|mcc| mcc.to_string()),
        "operator": operator.map(Operator::code),
        "name": operator.and_then(|operator| names.of_operator(operator)),
    })
}

/// What networks are called.
struct Names(HashMap<Operator, String>);

impl Names {
    fn of(api: &Api) -> Self {
        let mut names: HashMap<Operator, String> =
            origin::carriers().map(|(operator, carrier)| (operator, carrier.to_owned())).collect();
        let own = api.operators.networks().into_iter();
        names.extend(own.map(|(operator, network)| (operator, network.name.into())));
        Self(names)
    }

    fn of_operator(&self, operator: Operator) -> Option<&str> {
        self.0.get(&operator).map(String::as_str)
    }
}
