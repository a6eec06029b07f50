//! `/v1/operators`: what networks are called, whose a number is, and lists of the buyer's own.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use domain::number::{self, Country};
use domain::{Price, Scope, Timestamp};
use routing::operator::{Operator, origin};
use serde::Serialize;
use serde_json::json;
use store::{Change, Changed, OperatorList};

use super::aside::aside;
use super::auth::Caller;
use super::code::Code;
use super::parameters::Parameters;
use super::problem::{FieldError, Problem};
use super::{Api, body, refusal, respond};
use crate::operators::list;

/// Some three million lines.
const MAX_LIST: usize = 64 * 1024 * 1024;

#[derive(Serialize)]
struct Operators {
    data: Vec<OperatorView>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct OperatorView {
    operator: String,
    name: String,
    country: Option<String>,
    /// Who calls it so: `import` for the buyer's lists, `prefix` for the shipped ones.
    source: &'static str,
}

/// `GET /v1/operators`
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.view()?;
    let mut parameters = Parameters::read(&uri, &["country"])?;
    let country = parameters.word::<Country>("country");
    parameters.finish()?;
    let mut all: BTreeMap<Operator, OperatorView> = BTreeMap::new();
    for (operator, network) in api.operators.networks() {
        let country = network.country.or_else(|| operator.mcc().countries().next());
        let name = network.name.into();
        all.insert(
            operator,
            OperatorView { operator: operator.code(), name, country: written(country), source: "import" },
        );
    }
    for (operator, carrier) in origin::carriers() {
        let country = operator.mcc().countries().next();
        let view = || OperatorView {
            operator: operator.code(),
            name: carrier.to_owned(),
            country: written(country),
            source: "prefix",
        };
        all.entry(operator).or_insert_with(view);
    }
    let is_wanted = |operator: &Operator, view: &OperatorView| {
        country.is_none_or(|wanted| {
            view.country.as_deref() == Some(wanted.as_str())
                || operator.mcc().countries().any(|country| country == wanted)
        })
    };
    let data = all.into_iter().filter(|(operator, view)| is_wanted(operator, view)).map(|(_, view)| view);
    Ok(respond::ok(&Operators { data: data.collect(), next_cursor: None }))
}

fn written(country: Option<Country>) -> Option<String> {
    country.map(|country| country.as_str().to_owned())
}

#[derive(Serialize)]
struct LookupView {
    to: String,
    country: Option<String>,
    operator: Option<String>,
    operator_source: Option<&'static str>,
    operator_known_at: Option<Timestamp>,
    name: Option<String>,
    /// What a provider said, also when it no longer holds.
    lookup: Option<FactView>,
    /// What a receipt said, also when it no longer holds.
    receipt: Option<FactView>,
    /// Whether there is a provider to ask for this number.
    can_ask: bool,
    /// What it takes for an answer.
    cost: Option<Price>,
    /// How it went to ask now: `answered`, `no_answer` or `nobody_to_ask`.
    #[serde(skip_serializing_if = "Option::is_none")]
    asked: Option<&'static str>,
}

#[derive(Serialize)]
struct FactView {
    /// None when whoever was asked knows of no network.
    operator: Option<String>,
    said_by: String,
    known_at: Timestamp,
    holds_until: Timestamp,
    age_seconds: u64,
    ported: Option<bool>,
}

/// `GET /v1/operators/lookup`
pub(crate) async fn lookup(
    State(api): State<Arc<Api>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["to", "fresh"])?;
    let to = parameters.text("to");
    let fresh = parameters.word::<bool>("fresh").unwrap_or(false);
    parameters.finish()?;
    let to = to.ok_or_else(|| Problem::new(Code::InvalidQuery, "#/to: is missing: the number to look up"))?;
    // A plus that was not escaped arrives as a space.
    let to = if to.starts_with(' ') { format!("+{}", to.trim_start()) } else { to };
    let number = number::parse(&to, None)
        .map_err(|bad| Problem::field(Code::InvalidRecipient, "#/to", bad.to_string()))?;
    let asked_at = api.pipeline.now();
    if fresh {
        // It may cost money.
        caller.admin(Scope::Dispatch)?;
        api.operators.ask_now(&number.recipient, number.country).await;
    }
    let picture = api.operators.picture(&number.recipient, number.country);
    let now = api.pipeline.now();
    let is_new = picture.facts.lookup.as_ref().is_some_and(|fact| fact.at >= asked_at);
    let asked = fresh.then_some(match (picture.can_ask, is_new) {
        (_, true) => "answered",
        (true, false) => "no_answer",
        (false, false) => "nobody_to_ask",
    });
    let fact = |fact: crate::operators::Fact| FactView {
        operator: fact.operator.map(Operator::code),
        said_by: (*fact.said_by).to_owned(),
        known_at: fact.at,
        holds_until: fact.holds_until,
        age_seconds: now.since(fact.at).as_secs(),
        ported: fact.ported,
    };
    let best = picture.best;
    let name = best.and_then(|known| {
        let named = api.operators.networks().get(&known.operator).map(|network| network.name.to_string());
        let shipped = || origin::carriers().find(|(code, _)| *code == known.operator);
        named.or_else(|| shipped().map(|(_, carrier)| carrier.to_owned()))
    });
    Ok(respond::ok(&LookupView {
        to: number.recipient.as_str().to_owned(),
        country: written(number.country),
        operator: best.map(|known| known.operator.code()),
        operator_source: best.map(|known| known.source.as_str()),
        operator_known_at: best.and_then(|known| known.at),
        name,
        lookup: picture.facts.lookup.map(fact),
        receipt: picture.facts.receipt.map(fact),
        can_ask: picture.can_ask,
        cost: picture.cost,
        asked,
    }))
}

#[derive(Serialize)]
struct Imported {
    kind: &'static str,
    lines: usize,
    imported_at: Timestamp,
}

/// `POST /v1/operators/imports`
pub(crate) async fn import(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let text = body::read_csv(request, MAX_LIST).await?;
    let (read, text) = aside("the list could not be read", move || (list::read(&text), text)).await?;
    let list = Arc::new(read.map_err(refused)?);
    let at = api.pipeline.now();
    let (kind, lines) = (list.kind(), list.len());
    let after = json!({ "kind": kind.as_str(), "lines": lines });
    let entry = admin.entry(at, "operators.import", kind.as_str(), None, None, Some(after));
    let what = Changed::Operators(OperatorList { kind, imported_at: at, text: text.into() });
    let operators = Arc::clone(&api.operators);
    let in_force = move || operators.import(list, at);
    api.pipeline.change(Change { what, entry }, in_force).await.map_err(refusal::not_written)?;
    Ok(respond::json(StatusCode::CREATED, &Imported { kind: kind.as_str(), lines, imported_at: at }))
}

fn refused(refused: list::Refused) -> Problem {
    let count = refused.lines.len() + refused.more;
    let untold = if refused.more > 0 {
        format!(", the first {} are told", refused.lines.len())
    } else {
        String::new()
    };
    let errors = refused.lines.into_iter().map(|bad| FieldError {
        pointer: format!("#/lines/{}", bad.line),
        detail: bad.detail,
        code: None,
    });
    let errors = errors.collect();
    Problem::new(Code::InvalidRequest, format!("nothing is imported: {count} mistakes in the list{untold}"))
        .with_errors(errors)
}
