//! Who is asking: an app, by one of its keys, or a person with an admin key.
//!
//! Keys are kept as SHA-256 and found by it, so that neither a memory dump nor the time of a look-up tells one.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use domain::AppId;
use rustc_hash::FxHashMap;
use sha2::{Digest as _, Sha256};

use super::Api;
use super::code::Code;
use super::problem::Problem;

/// Every key that may be used.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    by_hash: FxHashMap<[u8; 32], Caller>,
}

impl Keys {
    pub fn add_app(&mut self, key: &str, app: AppId) {
        self.by_hash.insert(hash(key), Caller::App(app));
    }

    pub fn add_admin(&mut self, key: &str, id: &str, scopes: &[Scope]) {
        let admin = Admin { id: id.into(), scopes: scopes.into() };
        self.by_hash.insert(hash(key), Caller::Admin(admin));
    }

    fn find(&self, key: &str) -> Option<&Caller> {
        self.by_hash.get(&hash(key))
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// What an admin key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// See every app's messages.
    Read,
    /// Steer traffic.
    Dispatch,
    /// Change the configuration.
    Configure,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Read, Self::Dispatch, Self::Configure];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
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

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope: expected read, dispatch or configure")]
pub struct BadScope(pub String);

impl FromStr for Scope {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or_else(|| BadScope(text.to_owned()))
    }
}

/// Whoever sent the request.
#[derive(Clone, Debug)]
pub(crate) enum Caller {
    App(AppId),
    Admin(Admin),
}

#[derive(Clone, Debug)]
pub(crate) struct Admin {
    id: Arc<str>,
    scopes: Arc<[Scope]>,
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
    /// The app that sends. An admin key steers and reads; it sends nothing.
    pub(crate) fn app(&self) -> Result<&AppId, Problem> {
        match self {
            Self::App(app) => Ok(app),
            Self::Admin(admin) => {
                let detail = format!("`{}` is an admin key: this takes the key of an app", admin.id);
                Err(Problem::new(Code::Forbidden, detail))
            }
        }
    }

    pub(crate) fn view(&self) -> Result<View, Problem> {
        match self {
            Self::App(app) => Ok(View::Of(app.clone())),
            Self::Admin(admin) => admin.needs(Scope::Read).map(|()| View::All),
        }
    }

    /// The admin who may do this. What concerns every app is no app's business.
    pub(crate) fn admin(&self, scope: Scope) -> Result<&Admin, Problem> {
        match self {
            Self::App(app) => {
                let detail = format!("`{app}` is an app: this takes an admin key with the scope `{scope}`");
                Err(Problem::new(Code::Forbidden, detail))
            }
            Self::Admin(admin) => admin.needs(scope).map(|()| admin),
        }
    }

    /// Whose messages the caller may take back: an app its own, a dispatcher any.
    pub(crate) fn steers(&self) -> Result<View, Problem> {
        match self {
            Self::App(app) => Ok(View::Of(app.clone())),
            Self::Admin(admin) => admin.needs(Scope::Dispatch).map(|()| View::All),
        }
    }
}

impl Admin {
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    fn needs(&self, scope: Scope) -> Result<(), Problem> {
        if self.scopes.contains(&scope) {
            return Ok(());
        }
        let detail = format!("the admin key `{}` lacks the scope `{scope}`", self.id);
        Err(Problem::new(Code::Forbidden, detail))
    }
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let refused = |detail: &str| Problem::new(Code::Unauthorized, detail);
        let Some(value) = parts.headers.get(AUTHORIZATION) else {
            return Err(refused("the request has no header `Authorization: Bearer KEY`"));
        };
        let key = value.to_str().ok().and_then(bearer);
        let key = key.ok_or_else(|| refused("the header is not of the form `Authorization: Bearer KEY`"))?;
        let settings = api.settings.load();
        settings.keys.find(key).cloned().ok_or_else(|| refused("no app and no admin has this key"))
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_whole_or_not_at_all() {
        let mut keys = Keys::default();
        keys.add_app("secret-of-shop", AppId::new("shop").unwrap());
        assert!(matches!(keys.find("secret-of-shop"), Some(Caller::App(app)) if app.as_str() == "shop"));
        assert!(keys.find("secret-of-sho").is_none());
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
