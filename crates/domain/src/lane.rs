//! Where a message waits for a slot: with those of its class and app that want the same routes in the same order.
//!
//! When the first of a lane finds no slot, none of it does; so a dead vendor blocks only those who have nobody else,
//! and a store can hand out one lane after another without reading what nobody can send now. A lane is made of names,
//! not of numbers of this process, because it is stored with the record.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::attempt::State;
use crate::id::AppId;
use crate::message::Class;
use crate::record::Record;
use crate::vendor_error::ErrorClass;

#[derive(Clone)]
pub struct Lane {
    pub class: Class,
    pub app: AppId,
    /// Class, app, rule, the plan's routes and the routes of the attempts so far. Names hold neither spaces nor commas.
    name: Arc<str>,
}

/// The text is no lane's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of a lane")]
pub struct BadLane(pub String);

impl Lane {
    /// Where the record waits, if an attempt of it is queued.
    #[must_use]
    pub fn of(record: &Record) -> Option<Self> {
        let is_queued = record.attempts.iter().any(|attempt| attempt.state == State::Queued);
        let plan = record.plan.as_ref().filter(|_| is_queued)?;
        let message = &record.message;
        let mut name = format!("{} {} {} ", message.class.as_str(), message.app, plan.rule);
        list(&mut name, plan.routes.iter().map(|planned| planned.route.as_str()));
        name.push(' ');
        // Routes that were tried are out of the running, so such messages wait for others.
        list(&mut name, record.attempts.iter().map(|attempt| attempt.route.as_str()));
        // So are those that would offer the same vendor a sender that it does not carry.
        if record.attempts.iter().any(|attempt| attempt.error_class() == Some(ErrorClass::Sender)) {
            name.push('!');
        }
        Some(Self { class: message.class, app: message.app.clone(), name: name.into() })
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// The route that its messages were queued for.
    #[must_use]
    pub fn queued_for(&self) -> Option<&str> {
        let attempts = self.name.split(' ').nth(4)?;
        let last = attempts.trim_end_matches('!').rsplit(',').next();
        last.filter(|route| !route.is_empty())
    }

    /// Reads what `as_str` wrote.
    ///
    /// # Errors
    /// When it does not begin with a class and an app.
    pub fn parse(name: &str) -> Result<Self, BadLane> {
        let bad = || BadLane(name.to_owned());
        let mut words = name.split(' ');
        let class = words.next().and_then(|word| word.parse().ok()).ok_or_else(bad)?;
        let app = words.next().and_then(|word| AppId::new(word).ok()).ok_or_else(bad)?;
        Ok(Self { class, app, name: name.into() })
    }
}

fn list<'a>(name: &mut String, routes: impl Iterator<Item = &'a str>) {
    for (index, route) in routes.enumerate() {
        if index > 0 {
            name.push(',');
        }
        name.push_str(route);
    }
}

impl PartialEq for Lane {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Lane {}

impl Hash for Lane {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
