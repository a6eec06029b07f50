//! `/v1/keys`: keys made, listed, replaced and revoked while the gateway runs.
//!
//! The text that opens is in the answer that makes it and nowhere else: what is kept is its hash.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use domain::key::{self, Owner, Revoked};
use domain::setting::Rate;
use domain::{AppId, Key, KeyId, Scope, Timestamp};
use serde::Serialize;
use store::{Change, Changed};

use super::auth::{Admin, Caller, hash};
use super::code::Code;
use super::comment::{checked, checked_comment};
use super::fields::{Fields, elements, string};
use super::key_ring::Turn;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, body, refusal, respond};
use crate::network::Network;

const MAX_BODY: usize = 64 * 1024;
const NEW: [&str; 9] =
    ["app", "admin", "label", "scopes", "ips", "rate_limit", "expires_in", "expires_at", "reason"];
const ROTATED: [&str; 2] = ["overlap", "reason"];
/// In characters.
const LONGEST_LABEL: usize = 100;
const MOST_NETWORKS: usize = 50;
/// How long a key that was replaced opens on: long enough to bring the new one everywhere within a working day.
const OVERLAP: Duration = Duration::from_secs(24 * 3600);
const LONGEST_OVERLAP: Duration = Duration::from_secs(30 * 86_400);
/// Every key begins so, for scanners that look for secrets where they do not belong.
const PREFIX: &str = "swk_";
/// Of 32 characters of five bits each, so many are shown in lists.
const SHOWN: usize = 4;
/// No I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

#[derive(Serialize)]
struct KeyView<'a> {
    id: KeyId,
    /// Whose it is: one of the two.
    app: Option<&'a str>,
    admin: Option<&'a str>,
    label: &'a str,
    /// How it begins.
    hint: &'a str,
    scopes: &'a [Scope],
    /// Where it may be used from; anywhere when empty.
    ips: &'a [Box<str>],
    rate_limit: Option<String>,
    state: &'static str,
    created_at: Timestamp,
    created_by: &'a str,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    revoked_by: Option<&'a str>,
    replaces: Option<KeyId>,
}

#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    key: KeyView<'a>,
    /// Since the gateway was started.
    last_used_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Keys<'a> {
    data: Vec<Listed<'a>>,
    next_cursor: Option<KeyId>,
}

#[derive(Serialize)]
struct Made<'a> {
    #[serde(flatten)]
    key: KeyView<'a>,
    /// What opens. It is shown here and never again.
    secret: &'a str,
}

fn view(key: &Key, now: Timestamp) -> KeyView<'_> {
    let (app, admin) = match &key.owner {
        Owner::App(app) => (Some(app.as_str()), None),
        Owner::Admin(admin) => (None, Some(&**admin)),
    };
    KeyView {
        id: key.id,
        app,
        admin,
        label: &key.label,
        hint: &key.hint,
        scopes: &key.scopes,
        ips: &key.networks,
        rate_limit: key.limit.map(|limit| limit.to_string()),
        state: key.state(now).as_str(),
        created_at: key.created_at,
        created_by: &key.created_by,
        expires_at: key.expires_at,
        revoked_at: key.revoked.as_ref().map(|revoked| revoked.at),
        revoked_by: key.revoked.as_ref().map(|revoked| &*revoked.by),
        replaces: key.replaces,
    }
}

/// `GET /v1/keys`
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.admin(Scope::Configure)?;
    let mut parameters = Parameters::read(&uri, &["app", "admin", "state", "limit", "cursor"])?;
    let app = parameters.word::<AppId>("app");
    let admin = parameters.text("admin");
    let state = parameters.parsed("state", |text| {
        let states = [key::State::Active, key::State::Expired, key::State::Revoked];
        let found = states.into_iter().find(|state| state.as_str() == text);
        found.ok_or("is none of active, expired, revoked")
    });
    let cursor = parameters.word::<KeyId>("cursor");
    let limit = parameters.limit(100, 500);
    parameters.finish()?;
    let now = api.pipeline.now();
    let mut found = api.ring.list();
    found.retain(|key| {
        cursor.is_none_or(|cursor| key.id < cursor)
            && state.is_none_or(|state| key.state(now) == state)
            && app.as_ref().is_none_or(|app| key.owner == Owner::App(app.clone()))
            && admin.as_ref().is_none_or(|admin| key.owner == Owner::Admin(admin.as_str().into()))
    });
    let next_cursor = found.get(limit).and_then(|_| found.get(limit - 1)).map(|last| last.id);
    found.truncate(limit);
    let data = found.iter().map(|key| listed(&api, key)).collect();
    Ok(respond::ok(&Keys { data, next_cursor }))
}

fn listed<'a>(api: &Api, key: &'a Key) -> Listed<'a> {
    Listed { key: view(key, api.pipeline.now()), last_used_at: api.ring.last_used(key) }
}

/// `GET /v1/keys/{id}`
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id,
) -> Result<Response, Problem> {
    caller.admin(Scope::Configure)?;
    let key = api.ring.get(id).ok_or_else(unknown)?;
    Ok(respond::ok(&listed(&api, &key)))
}

/// `POST /v1/keys`
pub(crate) async fn make(
    State(api): State<Arc<Api>>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(text)?;
    let Some(wanted) = wanted(&mut fields, &api) else { return Err(fields.into_problem(text)) };
    may_give(admin, &wanted.owner, &wanted.scopes)?;
    let turn = api.ring.turn().await;
    let now = api.pipeline.now();
    let secret = new_secret();
    let key = Key {
        id: new_id(&api),
        owner: wanted.owner,
        label: wanted.label,
        hash: hash(&secret).into(),
        hint: hint(&secret),
        scopes: wanted.scopes,
        networks: wanted.networks,
        limit: wanted.limit,
        created_at: now,
        created_by: admin.id().into(),
        expires_at: wanted.expires_at,
        revoked: None,
        replaces: None,
    };
    let reason = wanted.reason.as_deref();
    let entry = admin.entry(now, "key.create", &key.id.to_string(), reason, None, Some(view(&key, now)));
    put(&api, turn, vec![key.clone()], entry).await?;
    Ok(respond::json(StatusCode::CREATED, &Made { key: view(&key, now), secret: &secret }))
}

/// `POST /v1/keys/{id}/rotate`: another key of the same kind, while the old one opens on for a while.
pub(crate) async fn rotate(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let body = body::read(request, MAX_BODY).await?;
    let text = body::text(&body)?;
    let mut fields = Fields::of_body(text)?;
    let overlap = fields.span("overlap", Code::InvalidRequest).unwrap_or(OVERLAP);
    if overlap > LONGEST_OVERLAP {
        fields.wrong("overlap", "is longer than 30 days");
    }
    let reason = reason(&mut fields);
    fields.refuse_others(&ROTATED);
    if fields.has_errors() {
        return Err(fields.into_problem(text));
    }
    let turn = api.ring.turn().await;
    let now = api.pipeline.now();
    let old = api.ring.get(id).ok_or_else(unknown)?;
    if old.state(now) != key::State::Active {
        let detail = format!("{id} is {}: make a new key instead", old.state(now).as_str());
        return Err(Problem::new(Code::KeyNotActive, detail));
    }
    may_give(admin, &old.owner, &old.scopes)?;
    let secret = new_secret();
    let lives = old.expires_at.map(|end| end.since(old.created_at));
    let new = Key {
        id: new_id(&api),
        hash: hash(&secret).into(),
        hint: hint(&secret),
        created_at: now,
        created_by: admin.id().into(),
        expires_at: lives.map(|lives| now.plus(lives)),
        replaces: Some(old.id),
        ..old.clone()
    };
    let ends = now.plus(overlap);
    let ended = Key { expires_at: Some(old.expires_at.map_or(ends, |end| end.min(ends))), ..old.clone() };
    let before = vec![view(&old, now)];
    let after = vec![view(&ended, now), view(&new, now)];
    let entry = admin.entry(now, "key.rotate", &id.to_string(), reason.as_deref(), Some(before), Some(after));
    put(&api, turn, vec![ended, new.clone()], entry).await?;
    Ok(respond::json(StatusCode::CREATED, &Made { key: view(&new, now), secret: &secret }))
}

/// `DELETE /v1/keys/{id}`: it opens nothing from the next request on. One that is revoked already is answered as it is.
pub(crate) async fn revoke(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Id(id): Id,
    uri: Uri,
) -> Result<Response, Problem> {
    let admin = caller.admin(Scope::Configure)?;
    let mut parameters = Parameters::read(&uri, &["reason"])?;
    let reason = parameters.parsed("reason", checked_comment);
    parameters.finish()?;
    let turn = api.ring.turn().await;
    let now = api.pipeline.now();
    let old = api.ring.get(id).ok_or_else(unknown)?;
    if old.revoked.is_some() {
        return Ok(respond::ok(&listed(&api, &old)));
    }
    let revoked = Key { revoked: Some(Revoked { at: now, by: admin.id().into() }), ..old.clone() };
    let (before, after) = (view(&old, now), view(&revoked, now));
    let entry = admin.entry(now, "key.revoke", &id.to_string(), reason.as_deref(), Some(before), Some(after));
    put(&api, turn, vec![revoked.clone()], entry).await?;
    Ok(respond::ok(&listed(&api, &revoked)))
}

/// Durable first, then in force.
async fn put(api: &Arc<Api>, turn: Turn, changed: Vec<Key>, entry: Box<str>) -> Result<(), Problem> {
    let what = Changed::Keys(changed.clone());
    let ring = Arc::clone(api);
    let then = move || {
        ring.ring.put(changed, ring.settings.load().key_rate_limit);
        drop(turn);
    };
    api.pipeline.change(Change { what, entry }, then).await.map_err(refusal::not_written)
}

struct Wanted {
    owner: Owner,
    label: Box<str>,
    scopes: Vec<Scope>,
    networks: Vec<Box<str>>,
    limit: Option<Rate>,
    expires_at: Option<Timestamp>,
    reason: Option<Box<str>>,
}

/// None when something is wrong, which the fields then tell.
fn wanted(fields: &mut Fields<'_>, api: &Api) -> Option<Wanted> {
    let owner = owner(fields, api);
    let label = fields.text("label").unwrap_or_default();
    let label =
        checked(&label, LONGEST_LABEL).map_err(|wrong| fields.wrong("label", wrong)).unwrap_or_default();
    let scopes = scopes(fields, owner.as_ref());
    let networks = networks(fields);
    let limit = fields.word("rate_limit");
    let (at, span) =
        (fields.word::<Timestamp>("expires_at"), fields.span("expires_in", Code::InvalidRequest));
    if at.is_some() && span.is_some() {
        fields.wrong("expires_at", "is given together with expires_in");
    }
    let now = api.pipeline.now();
    if at.is_some_and(|at| at <= now) {
        fields.wrong("expires_at", "is not in the future");
    }
    if span == Some(Duration::ZERO) {
        fields.wrong("expires_in", "is no time at all");
    }
    let reason = reason(fields);
    fields.refuse_others(&NEW);
    if fields.has_errors() {
        return None;
    }
    let expires_at = at.or_else(|| span.map(|span| now.plus(span)));
    Some(Wanted { owner: owner?, label, scopes, networks, limit, expires_at, reason })
}

fn owner(fields: &mut Fields<'_>, api: &Api) -> Option<Owner> {
    let app = fields.word::<AppId>("app");
    // A name like an app's: it is told wherever a change is.
    let admin = fields.word::<AppId>("admin");
    match (app, admin) {
        (Some(app), None) if api.settings.load().apps.contains_key(&app) => Some(Owner::App(app)),
        (Some(app), None) => {
            fields.wrong("app", format!("no app is called `{app}`"));
            None
        }
        (None, Some(admin)) => Some(Owner::Admin(admin.as_str().into())),
        (Some(_), Some(_)) => {
            fields.wrong("admin", "is given together with app: a key is for one of the two");
            None
        }
        (None, None) if fields.has_errors() => None,
        (None, None) => {
            fields.wrong("app", "is missing: the app that the key is for, or `admin` with a name");
            None
        }
    }
}

/// Those of an app are all that an app can have, unless it says less; an admin's are always said.
fn scopes(fields: &mut Fields<'_>, owner: Option<&Owner>) -> Vec<Scope> {
    let (possible, default): (&[Scope], &[Scope]) = match owner {
        Some(Owner::App(_)) => (&Scope::OF_APPS, &Scope::OF_APPS),
        Some(Owner::Admin(_)) => (&Scope::OF_ADMINS, &[]),
        None => (&Scope::ALL, &[]),
    };
    let names = possible.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    let Some(texts) = texts(fields, "scopes", Scope::ALL.len()) else {
        if default.is_empty() && owner.is_some() {
            fields.wrong("scopes", format!("is missing: some of {names}"));
        }
        return default.to_vec();
    };
    let mut scopes = Vec::new();
    for text in texts {
        match text.parse::<Scope>().ok().filter(|scope| possible.contains(scope)) {
            Some(scope) if !scopes.contains(&scope) => scopes.push(scope),
            Some(_) => {}
            None => fields.wrong("scopes", format!("`{text}` is none of {names}")),
        }
    }
    if scopes.is_empty() && !fields.has_errors() {
        fields.wrong("scopes", "is empty: the key would open nothing");
    }
    scopes
}

fn networks(fields: &mut Fields<'_>) -> Vec<Box<str>> {
    let mut networks = Vec::new();
    for text in texts(fields, "ips", MOST_NETWORKS).unwrap_or_default() {
        match text.parse::<Network>() {
            Ok(network) => networks.push(network.to_string().into()),
            Err(bad) => fields.wrong("ips", bad.to_string()),
        }
    }
    networks
}

fn texts(fields: &mut Fields<'_>, name: &str, most: usize) -> Option<Vec<String>> {
    let raw = fields.raw(name)?;
    let read = elements(raw, most).and_then(|elements| {
        let texts = elements.iter().map(|element| string(element).map(std::borrow::Cow::into_owned));
        texts.collect::<Result<Vec<String>, String>>().ok()
    });
    match read {
        Some(texts) if texts.len() <= most => return Some(texts),
        Some(_) => fields.wrong(name, format!("holds more than {most}")),
        None => fields.wrong(name, "expected a list of strings"),
    }
    None
}

fn reason(fields: &mut Fields<'_>) -> Option<Box<str>> {
    let text = fields.text("reason")?;
    checked_comment(&text).map_err(|wrong| fields.wrong("reason", wrong)).ok()
}

/// Nobody gives an admin key what their own lacks.
fn may_give(admin: Admin<'_>, owner: &Owner, scopes: &[Scope]) -> Result<(), Problem> {
    let Owner::Admin(_) = owner else { return Ok(()) };
    match scopes.iter().find(|scope| !admin.caller.has(**scope)) {
        Some(scope) => {
            let detail = format!("this key of `{}` cannot give the scope `{scope}`: it lacks it", admin.id());
            Err(Problem::new(Code::Forbidden, detail))
        }
        None => Ok(()),
    }
}

fn new_id(api: &Api) -> KeyId {
    KeyId::from_u128(api.pipeline.new_id().as_u128())
}

/// 160 random bits: nobody guesses 128.
fn new_secret() -> String {
    let random: [u8; 32] = rand::random();
    let letters = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
    PREFIX.chars().chain(letters).collect()
}

fn hint(secret: &str) -> Box<str> {
    secret.chars().take(PREFIX.len() + SHOWN).collect::<String>().into()
}

fn unknown() -> Problem {
    Problem::new(Code::KeyNotFound, "no key has this id")
}

/// An id in the path. One that is none is nobody's.
pub(crate) struct Id(KeyId);

impl FromRequestParts<Arc<Api>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let path = Path::<String>::from_request_parts(parts, api).await;
        path.ok().and_then(|Path(text)| text.parse().ok()).map(Self).ok_or_else(unknown)
    }
}
