//! API keys: who may do what, from where, and until when. Of the text that opens, only a hash is known here.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Encode};

use crate::id::{AppId, KeyId};
use crate::setting::Rate;
use crate::time::Timestamp;

/// A key that was made at a running gateway.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
pub struct Key {
    #[n(0)]
    pub id: KeyId,
    #[n(1)]
    pub owner: Owner,
    /// What it is for, as whoever made it put it.
    #[n(2)]
    pub label: Box<str>,
    /// SHA-256 of the text that opens.
    #[n(3)]
    pub hash: minicbor::bytes::ByteArray<32>,
    /// How that text begins: enough to tell keys apart, too little to guess one.
    #[n(4)]
    pub hint: Box<str>,
    #[n(5)]
    pub scopes: Vec<Scope>,
    /// Where it may be used from, as networks; anywhere when there are none.
    #[n(6)]
    pub networks: Vec<Box<str>>,
    /// Requests that it may make. None: as many as the gateway allows every key.
    #[n(7)]
    pub limit: Option<Rate>,
    #[n(8)]
    pub created_at: Timestamp,
    /// The id of the admin key that made it.
    #[n(9)]
    pub created_by: Box<str>,
    /// None: it opens until it is revoked.
    #[n(10)]
    pub expires_at: Option<Timestamp>,
    #[n(11)]
    pub revoked: Option<Revoked>,
    /// The key that it was made to take the place of.
    #[n(12)]
    pub replaces: Option<KeyId>,
}

/// Whose a key is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Encode, Decode)]
pub enum Owner {
    #[n(0)]
    App(#[n(0)] AppId),
    /// A person or a program that runs the gateway, by the name that changes are told under.
    #[n(1)]
    Admin(#[n(0)] Box<str>),
}

/// How a key was ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Revoked {
    #[n(0)]
    pub at: Timestamp,
    /// The id of the admin key that did.
    #[n(1)]
    pub by: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Active,
    Expired,
    Revoked,
}

impl State {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

impl Key {
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        // One that was revoked stays so, whatever the clock says later.
        if self.revoked.is_some() {
            return State::Revoked;
        }
        if self.expires_at.is_none_or(|end| now < end) { State::Active } else { State::Expired }
    }
}

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Scope {
    /// An app's: send messages, take them back, report conversions.
    #[n(0)]
    Send,
    /// See messages: an app its own, an admin every app's.
    #[n(1)]
    Read,
    /// An admin's: steer traffic.
    #[n(2)]
    Dispatch,
    /// An admin's: make and revoke keys, change the configuration.
    #[n(3)]
    Configure,
}

impl Scope {
    pub const ALL: [Self; 4] = [Self::Send, Self::Read, Self::Dispatch, Self::Configure];
    /// Those that an app's key can have.
    pub const OF_APPS: [Self; 2] = [Self::Send, Self::Read];
    /// Those that an admin's key can have.
    pub const OF_ADMINS: [Self; 3] = [Self::Read, Self::Dispatch, Self::Configure];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Read => "read",
            Self::Dispatch => "dispatch",
            Self::Configure => "configure",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope: expected send or read for an app, read, dispatch or configure for an admin")]
pub struct BadScope(pub String);

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadScope(text.chars().take(64).collect());
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(bad)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            id: KeyId::from_u128(7),
            owner: Owner::App(AppId::new("shop").unwrap()),
            label: "checkout".into(),
            hash: [9; 32].into(),
            hint: "swk_ab12".into(),
            scopes: vec![Scope::Send],
            networks: vec!["10.0.0.0/8".into()],
            limit: Some("100/s".parse().unwrap()),
            created_at: Timestamp::from_millis(1000),
            created_by: "ops".into(),
            expires_at: Some(Timestamp::from_millis(5000)),
            revoked: None,
            replaces: None,
        }
    }

    #[test]
    fn it_opens_until_its_end_or_until_it_is_revoked() {
        let states = [4999, 5000].map(|now| key().state(Timestamp::from_millis(now)));
        assert_eq!(states, [State::Active, State::Expired]);
        let revoked = Revoked { at: Timestamp::from_millis(2000), by: "ops".into() };
        let revoked = Key { revoked: Some(revoked), ..key() };
        assert_eq!(revoked.state(Timestamp::from_millis(9000)), State::Revoked);
        let endless = Key { expires_at: None, ..key() };
        assert_eq!(endless.state(Timestamp::from_millis(i64::MAX)), State::Active);
    }

    #[test]
    fn it_reads_back_as_it_was_written() {
        let bytes = minicbor::to_vec(key()).unwrap();
        assert_eq!(minicbor::decode::<Key>(&bytes).unwrap(), key());
    }

    #[test]
    fn scopes_are_words() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert!("admin".parse::<Scope>().is_err());
    }
}
