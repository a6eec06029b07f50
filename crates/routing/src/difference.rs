//! What changes from one set of settings to another, thing by thing and key by key, and in words.
//!
//! The order of rules and of pins counts, because the first that matches decides; that of other things does not. What is
//! written in another way and means the same is no change: a default that is left out, comments, the order of keys.

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;
use toml::Value;

use crate::settings::canonical::{fields, line};
use crate::settings::{ExchangeRate, Settings};

/// One thing that is not as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub of: Thing,
    /// Empty for the default class, what messages are worth and what commitments are, of which there is one.
    pub id: String,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    DefaultClass,
    Adaptive,
    Commitments,
    Route,
    RateCard,
    ExchangeRate,
    Cap,
    Pin,
    Rule,
    Test,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum How {
    Added,
    Removed,
    /// The keys that are not as they were.
    Changed(Vec<KeyChange>),
    /// A rule or a pin has another place among the others: now behind this one, or first.
    Moved {
        behind: Option<String>,
    },
}

/// A key that has another value. None: it is absent, so its default holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// With the path in its thing, such as `match.country`.
    pub key: String,
    /// As a file has it.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Of two lists: how many values are only in the latter, and how many only in the former.
    pub values: Option<(usize, usize)>,
}

/// In the order: default class, what messages are worth, what commitments are worth, routes, rate cards, exchange rates, caps, pins, rules, tests; of
/// each first what was there, as it was ordered.
#[must_use]
pub fn difference(before: &Settings, after: &Settings) -> Vec<Change> {
    let mut changes = Vec::new();
    let (was, is) = (before.policy.default_class, after.policy.default_class);
    if was != is {
        let key = KeyChange {
            key: "default_class".to_owned(),
            before: Some(was.to_string()),
            after: Some(is.to_string()),
            values: None,
        };
        let how = How::Changed(vec![key]);
        changes.push(Change { of: Thing::DefaultClass, id: String::new(), how });
    }
    let (was, is) = (&before.policy.adaptive, &after.policy.adaptive);
    if was != is {
        changes.push(Change { of: Thing::Adaptive, id: String::new(), how: How::Changed(keys(was, is)) });
    }
    let (was, is) = (&before.policy.commitments, &after.policy.commitments);
    if was != is {
        changes.push(Change { of: Thing::Commitments, id: String::new(), how: How::Changed(keys(was, is)) });
    }
    compare(Thing::Route, &before.routes, &after.routes, |route| route.id.clone(), &mut changes);
    compare(Thing::RateCard, &before.rate_cards, &after.rate_cards, |card| card.id.clone(), &mut changes);
    compare(Thing::ExchangeRate, &before.exchange_rates, &after.exchange_rates, name_of_rate, &mut changes);
    compare(Thing::Cap, &before.caps, &after.caps, |cap| cap.id.clone(), &mut changes);
    let (was, is) = (&before.policy.pins, &after.policy.pins);
    compare(Thing::Pin, was, is, |pin| pin.id.clone(), &mut changes);
    moved(Thing::Pin, was, is, |pin| &pin.id, &mut changes);
    compare(Thing::Rule, &before.policy.rules, &after.policy.rules, |rule| rule.id.clone(), &mut changes);
    moved(Thing::Rule, &before.policy.rules, &after.policy.rules, |rule| &rule.id, &mut changes);
    let (was, is) = (&before.policy.tests, &after.policy.tests);
    compare(Thing::Test, was, is, |test| test.name.clone(), &mut changes);
    changes
}

/// What tells one rate from others: its currencies and from when it holds.
fn name_of_rate(rate: &ExchangeRate) -> String {
    let from = rate.effective_from.as_ref().map(|from| format!(" from {from}"));
    format!("{} to {}{}", rate.from, rate.to, from.unwrap_or_default())
}

fn compare<T: Serialize + PartialEq>(
    of: Thing,
    before: &[T],
    after: &[T],
    id: impl Fn(&T) -> String,
    changes: &mut Vec<Change>,
) {
    let was: HashMap<String, &T> = before.iter().map(|thing| (id(thing), thing)).collect();
    let is: HashMap<String, &T> = after.iter().map(|thing| (id(thing), thing)).collect();
    for thing in before {
        let how = match is.get(&id(thing)) {
            None => How::Removed,
            Some(now) if *now == thing => continue,
            Some(now) => How::Changed(keys(thing, now)),
        };
        changes.push(Change { of, id: id(thing), how });
    }
    for thing in after.iter().filter(|thing| !was.contains_key(&id(thing))) {
        changes.push(Change { of, id: id(thing), how: How::Added });
    }
}

fn keys<T: Serialize>(before: &T, after: &T) -> Vec<KeyChange> {
    let (was, is) = (fields(before), fields(after));
    let find = |all: &[(String, Value)], key: &str| {
        all.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone())
    };
    let gone_or_changed = was.iter().map(|(key, value)| (key, Some(value.clone()), find(&is, key)));
    let new = is.iter().filter(|(key, _)| find(&was, key).is_none());
    let new = new.map(|(key, value)| (key, None, Some(value.clone())));
    let all = gone_or_changed.chain(new).filter(|(_, before, after)| before != after);
    all.map(|(key, before, after)| KeyChange {
        key: key.clone(),
        values: count(before.as_ref(), after.as_ref()),
        before: before.as_ref().map(line),
        after: after.as_ref().map(line),
    })
    .collect()
}

fn count(before: Option<&Value>, after: Option<&Value>) -> Option<(usize, usize)> {
    let lines = |value: &Value| value.as_array().map(|list| list.iter().map(line).collect::<Vec<_>>());
    let (was, is) = (lines(before?)?, lines(after?)?);
    let only = |these: &[String], those: &[String]| {
        let those: std::collections::HashSet<&String> = those.iter().collect();
        these.iter().filter(|one| !those.contains(one)).count()
    };
    Some((only(&is, &was), only(&was, &is)))
}

/// The fewest rules or pins that have to be moved so that all that are in both stand as they do now.
fn moved<T>(of: Thing, before: &[T], after: &[T], id: fn(&T) -> &String, changes: &mut Vec<Change>) {
    let places: HashMap<&String, usize> = before.iter().enumerate().map(|(at, one)| (id(one), at)).collect();
    let stayed = after.iter().filter_map(|one| Some((id(one), *places.get(id(one))?)));
    let stayed: Vec<_> = stayed.collect();
    let in_order = longest_ascending(&stayed.iter().map(|(_, at)| *at).collect::<Vec<_>>());
    let mut behind = None;
    for (at, (id, _)) in stayed.iter().enumerate() {
        if in_order.binary_search(&at).is_err() {
            changes.push(Change { of, id: (*id).clone(), how: How::Moved { behind } });
        }
        behind = Some((*id).clone());
    }
}

/// The places of the longest ascending row among these, ascending.
fn longest_ascending(values: &[usize]) -> Vec<usize> {
    // For each length of a row the place of the lowest value that ends one, and for each place the one before it.
    let mut ends: Vec<(usize, usize)> = Vec::new();
    let mut earlier: Vec<Option<usize>> = Vec::with_capacity(values.len());
    for (at, value) in values.iter().enumerate() {
        let length = ends.partition_point(|(end, _)| end < value);
        earlier.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter)).map(|(_, at)| *at));
        match ends.get_mut(length) {
            Some(end) => *end = (*value, at),
            None => ends.push((*value, at)),
        }
    }
    let mut row = Vec::with_capacity(ends.len());
    let mut at = ends.last().map(|(_, at)| *at);
    while let Some(here) = at {
        row.push(here);
        at = earlier.get(here).copied().flatten();
    }
    row.reverse();
    row
}

impl Thing {
    /// The stable word that the API shows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DefaultClass => "default_class",
            Self::Adaptive => "adaptive",
            Self::Commitments => "commitments",
            Self::Route => "route",
            Self::RateCard => "rate_card",
            Self::ExchangeRate => "exchange_rate",
            Self::Cap => "cap",
            Self::Pin => "pin",
            Self::Rule => "rule",
            Self::Test => "test",
        }
    }
}

impl How {
    /// The stable word that the API shows.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed(_) => "changed",
            Self::Moved { .. } => "moved",
        }
    }
}

/// `rule otp-de changes: validity from "10m" to "5m"`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            Thing::DefaultClass => "the policy",
            Thing::Adaptive => "what messages are worth",
            Thing::Commitments => "what commitments are worth",
            Thing::Route => "route ",
            Thing::RateCard => "rate card ",
            Thing::ExchangeRate => "exchange rate ",
            Thing::Cap => "cap ",
            Thing::Pin => "pin ",
            Thing::Rule => "rule ",
            Thing::Test => "policy test ",
        };
        write!(f, "{of}{} ", self.id)?;
        match &self.how {
            How::Added => f.write_str("is added"),
            How::Removed => f.write_str("is removed"),
            How::Moved { behind: None } => f.write_str("moves to the first place"),
            How::Moved { behind: Some(other) } => write!(f, "moves behind {other}"),
            How::Changed(keys) => {
                let keys: Vec<String> = keys.iter().map(KeyChange::to_string).collect();
                write!(f, "changes: {}", keys.join("; "))
            }
        }
    }
}

/// A sentence takes no longer values than this; a list that is longer is told by how many of its values change.
const SHOWN: usize = 80;

impl fmt::Display for KeyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, before, after, values } = self;
        let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.chars().count() > SHOWN);
        if let Some((new, gone)) = values.filter(|_| is_long(before) || is_long(after)) {
            return match (new, gone) {
                (0, 0) => write!(f, "{key} in another order"),
                (new, gone) => write!(f, "{key}: {new} new, {gone} gone"),
            };
        }
        match (before.as_deref().map(cut), after.as_deref().map(cut)) {
            (Some(before), Some(after)) => write!(f, "{key} from {before} to {after}"),
            (None, Some(after)) => write!(f, "{key} is now {after}"),
            (Some(before), None) => write!(f, "{key} is no longer {before}"),
            (None, None) => f.write_str(key),
        }
    }
}

fn cut(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::settings::canonical::parse;

    const BEFORE: &str = r#"
        [[routes]]
        id = "acme-de"
        connection = "acme"
        [[routes]]
        id = "old"
        connection = "acme"
        [[rate_cards]]
        id = "acme"
        currency = "EUR"
        prices = [{ country = "DE", price = "0.0450" }, { country = "AT", price = "0.05" }, { country = "FR", price = "0.06" }]
        [[policy.rules]]
        id = "one"
        match = { country = ["DE"] }
        routes = ["acme-de"]
        validity = "10m"
        [[policy.rules]]
        id = "two"
        routes = ["acme-de"]
        [[policy.rules]]
        id = "three"
        routes = ["old"]
    "#;

    fn told(after: &str) -> Vec<String> {
        let [before, after] = [BEFORE, after].map(|text| parse(text).unwrap());
        difference(&before, &after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_written_in_another_way_is_no_change() {
        let same =
            BEFORE.replace("validity = \"10m\"", "validity = \"600s\"\nstrategy = \"priority\"\n# a comment");
        assert_eq!(told(&same), Vec::<String>::new());
    }

    #[test]
    fn changes_are_told_thing_by_thing() {
        let after = r#"
            [[routes]]
            id = "new"
            connection = "acme"
            [[routes]]
            id = "acme-de"
            connection = "borealis"
            countries = ["DE"]
            [[rate_cards]]
            id = "acme"
            currency = "EUR"
            prices = [{ country = "DE", price = "0.0460" }, { country = "AT", price = "0.05" }, { country = "FR", price = "0.06" }]
            [policy]
            default_class = "otp"
            [[policy.rules]]
            id = "three"
            routes = ["old"]
            [[policy.rules]]
            id = "one"
            match = { country = ["DE", "AT"] }
            routes = ["acme-de"]
            [[policy.rules]]
            id = "two"
            routes = ["acme-de"]
        "#;
        assert_eq!(
            told(after),
            [
                "the policy changes: default_class from transactional to otp",
                "route acme-de changes: connection from \"acme\" to \"borealis\"; countries is now [\"DE\"]",
                "route old is removed",
                "route new is added",
                "rate card acme changes: prices: 1 new, 1 gone",
                "rule one changes: match.country from [\"DE\"] to [\"DE\", \"AT\"]; validity is no longer \"10m\"",
                "rule three moves to the first place",
            ]
        );
    }

    proptest! {
        #[test]
        fn the_rules_that_stay_are_in_order_and_as_many_as_can_be(values in prop::collection::vec(0..20_usize, 0..9)) {
            let row = longest_ascending(&values);
            prop_assert!(row.windows(2).all(|pair| pair[0] < pair[1] && values[pair[0]] < values[pair[1]]));
            let longest = (0..1_u32 << values.len()).filter_map(|set| {
                let picked: Vec<_> = (0..values.len()).filter(|at| set >> at & 1 == 1).map(|at| values[at]).collect();
                picked.windows(2).all(|pair| pair[0] < pair[1]).then_some(picked.len())
            });
            prop_assert_eq!(Some(row.len()), longest.max());
        }
    }
}
