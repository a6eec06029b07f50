//! A rule in plain English, as it is written and before it is compiled: the same sentence wherever a rule is shown.

use std::fmt::Display;

use domain::Encoding;
use domain::address::SenderKind;
use domain::plan::{FailoverOn, OnUnknown};

use crate::settings::{Cap, Commitments, Failover, Match, Pin, Rule, RuleRoute, Strategy};

mod content;

pub use content::english_of_content;

/// `Messages of class otp to DE go by acme-de, then borealis-de. …`
#[must_use]
pub fn english(rule: &Rule) -> String {
    let mut sentences = vec![
        format!("{} go by {}", asked(&rule.matches), order(rule)),
        next_route(&rule.failover),
        on_unknown(rule.on_unknown).to_owned(),
    ];
    if let Some(limit) = &rule.max_price {
        sentences.push(format!("Routes that cost more than {limit} for a segment are left out"));
    }
    if let Some(floor) = &rule.quality_floor {
        sentences.push(format!("Routes that are known to deliver less than {floor} of their messages are left out, unless all are"));
    }
    if !rule.probes {
        sentences.push("None of them is sent anywhere only to learn about a route".to_owned());
    }
    sentences.push(format!("A message that says nothing of it is tried for {}", rule.validity));
    sentences.join(". ") + "."
}

/// `Messages to numbers that begin with +4915 go by acme-de first.`
#[must_use]
pub fn english_of_pin(pin: &Pin) -> String {
    let Pin { id: _, recipient_prefix, operator, app, route, only, managed_by: _ } = pin;
    let (recipient_prefix, operator, app) = (recipient_prefix.clone(), operator.clone(), app.clone());
    let matches = Match { recipient_prefix, operator, app, ..Match::default() };
    let how = if *only { "alone" } else { "first, then as their rule says" };
    format!("{} go by {route} {how}.", asked(&matches))
}

/// `At most 500000 segments of class marketing in a day over the connection acme-main.`
#[must_use]
pub fn english_of_cap(cap: &Cap) -> String {
    let Cap { id: _, connection, route, sender_kind, class, limit, per, managed_by: _ } = cap;
    let of = [
        class.as_ref().map(|all| format!(" of class {}", any_of(all))),
        sender_kind.as_ref().map(|kinds| {
            let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
            format!(" from senders that are {}", any_of(&kinds))
        }),
    ];
    let of: String = of.into_iter().flatten().collect();
    let over = match (connection, route) {
        (Some(connection), _) => format!("the connection {connection}"),
        (None, route) => format!("the route {}", route.as_deref().unwrap_or_default()),
    };
    format!("At most {limit} segments{of} in a {} over {over}.", per.as_str()).replace("a hour", "an hour")
}

/// `Routes of a vendor that is behind its commitment count as up to 10 % cheaper.` None where commitments steer nothing.
#[must_use]
pub fn english_of_commitments(commitments: &Commitments) -> Option<String> {
    let worth = commitments.worth_at_most.as_ref()?;
    let of = commitments.class.as_ref().map(|all| format!(" for messages of class {}", any_of(all)));
    let of = of.unwrap_or_default();
    Some(format!(
        "Where routes are ordered by price or drawn, those of a vendor that is behind a commitment count as cheaper by up to {worth} of their price{of}."
    ))
}

fn asked(matches: &Match) -> String {
    let Match { channel, class, country, operator, app, sender, recipient_prefix, time, .. } = matches;
    let Match { sender_kind, encoding, has_link, .. } = matches;
    let kinds = |kinds: &Vec<SenderKind>| kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>();
    let encodings = |all: &Vec<Encoding>| all.iter().map(|one| one.as_str()).collect::<Vec<_>>();
    let asked = [
        class.as_ref().map(|all| format!("of class {}", any_of(all))),
        channel.map(|channel| format!("over {channel}")),
        country.as_ref().map(|all| format!("to {}", any_of(all))),
        operator.as_ref().map(|all| format!("to operator {}", any_of(all))),
        recipient_prefix.as_ref().map(|all| format!("to numbers that begin with {}", any_of(all))),
        app.as_ref().map(|all| format!("by app {}", any_of(all))),
        sender.as_ref().map(|all| format!("from {}", any_of(all))),
        sender_kind.as_ref().map(|all| format!("from senders that are {}", any_of(&kinds(all)))),
        encoding.as_ref().map(|all| format!("as {}", any_of(&encodings(all)))),
        has_link.map(|has_link| if has_link { "with a link" } else { "without a link" }.to_owned()),
        time.as_ref().map(ToString::to_string),
    ];
    let asked: Vec<String> = asked.into_iter().flatten().collect();
    if asked.is_empty() { "All messages".to_owned() } else { format!("Messages {}", asked.join(" ")) }
}

fn order(rule: &Rule) -> String {
    let names: Vec<&str> = rule.routes.iter().map(|route| route.id.as_str()).collect();
    if let [only] = names.as_slice() {
        return format!("{only} alone");
    }
    match rule.strategy {
        Strategy::Priority => names.join(", then "),
        Strategy::Weighted => {
            let shares: Vec<String> = rule.routes.iter().map(share).collect();
            format!("{}, drawn by weight", shares.join(", "))
        }
        Strategy::LeastCost => format!("the cheapest of {}", names.join(", ")),
        Strategy::QualityFloor => {
            format!("the cheapest of {}", names.join(", "))
        }
        Strategy::Adaptive => format!("whichever of {} is worth most now", names.join(", ")),
    }
}

fn share(route: &RuleRoute) -> String {
    format!("{} (weight {})", route.id, route.weight.unwrap_or_default())
}

fn next_route(failover: &Failover) -> String {
    let Failover { on, wait_at_most, no_receipt_after, max_attempts } = failover;
    if on.is_empty() {
        return "No failure makes a message go on to the next route".to_owned();
    }
    let when: Vec<String> = on.iter().map(|on| when(*on, no_receipt_after.as_ref())).collect();
    format!(
        "A message goes on to the next route when {}, after a wait of {wait_at_most} for a slot or a bind, in at most {max_attempts} attempts",
        any_of(&when)
    )
}

fn when(on: FailoverOn, no_receipt_after: Option<&domain::setting::Span>) -> String {
    let when = match on {
        FailoverOn::Rejected => "it is refused",
        FailoverOn::Busy => "the route is busy",
        FailoverOn::Unavailable => "the route is down",
        FailoverOn::Undelivered => "it is not delivered",
        FailoverOn::NoReceipt => {
            let after = no_receipt_after.map_or_else(|| "45s".to_owned(), ToString::to_string);
            return format!("no receipt comes within {after}");
        }
    };
    when.to_owned()
}

fn on_unknown(on_unknown: OnUnknown) -> &'static str {
    match on_unknown {
        OnUnknown::Resend => "Where nobody knows whether a vendor took it, it is sent there once more",
        OnUnknown::NextRoute => "Where nobody knows whether a vendor took it, it goes on to the next route",
        OnUnknown::Hold => "Where nobody knows whether a vendor took it, it is not sent again",
    }
}

/// `DE, AT or FR`.
fn any_of<T: Display>(values: &[T]) -> String {
    let mut texts: Vec<String> = values.iter().map(T::to_string).collect();
    match texts.pop() {
        None => "nothing".to_owned(),
        Some(last) if texts.is_empty() => last,
        Some(last) => format!("{} or {last}", texts.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::canonical::parse;

    fn read(rule: &str) -> String {
        let settings = parse(&format!("[[policy.rules]]\nid = \"r\"\n{rule}")).unwrap();
        english(&settings.policy.rules[0])
    }

    #[test]
    fn what_a_rule_asks_of_sender_and_text_reads_as_a_sentence() {
        let rule = read(
            "match = { sender_kind = [\"numeric\", \"short_code\"], encoding = [\"ucs2\"], has_link = false }\nroutes = [\"a\"]",
        );
        let expected =
            "Messages from senders that are numeric or short_code as ucs2 without a link go by a alone.";
        assert!(rule.starts_with(expected), "{rule}");
    }

    #[test]
    fn a_pin_reads_as_a_sentence() {
        let pins = r#"
            [[policy.pins]]
            id = "a"
            recipient_prefix = ["+4915", "+4916"]
            route = "acme-de"
            [[policy.pins]]
            id = "b"
            operator = ["262-01"]
            app = ["shop"]
            route = "acme-de"
            only = true
        "#;
        let told: Vec<_> = parse(pins).unwrap().policy.pins.iter().map(english_of_pin).collect();
        assert_eq!(
            told,
            [
                "Messages to numbers that begin with +4915 or +4916 go by acme-de first, then as their rule says.",
                "Messages to operator 262-01 by app shop go by acme-de alone.",
            ]
        );
    }

    #[test]
    fn a_cap_reads_as_a_sentence() {
        let caps = r#"
            [[caps]]
            id = "a"
            connection = "acme-main"
            class = ["marketing"]
            limit = 500000
            per = "hour"
            [[caps]]
            id = "b"
            route = "acme-de"
            sender_kind = ["alphanumeric", "short_code"]
            limit = 1
            per = "day"
        "#;
        let told: Vec<_> = parse(caps).unwrap().caps.iter().map(english_of_cap).collect();
        assert_eq!(
            told,
            [
                "At most 500000 segments of class marketing in an hour over the connection acme-main.",
                "At most 1 segments from senders that are alphanumeric or short_code in a day over the route acme-de.",
            ]
        );
    }

    #[test]
    fn a_rule_reads_as_sentences() {
        assert_eq!(
            read("routes = [\"acme-de\"]"),
            "All messages go by acme-de alone. A message goes on to the next route when it is refused, the route is busy or the route is down, after a wait of 3s for a slot or a bind, in at most 3 attempts. Where nobody knows whether a vendor took it, it goes on to the next route. A message that says nothing of it is tried for 24h."
        );
        assert_eq!(
            read(
                r#"match = { class = ["otp"], country = ["DE", "AT"], app = ["shop"],
                    time = { zone = "Europe/Berlin", windows = [{ days = ["fri"], from = "22:00", to = "06:00" }, { from = "12:00", to = "13:00" }] } }
                strategy = "weighted"
                routes = [{ id = "a", weight = 70 }, { id = "b", weight = 30 }]
                on_unknown = "resend"
                failover = { on = ["no_receipt"], no_receipt_after = "30s" }
                max_price = "0.10"
                validity = "10m""#
            ),
            "Messages of class otp to DE or AT by app shop between 22:00 and 06:00 on fri or between 12:00 and 13:00 (Europe/Berlin) go by a (weight 70), b (weight 30), drawn by weight. A message goes on to the next route when no receipt comes within 30s, after a wait of 3s for a slot or a bind, in at most 3 attempts. Where nobody knows whether a vendor took it, it is sent there once more. Routes that cost more than 0.10 for a segment are left out. A message that says nothing of it is tried for 10m."
        );
    }
}
