//! Who is asking: an app or an admin, by a key.
//!
//! Keys are kept as SHA-256 and found by it, so that neither a memory dump nor the time of a look-up tells one.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::key::Owner;
use domain::setting::Rate;
use domain::{AppId, KeyId, Scope, Timestamp};
use rustc_hash::FxHashMap;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::Api;
use super::code::Code;
use super::problem::Problem;
use crate::audit::{Actor, ActorKind, Door, Entry};
use crate::limit::{Limit, Standing};
use crate::network::Networks;

/// Keys, by the hash of what opens.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    by_hash: FxHashMap<[u8; 32], Arc<Grant>>,
}

/// What a key opens.
pub(crate) struct Grant {
    pub(crate) owner: Owner,
    pub(crate) scopes: Vec<Scope>,
    /// None for a key of the configuration.
    pub(crate) id: Option<KeyId>,
    pub(crate) networks: Networks,
    pub(crate) expires_at: Option<Timestamp>,
    pub(crate) limit: Option<Arc<Limit>>,
    /// In milliseconds since the epoch; zero when it was not used since the start.
    pub(crate) last_used: AtomicI64,
}

impl Grant {
    #[must_use]
    pub(crate) fn new(owner: Owner, scopes: &[Scope]) -> Self {
        Self {
            owner,
            scopes: scopes.to_vec(),
            id: None,
            networks: Networks::default(),
            expires_at: None,
            limit: None,
            last_used: AtomicI64::new(0),
        }
    }

    fn name(&self) -> &str {
        match &self.owner {
            Owner::App(app) => app.as_str(),
            Owner::Admin(admin) => admin,
        }
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("owner", &self.owner)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl Keys {
    /// A key of an app's own configuration, which may do all that an app may.
    pub fn add_app(&mut self, key: &str, app: AppId, limit: Option<Rate>) {
        let grant = Grant::new(Owner::App(app), &Scope::OF_APPS);
        self.add(hash(key), Grant { limit: limit.map(Limit::new).map(Arc::new), ..grant });
    }

    pub fn add_admin(&mut self, key: &str, id: &str, scopes: &[Scope], networks: Networks) {
        let grant = Grant::new(Owner::Admin(id.into()), scopes);
        self.add(hash(key), Grant { networks, ..grant });
    }

    pub(crate) fn add(&mut self, hash: [u8; 32], grant: Grant) {
        self.by_hash.insert(hash, Arc::new(grant));
    }

    pub(crate) fn find(&self, hash: &[u8; 32]) -> Option<&Arc<Grant>> {
        self.by_hash.get(hash)
    }

    /// How many keys an app has here.
    pub(crate) fn count_of(&self, app: &AppId) -> usize {
        self.by_hash
            .values()
            .filter(|grant| matches!(&grant.owner, Owner::App(owner) if owner == app))
            .count()
    }
}

pub(crate) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Whoever sent the request.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    grant: Arc<Grant>,
    pub(crate) address: Option<IpAddr>,
    pub(crate) request_id: Arc<str>,
}

/// Somebody with an admin key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Admin<'a> {
    pub(crate) caller: &'a Caller,
}

/// Whose messages a caller sees.
#[derive(Clone, Debug)]
pub(crate) enum View {
    Of(AppId),
    All,
}

impl View {
    pub(crate) fn shows(&self, app: &AppId) -> bool {
        match self {
            Self::Of(own) => own == app,
            Self::All => true,
        }
    }
}

impl Caller {
    /// Whom changes are told under.
    pub(crate) fn name(&self) -> &str {
        self.grant.name()
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.grant.owner
    }

    pub(crate) fn key(&self) -> Option<KeyId> {
        self.grant.id
    }

    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.grant.scopes.contains(&scope)
    }

    /// The app that sends. An admin key steers and reads; it sends nothing.
    pub(crate) fn app(&self) -> Result<&AppId, Problem> {
        match &self.grant.owner {
            Owner::App(app) => self.needs(Scope::Send).map(|()| app),
            Owner::Admin(id) => {
                let detail = format!("`{id}` is an admin key: this takes the key of an app");
                Err(Problem::new(Code::Forbidden, detail))
            }
        }
    }

    pub(crate) fn view(&self) -> Result<View, Problem> {
        self.needs(Scope::Read).map(|()| self.reach())
    }

    /// The admin who may do this. What concerns every app is no app's business.
    pub(crate) fn admin(&self, scope: Scope) -> Result<Admin<'_>, Problem> {
        match &self.grant.owner {
            Owner::App(app) => {
                let detail = format!("`{app}` is an app: this takes an admin key with the scope `{scope}`");
                Err(Problem::new(Code::Forbidden, detail))
            }
            Owner::Admin(_) => self.needs(scope).map(|()| Admin { caller: self }),
        }
    }

    /// Whose messages the caller may take back: an app its own, a dispatcher any.
    pub(crate) fn steers(&self) -> Result<View, Problem> {
        let scope = match &self.grant.owner {
            Owner::App(_) => Scope::Send,
            Owner::Admin(_) => Scope::Dispatch,
        };
        self.needs(scope).map(|()| self.reach())
    }

    fn reach(&self) -> View {
        match &self.grant.owner {
            Owner::App(app) => View::Of(app.clone()),
            Owner::Admin(_) => View::All,
        }
    }

    fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.has(scope) {
            return Ok(());
        }
        let detail = format!("this key of `{}` lacks the scope `{scope}`", self.name());
        Err(Problem::new(Code::Forbidden, detail))
    }

    /// Counts what a request costs its key beyond the one that every request costs.
    pub(crate) fn spend(&self, more: usize) -> Result<(), Problem> {
        let Some(limit) = &self.grant.limit else { return Ok(()) };
        limit.take(u64::try_from(more).unwrap_or(u64::MAX), Instant::now()).map_err(too_often)
    }

    pub(crate) fn standing(&self) -> Option<Standing> {
        Some(self.grant.limit.as_ref()?.standing(Instant::now()))
    }
}

impl Admin<'_> {
    pub(crate) fn id(&self) -> &str {
        self.caller.name()
    }

    /// What the audit log keeps of a change that this admin makes.
    pub(crate) fn entry<V: Serialize>(
        &self,
        at: Timestamp,
        action: &'static str,
        target: &str,
        reason: Option<&str>,
        before: Option<V>,
        after: Option<V>,
    ) -> Box<str> {
        let Caller { address, request_id, .. } = self.caller;
        let actor = Actor {
            kind: ActorKind::Admin,
            id: self.id(),
            key: self.caller.key(),
            address: *address,
            door: Door::Api,
        };
        Entry { at, actor, request_id: Some(request_id), action, target, reason, before, after }.write()
    }
}

fn too_often(seconds: u64) -> Problem {
    let detail = format!("this key may be used again in {seconds} s");
    Problem::new(Code::RateLimited, detail).retry_after(u32::try_from(seconds).unwrap_or(u32::MAX))
}

/// What a request says of who sends it; None when it says nothing.
pub(crate) fn identify(api: &Api, request: &Request, request_id: &str) -> Option<Result<Caller, Problem>> {
    let header = request.headers().get(AUTHORIZATION)?;
    let address = request.extensions().get::<crate::http::Client>().map(|client| client.0);
    let refused = |detail: &str| Problem::new(Code::Unauthorized, detail);
    let key = header.to_str().ok().and_then(bearer);
    let Some(key) = key else {
        return Some(Err(refused("the header is not of the form `Authorization: Bearer KEY`")));
    };
    let Some(grant) = api.find_key(&hash(key)) else {
        return Some(Err(refused("no app and no admin has this key")));
    };
    let now = api.pipeline.now();
    if grant.expires_at.is_some_and(|end| now >= end) {
        return Some(Err(refused("the key has expired")));
    }
    if !grant.networks.is_empty() && !address.is_some_and(|address| grant.networks.contains(address)) {
        return Some(Err(Problem::new(Code::Forbidden, "the key may not be used from this address")));
    }
    grant.last_used.store(now.as_millis(), Ordering::Relaxed);
    Some(Ok(Caller { grant, address, request_id: request_id.into() }))
}

/// Puts what `identify` found where handlers get it from.
pub(crate) fn introduce(request: &mut Request, found: Result<Caller, Problem>) {
    request.extensions_mut().insert(found);
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        let Some(found) = parts.extensions.remove::<Result<Self, Problem>>() else {
            let detail = "the request has no header `Authorization: Bearer KEY`";
            return Err(Problem::new(Code::Unauthorized, detail));
        };
        let caller = found?;
        if let Some(limit) = &caller.grant.limit {
            limit.take(1, Instant::now()).map_err(too_often)?;
        }
        Ok(caller)
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

/// The headers that say how the key's limit stands.
pub(crate) fn tell_standing(headers: &mut HeaderMap, standing: Standing) {
    let Standing { quota, window_seconds, remaining, reset_seconds } = standing;
    let lines = [
        ("ratelimit-policy", format!("\"key\";q={quota};w={window_seconds}")),
        ("ratelimit", format!("\"key\";r={remaining};t={reset_seconds}")),
    ];
    for (name, line) in lines {
        if let Ok(value) = line.parse() {
            headers.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_whole_or_not_at_all() {
        let mut keys = Keys::default();
        keys.add_app("secret-of-shop", AppId::new("shop").unwrap(), None);
        let found = keys.find(&hash("secret-of-shop")).unwrap();
        assert_eq!(found.name(), "shop");
        assert!(keys.find(&hash("secret-of-sho")).is_none());
        assert!(!format!("{keys:?}").contains("secret-of-shop"));
    }

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer("Bearer abc"), Some("abc"));
        assert_eq!(bearer("bearer  abc "), Some("abc"));
        for value in ["abc", "Basic abc", "Bearer", "Bearer "] {
            assert_eq!(bearer(value), None, "{value}");
        }
    }
}
