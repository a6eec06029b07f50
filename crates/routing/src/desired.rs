//! What files want beside what is there: nothing is removed that they only do not name, and nothing of somebody else's is
//! changed in passing.

use std::fmt;

use crate::difference::Thing;
use crate::settings::{Policy, Settings};

mod managed;

use managed::Managed;
pub use managed::{BadManager, manager};

/// Who says what is wanted, and how far that goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms<'a> {
    /// In whose name; what is written becomes his. None: nobody's.
    pub manager: Option<&'a str>,
    /// Whether what is not named goes, as far as it is managed by that name.
    pub prune: bool,
    /// Whether what somebody else manages may be changed. It is the manager's then.
    pub take_over: bool,
    /// Rate cards whose file has other prices than the one that is there: they change, though they say the same.
    pub repriced: &'a [String],
}

/// What is wanted, laid over what is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    pub settings: Settings,
    /// Not named, and there all the same.
    pub kept: Vec<Kept>,
    /// Changed, and somebody else's: refused unless it is taken over.
    pub foreign: Vec<Foreign>,
}

/// A thing that the files do not name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub of: Thing,
    /// Empty for the default class and what messages are worth, of which there is one.
    pub id: String,
    pub managed_by: Option<String>,
}

/// A thing that the files want otherwise, and that somebody else manages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    pub of: Thing,
    pub id: String,
    pub managed_by: String,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, self.of, &self.id)?;
        match &self.managed_by {
            Some(manager) => write!(f, ", managed by {manager}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        named(f, self.of, &self.id)?;
        write!(f, " is managed by {}", self.managed_by)
    }
}

fn named(f: &mut fmt::Formatter<'_>, of: Thing, id: &str) -> fmt::Result {
    let of = match of {
        Thing::DefaultClass => "default class",
        Thing::Adaptive => "what messages are worth",
        Thing::Commitments => "what commitments are worth",
        Thing::Route => "route",
        Thing::RateCard => "rate card",
        Thing::ExchangeRate => "exchange rate",
        Thing::Cap => "cap",
        Thing::Pin => "pin",
        Thing::Rule => "rule",
        Thing::Test => "policy test",
    };
    f.write_str(of)?;
    if id.is_empty() { Ok(()) } else { write!(f, " {id}") }
}

/// What is wanted, with all that is there and is not named: routes, rate cards, exchange rates, caps, pins, rules and tests
/// by their ids, the default class and what messages are worth where the files say nothing of them. To say nothing and to
/// name the default are the same in settings, so what is there stays in both cases. Each of a list stays behind the one
/// that it is behind now, because the order of rules and of pins decides; the first ones stay first.
///
/// A thing that names its manager keeps that name; one that does not is as the terms say, and stays whose it is where
/// nothing else of it is to change.
#[must_use]
pub fn merge(there: &Settings, wanted: Settings, terms: Terms<'_>) -> Merged {
    let mut merged = Merged { settings: wanted, ..Merged::default() };
    let removes_what_is_nobodys = terms.prune && terms.manager.is_none();
    if !removes_what_is_nobodys {
        merged.keep_what_there_is_one_of(there);
    }
    let Merged { settings, kept, foreign } = &mut merged;
    let mut merging = Merging { terms, kept, foreign };
    merging.list(&there.routes, &mut settings.routes);
    merging.list(&there.rate_cards, &mut settings.rate_cards);
    merging.list(&there.exchange_rates, &mut settings.exchange_rates);
    merging.list(&there.caps, &mut settings.caps);
    merging.list(&there.policy.pins, &mut settings.policy.pins);
    merging.list(&there.policy.rules, &mut settings.policy.rules);
    merging.list(&there.policy.tests, &mut settings.policy.tests);
    merged
}

impl Merged {
    fn keep_what_there_is_one_of(&mut self, there: &Settings) {
        let said_nothing = Policy::default();
        let (there, wanted) = (&there.policy, &mut self.settings.policy);
        let mut note = |of| self.kept.push(Kept { of, id: String::new(), managed_by: None });
        if wanted.default_class == said_nothing.default_class
            && there.default_class != said_nothing.default_class
        {
            wanted.default_class = there.default_class;
            note(Thing::DefaultClass);
        }
        if wanted.adaptive == said_nothing.adaptive && there.adaptive != said_nothing.adaptive {
            wanted.adaptive = there.adaptive.clone();
            note(Thing::Adaptive);
        }
        if wanted.commitments == said_nothing.commitments && there.commitments != said_nothing.commitments {
            wanted.commitments = there.commitments.clone();
            note(Thing::Commitments);
        }
    }
}

struct Merging<'a> {
    terms: Terms<'a>,
    kept: &'a mut Vec<Kept>,
    foreign: &'a mut Vec<Foreign>,
}

impl Merging<'_> {
    fn list<T: Managed>(&mut self, there: &[T], wanted: &mut Vec<T>) {
        for one in wanted.iter_mut() {
            match there.iter().find(|other| other.id() == one.id()) {
                Some(now) => self.change(now, one),
                None if one.manager().is_none() => one.manage(self.terms.manager),
                None => {}
            }
        }
        let mut before: Option<String> = None;
        for one in there {
            let is_named = wanted.iter().any(|other| other.id() == one.id());
            let goes = self.terms.prune && one.manager() == self.terms.manager;
            // What goes is no place to stand behind.
            if !is_named && goes {
                continue;
            }
            if !is_named {
                let place = before.and_then(|before| wanted.iter().position(|other| other.id() == before));
                wanted.insert(place.map_or(0, |place| place + 1), one.clone());
                let managed_by = one.manager().map(str::to_owned);
                self.kept.push(Kept { of: T::THING, id: one.id(), managed_by });
            }
            before = Some(one.id());
        }
    }

    /// Whose a thing becomes that is there and is wanted.
    fn change<T: Managed>(&mut self, now: &T, wanted: &mut T) {
        let Terms { manager, take_over, repriced, .. } = self.terms;
        let is_repriced = T::THING == Thing::RateCard && repriced.contains(&now.id());
        let is_foreign = now.manager().is_some() && now.manager() != manager;
        if wanted.manager().is_none() {
            wanted.manage(now.manager());
            let is_same = wanted == now && !is_repriced;
            let is_taken = take_over && (manager.is_some() || !is_same);
            // One that is refused says whose it is, so that a comparison shows what else would change.
            if is_foreign && is_taken || !is_foreign && manager.is_some() {
                wanted.manage(manager);
            }
        }
        if let Some(of_now) = now.manager().filter(|_| is_foreign && (wanted != now || is_repriced)) {
            let managed_by = of_now.to_owned();
            self.foreign.push(Foreign { of: T::THING, id: now.id(), managed_by });
        }
    }
}

#[cfg(test)]
mod tests;
