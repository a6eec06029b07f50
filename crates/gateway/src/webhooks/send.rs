//! One webhook on the wire, and what its answer means.

use std::time::Duration;

use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderMap, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use pipeline::Told;
use reqwest::Url;
use tokio::time::timeout;

use super::TIMEOUT;
use super::line::{Line, Lines, NoLine};

/// A webhook that is ready to go.
pub(crate) struct Post {
    pub(crate) url: Url,
    pub(crate) id: String,
    pub(crate) seconds: i64,
    pub(crate) signature: Option<String>,
    pub(crate) body: Bytes,
}

/// What an endpoint answers is read so far, to keep the connection; who says more loses it.
const MAX_ANSWER: usize = 4096;
/// An endpoint that answered 2xx and then dawdles has said all that matters.
const DRAIN_FOR: Duration = Duration::from_millis(500);
/// Whoever asks for longer is asked again after this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
const AGENT: &str = concat!("strowger/", env!("CARGO_PKG_VERSION"));

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
enum Unanswered {
    #[error("the request cannot be written: {0}")]
    Unwritable(#[from] axum::http::Error),
    #[error(transparent)]
    NoLine(#[from] NoLine),
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
}

pub(crate) async fn post(lines: &Lines, post: Post) -> Told {
    let reason = match timeout(TIMEOUT, exchange(lines, &post)).await {
        Ok(Ok(told)) => return told,
        Ok(Err(unanswered)) => unanswered.to_string(),
        Err(_) => format!("no answer within {} s", TIMEOUT.as_secs()),
    };
    tracing::debug!(webhook_id = post.id, reason, "a webhook was not delivered");
    Told::No { retry_after: None }
}

async fn exchange(lines: &Lines, post: &Post) -> Result<Told, Unanswered> {
    while let Some(line) = lines.take(&post.url) {
        match on_line(lines, line, post).await {
            // The endpoint has closed a kept connection meanwhile, which shows only now.
            Err(Unanswered::Broken(error)) if error.is_canceled() || error.is_closed() => {}
            // It may have closed it just when the request was on its way, and has not heard it; or it has, and hears it
            // once more on a new one: webhooks are told at least once.
            Err(Unanswered::Broken(_)) => break,
            answered => return answered,
        }
    }
    let line = lines.open(&post.url).await?;
    on_line(lines, line, post).await
}

async fn on_line(lines: &Lines, mut line: Line, post: &Post) -> Result<Told, Unanswered> {
    let read = async |response: Response<Incoming>| {
        let (head, body) = response.into_parts();
        (verdict(head.status, &head.headers, post.seconds), drain(body).await)
    };
    let (told, is_read) = line.ask(request(post)?, read).await?;
    if is_read {
        lines.put_back(&post.url, line);
    }
    Ok(told)
}

fn request(post: &Post) -> Result<Request<Full<Bytes>>, axum::http::Error> {
    let url = &post.url;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = url.host_str().unwrap_or_default();
    let mut request = Request::post(target)
        .header(CONTENT_TYPE, "application/json")
        .header(CONTENT_LENGTH, post.body.len())
        .header(USER_AGENT, AGENT)
        .header("webhook-id", post.id.as_str())
        .header("webhook-timestamp", post.seconds);
    request = match url.port() {
        Some(port) => request.header(HOST, format!("{host}:{port}")),
        None => request.header(HOST, host),
    };
    if let Some(signature) = &post.signature {
        request = request.header("webhook-signature", signature);
    }
    request.body(Full::new(post.body.clone()))
}

/// A redirect is a failure: whoever answers it may lead anywhere.
fn verdict(status: StatusCode, headers: &HeaderMap, now: i64) -> Told {
    match status {
        status if status.is_success() => Told::Yes,
        StatusCode::GONE => Told::Gone,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Told::No { retry_after: retry_after(headers, now) },
        _ => Told::No { retry_after: None },
    }
}

/// In seconds or as a date.
fn retry_after(headers: &HeaderMap, now: i64) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = value.parse().ok().or_else(|| {
        let date = jiff::fmt::rfc2822::parse(value).ok()?;
        u64::try_from(date.timestamp().as_second() - now).ok()
    });
    Some(Duration::from_secs(seconds?).min(MAX_RETRY_AFTER))
}

/// Whether the answer was read to its end, so that the connection can be used again.
async fn drain(body: Incoming) -> bool {
    let read = timeout(DRAIN_FOR, Limited::new(body, MAX_ANSWER).collect()).await;
    matches!(read, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, headers: &[(axum::http::HeaderName, &str)]) -> Told {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        // 2026-03-01T08:00:00Z
        verdict(StatusCode::from_u16(status).unwrap(), &headers, 1_772_352_000)
    }

    #[test]
    fn only_success_is_success() {
        for status in [200, 201, 202, 204] {
            assert_eq!(told(status, &[]), Told::Yes, "{status}");
        }
        for status in [301, 302, 307, 400, 401, 404, 422, 500] {
            assert_eq!(told(status, &[(RETRY_AFTER, "9")]), Told::No { retry_after: None }, "{status}");
        }
        assert_eq!(told(410, &[]), Told::Gone);
    }

    #[test]
    fn an_endpoint_that_names_its_time_gets_it() {
        let wait = |seconds| Told::No { retry_after: Some(Duration::from_secs(seconds)) };
        assert_eq!(told(429, &[(RETRY_AFTER, "120")]), wait(120));
        assert_eq!(told(503, &[(RETRY_AFTER, "999999999")]), wait(24 * 3600));
        assert_eq!(told(502, &[(RETRY_AFTER, "Sun, 01 Mar 2026 08:02:00 GMT")]), wait(120));
        assert_eq!(told(504, &[(RETRY_AFTER, "soon")]), Told::No { retry_after: None });
    }
}
