//! Cards, comparisons and reratings as text for people.

use serde_json::Value;

use super::super::output::{cell, table};

const MOST_ROWS: usize = 40;

fn list<'a>(document: &'a Value, field: &str) -> &'a [Value] {
    document.get(field).and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
}

fn part<'a>(document: &'a Value, field: &str) -> &'a Value {
    document.get(field).unwrap_or(&Value::Null)
}

fn place(one: &Value) -> String {
    let [country, mcc, operator] = ["country", "mcc", "operator"].map(|field| cell(one, field));
    match (operator.is_empty(), mcc.is_empty()) {
        (false, _) => operator,
        (true, false) => mcc,
        (true, true) => country,
    }
}

pub(super) fn prices(found: &Value) -> String {
    let rows: Vec<Vec<String>> = list(found, "data")
        .iter()
        .map(|line| {
            let holds = if line.get("in_force") == Some(&Value::Bool(true)) { "yes" } else { "" };
            let [country, name, price, from] =
                ["country", "name", "price", "effective_from"].map(|field| cell(line, field));
            vec![place(line), country, name, price, from, holds.to_owned()]
        })
        .collect();
    let card = part(found, "card");
    let heading = format!("{} in {} per {}", cell(card, "id"), cell(card, "currency"), cell(card, "per"));
    format!("{heading}\n{}", table(&["PLACE", "COUNTRY", "NAME", "PRICE", "FROM", "HOLDS"], &rows))
}

pub(super) fn import(done: &Value) -> String {
    let (read, laid) = (part(done, "list"), part(done, "laid"));
    let mut lines =
        vec![format!("{} prices in {} rows, {}", cell(read, "prices"), cell(read, "rows"), read_as(read))];
    let repairs = list(read, "repaired");
    if !repairs.is_empty() {
        let shown = repairs
            .iter()
            .take(5)
            .map(|one| format!("row {}: {} is {}", cell(one, "row"), cell(one, "from"), cell(one, "to")));
        let shown: Vec<String> = shown.collect();
        lines.push(format!("{} codes lacked zeros: {}", cell(read, "repaired_count"), shown.join("; ")));
    }
    let counts = [
        ("added", "added"),
        ("replaced", "replaced"),
        ("repeated", "said already"),
        ("closed", "closed because the list lacks them"),
        ("widened", "now as the wider place"),
        ("dropped", "announced before and no more"),
        ("past", "hold from before now"),
    ];
    let counted = counts.iter().filter_map(|(field, words)| {
        let count = cell(laid, field);
        (count != "0" && !count.is_empty()).then(|| format!("{count} {words}"))
    });
    lines.push(counted.collect::<Vec<_>>().join(", "));
    lines.push(compared(part(done, "comparison")));
    let version = part(done, "version");
    lines.push(match (done.get("same"), version) {
        (Some(Value::Bool(true)), _) => "the card says that already: nothing was done".to_owned(),
        (_, Value::Null) => "nothing was done: this was a dry run".to_owned(),
        (_, version) => format!("version {} is {}", cell(version, "number"), cell(version, "state")),
    });
    lines.join("\n")
}

fn read_as(read: &Value) -> String {
    let parts = [
        ("sheet", cell(read, "sheet")),
        ("encoding", cell(read, "encoding")),
        ("delimiter", cell(read, "delimiter")),
        ("header row", cell(read, "header_row")),
        ("decimal", cell(read, "decimal")),
        ("dates", cell(read, "dates")),
        ("mapping", cell(read, "mapping")),
    ];
    let told = parts.iter().filter(|(_, value)| !value.is_empty());
    told.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

pub(super) fn comparison(found: &Value) -> String {
    if found.get("same") == Some(&Value::Bool(true)) {
        return "nothing differs".to_owned();
    }
    let terms = list(found, "terms").iter().filter_map(|term| match term.as_str()? {
        "per" => Some("the prices are for something else: segments, or whole messages"),
        "surcharges" => Some("the surcharges differ"),
        _ => None,
    });
    let comparison = compared(part(found, "comparison"));
    terms.chain([comparison.as_str()]).collect::<Vec<_>>().join("\n")
}

fn compared(comparison: &Value) -> String {
    let counts = part(comparison, "counts").as_object().into_iter().flatten();
    let counts =
        counts.filter(|(_, count)| count.as_u64() != Some(0)).map(|(kind, count)| format!("{count} {kind}"));
    let counts: Vec<String> = counts.collect();
    let differences = list(comparison, "differences");
    let mut lines = Vec::new();
    if counts.is_empty() {
        lines.push(format!("no price differs at {}", cell(comparison, "at")));
    } else {
        lines.push(format!("at {}: {}", cell(comparison, "at"), counts.join(", ")));
        let rows: Vec<Vec<String>> = differences
            .iter()
            .take(MOST_ROWS)
            .map(|one| {
                let [country, name, how, before, after] =
                    ["country", "name", "how", "before", "after"].map(|field| cell(one, field));
                let percent = match cell(one, "percent") {
                    none if none.is_empty() => none,
                    percent => format!("{percent} %"),
                };
                vec![place(one), country, name, how, before, after, percent]
            })
            .collect();
        lines.push(table(&["PLACE", "COUNTRY", "NAME", "HOW", "BEFORE", "AFTER", "CHANGE"], &rows));
        if differences.len() > MOST_ROWS {
            lines.push(format!("… and more: --json tells the first {}", differences.len()));
        }
    }
    lines.push(effect(part(comparison, "effect"), &cell(comparison, "currency")));
    lines.join("\n")
}

fn effect(effect: &Value, currency: &str) -> String {
    let [since, until, messages] = ["since", "until", "messages"].map(|field| cell(effect, field));
    let mut lines = vec![format!("the {messages} messages that were carried from {since} to {until}")];
    if effect.get("is_whole") == Some(&Value::Bool(false)) {
        lines.push("(there were more than are looked at: these are the last)".to_owned());
    }
    let [before, after, difference] = ["before", "after", "difference"].map(|field| cell(effect, field));
    lines.push(format!(
        "  cost {before} {currency} before and {after} {currency} after: {difference} {currency}"
    ));
    let [before, after, difference] = ["before_per_30_days", "after_per_30_days", "difference_per_30_days"]
        .map(|field| cell(effect, field));
    lines.push(format!("  in 30 days {before} and {after}: {difference} {currency}"));
    let rows = |field: &str| -> Vec<Vec<String>> {
        let groups = list(effect, field).iter().take(MOST_ROWS);
        let columns = [
            "operator",
            "country",
            "name",
            "segments",
            "before",
            "after",
            "difference",
            "difference_per_30_days",
        ];
        groups.map(|group| columns.map(|column| cell(group, column)).to_vec()).collect()
    };
    let heading = ["OPERATOR", "COUNTRY", "NAME", "SEGMENTS", "BEFORE", "AFTER", "DIFFERENCE", "IN 30 DAYS"];
    if !list(effect, "groups").is_empty() {
        lines.push(table(&heading, &rows("groups")));
    }
    if !list(effect, "unpriced").is_empty() {
        lines.push("not in these sums, because a price is not known or closed:".to_owned());
        lines.push(table(&heading, &rows("unpriced")));
    }
    lines.join("\n")
}

pub(super) fn rerating(found: &Value) -> String {
    let currency = cell(found, "currency");
    let columns = [
        "attempts",
        "segments",
        "before",
        "after",
        "difference",
        "changed",
        "unrated",
        "unrated_after",
        "unpriced",
        "other_currency",
    ];
    let of = |group: &Value, names: &[&str]| -> Vec<String> {
        names.iter().chain(&columns).map(|column| cell(group, column)).collect()
    };
    let mut rows: Vec<Vec<String>> = list(found, "groups")
        .iter()
        .map(|group| of(group, &["vendor", "route", "operator", "country"]))
        .collect();
    for vendor in list(found, "vendors") {
        rows.push(of(vendor, &["vendor", "", "", ""]));
    }
    let total = part(found, "total");
    let heading = [
        "VENDOR",
        "ROUTE",
        "OPERATOR",
        "COUNTRY",
        "ATTEMPTS",
        "SEGMENTS",
        "BEFORE",
        "AFTER",
        "DIFFERENCE",
        "CHANGED",
        "UNRATED",
        "WOULD COST",
        "UNPRICED",
        "OTHER CURRENCY",
    ];
    let mut left_out = String::new();
    for day in list(found, "days_left_out").iter().filter_map(Value::as_str) {
        left_out.push_str(&format!("\nthe day {day} could not be read and is in no sum"));
    }
    if let Some(applied) = found.get("applied") {
        let (attempts, messages) = (cell(applied, "attempts"), cell(applied, "messages"));
        left_out.push_str(&format!("\nwritten back: {attempts} attempts of {messages} messages"));
    }
    format!(
        "{}\nin all {} {currency} before and {} {currency} after: {} {currency}, {} of {} attempts{left_out}",
        table(&heading, &rows),
        cell(total, "before"),
        cell(total, "after"),
        cell(total, "difference"),
        cell(total, "changed"),
        cell(total, "attempts"),
    )
}
