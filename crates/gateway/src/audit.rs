//! Entries of the audit log: who changed what, when, from where and why, with what it was before and is now.

use std::net::IpAddr;

use domain::{KeyId, Timestamp};
use serde::Serialize;

/// One change. Nothing in it is secret: what is masked elsewhere comes here masked.
#[derive(Serialize)]
pub(crate) struct Entry<'a, V: Serialize> {
    pub(crate) at: Timestamp,
    pub(crate) actor: Actor<'a>,
    pub(crate) request_id: Option<&'a str>,
    /// What is changed and how, such as `override.create`.
    pub(crate) action: &'static str,
    /// The id of what is changed.
    pub(crate) target: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) before: Option<V>,
    pub(crate) after: Option<V>,
}

/// Who made it, and by which door.
#[derive(Serialize)]
pub(crate) struct Actor<'a> {
    pub(crate) kind: ActorKind,
    /// The name of the admin key's owner, or of the user who runs the process.
    pub(crate) id: &'a str,
    /// None for a key of the configuration, and where no key is needed.
    pub(crate) key: Option<KeyId>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) door: Door,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ActorKind {
    Admin,
    /// Whoever may write the configuration file and signal the process.
    Host,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Door {
    Api,
    /// The configuration file, read at the start.
    Start,
    /// The configuration file, read again.
    Reload,
    /// A command on the machine itself, which asks no gateway.
    Cli,
}

/// What the log keeps of a change by whoever may do anything on the machine.
pub(crate) fn by_host<V: Serialize>(
    at: Timestamp,
    door: Door,
    action: &'static str,
    target: &str,
    sides: (Option<V>, V),
) -> Box<str> {
    let user = user();
    let actor = Actor { kind: ActorKind::Host, id: &user, key: None, address: None, door };
    let (before, after) = sides;
    Entry { at, actor, request_id: None, action, target, reason: None, before, after: Some(after) }.write()
}

/// Who runs the process, as the system calls them.
pub(crate) fn user() -> String {
    let named = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "host".to_owned())
}

impl<V: Serialize> Entry<'_, V> {
    /// As the log keeps it.
    pub(crate) fn write(&self) -> Box<str> {
        // Texts, numbers and lists of them are always written.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}
