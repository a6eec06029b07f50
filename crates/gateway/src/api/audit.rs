//! `/v1/audit`: who changed what, and whether the log is whole.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use domain::Scope;
use serde::Serialize;
use serde_json::value::RawValue;
use store::audit::{Hash, Order};
use store::{AuditQuery, Audited};

use super::auth::Caller;
use super::code::Code;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, messages, respond};

const PARAMETERS: [&str; 8] = ["actor", "action", "target", "since", "until", "order", "limit", "cursor"];
/// Entries that are verified at a time.
const PAGE: usize = 1000;

#[derive(Serialize)]
struct EntryView<'a> {
    number: u64,
    hash: String,
    /// As it is kept, to the letter: the hash is over this text.
    entry: &'a RawValue,
}

#[derive(Serialize)]
struct Entries<'a> {
    data: Vec<EntryView<'a>>,
    next_cursor: Option<String>,
}

/// `GET /v1/audit`
pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &PARAMETERS)?;
    let oldest_first = parameters.parsed("order", |text| match text {
        "newest" => Ok(false),
        "oldest" => Ok(true),
        _ => Err("is neither newest nor oldest"),
    });
    let oldest_first = oldest_first.unwrap_or(false);
    let cursor = parameters.word::<u64>("cursor");
    let limit = parameters.limit(100, 1000);
    let query = AuditQuery {
        actor: parameters.text("actor").map(Into::into),
        action: parameters.text("action").map(Into::into),
        target: parameters.text("target").map(Into::into),
        since: parameters.instant("since"),
        until: parameters.instant("until"),
        order: match oldest_first {
            true => Order::After(cursor.unwrap_or(0)),
            false => Order::Before(cursor.unwrap_or(u64::MAX)),
        },
        // One more tells whether another page follows.
        limit: limit + 1,
    };
    parameters.finish()?;
    let reader = api.pipeline.reader();
    let mut found = messages::read(move || reader.audit(&query)).await?;
    let has_more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = found.last().filter(|_| has_more).map(|last| last.number.to_string());
    let data = found.iter().map(view).collect::<Option<Vec<_>>>();
    let damaged = || Problem::new(Code::Internal, "an entry of the audit log is no JSON: verify the log");
    Ok(respond::ok(&Entries { data: data.ok_or_else(damaged)?, next_cursor }))
}

fn view(audited: &Audited) -> Option<EntryView<'_>> {
    let entry = serde_json::from_str(&audited.entry).ok()?;
    Some(EntryView { number: audited.number, hash: audited.hash.to_string(), entry })
}

#[derive(Serialize)]
struct Verification {
    is_whole: bool,
    entries: u64,
    /// The hash of the last entry. Kept elsewhere, it shows later that nothing was cut off.
    last_hash: String,
    /// The first entry that was changed, or is missing.
    broken_at: Option<u64>,
}

/// `GET /v1/audit/verification`
pub(crate) async fn verify(State(api): State<Arc<Api>>, caller: Caller) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let (mut last, mut hash) = (0, Hash::START);
    loop {
        let reader = api.pipeline.reader();
        let query = AuditQuery { order: Order::After(last), limit: PAGE, ..AuditQuery::default() };
        let page = messages::read(move || reader.audit(&query)).await?;
        for audited in &page {
            let next = hash.next(audited.number, &audited.entry);
            if audited.number != last + 1 || audited.hash != next {
                let last_hash = hash.to_string();
                let broken_at = Some(last + 1);
                return Ok(respond::ok(&Verification {
                    is_whole: false,
                    entries: last,
                    last_hash,
                    broken_at,
                }));
            }
            (last, hash) = (audited.number, next);
        }
        if page.len() < PAGE {
            break;
        }
    }
    let last_hash = hash.to_string();
    Ok(respond::ok(&Verification { is_whole: true, entries: last, last_hash, broken_at: None }))
}
