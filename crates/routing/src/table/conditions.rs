//! What a rule asks of a message. A key that is absent asks for nothing.

use std::fmt;

use domain::address::SenderKind;
use domain::{AppId, Channel, Class, Country, Encoding};

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
    pub(super) kinds: OneOf<SenderKind>,
    pub(super) encodings: OneOf<Encoding>,
    pub(super) has_link: Option<bool>,
}

/// The values of which a message must have one.
#[derive(Clone, Debug, Default)]
pub(crate) enum OneOf<T> {
    /// Any will do.
    #[default]
    Any,
    /// The usual case stands where the condition does, and not behind a pointer.
    Single(T),
    /// Sorted, for the binary search.
    Several(Box<[T]>),
}

/// The first digits of a recipient, sorted, and none the beginning of another: then only the last one that sorts
/// before a number can be its beginning.
#[derive(Clone, Debug)]
pub(super) struct Prefixes(Box<[Box<str>]>);

impl Conditions {
    pub(super) fn hold(&self, request: &Request<'_>) -> bool {
        self.hold_by(Keys::ALL, request)
    }

    /// Whether those of these keys hold: whoever knows of the others need not have them read from memory.
    pub(super) fn hold_by(&self, keys: Keys, request: &Request<'_>) -> bool {
        let facts = request.facts;
        let skips = |key| !keys.contains(key);
        (skips(Key::Channel) || self.channel.is_none_or(|channel| channel == facts.channel))
            && (skips(Key::Classes) || self.classes.holds(Some(&facts.class)))
            && (skips(Key::Countries) || self.countries.holds(facts.country.as_ref()))
            && (skips(Key::Operators) || self.operators.holds(request.operator.as_ref()))
            && (skips(Key::Apps) || self.apps.holds(Some(facts.app)))
            && (skips(Key::Senders) || self.senders.holds(facts.from.map(domain::Sender::as_str)))
            && (skips(Key::Prefixes)
                || self.prefixes.as_ref().is_none_or(|prefixes| prefixes.begin(facts.to.digits())))
            && (skips(Key::Hours) || self.hours.as_ref().is_none_or(|hours| hours.hold(facts.now)))
            && (skips(Key::Kinds) || self.kinds.holds(facts.from.map(domain::Sender::kind).as_ref()))
            && (skips(Key::Encodings) || self.encodings.holds(Some(&facts.features.encoding)))
            && (skips(Key::HasLink)
                || self.has_link.is_none_or(|has_link| has_link == facts.features.has_link))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Channel,
    Classes,
    Countries,
    Operators,
    Apps,
    Senders,
    Prefixes,
    Hours,
    Kinds,
    Encodings,
    HasLink,
}

/// A bit for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keys(u16);

impl Keys {
    pub(super) const ALL: Self = Self(u16::MAX);

    pub(super) fn without(self, key: Key) -> Self {
        Self(self.0 & !(1 << key as u16))
    }

    fn with(self, key: Key) -> Self {
        Self(self.0 | 1 << key as u16)
    }

    fn contains(self, key: Key) -> bool {
        self.0 & 1 << key as u16 != 0
    }
}

/// What two rules have to do with each other.
impl Conditions {
    /// Whether every message that fits `other` fits this.
    pub(super) fn cover(&self, other: &Self) -> bool {
        self.channel.is_none_or(|channel| other.channel == Some(channel))
            && self.classes.cover(&other.classes)
            && self.countries.cover(&other.countries)
            && self.operators.cover(&other.operators)
            && self.apps.cover(&other.apps)
            && self.senders.cover(&other.senders)
            && self.kinds.cover(&other.kinds)
            && self.encodings.cover(&other.encodings)
            && self.has_link.is_none_or(|has_link| other.has_link == Some(has_link))
            // Whether one's hours are within another's is not looked at.
            && self.hours.is_none()
            && match (&self.prefixes, &other.prefixes) {
                (None, _) => true,
                (Some(_), None) => false,
                (Some(own), Some(others)) => others.values().iter().all(|prefix| own.begin(prefix)),
            }
    }

    /// What a message must be like to fit both; None when no message does, or when both ask for hours, which are not
    /// compared.
    pub(super) fn both(&self, other: &Self) -> Option<Self> {
        Some(Self {
            channel: match (self.channel, other.channel) {
                (Some(own), Some(other)) if own != other => return None,
                (own, other) => own.or(other),
            },
            classes: self.classes.both(&other.classes)?,
            countries: self.countries.both(&other.countries)?,
            operators: self.operators.both(&other.operators)?,
            apps: self.apps.both(&other.apps)?,
            senders: self.senders.both(&other.senders)?,
            prefixes: match (&self.prefixes, &other.prefixes) {
                (Some(own), Some(others)) => Some(own.both(others)?),
                (own, other) => own.as_ref().or(other.as_ref()).cloned(),
            },
            hours: match (&self.hours, &other.hours) {
                (Some(_), Some(_)) => return None,
                (own, other) => own.as_ref().or(other.as_ref()).cloned(),
            },
            kinds: self.kinds.both(&other.kinds)?,
            encodings: self.encodings.both(&other.encodings)?,
            has_link: match (self.has_link, other.has_link) {
                (Some(own), Some(other)) if own != other => return None,
                (own, other) => own.or(other),
            },
        })
    }

    /// Which keys it has.
    pub(super) fn keys(&self) -> Keys {
        let Self { channel, classes, countries, operators, apps, senders, prefixes, hours, .. } = self;
        let Self { kinds, encodings, has_link, .. } = self;
        let has = [
            (Key::Channel, channel.is_some()),
            (Key::Classes, classes.values().is_some()),
            (Key::Countries, countries.values().is_some()),
            (Key::Operators, operators.values().is_some()),
            (Key::Apps, apps.values().is_some()),
            (Key::Senders, senders.values().is_some()),
            (Key::Prefixes, prefixes.is_some()),
            (Key::Hours, hours.is_some()),
            (Key::Kinds, kinds.values().is_some()),
            (Key::Encodings, encodings.values().is_some()),
            (Key::HasLink, has_link.is_some()),
        ];
        let asked = has.into_iter().filter(|(_, is_asked)| *is_asked);
        asked.fold(Keys(0), |keys, (key, _)| keys.with(key))
    }

    /// Whether another rule with the same keys can have messages in common with this one, neither covering the other:
    /// not where each key has one value.
    pub(super) fn can_overlap(&self) -> bool {
        let Self { classes, countries, operators, apps, senders, prefixes, kinds, encodings, .. } = self;
        let are_many = |count: Option<usize>| count.is_some_and(|count| count > 1);
        prefixes.is_some()
            || are_many(classes.values().map(<[_]>::len))
            || are_many(countries.values().map(<[_]>::len))
            || are_many(operators.values().map(<[_]>::len))
            || are_many(apps.values().map(<[_]>::len))
            || are_many(senders.values().map(<[_]>::len))
            || are_many(kinds.values().map(<[_]>::len))
            || are_many(encodings.values().map(<[_]>::len))
    }
}

impl<T: Ord + Clone> OneOf<T> {
    pub(super) fn cover(&self, other: &Self) -> bool {
        match (self.values(), other.values()) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(own), Some(others)) => others.iter().all(|value| own.binary_search(value).is_ok()),
        }
    }

    /// None when they have no value in common.
    fn both(&self, other: &Self) -> Option<Self> {
        let (Some(own), Some(others)) = (self.values(), other.values()) else {
            return Some(if self.values().is_some() { self.clone() } else { other.clone() });
        };
        let common: Vec<T> =
            own.iter().filter(|value| others.binary_search(value).is_ok()).cloned().collect();
        (!common.is_empty()).then(|| Self::new(Some(common)))
    }
}

impl<T: Ord> OneOf<T> {
    pub(super) fn new(values: Option<Vec<T>>) -> Self {
        let Some(mut values) = values else { return Self::Any };
        values.sort();
        values.dedup();
        match <[T; 1]>::try_from(values) {
            Ok([only]) => Self::Single(only),
            Err(values) => Self::Several(values.into()),
        }
    }

    pub(super) fn values(&self) -> Option<&[T]> {
        match self {
            Self::Any => None,
            Self::Single(only) => Some(std::slice::from_ref(only)),
            Self::Several(values) => Some(values),
        }
    }

    pub(super) fn holds<Q: Ord + ?Sized>(&self, value: Option<&Q>) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        let is_in = |values: &[T]| {
            value.is_some_and(|value| values.binary_search_by(|one| one.borrow().cmp(value)).is_ok())
        };
        match self {
            Self::Any => true,
            Self::Single(only) => value == Some(only.borrow()),
            Self::Several(values) => is_in(values),
        }
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

    /// The longer of any two of which one begins the other; None when there are none.
    fn both(&self, other: &Self) -> Option<Self> {
        let begun = self.0.iter().filter(|prefix| other.begin(prefix));
        let begun: Vec<_> =
            begun.chain(other.0.iter().filter(|prefix| self.begin(prefix))).cloned().collect();
        (!begun.is_empty()).then(|| Self::new(begun))
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
            self.kinds.values().map(|kinds| format!("from senders that are {}", some_of(&words(kinds)))),
            self.encodings.values().map(|all| format!("as {}", some_of(&encodings(all)))),
            self.has_link.map(|has_link| if has_link { "with a link" } else { "without a link" }.to_owned()),
            self.hours.as_ref().map(ToString::to_string),
        ];
        let asked: Vec<_> = asked.into_iter().flatten().collect();
        f.write_str(if asked.is_empty() { "every message" } else { "" })?;
        f.write_str(&asked.join(" "))
    }
}

fn words(kinds: &[SenderKind]) -> Vec<&'static str> {
    kinds.iter().map(|kind| kind.as_str()).collect()
}

fn encodings(all: &[Encoding]) -> Vec<&'static str> {
    all.iter().map(|encoding| encoding.as_str()).collect()
}

/// A sentence takes no more names than this.
const SHOWN: usize = 5;

fn some_of<T: fmt::Display>(values: &[T]) -> String {
    let shown: Vec<_> = values.iter().take(SHOWN).map(T::to_string).collect();
    let rest = values.len().saturating_sub(SHOWN);
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
