//! What went wrong with a request, as RFC 9457 writes it.
//!
//! A handler returns a `Problem`; its document is written on the way out, where the request's id is known.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::code::Code;

/// Boxed, so that a `Result` with it stays small.
#[derive(Clone, Debug)]
pub(crate) struct Problem(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    code: Code,
    detail: String,
    errors: Vec<FieldError>,
    retry_after_seconds: Option<u32>,
}

/// One field that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct FieldError {
    /// A JSON pointer as a URI fragment, such as `#/to`; in a problem with a query, the parameter.
    pub(crate) pointer: String,
    pub(crate) detail: String,
    /// The problem's code when nothing else is wrong; None for the general one.
    #[serde(skip)]
    pub(crate) code: Option<Code>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(Details { code, detail: detail.into(), errors: Vec::new(), retry_after_seconds: None }))
    }

    /// A request whose fields cannot be used, all of them told at once. `errors` is not empty.
    pub(crate) fn fields(errors: Vec<FieldError>) -> Self {
        let common = errors.first().and_then(|first| first.code);
        let shared = common.filter(|_| errors.iter().all(|error| error.code == common));
        let detail = match errors.as_slice() {
            [one] => format!("{}: {}", one.pointer, one.detail),
            several => format!("{} fields cannot be used", several.len()),
        };
        let mut problem = Self::new(shared.unwrap_or(Code::InvalidRequest), detail);
        problem.0.errors = errors;
        problem
    }

    /// One field at fault, under a code of its own.
    pub(crate) fn field(code: Code, pointer: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(code, detail);
        problem.0.errors = vec![FieldError {
            pointer: pointer.to_owned(),
            detail: problem.0.detail.clone(),
            code: Some(code),
        }];
        problem
    }

    pub(crate) fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.0.errors = errors;
        self
    }

    pub(crate) fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after_seconds = Some(seconds);
        self
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    /// The document. The items of a batch have no request of their own and so no id.
    pub(crate) fn document<'a>(&'a self, public_url: &str, request_id: Option<&'a str>) -> Document<'a> {
        let Details { code, detail, errors, .. } = &*self.0;
        Document {
            kind: format!("{public_url}/docs/errors/{}", code.as_str()),
            title: code.title(),
            status: code.status().as_u16(),
            detail,
            code: code.as_str(),
            errors,
            request_id,
            retryable: code.is_retryable(),
        }
    }

    /// The answer, complete.
    pub(crate) fn answer(&self, public_url: &str, request_id: &str) -> Response {
        let document = self.document(public_url, Some(request_id));
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = (self.0.code.status(), body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.0.code.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.0.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    #[serde(skip_serializing_if = "<[FieldError]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
    retryable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(pointer: &str, code: Option<Code>) -> FieldError {
        FieldError { pointer: pointer.to_owned(), detail: "is wrong".to_owned(), code }
    }

    #[test]
    fn a_code_of_its_own_needs_to_be_shared_by_all_errors() {
        let one = Problem::fields(vec![error("#/to", Some(Code::InvalidRecipient))]);
        assert_eq!(one.code(), Code::InvalidRecipient);
        let mixed = Problem::fields(vec![error("#/to", Some(Code::InvalidRecipient)), error("#/text", None)]);
        assert_eq!(mixed.code(), Code::InvalidRequest);
    }
}
