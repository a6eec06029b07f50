//! What a rule asks of a message. A key that is absent asks for nothing.

use std::fmt;

use domain::{AppId, Channel, Class, Country};

use crate::operator::Operator;
use crate::table::Request;
use crate::table::hours::Hours;

#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(super) channel: Option<Channel>,
    pub(super) classes: OneOf<Class>,
    pub(super) countries: OneOf<Country>,
    pub(super) operators: OneOf<Operator>,
    pub(super) apps: OneOf<AppId>,
    /// As texts: the form of a sender tells its kind.
    pub(super) senders: OneOf<Box<str>>,
    pub(super) prefixes: Option<Prefixes>,
    pub(super) hours: Option<Hours>,
}

/// The values of which a message must have one; None: any will do. Sorted, for the binary search.
#[derive(Clone, Debug)]
pub(crate) struct OneOf<T>(Option<Box<[T]>>);

/// The first digits of a recipient, sorted, and none the beginning of another: then only the last one that sorts
/// before a number can be its beginning.
#[derive(Clone, Debug)]
pub(super) struct Prefixes(Box<[Box<str>]>);

impl Conditions {
    pub(super) fn hold(&self, request: &Request<'_>) -> bool {
        let facts = request.facts;
        self.channel.is_none_or(|channel| channel == facts.channel)
            && self.classes.holds(Some(&facts.class))
            && self.countries.holds(facts.country.as_ref())
            && self.operators.holds(request.operator.as_ref())
            && self.apps.holds(Some(facts.app))
            && self.senders.holds(facts.from.map(domain::Sender::as_str))
            && self.prefixes.as_ref().is_none_or(|prefixes| prefixes.begin(facts.to.digits()))
            && self.hours.as_ref().is_none_or(|hours| hours.hold(facts.now))
    }
}

impl<T: Ord> OneOf<T> {
    pub(super) fn new(values: Option<Vec<T>>) -> Self {
        Self(values.map(|mut values| {
            values.sort();
            values.dedup();
            values.into()
        }))
    }

    pub(super) fn values(&self) -> Option<&[T]> {
        self.0.as_deref()
    }

    pub(super) fn holds<Q: Ord + ?Sized>(&self, value: Option<&Q>) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        let Some(values) = &self.0 else { return true };
        value.is_some_and(|value| values.binary_search_by(|one| one.borrow().cmp(value)).is_ok())
    }
}

impl<T> Default for OneOf<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl Prefixes {
    pub(super) fn new(mut prefixes: Vec<Box<str>>) -> Self {
        prefixes.sort();
        prefixes.dedup_by(|later, earlier| later.starts_with(&**earlier));
        Self(prefixes.into())
    }

    pub(super) fn values(&self) -> &[Box<str>] {
        &self.0
    }

    fn begin(&self, digits: &str) -> bool {
        let after = self.0.partition_point(|prefix| &**prefix <= digits);
        let last = after.checked_sub(1).and_then(|at| self.0.get(at));
        last.is_some_and(|prefix| digits.starts_with(&**prefix))
    }
}

/// `class otp to DE, AT`; `every message` when nothing is asked.
impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asked = [
            self.classes.values().map(|classes| format!("class {}", some_of(classes))),
            self.channel.map(|channel| format!("over {channel}")),
            self.countries.values().map(|countries| format!("to {}", some_of(countries))),
            self.operators.values().map(|operators| format!("on {}", some_of(operators))),
            self.prefixes.as_ref().map(|prefixes| format!("to numbers with +{}", some_of(prefixes.values()))),
            self.apps.values().map(|apps| format!("by {}", some_of(apps))),
            self.senders.values().map(|senders| format!("from {}", some_of(senders))),
            self.hours.as_ref().map(ToString::to_string),
        ];
        let asked: Vec<_> = asked.into_iter().flatten().collect();
        f.write_str(if asked.is_empty() { "every message" } else { "" })?;
        f.write_str(&asked.join(" "))
    }
}

/// A sentence takes no more names than this.
const SHOWN: usize = 5;

fn some_of<T: fmt::Display>(values: &[T]) -> String {
    let shown: Vec<_> = values.iter().take(SHOWN).map(T::to_string).collect();
    let rest = values.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
