//! The stable codes of problems: each with its HTTP status, its title and its page under `docs/errors`.

use axum::http::StatusCode;

macro_rules! codes {
    ($($variant:ident = $code:literal, $status:ident, $retry:ident, $title:literal;)*) => {
        /// A code is a promise: it is never renamed and never gets a second meaning.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Code {
            $($variant,)*
        }

        impl Code {
            pub(crate) const ALL: &[Self] = &[$(Self::$variant,)*];

            #[must_use]
            pub(crate) fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }

            #[must_use]
            pub(crate) fn status(self) -> StatusCode {
                match self {
                    $(Self::$variant => StatusCode::$status,)*
                }
            }

            /// The same for every problem of the code; the detail says what it was this time.
            #[must_use]
            pub(crate) fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }

            /// The same request may succeed later.
            #[must_use]
            pub(crate) fn is_retryable(self) -> bool {
                match self {
                    $(Self::$variant => Retry::$retry == Retry::Helps,)*
                }
            }

            /// The page of the documentation, in Markdown.
            #[must_use]
            pub(crate) fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../../../docs/errors/", $code, ".md")),)*
                }
            }
        }
    };
}

#[derive(PartialEq)]
enum Retry {
    Helps,
    Futile,
}

codes! {
    MalformedJson = "malformed_json", BAD_REQUEST, Futile, "The body is not JSON";
    InvalidQuery = "invalid_query", BAD_REQUEST, Futile, "A parameter of the query cannot be used";
    InvalidIdempotencyKey = "invalid_idempotency_key", BAD_REQUEST, Futile, "The idempotency key cannot be used";
    Unauthorized = "unauthorized", UNAUTHORIZED, Futile, "No valid API key";
    Forbidden = "forbidden", FORBIDDEN, Futile, "This key may not do that";
    NotFound = "not_found", NOT_FOUND, Futile, "No such message";
    KeyNotFound = "key_not_found", NOT_FOUND, Futile, "No such key";
    VendorNotFound = "vendor_not_found", NOT_FOUND, Futile, "No such vendor";
    OverrideNotFound = "override_not_found", NOT_FOUND, Futile, "No such override";
    PolicyNotFound = "policy_not_found", NOT_FOUND, Futile, "No such version of the policy";
    DryRunNotFound = "dry_run_not_found", NOT_FOUND, Futile, "No such dry-run";
    UnknownPath = "unknown_path", NOT_FOUND, Futile, "Nothing is served here";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, Futile, "The method is not served here";
    RateLimited = "rate_limited", TOO_MANY_REQUESTS, Helps, "The key is used too often";
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, Helps, "The body did not arrive in time";
    IdempotencyKeyInFlight = "idempotency_key_in_flight", CONFLICT, Helps, "The first request with this key is still being worked on";
    NotCancelable = "not_cancelable", CONFLICT, Futile, "The message cannot be taken back any more";
    KeyNotActive = "key_not_active", CONFLICT, Futile, "The key opens nothing any more";
    OverrideConflict = "override_conflict", CONFLICT, Futile, "Another override is in the way";
    PolicyConflict = "policy_conflict", CONFLICT, Futile, "The version does not follow on the one that is active";
    DryRunBusy = "dry_run_busy", CONFLICT, Helps, "Another dry-run is running";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, Futile, "The body is too large";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, Futile, "The body is not sent as JSON";
    InvalidRequest = "invalid_request", UNPROCESSABLE_ENTITY, Futile, "Fields of the request cannot be used";
    InvalidRecipient = "invalid_recipient", UNPROCESSABLE_ENTITY, Futile, "The recipient cannot be sent to";
    EmptyText = "empty_text", UNPROCESSABLE_ENTITY, Futile, "The text is empty";
    TextTooLong = "text_too_long", UNPROCESSABLE_ENTITY, Futile, "The text takes too many segments";
    InvalidValidity = "invalid_validity", UNPROCESSABLE_ENTITY, Futile, "The validity cannot be used";
    InvalidSendAt = "invalid_send_at", UNPROCESSABLE_ENTITY, Futile, "The time to send at cannot be used";
    ChannelNotServed = "channel_not_served", UNPROCESSABLE_ENTITY, Futile, "The channel is not served yet";
    NoRule = "no_rule", UNPROCESSABLE_ENTITY, Futile, "No rule of the policy matches the message";
    NoRoute = "no_route", UNPROCESSABLE_ENTITY, Futile, "No route can carry the message";
    UnknownRoute = "unknown_route", UNPROCESSABLE_ENTITY, Futile, "No route is called that";
    SameRoute = "same_route", UNPROCESSABLE_ENTITY, Futile, "A route cannot be flipped to itself";
    ChannelDiffers = "channel_differs", UNPROCESSABLE_ENTITY, Futile, "The routes carry different channels";
    PolicyInvalid = "policy_invalid", UNPROCESSABLE_ENTITY, Futile, "The policy cannot be obeyed";
    InvalidExpiry = "invalid_expiry", UNPROCESSABLE_ENTITY, Futile, "The end of the override cannot be used";
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, Futile, "The idempotency key was used for another request";
    Internal = "internal", INTERNAL_SERVER_ERROR, Helps, "The gateway made a mistake";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, Helps, "Too much is waiting to be written";
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE, Helps, "The store cannot be used now";
    OnHold = "on_hold", SERVICE_UNAVAILABLE, Helps, "The store was restored and is on hold";
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE, Helps, "The gateway is stopping";
}

impl Code {
    #[must_use]
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_its_page_and_every_page_its_code() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        let pages = pages.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned());
        let pages: BTreeSet<String> = pages.filter(|name| name != "README").collect();
        let codes: BTreeSet<String> = Code::ALL.iter().map(|code| code.as_str().to_owned()).collect();
        assert_eq!(pages, codes);
    }

    #[test]
    fn a_page_shows_the_problem_as_it_is_sent() {
        for code in Code::ALL {
            let page = code.page();
            assert_eq!(page.lines().next(), Some(format!("# {}", code.as_str()).as_str()));
            let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next()).unwrap();
            let example: serde_json::Value = serde_json::from_str(example).unwrap();
            assert_eq!(example["code"], code.as_str());
            assert_eq!(example["title"], code.title());
            assert_eq!(example["status"], code.status().as_u16());
            assert_eq!(example["retryable"], code.is_retryable());
            assert!(example["type"].as_str().unwrap().ends_with(&format!("/docs/errors/{}", code.as_str())));
        }
    }
}
