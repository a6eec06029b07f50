//! Making, listing and ending overrides. Whatever is made says how to undo it.

use serde_json::{Map, Value, json};

use super::super::client::{Client, Endpoint, escaped};
use super::super::output::{Output, cell, table};
use super::super::{Exit, Failure};
use super::{countdown, seconds};

/// So many prices are told one by one.
const MOST_PRICES: usize = 5;

/// What every kind takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Terms {
    /// Why, for whoever reads it later.
    #[arg(long)]
    reason: String,
    /// How long it holds, such as 90s, 30m or 2h; at most 30 days.
    #[arg(long = "for", value_name = "DURATION", default_value = "30m")]
    holds: String,
    /// When it begins, in RFC 3339; without it, now.
    #[arg(long, value_name = "INSTANT")]
    from_time: Option<String>,
    /// Only messages of these classes, such as otp.
    #[arg(long, value_delimiter = ',')]
    class: Vec<String>,
    /// Only to these countries, such as FR.
    #[arg(long, value_delimiter = ',')]
    country: Vec<String>,
    /// Only to these operators, such as 208-01.
    #[arg(long, value_delimiter = ',')]
    operator: Vec<String>,
    /// Only by these applications.
    #[arg(long, value_delimiter = ',')]
    app: Vec<String>,
    /// Only to numbers that begin so, such as +3361.
    #[arg(long, value_delimiter = ',', value_name = "DIGITS")]
    recipient_prefix: Vec<String>,
    /// Only show what it would change.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    endpoint: Endpoint,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Flip {
    /// The route that traffic leaves.
    from: String,
    /// The route that takes it over.
    to: String,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Suspend {
    /// The route.
    #[arg(required_unless_present_any = ["connection", "vendor"], conflicts_with_all = ["connection", "vendor"])]
    route: Option<String>,
    /// A connection, with all routes over it.
    #[arg(long, conflicts_with = "vendor")]
    connection: Option<String>,
    /// A vendor, with all routes over its connections.
    #[arg(long)]
    vendor: Option<String>,
    #[command(flatten)]
    terms: Terms,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Weight {
    /// The route.
    route: String,
    /// Its weight meanwhile; 0: none.
    weight: u32,
    #[command(flatten)]
    terms: Terms,
}

pub(super) async fn flip(flip: Flip, output: &Output) -> Result<(), Failure> {
    make(json!({ "kind": "flip", "from": flip.from, "to": flip.to }), flip.terms, output).await
}

pub(super) async fn suspend(suspend: Suspend, output: &Output) -> Result<(), Failure> {
    let Suspend { route, connection, vendor, terms } = suspend;
    let named = [("route", route), ("connection", connection), ("vendor", vendor)];
    let mut what = Map::from_iter([("kind".to_owned(), json!("suspend"))]);
    what.extend(named.into_iter().filter_map(|(key, name)| Some((key.to_owned(), json!(name?)))));
    make(Value::Object(what), terms, output).await
}

pub(super) async fn weight(weight: Weight, output: &Output) -> Result<(), Failure> {
    let what = json!({ "kind": "weight", "route": weight.route, "weight": weight.weight });
    make(what, weight.terms, output).await
}

async fn make(mut body: Value, terms: Terms, output: &Output) -> Result<(), Failure> {
    let Terms {
        reason,
        holds,
        from_time,
        endpoint,
        dry_run,
        class,
        country,
        operator,
        app,
        recipient_prefix,
    } = terms;
    let lists = [
        ("class", class),
        ("country", country),
        ("operator", operator),
        ("app", app),
        ("recipient_prefix", recipient_prefix),
    ];
    let given = lists.into_iter().filter(|(_, values)| !values.is_empty());
    let scope: Map<String, Value> = given.map(|(key, values)| (key.to_owned(), json!(values))).collect();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("reason".to_owned(), json!(reason));
        fields.insert("expires_in".to_owned(), json!(holds));
        if let Some(start) = from_time {
            fields.insert("starts_at".to_owned(), json!(start));
        }
        if !scope.is_empty() {
            fields.insert("scope".to_owned(), Value::Object(scope));
        }
        if dry_run {
            fields.insert("dry_run".to_owned(), json!(true));
        }
    }
    post(&body, &endpoint, output).await
}

/// Asks for an override, or for what it would change, and tells.
pub(super) async fn post(body: &Value, endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let made = endpoint.client()?.post("/v1/overrides", body).await?;
    for line in made.get("effect").map(checks).unwrap_or_default() {
        output.note(&line);
    }
    let is_dry_run = made.get("dry_run").and_then(Value::as_bool) == Some(true);
    let id = cell(&made, "id");
    output.result(&made, || {
        if is_dry_run {
            return "nothing was changed: leave out --dry-run to make it".to_owned();
        }
        format!("{id}  {}", told(&made))
    })?;
    if !is_dry_run {
        output.note(&format!("undo: strowger route revert {id}"));
    }
    Ok(())
}

/// `acme-sms is flipped to borealis-sms for 30m 0s, until …`.
fn told(made: &Value) -> String {
    let [kind, from, to, starts, until] =
        ["kind", "from", "to", "starts_at", "expires_at"].map(|field| cell(made, field));
    let what = if kind == "flip" { format!("{from} is flipped to {to}") } else { cell(made, "summary") };
    let scope = scope(made);
    if cell(made, "state") == "planned" {
        return format!("{what}{scope}, planned from {starts} until {until}");
    }
    format!("{what}{scope} for {}, until {until}", countdown(seconds(made)))
}

/// ` (class otp; operator 208-01)`; nothing when it is for every message.
fn scope(one: &Value) -> String {
    let lists = one.get("scope").and_then(Value::as_object).into_iter().flatten();
    let asked: Vec<String> = lists
        .map(|(key, values)| {
            let values = values.as_array().into_iter().flatten().filter_map(Value::as_str);
            format!("{key} {}", values.collect::<Vec<_>>().join(", "))
        })
        .collect();
    if asked.is_empty() { String::new() } else { format!(" ({})", asked.join("; ")) }
}

/// What is known before: capacity, countries, senders and prices of a flip; rules that are left without a route.
fn checks(effect: &Value) -> Vec<String> {
    let names = |value: &Value, field: &str| {
        let all = value.get(field).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
    };
    let mut lines = Vec::new();
    let waiting = names(effect, "rules_without_another_route");
    if !waiting.is_empty() {
        lines.push(format!("no other route in the rules {waiting}: their messages wait"));
    }
    let Some(flip) = effect.get("flip") else { return lines };
    let is_closed = |price: &Value| price.get("closed") == Some(&Value::Bool(true));
    let connection = flip.get("connection").unwrap_or(&Value::Null);
    let [id, state, up, binds] = ["id", "state", "binds_up", "binds"].map(|field| cell(connection, field));
    lines.push(format!("capacity: {id} is {state}, {up} of {binds} binds"));
    let (countries, senders) = (names(flip, "countries_lost"), names(flip, "senders_lost"));
    if !countries.is_empty() {
        lines.push(format!("countries: it does not go to {countries}"));
    }
    if !senders.is_empty() {
        let instead = match flip.get("has_default_sender").and_then(Value::as_bool) {
            Some(true) => "and puts its own in their place",
            Some(false) | None => "so messages with them do not take it",
        };
        lines.push(format!("senders: it does not carry {senders}, {instead}"));
    }
    let prices = flip.get("prices").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for price in prices.iter().take(MOST_PRICES) {
        let [country, operator, from, to, difference, currency, to_currency] =
            ["country", "operator", "from", "to", "difference", "currency", "to_currency"]
                .map(|field| cell(price, field));
        let place = if operator.is_empty() { country } else { operator };
        let told = |amount: String| if amount.is_empty() { "unknown".to_owned() } else { amount };
        let change = if difference.is_empty() {
            String::new()
        } else {
            format!(" ({difference} a message of one segment)")
        };
        let to = if is_closed(price) { "closed".to_owned() } else { told(to) };
        let from = told(from);
        lines.push(match &*to_currency {
            "" => format!("price {place}: {from} to {to} {currency}{change}"),
            other => format!("price {place}: {from} {currency} to {to} {other}"),
        });
    }
    let others = prices.iter().skip(MOST_PRICES);
    let (more, closed) = (others.clone().count(), others.filter(|price| is_closed(price)).count());
    if more > 0 {
        let closed = if closed > 0 { format!(", {closed} of them closed") } else { String::new() };
        lines.push(format!("price: {more} more destinations{closed}: --json tells all"));
    }
    lines
}

pub(super) async fn overrides(
    state: Option<&str>,
    endpoint: &Endpoint,
    output: &Output,
) -> Result<(), Failure> {
    let query = state.map(|state| format!("?state={}", escaped(state))).unwrap_or_default();
    let found = endpoint.client()?.get(&format!("/v1/overrides{query}")).await?;
    output.result(&found, || rows(&items(&found)))
}

/// Those that hold or are planned.
pub(super) async fn revertible(endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let client = endpoint.client()?;
    let all = open(&client).await?;
    output.result(&json!({ "data": all }), || rows(&all.iter().collect::<Vec<_>>()))?;
    output.note(if all.is_empty() { "nothing to revert" } else { "revert one: strowger route revert ID" });
    Ok(())
}

/// Maintenance that holds or is planned.
pub(super) async fn maintenance(endpoint: &Endpoint, output: &Output) -> Result<(), Failure> {
    let mut all = open(&endpoint.client()?).await?;
    all.retain(|one| cell(one, "kind") == "maintenance");
    output.result(&json!({ "data": all }), || rows(&all.iter().collect::<Vec<_>>()))
}

async fn open(client: &Client) -> Result<Vec<Value>, Failure> {
    let mut all = Vec::new();
    for state in ["planned", "active"] {
        let found = client.get(&format!("/v1/overrides?state={state}")).await?;
        all.extend(items(&found).into_iter().cloned());
    }
    Ok(all)
}

fn items(list: &Value) -> Vec<&Value> {
    list.get("data").and_then(Value::as_array).into_iter().flatten().collect()
}

fn rows(all: &[&Value]) -> String {
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let left = if seconds(one) > 0 { countdown(seconds(one)) } else { String::new() };
            let does = format!("{}{}", cell(one, "summary"), scope(one));
            let has_effect = one.get("has_effect").and_then(Value::as_bool).unwrap_or(true);
            let state = match cell(one, "state") {
                state if state == "active" && !has_effect => "active, without effect".to_owned(),
                state => state,
            };
            vec![cell(one, "id"), state, does, left, cell(one, "created_by"), cell(one, "reason")]
        })
        .collect();
    table(&["OVERRIDE", "STATE", "DOES", "LEFT", "BY", "REASON"], &rows)
}

/// `flip acme-de to borealis-de, 28m 3s left (ovr_… by ops: receipts drop)`.
pub(super) fn describe(one: &Value) -> String {
    let [does, id, by, reason] = ["summary", "id", "created_by", "reason"].map(|field| cell(one, field));
    let when = if cell(one, "state") == "planned" {
        format!("planned from {}", cell(one, "starts_at"))
    } else {
        format!("{} left", countdown(seconds(one)))
    };
    format!("{does}{}, {when} ({id} by {by}: {reason})", scope(one))
}

pub(super) async fn revert(
    what: &str,
    kind: Option<&str>,
    endpoint: &Endpoint,
    output: &Output,
) -> Result<(), Failure> {
    let client = endpoint.client()?;
    let id = if what.starts_with("ovr_") { what.to_owned() } else { steered(&client, what, kind).await? };
    let meant = kind.map(|kind| format!("?kind={kind}")).unwrap_or_default();
    let over = client.delete(&format!("/v1/overrides/{}{meant}", escaped(&id))).await?;
    output.result(&over, || {
        let [kind, from, to, state] = ["kind", "from", "to", "state"].map(|field| cell(&over, field));
        let what = if kind == "flip" {
            format!("{from} is no longer flipped to {to}")
        } else {
            format!("no longer: {}", cell(&over, "summary"))
        };
        format!("{id}  {state}: {what}{}", scope(&over))
    })
}

/// The one override by which something is steered, with effect or without.
async fn steered(client: &Client, name: &str, kind: Option<&str>) -> Result<String, Failure> {
    let all = open(client).await?;
    let is_meant = |one: &&Value| {
        let names = ["from", "route", "connection", "vendor"].map(|field| cell(one, field));
        names.iter().any(|other| other == name) && kind.is_none_or(|kind| cell(one, "kind") == kind)
    };
    let found: Vec<String> = all.iter().filter(is_meant).map(|one| cell(one, "id")).collect();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(Exit::NotFound, format!("no override steers `{name}`"))
            .hint("strowger route revert shows those that do")),
        several => Err(Failure::new(Exit::Conflict, format!("several overrides steer `{name}`"))
            .hint(format!("give the id of one: {}", several.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flip_tells_of_what_is_closed_and_of_how_much_more_there_is() {
        let price = |country: &str, closed: bool| {
            json!({
                "country": country, "operator": null, "from": "0.05", "to": null,
                "difference": null, "currency": "EUR", "closed": closed,
            })
        };
        let abroad =
            json!({ "country": "US", "from": "0.05", "to": "0.06", "currency": "EUR", "to_currency": "USD" });
        let told = checks(&json!({ "flip": { "connection": {}, "prices": [abroad] } }));
        assert!(told.contains(&"price US: 0.05 EUR to 0.06 USD".to_owned()), "{told:?}");
        let first = [price("DE", true), price("GB", false)];
        let more = ["FR", "ES", "IT", "AT", "CH"].map(|country| price(country, country == "CH"));
        let all: Vec<Value> = first.into_iter().chain(more).collect();
        let told = checks(&json!({ "flip": { "connection": {}, "prices": all } }));
        let prices: Vec<&String> = told.iter().filter(|line| line.starts_with("price")).collect();
        assert_eq!(prices[0], "price DE: 0.05 to closed EUR");
        assert_eq!(prices[1], "price GB: 0.05 to unknown EUR");
        assert_eq!(prices[5..], ["price: 2 more destinations, 1 of them closed: --json tells all"]);
    }
}
