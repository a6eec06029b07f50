//! The body of a request: of the right kind, whole, and not too large.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::code::Code;
use super::problem::Problem;

/// Whoever needs longer for this little is not sending a message.
const ARRIVES_WITHIN: Duration = Duration::from_secs(30);
const DISCARDED: usize = 16 * 1024 * 1024;
const DISCARDED_WITHIN: Duration = Duration::from_secs(5);

/// The bytes of a JSON body of at most `limit` bytes.
pub(crate) async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    check_kind(request.headers(), "application/json")?;
    collect(request, limit).await
}

/// The bytes of a body of at most `limit` bytes that is of one of these kinds.
pub(crate) async fn read_bytes(request: Request, kinds: &[&str], limit: usize) -> Result<Bytes, Problem> {
    check_kinds(request.headers(), kinds)?;
    collect(request, limit).await
}

/// The text of a CSV body of at most `limit` bytes.
pub(crate) async fn read_csv(request: Request, limit: usize) -> Result<String, Problem> {
    check_kind(request.headers(), "text/csv")?;
    let body = collect(request, limit).await?;
    String::from_utf8(body.into()).map_err(|error| {
        let from = error.utf8_error().valid_up_to();
        Problem::new(Code::InvalidRequest, format!("the body is not UTF-8 from byte {from} on"))
    })
}

async fn collect(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let too_large =
        || Problem::new(Code::BodyTooLarge, format!("the body is larger than {} KiB", limit / 1024));
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut body = request.into_body();
    if announced.is_some_and(|length| length > limit) {
        discard(body).await;
        return Err(too_large());
    }
    let collected = Limited::new(&mut body, limit).collect();
    match tokio::time::timeout(ARRIVES_WITHIN, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            discard(body).await;
            Err(too_large())
        }
        Ok(Err(error)) => {
            Err(Problem::new(Code::MalformedJson, format!("the body did not arrive whole: {error}")))
        }
        Err(_) => {
            let seconds = ARRIVES_WITHIN.as_secs();
            Err(Problem::new(Code::RequestTimeout, format!("the body did not arrive within {seconds} s")))
        }
    }
}

/// Lets a body that is too large run out, so that its sender reads the answer instead of a broken connection. Who
/// sends still more than that does not read answers.
pub(super) async fn discard(mut body: Body) {
    let mut seen = 0;
    let run_out = async {
        while let Some(Ok(frame)) = body.frame().await {
            seen += frame.data_ref().map_or(0, Bytes::len);
            if seen > DISCARDED {
                return;
            }
        }
    };
    // Out of time or out of patience: the connection is closed either way.
    drop(tokio::time::timeout(DISCARDED_WITHIN, run_out).await);
}

/// The text of a JSON body.
pub(crate) fn text(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|error| {
        let detail = format!("the body is not UTF-8 from byte {} on", error.valid_up_to());
        Problem::new(Code::MalformedJson, detail)
    })
}

fn check_kind(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    check_kinds(headers, &[expected])
}

pub(super) fn check_kinds(headers: &HeaderMap, expected: &[&str]) -> Result<(), Problem> {
    let refused = |detail: String| Err(Problem::new(Code::UnsupportedMediaType, detail));
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return refused("a compressed body is not read: send it without Content-Encoding".to_owned());
    }
    // The body is only ever read as one kind, so a client that says nothing, or what curl says of itself, is understood.
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    let mut read = expected.iter().chain(&["application/x-www-form-urlencoded"]);
    if read.any(|read| essence.eq_ignore_ascii_case(read)) {
        return Ok(());
    }
    let shown: String = essence.chars().take(60).collect();
    refused(format!("the Content-Type is `{shown}`: send `{}`", expected.join("` or `")))
}
