//! Finds the first rule that a message fits without asking every rule.
//!
//! Each rule is filed under the values of one of its conditions: the one whose values the fewest rules ask for, so
//! that a thousand rules for a thousand operators, senders or countries are as quick as one. A message looks only
//! under its own values. What is found there is then asked for all its conditions.
//!
//! Rules that ask for none of these, but at most for channel, class, kind of sender, encoding, links and hours, are asked
//! one by one. Without hours there are few of them however long the policy: one that an earlier of them covers can never
//! be the first, and is not kept.

use std::collections::hash_map::Entry;
use std::hash::BuildHasher;

use domain::{Channel, Class, Country};
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::operator::Operator;
use crate::table::Request;
use crate::table::conditions::{Conditions, Key, Keys};

#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    /// Rules, in their order, under the hash of a value. Two values with one hash only make a list longer.
    filed: FxHashMap<u64, Under>,
    /// Rules that ask for nothing by which they could be filed, none covered by one before it.
    general: Vec<Filed>,
    /// How long the prefixes are that rules are filed under.
    prefix_lengths: Vec<usize>,
}

/// What is filed under one value: most often a single rule, which then takes no further look into memory.
#[derive(Clone, Debug)]
enum Under {
    One(Filed),
    Several(Vec<Filed>),
}

/// A rule by its place, with what of its conditions takes no more than a glance: most rules under a value are not the
/// one, and are not even looked at.
#[derive(Clone, Copy, Debug)]
struct Filed {
    at: u32,
    /// A bit for each class.
    classes: u8,
    channel: Option<Channel>,
    /// When it asks for a single one.
    country: Option<Country>,
    /// What else it asks for.
    others: Keys,
}

/// A value of a condition.
#[derive(Clone, Copy, Hash)]
enum Value<'a> {
    Operator(Operator),
    Prefix(&'a str),
    Sender(&'a str),
    App(&'a str),
    Country(Country),
}

impl Index {
    pub(super) fn new<R: AsRef<Conditions>>(rules: &[R]) -> Self {
        let mut asked: FxHashMap<u64, usize> = FxHashMap::default();
        for value in rules.iter().flat_map(|rule| choices(rule.as_ref())).flatten() {
            *asked.entry(value.hash()).or_default() += 1;
        }
        let crowd = |value: &Value<'_>| asked.get(&value.hash()).copied();
        let mut index = Self::default();
        for (at, rule) in rules.iter().enumerate() {
            let covers = |earlier: &R| earlier.as_ref().cover(rule.as_ref());
            if index.general.iter().filter_map(|earlier| rules.get(earlier.place())).any(covers) {
                continue;
            }
            let filed = Filed::new(at, rule.as_ref());
            let narrowest =
                choices(rule.as_ref()).into_iter().min_by_key(|values| values.iter().map(crowd).max());
            match narrowest {
                Some(values) => values.into_iter().for_each(|value| index.file(value, filed)),
                None => index.general.push(filed),
            }
        }
        index
    }

    fn file(&mut self, value: Value<'_>, filed: Filed) {
        match self.filed.entry(value.hash()) {
            Entry::Vacant(new) => drop(new.insert(Under::One(filed))),
            Entry::Occupied(mut known) => known.get_mut().add(filed),
        }
        if let Value::Prefix(prefix) = value
            && !self.prefix_lengths.contains(&prefix.len())
        {
            self.prefix_lengths.push(prefix.len());
        }
    }

    pub(super) fn first<'a, R: AsRef<Conditions>>(
        &self,
        rules: &'a [R],
        request: &Request<'_>,
    ) -> Option<&'a R> {
        let facts = request.facts;
        let mut first = rules.len();
        let mut look = |candidates: &[Filed]| {
            let mut before = candidates.iter().take_while(|filed| filed.place() < first);
            if let Some(found) = before.find(|filed| filed.fits(rules, request)) {
                first = found.place();
            }
        };
        let values = [
            request.operator.map(Value::Operator),
            facts.from.map(|sender| Value::Sender(sender.as_str())),
            Some(Value::App(facts.app.as_str())),
            facts.country.map(Value::Country),
        ];
        for value in values.into_iter().flatten() {
            look(self.under(value));
        }
        for prefix in self.beginnings(facts.to.digits()) {
            look(self.under(prefix));
        }
        look(&self.general);
        rules.get(first)
    }

    /// A rule before this place that every message fits which fits the one at this place; None when no single rule
    /// is like that.
    pub(super) fn covering<R: AsRef<Conditions>>(&self, rules: &[R], at: usize) -> Option<usize> {
        let rule = rules.get(at)?;
        let covers = |earlier: &usize| {
            *earlier < at && rules.get(*earlier).is_some_and(|it| it.as_ref().cover(rule.as_ref()))
        };
        let candidates = choices(rule.as_ref()).into_iter().filter_map(|values| values.into_iter().next());
        // Whatever covers the rule is filed under a value that this rule asks for too, or that begins its prefixes.
        let shorter = candidates.flat_map(|value| self.values_before(value));
        let filed = shorter.map(|value| self.under(value));
        filed.chain([self.general.as_slice()]).flatten().map(Filed::place).filter(covers).min()
    }

    /// A value, or of a prefix all that are beginnings of it.
    fn values_before<'a>(&self, value: Value<'a>) -> Vec<Value<'a>> {
        match value {
            Value::Prefix(prefix) => self.beginnings(prefix).collect(),
            Value::Operator(_) | Value::Sender(_) | Value::App(_) | Value::Country(_) => vec![value],
        }
    }

    fn beginnings<'a>(&self, digits: &'a str) -> impl Iterator<Item = Value<'a>> {
        self.prefix_lengths.iter().filter_map(|&length| digits.get(..length)).map(Value::Prefix)
    }

    fn under(&self, value: Value<'_>) -> &[Filed] {
        self.filed.get(&value.hash()).map(Under::rules).unwrap_or_default()
    }
}

impl Under {
    fn rules(&self) -> &[Filed] {
        match self {
            Self::One(filed) => std::slice::from_ref(filed),
            Self::Several(all) => all,
        }
    }

    fn add(&mut self, filed: Filed) {
        match self {
            Self::One(first) => *self = Self::Several(vec![*first, filed]),
            Self::Several(all) => all.push(filed),
        }
    }
}

impl Filed {
    fn place(&self) -> usize {
        self.at as usize
    }

    fn new(at: usize, conditions: &Conditions) -> Self {
        let asked = conditions.classes.values().unwrap_or(&Class::ALL);
        let country = match conditions.countries.values() {
            Some([only]) => Some(*only),
            Some(_) | None => None,
        };
        let others = conditions.keys().without(Key::Classes).without(Key::Channel);
        Self {
            at: u32::try_from(at).unwrap_or(u32::MAX),
            classes: asked.iter().fold(0, |bits, class| bits | bit(*class)),
            channel: conditions.channel,
            country,
            others: if country.is_some() { others.without(Key::Countries) } else { others },
        }
    }

    /// By what is filed first: most often that is enough, and the rule is not read from memory.
    fn fits<R: AsRef<Conditions>>(&self, rules: &[R], request: &Request<'_>) -> bool {
        let facts = request.facts;
        self.classes & bit(facts.class) != 0
            && self.channel.is_none_or(|channel| channel == facts.channel)
            && (self.country.is_none() || self.country == facts.country)
            && rules.get(self.place()).is_some_and(|rule| rule.as_ref().hold_by(self.others, request))
    }
}

fn bit(class: Class) -> u8 {
    1 << class.code()
}

impl Value<'_> {
    fn hash(&self) -> u64 {
        FxBuildHasher.hash_one(self)
    }
}

/// The values of each condition by which a rule could be filed.
fn choices(conditions: &Conditions) -> Vec<Vec<Value<'_>>> {
    let Conditions { countries, operators, apps, senders, prefixes, .. } = conditions;
    [
        operators.values().map(|all| all.iter().copied().map(Value::Operator).collect()),
        prefixes.as_ref().map(|all| all.values().iter().map(|prefix| Value::Prefix(prefix)).collect()),
        senders.values().map(|all| all.iter().map(|sender| Value::Sender(sender)).collect()),
        apps.values().map(|all| all.iter().map(|app| Value::App(app.as_str())).collect()),
        countries.values().map(|all| all.iter().copied().map(Value::Country).collect()),
    ]
    .into_iter()
    .flatten()
    .collect()
}
