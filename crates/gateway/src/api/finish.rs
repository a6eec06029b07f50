//! The last thing that happens to every answer: it gets the request's id, and a problem becomes its document. Before all
//! others, it finds out who is asking.

use std::any::Any;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Api;
use super::auth;
use super::code::Code;
use super::problem::Problem;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Ids of other systems are taken over when they are of this size and plain.
const MAX_REQUEST_ID: usize = 128;

pub(crate) async fn finish(State(api): State<Arc<Api>>, mut request: Request, next: Next) -> Response {
    let id = request_id(request.headers());
    let caller = auth::identify(&api, &request, id.to_str().unwrap_or_default());
    let known = caller.as_ref().and_then(|found| found.as_ref().ok()).cloned();
    if let Some(caller) = caller {
        auth::introduce(&mut request, caller);
    }
    let mut response = next.run(request).await;
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        let mut answer = problem.answer(&api.settings.load().public_url, id.to_str().unwrap_or_default());
        // Such as Allow, which the router adds to a refused method.
        if let Some(allow) = response.headers_mut().remove(header::ALLOW) {
            answer.headers_mut().insert(header::ALLOW, allow);
        }
        response = answer;
    }
    let headers = response.headers_mut();
    if let Some(standing) = known.and_then(|caller| caller.standing()) {
        auth::tell_standing(headers, standing);
    }
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// A panic is a mistake of ours: it costs one answer and is logged without what the request held.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = message.unwrap_or("of an unknown kind"), "a request made the gateway panic");
    Problem::new(Code::Internal, "the gateway made a mistake; its log says more").into_response()
}

fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|value| is_plain(value.as_bytes()));
    if let Some(given) = given {
        return given.clone();
    }
    let id = format!("req_{:032x}", rand::random::<u128>());
    HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("req_0"))
}

fn is_plain(id: &[u8]) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_id_is_taken_over() {
        for (given, taken) in [("trace-1.2_3:4", true), ("", false), ("a b", false), ("<script>", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(given).unwrap());
            assert_eq!(request_id(&headers) == given, taken, "{given}");
        }
        assert!(!is_plain(&[b'a'; MAX_REQUEST_ID + 1]));
        assert!(request_id(&HeaderMap::new()).to_str().unwrap().starts_with("req_"));
    }
}
