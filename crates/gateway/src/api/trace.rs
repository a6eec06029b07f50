//! `GET /v1/messages/{id}/trace`: the plan with its reasons, the attempts, the events and what they come to.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use domain::overrides::{self, Action, Suspended};
use domain::plan::Probing;
use domain::verdict::Destination;
use domain::{
    ConnectionId, Override, OverrideId, Price, Record, RouteId, Tariff, Timestamp, VendorId, Verdict,
};
use routing::learning::Learned;
use serde::Serialize;
use store::VerdictQuery;

use super::auth::Caller;
use super::problem::Problem;
use super::{Api, messages, render, respond, summary, vendors, verdicts};

/// Of those that ended since the message was accepted.
const MAX_OVERRIDES: usize = 1000;
/// Of those that held meanwhile.
const MAX_VERDICTS: usize = 1000;

#[derive(Debug, Serialize)]
struct Trace<'a> {
    message: render::Whole<'a>,
    /// The version of the routing table that decided, and its rule. A string: readers of JSON round large numbers.
    table: Option<String>,
    rule: Option<&'a str>,
    plan: Vec<PlannedRoute<'a>>,
    /// What moved it off that plan after it was accepted.
    steered: Vec<Steered>,
    /// What the adaptive engine held against routes of the plan while the message was decided on.
    verdicts: Vec<verdicts::VerdictView<'a>>,
    /// What kept the message from being a probe, or made it one.
    #[serde(skip_serializing_if = "Option::is_none")]
    probing: Option<&'static str>,
    attempts: Vec<render::AttemptView<'a>>,
    events: Vec<EventView>,
    summary: String,
}

/// A route that the rule names: in the plan, or left out of it, and why.
#[derive(Debug, Serialize)]
pub(crate) struct PlannedRoute<'a> {
    pub(crate) route: &'a str,
    pub(crate) included: bool,
    pub(crate) reason: &'static str,
    pub(crate) explanation: &'a str,
    /// For one segment.
    pub(crate) price: Option<Tariff>,
    /// What the message would come from; only of a plan that is asked about, not of one made long ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<&'a str>,
    /// What the route would change in the text, under the same condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text_changes: Option<render::TextChanges<'a>>,
    /// What the adaptive engine believes of it now, under the same condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) learned: Option<LearnedView>,
}

/// Null where too few messages tell, and where the engine has no say.
#[derive(Debug, Serialize)]
pub(crate) struct LearnedView {
    /// The part of what goes there that arrives.
    arrives: Option<f64>,
    /// How many messages tell that; the older ones count for less.
    messages: Option<f64>,
    by: Option<&'static str>,
    /// What such a message is worth there, less its price.
    worth: Option<Price>,
}

/// An override in force when an attempt left, of a route that the plan names.
#[derive(Debug, Serialize)]
struct Steered {
    #[serde(rename = "override")]
    id: OverrideId,
    explanation: String,
}

#[derive(Debug, Serialize)]
struct EventView {
    at: Timestamp,
    #[serde(rename = "type")]
    kind: &'static str,
    attempt: Option<u16>,
    summary: String,
}

pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    messages::Id(id): messages::Id,
) -> Result<Response, Problem> {
    let record = messages::find(&api, id, &caller.view()?).await?;
    let (reader, since) = (api.pipeline.reader(), record.message.created_at);
    let overrides = messages::read(move || reader.overrides(since, MAX_OVERRIDES)).await?;
    let settings = api.settings.load();
    let verdicts = held(&api, &record).await?;
    let mut explained = record.plan.as_ref().map(routing::explain::routes).unwrap_or_default();
    let to = destination(&record);
    for route in &mut explained {
        let connection = connection_of(&api, &record, &route.route);
        let of_route = verdicts.iter().filter(|verdict| verdict.held_at(record.message.created_at));
        if let Some(connection) = connection {
            route.blame(of_route, &connection, &to);
        }
    }
    let mut trace = trace(&record, &explained, &settings.public_url);
    trace.verdicts = verdicts.iter().map(verdicts::view).collect();
    trace.steered = overrides.iter().filter_map(|one| steered(&api, &record, one)).collect();
    Ok(respond::ok(&trace))
}

/// The verdicts about routes of the plan that held when it was made, or when an attempt left.
async fn held(api: &Api, record: &Record) -> Result<Vec<Verdict>, Problem> {
    let Some(plan) = &record.plan else { return Ok(Vec::new()) };
    let left = record.attempts.iter().filter_map(|attempt| attempt.dispatched_at);
    let decided: Vec<Timestamp> = left.chain([record.message.created_at]).collect();
    let last = decided.iter().max().copied().unwrap_or(record.message.created_at);
    let query = VerdictQuery {
        since: Some(record.message.created_at),
        until: Some(last.plus(Duration::from_millis(1))),
        limit: MAX_VERDICTS,
        ..VerdictQuery::default()
    };
    let reader = api.pipeline.reader();
    let mut found = messages::read(move || reader.verdicts(&query)).await?;
    let planned = plan.routes.iter().map(|planned| &planned.route);
    let named = planned.chain(plan.left_out.iter().map(|left| &left.route));
    let connections: Vec<_> = named.filter_map(|route| connection_of(api, record, route)).collect();
    let to = destination(record);
    found.retain(|verdict| {
        decided.iter().any(|at| verdict.held_at(*at))
            && connections.iter().any(|connection| verdict.scope.covers(connection, &to))
    });
    Ok(found)
}

/// Over which a route went or would go.
fn connection_of(api: &Api, record: &Record, route: &RouteId) -> Option<ConnectionId> {
    let taken = record.attempts.iter().find(|attempt| attempt.route == *route);
    let taken = taken.map(|attempt| attempt.connection.clone());
    taken.or_else(|| api.pipeline.table().route(route).map(|route| route.connection.clone()))
}

fn destination(record: &Record) -> Destination {
    Destination { country: record.message.country, operator: record.message.operator.clone() }
}

/// The plan of a message that waits is made again in silence: this says why its attempt is not where the plan has it.
fn steered(api: &Api, record: &Record, one: &Override) -> Option<Steered> {
    let plan = record.plan.as_ref()?;
    let is_planned = |route: &RouteId| plan.routes.iter().any(|planned| planned.route == *route);
    let over = |is_meant: &dyn Fn(&ConnectionId) -> bool| {
        let mut connections = plan.routes.iter().filter_map(|one| connection_of(api, record, &one.route));
        connections.any(|connection| is_meant(&connection))
    };
    let is_of = |vendor: &VendorId, connection: &ConnectionId| {
        vendors::owner(&api.settings.load().vendors, connection.as_str()) == Some(vendor)
    };
    let what = match &one.action {
        Action::Flip { from, to } if is_planned(from) => format!("{from} was flipped to {to}"),
        Action::Suspend(Suspended::Route(id)) if is_planned(id) => format!("{id} was suspended"),
        Action::Suspend(Suspended::Connection(id)) if over(&|connection| connection == id) => {
            format!("the connection {id} was suspended")
        }
        Action::Suspend(Suspended::Vendor(id)) if over(&|connection| is_of(id, connection)) => {
            format!("the vendor {id} was suspended")
        }
        Action::Flip { .. } | Action::Suspend(_) | Action::Weight { .. } | Action::Maintenance(_) => {
            return None;
        }
    };
    let mut left = record.attempts.iter().filter_map(|attempt| attempt.dispatched_at);
    let left_meanwhile = left.any(|at| one.begins_at() <= at && at < one.ends_at());
    if !left_meanwhile || !holds_for(record, &one.scope) {
        return None;
    }
    let scope = if one.scope.is_all() { String::new() } else { format!(" for {}", one.scope) };
    let explanation = format!(
        "{what}{scope} from {} until {} by {}: {}",
        one.begins_at().to_the_minute(),
        one.ends_at().to_the_minute(),
        one.created_by,
        one.reason
    );
    Some(Steered { id: one.id, explanation })
}

/// Whether the message is one of those that the scope asks for.
fn holds_for(record: &Record, scope: &overrides::Scope) -> bool {
    let message = &record.message;
    let digits = message.to.digits();
    let operator = |text: &str| text.replace('-', "");
    let operators = message.operator.as_deref().map(operator);
    (scope.classes.is_empty() || scope.classes.contains(&message.class))
        && (scope.countries.is_empty() || message.country.is_some_and(|one| scope.countries.contains(&one)))
        && (scope.operators.is_empty() || scope.operators.iter().any(|one| Some(operator(one)) == operators))
        && (scope.apps.is_empty() || scope.apps.contains(&message.app))
        && (scope.prefixes.is_empty() || scope.prefixes.iter().any(|one| digits.starts_with(&**one)))
}

fn trace<'a>(
    record: &'a Record,
    explained: &'a [routing::explain::RouteExplanation],
    public_url: &'a str,
) -> Trace<'a> {
    Trace {
        message: render::whole(record, public_url),
        table: record.plan.as_ref().map(|plan| plan.table.to_string()),
        rule: record.plan.as_ref().map(|plan| plan.rule.as_str()),
        plan: explained.iter().map(planned).collect(),
        steered: Vec::new(),
        verdicts: Vec::new(),
        probing: record.plan.as_ref().and_then(|plan| plan.probing).map(Probing::as_str),
        attempts: render::attempts(record),
        events: record.events.iter().zip(summary::events(record)).map(event_view).collect(),
        summary: summary::story(record),
    }
}

pub(crate) fn planned(route: &routing::explain::RouteExplanation) -> PlannedRoute<'_> {
    PlannedRoute {
        route: route.route.as_str(),
        included: route.included,
        reason: route.code,
        explanation: &route.sentence,
        price: route.price,
        from: route.sender.as_ref().map(|sender| sender.as_str()),
        text_changes: route.rewritten.as_deref().map(render::changed_text),
        learned: route.learned.as_ref().map(learned),
    }
}

fn learned(known: &Learned) -> LearnedView {
    let arrives = known.arrives.as_ref();
    LearnedView {
        arrives: arrives.map(|known| (known.part * 10_000.0).round() / 10_000.0),
        messages: arrives.map(|known| known.messages.round()),
        by: arrives.map(|known| known.by()),
        worth: known.worth,
    }
}

fn event_view((event, summary): (&domain::event::Event, String)) -> EventView {
    let (kind, attempt) = summary::event_type(&event.kind);
    EventView { at: event.at, kind, attempt, summary }
}
