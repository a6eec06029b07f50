//! What a request asks for: the kind of override, what it names, its scope, reason and times.

use std::fmt::Display;
use std::str::FromStr;

use domain::overrides::{Action, HOLDS_FOR, LARGEST_WEIGHT, Maintenance, Otherwise, Scope, Suspended};
use domain::{AppId, ConnectionId, Country, RouteId, Timestamp, VendorId};
use pipeline::Steer;
use routing::operator::Operator;

use super::super::code::Code;
use super::super::comment::checked_comment;
use super::super::fields::{Fields, elements, string};

const FIELDS: [&str; 15] = [
    "kind",
    "from",
    "to",
    "route",
    "connection",
    "vendor",
    "connections",
    "otherwise",
    "weight",
    "scope",
    "reason",
    "starts_at",
    "expires_in",
    "expires_at",
    "dry_run",
];
const SCOPE: [&str; 5] = ["class", "country", "operator", "app", "recipient_prefix"];
/// Values of one list of a scope.
const MAX_VALUES: usize = 200;

/// None when something is wrong, which the fields then tell.
pub(super) fn read(
    fields: &mut Fields<'_>,
    by: &str,
    now: Timestamp,
    is_known: &dyn Fn(&AppId) -> bool,
) -> Option<Steer> {
    let action = action(fields);
    let scope = match fields.raw("scope") {
        Some(_) if matches!(action, Some(Action::Maintenance(_))) => {
            fields.wrong("scope", "is not for a maintenance, which concerns every message");
            Scope::default()
        }
        Some(raw) => scope(fields, raw, is_known),
        None => Scope::default(),
    };
    let reason = reason(fields);
    let starts_at = fields.word::<Timestamp>("starts_at");
    let expires_at = expiry(fields, starts_at.unwrap_or(now));
    fields.refuse_others(&FIELDS);
    if fields.has_errors() {
        return None;
    }
    Some(Steer { action: action?, reason: reason?, by: by.into(), expires_at, scope, starts_at })
}

fn action(fields: &mut Fields<'_>) -> Option<Action> {
    let kind = fields.text("kind").unwrap_or_else(|| "flip".into());
    match &*kind {
        "flip" => {
            let from = required::<RouteId>(fields, "from", "the route that traffic leaves");
            let to = required::<RouteId>(fields, "to", "the route that takes it over");
            refuse(fields, &["route", "connection", "vendor", "connections", "otherwise", "weight"], "flip");
            Some(Action::Flip { from: from?, to: to? })
        }
        "suspend" => {
            refuse(fields, &["from", "to", "connections", "otherwise", "weight"], "suspend");
            suspended(fields).map(Action::Suspend)
        }
        "weight" => {
            let route = required::<RouteId>(fields, "route", "the route whose weight changes");
            let weight = weight(fields);
            refuse(fields, &["from", "to", "connection", "vendor", "connections", "otherwise"], "weight");
            Some(Action::Weight { route: route?, weight: weight? })
        }
        "maintenance" => {
            let vendor = required::<VendorId>(fields, "vendor", "the vendor that is in maintenance");
            let connections = list::<ConnectionId>(fields, "connections");
            let otherwise = match fields.text("otherwise").as_deref() {
                None | Some("use") => Otherwise::Use,
                Some("wait") => Otherwise::Wait,
                Some(_) => {
                    fields.wrong("otherwise", "is neither use nor wait");
                    Otherwise::Use
                }
            };
            refuse(fields, &["from", "to", "route", "connection", "weight"], "maintenance");
            Some(Action::Maintenance(Maintenance { vendor: vendor?, connections, otherwise }))
        }
        _ => {
            fields.wrong("kind", "is none of flip, suspend, weight, maintenance");
            None
        }
    }
}

fn required<T: FromStr<Err: Display>>(fields: &mut Fields<'_>, name: &str, what: &str) -> Option<T> {
    if fields.raw(name).is_none() {
        fields.wrong(name, format!("is missing: {what}"));
    }
    fields.word(name)
}

/// Fields of other kinds.
fn refuse(fields: &mut Fields<'_>, names: &[&str], kind: &str) {
    for name in names {
        if fields.raw(name).is_some() {
            fields.wrong(name, format!("is not for the kind {kind}"));
        }
    }
}

fn suspended(fields: &mut Fields<'_>) -> Option<Suspended> {
    let route = fields.word::<RouteId>("route").map(Suspended::Route);
    let connection = fields.word::<ConnectionId>("connection").map(Suspended::Connection);
    let vendor = fields.word::<VendorId>("vendor").map(Suspended::Vendor);
    let mut given = [route, connection, vendor].into_iter().flatten();
    let first = given.next();
    if first.is_none() && !fields.has_errors() {
        fields.wrong("route", "is missing: give a route, a connection or a vendor to suspend");
    }
    if given.next().is_some() {
        fields.wrong("route", "is one too many: give one of route, connection and vendor");
    }
    first
}

fn weight(fields: &mut Fields<'_>) -> Option<u32> {
    let Some(raw) = fields.raw("weight") else {
        fields.wrong("weight", "is missing: the weight that the route has meanwhile");
        return None;
    };
    let read = raw.parse::<u32>().ok().filter(|weight| *weight <= LARGEST_WEIGHT);
    if read.is_none() {
        fields.wrong("weight", format!("is not a whole number from 0 to {LARGEST_WEIGHT}"));
    }
    read
}

fn scope(fields: &mut Fields<'_>, raw: &str, is_known: &dyn Fn(&AppId) -> bool) -> Scope {
    let mut inner = match Fields::nested(raw, "#/scope".to_owned()) {
        Ok(inner) => inner,
        Err(error) => {
            fields.wrong("scope", error.detail);
            return Scope::default();
        }
    };
    let operators: Vec<Operator> = list(&mut inner, "operator");
    let apps: Vec<AppId> = list(&mut inner, "app");
    if let Some(unknown) = apps.iter().find(|app| !is_known(app)) {
        inner.wrong("app", format!("no app is called `{unknown}`"));
    }
    let countries: Vec<Named> = list(&mut inner, "country");
    let prefixes: Vec<Prefix> = list(&mut inner, "recipient_prefix");
    let scope = Scope {
        classes: list(&mut inner, "class"),
        countries: countries.into_iter().map(|Named(country)| country).collect(),
        operators: operators.iter().map(|operator| operator.to_string().into()).collect(),
        apps,
        prefixes: prefixes.into_iter().map(|Prefix(digits)| digits).collect(),
    };
    inner.refuse_others(&SCOPE);
    fields.absorb(inner);
    scope
}

/// A country that there is.
struct Named(Country);

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        routing::country::read(text).map(Self)
    }
}

/// A string, or a list of strings.
fn list<T: FromStr<Err: Display>>(fields: &mut Fields<'_>, name: &str) -> Vec<T> {
    let Some(raw) = fields.raw(name) else { return Vec::new() };
    let texts = if raw.starts_with('"') { Some(vec![raw]) } else { elements(raw, MAX_VALUES) };
    let Some(texts) = texts.filter(|texts| (1..=MAX_VALUES).contains(&texts.len())) else {
        fields.wrong(name, format!("expected a string, or a list of 1 to {MAX_VALUES} strings"));
        return Vec::new();
    };
    let mut values = Vec::with_capacity(texts.len());
    for text in texts {
        let read = string(text).and_then(|text| text.parse::<T>().map_err(|error| error.to_string()));
        match read {
            Ok(value) => values.push(value),
            Err(detail) => fields.wrong(name, detail),
        }
    }
    values
}

/// The first digits of a recipient, with or without the +.
struct Prefix(Box<str>);

impl FromStr for Prefix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let is_one = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_one {
            return Ok(Self(digits.into()));
        }
        Err(format!("`{text}` is not the beginning of a number: expected 1 to 15 digits, such as +3361"))
    }
}

fn reason(fields: &mut Fields<'_>) -> Option<Box<str>> {
    let text = fields.text("reason").unwrap_or_default();
    if text.trim().is_empty() {
        fields.wrong("reason", "is missing: why traffic is steered, for whoever reads it later");
        return None;
    }
    checked_comment(&text).map_err(|wrong| fields.wrong("reason", wrong)).ok()
}

fn expiry(fields: &mut Fields<'_>, begins_at: Timestamp) -> Timestamp {
    let (at, span) = (fields.word::<Timestamp>("expires_at"), fields.span("expires_in", Code::InvalidExpiry));
    if at.is_some() && span.is_some() {
        fields.wrong_as(Code::InvalidExpiry, "expires_at", "is given together with expires_in");
    }
    at.unwrap_or_else(|| begins_at.plus(span.unwrap_or(HOLDS_FOR)))
}
