//! `GET /v1/messages`: the messages that match, newest first, page by page.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use domain::number::{self, Country};
use domain::{MessageId, Recipient};
use serde::Serialize;
use store::Query;

use super::auth::{Caller, View};
use super::parameters::Parameters;
use super::problem::Problem;
use super::{Api, messages, render, respond};

const PARAMETERS: [&str; 11] = [
    "to",
    "status",
    "class",
    "route",
    "operator",
    "reference",
    "vendor_message_id",
    "since",
    "until",
    "limit",
    "cursor",
];
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;

#[derive(Serialize)]
struct Page<'a> {
    data: Vec<render::Whole<'a>>,
    next_cursor: Option<MessageId>,
}

pub(crate) async fn list(State(api): State<Arc<Api>>, caller: Caller, uri: Uri) -> Result<Response, Problem> {
    let view = caller.view()?;
    let query = {
        let settings = api.settings.load();
        let country = match &view {
            View::Of(app) => settings.apps.get(app).and_then(|app| app.default_country),
            View::All => None,
        };
        query(&uri, view, country)?
    };
    let reader = api.pipeline.reader();
    let page = messages::read(move || reader.search(&query)).await?;
    let settings = api.settings.load();
    let data = page.records.iter().map(|record| render::whole(record, &settings.public_url)).collect();
    Ok(respond::ok(&Page { data, next_cursor: page.next }))
}

fn query(uri: &Uri, view: View, default_country: Option<Country>) -> Result<Query, Problem> {
    let mut parameters = Parameters::read(uri, &PARAMETERS)?;
    let query = Query {
        app: match view {
            View::Of(app) => Some(app),
            View::All => None,
        },
        to: parameters.text("to").map(|to| recipient(&to, default_country)),
        status: parameters.word("status"),
        class: parameters.word("class"),
        route: parameters.word("route"),
        operator: parameters.text("operator").map(|operator| operator.replace('-', "").into()),
        reference: parameters.text("reference").map(Into::into),
        vendor_id: parameters.text("vendor_message_id").map(Into::into),
        since: parameters.instant("since"),
        until: parameters.instant("until"),
        before: parameters.word("cursor"),
        limit: parameters.limit(DEFAULT_LIMIT, MAX_LIMIT),
    };
    parameters.finish().map(|()| query)
}

/// A number in any form that a message's `to` may have; what is none is looked for as it was written, among the
/// refused. A plus that was not escaped arrives as a space.
fn recipient(text: &str, default_country: Option<Country>) -> Recipient {
    let written = match text.strip_prefix(' ') {
        Some(rest) => format!("+{}", rest.trim_start()),
        None => text.to_owned(),
    };
    match number::parse(&written, default_country) {
        Ok(number) => number.recipient,
        Err(_) => {
            Recipient::from_e164(&format!("+{written}")).unwrap_or_else(|| Recipient::unresolved(&written))
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::{AppId, Status};

    use super::super::code::Code;
    use super::*;

    fn query(text: &str) -> Result<Query, Problem> {
        let uri = format!("/v1/messages?{text}").parse().unwrap();
        super::query(&uri, View::Of(AppId::new("shop").unwrap()), None)
    }

    #[test]
    fn every_parameter_becomes_part_of_the_query() {
        let cursor = MessageId::from_u128(7);
        let text = format!(
            "to=%2B4915112345678&class=otp&route=acme-de&operator=262-01&reference=o-7&vendor_message_id=x9\
             &until=2026-03-02T00:00:00Z&limit=7&cursor={cursor}"
        );
        let query = query(&text).unwrap();
        assert_eq!(query.route.unwrap().as_str(), "acme-de");
        assert_eq!(query.operator.as_deref(), Some("26201"));
        assert_eq!(query.reference.as_deref(), Some("o-7"));
        assert_eq!(query.vendor_id.as_deref(), Some("x9"));
        assert_eq!((query.limit, query.before), (7, Some(cursor)));
        assert!(query.until.is_some() && query.since.is_none() && query.status.is_none());
    }

    #[test]
    fn a_plus_that_became_a_space_is_still_a_plus() {
        let query = query("to=+4915112345678&since=2026-03-01T08:00:00+01:00&status=delivered").unwrap();
        assert_eq!(query.to.unwrap().as_str(), "+4915112345678");
        assert_eq!(query.since.unwrap().to_string(), "2026-03-01T07:00:00.000Z");
        assert_eq!(query.status, Some(Status::Delivered));
        assert_eq!(query.app.unwrap().as_str(), "shop");
        assert_eq!(query.limit, DEFAULT_LIMIT);
    }

    #[test]
    fn all_mistakes_are_told_at_once() {
        let problem = query("stauts=x&status=gone&limit=0&limit=5&cursor=abc&until=now&to=").err().unwrap();
        assert_eq!(problem.code(), Code::InvalidQuery);
        let text = format!("{problem:?}");
        for told in [
            "did you mean `status`",
            "`gone` is not a status",
            "given twice",
            "not a message id",
            "not an instant",
            "is empty",
        ] {
            assert!(text.contains(told), "{told}: {text}");
        }
    }
}
