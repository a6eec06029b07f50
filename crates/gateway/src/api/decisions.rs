//! `GET /v1/decisions`: the log as a file that a dry-run reads, here or elsewhere.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, Uri, header};
use axum::response::{IntoResponse as _, Response};
use domain::time::parse_duration;
use domain::{MessageId, Scope, Timestamp};
use futures_util::stream;
use store::{LogPage, LogQuery};

use super::auth::Caller;
use super::code::Code;
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, messages};
use crate::decisions::{self, End, Head};
use crate::dry_runs::LONGEST;

/// Records that are read, and written as one piece.
const PAGE: usize = 1000;
const LAST: Duration = Duration::from_secs(24 * 3600);

pub(crate) async fn export(
    State(api): State<Arc<Api>>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    caller.admin(Scope::Read)?;
    let mut parameters = Parameters::read(&uri, &["last", "since", "until"])?;
    let last = parameters.parsed("last", parse_duration);
    let (since, until) = (parameters.instant("since"), parameters.instant("until"));
    parameters.finish()?;
    let wrong = |detail: &str| Err(Problem::new(Code::InvalidQuery, detail));
    if last.is_some() && since.is_some() {
        return wrong("#/last: is given together with since");
    }
    let now = api.pipeline.now();
    let until = until.unwrap_or(now).min(now);
    let since = since.unwrap_or_else(|| super::dry_runs::before(until, last.unwrap_or(LAST)));
    if since >= until {
        return wrong("#/since: is not before `until`, or lies in the future");
    }
    if until.since(since) > LONGEST {
        return wrong("#/since: reaches back more than 31 days");
    }
    let exporting = Exporting { api, since, until, next: Next::Head, end: End::new() };
    let kind = HeaderValue::from_static(decisions::KIND);
    let body = Body::from_stream(stream::try_unfold(exporting, Exporting::piece));
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

struct Exporting {
    api: Arc<Api>,
    since: Timestamp,
    until: Timestamp,
    next: Next,
    end: End,
}

enum Next {
    Head,
    Page(Option<MessageId>),
    Nothing,
}

/// Whoever reads this far has no last line, and so no file.
#[derive(Debug, thiserror::Error)]
#[error("the log could not be read on")]
struct CutOff;

impl Exporting {
    /// A reader that is slow is waited for, and holds nothing but a page.
    async fn piece(mut self) -> Result<Option<(Bytes, Self)>, CutOff> {
        let mut lines = Vec::new();
        match self.next {
            Next::Nothing => return Ok(None),
            Next::Head => {
                decisions::put(&mut lines, &Head::new(self.since, self.until));
                self.next = Next::Page(None);
            }
            Next::Page(after) => {
                let reader = self.api.pipeline.reader();
                let query = LogQuery { since: self.since, until: self.until, after, limit: PAGE };
                // However many export, one page is read and written at a time.
                let turn = self.api.scans.turn().await;
                let mut end = self.end;
                let read = move || {
                    let next = add(&mut end, reader.log(&query)?, &mut lines);
                    drop(turn);
                    Ok((lines, end, next))
                };
                (lines, self.end, self.next) = messages::read(read).await.map_err(|_| CutOff)?;
            }
        }
        Ok(Some((lines.into(), self)))
    }
}

/// Appends a page, and says what follows. Takes a while.
fn add(end: &mut End, page: LogPage, lines: &mut Vec<u8>) -> Next {
    let LogPage { records, damaged, days_left_out, next } = page;
    end.lines += records.len() as u64;
    end.damaged += damaged;
    // A day is told again with each page.
    for day in days_left_out {
        if !end.days_left_out.contains(&day) {
            end.days_left_out.push(day);
        }
    }
    for record in records {
        decisions::put_record(lines, record);
    }
    match next {
        Some(after) => Next::Page(Some(after)),
        None => {
            decisions::put(lines, end);
            Next::Nothing
        }
    }
}
