//! One provider of lookups: what it is asked, what its answers mean, and when it is not asked at all.

use std::sync::Arc;
use std::time::Duration;

use domain::number::Country;
use domain::setting::Rate;
use domain::{Class, Price};
use parking_lot::Mutex;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use routing::operator::{Mcc, Operator};
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::limit::Limit;

/// What the configuration says of a provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    pub id: Arc<str>,
    /// With `{number}` where the digits go.
    pub url: String,
    pub method: Method,
    pub headers: HeaderMap,
    /// With `{number}` where the digits go.
    pub body: Option<String>,
    pub response: ResponseFields,
    /// Of one question, from connecting to the end of the answer.
    pub timeout: Duration,
    pub ttl: Duration,
    pub negative_ttl: Duration,
    pub rate: Option<Rate>,
    pub concurrency: usize,
    /// None: everywhere.
    pub countries: Option<Vec<Country>>,
    /// None: all.
    pub classes: Option<Vec<Class>>,
    /// What a question costs, by country; with None everywhere else.
    pub costs: Vec<(Option<Country>, Price)>,
    pub proxy: Option<Url>,
}

/// Where in the answer things are, as JSON pointers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResponseFields {
    pub operator: Option<String>,
    pub mcc: Option<String>,
    pub mnc: Option<String>,
    pub ported: Option<String>,
    pub status: Option<String>,
    /// Values of `status` that say that the number has no network.
    pub absent: Vec<String>,
    /// Values of `status` that say that the provider does not know now.
    pub failed: Vec<String>,
}

/// What a question came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Found {
        operator: Operator,
        ported: Option<bool>,
    },
    /// The number has no network.
    Absent,
    Failed(Failure),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Failure {
    #[error("no answer in time")]
    TimedOut,
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    #[error("the answer is {0}")]
    Status(u16),
    #[error("the answer is longer than {MAX_ANSWER} bytes")]
    TooLong,
    #[error("the answer is not understood: {0}")]
    NotUnderstood(String),
}

impl Answer {
    /// As metrics name it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Found { .. } => "found",
            Self::Absent => "absent",
            Self::Failed(Failure::TimedOut) => "timeout",
            Self::Failed(Failure::Unreachable(_)) => "unreachable",
            Self::Failed(Failure::Status(_) | Failure::TooLong | Failure::NotUnderstood(_)) => "wrong",
        }
    }
}

/// All that `Answer::as_str` may say.
pub(crate) const RESULTS: [&str; 5] = ["found", "absent", "timeout", "unreachable", "wrong"];

/// Whoever says more about one number is not answering the question.
const MAX_ANSWER: usize = 64 * 1024;
/// So many failures in a row, and the provider is left alone for a while.
const FAILURES: u32 = 5;
const LEFT_ALONE: Duration = Duration::from_secs(5);

pub(crate) struct Provider {
    pub(crate) settings: Settings,
    client: reqwest::Client,
    places: Arc<Semaphore>,
    limit: Option<Limit>,
    /// Locked for moments.
    breaker: Mutex<Breaker>,
}

#[derive(Default)]
struct Breaker {
    failures: u32,
    /// While it is left alone; after that one question tries it.
    closed_again_at: Option<Instant>,
    is_tried: bool,
}

/// The right to ask a provider once.
pub(crate) struct Turn {
    _place: OwnedSemaphorePermit,
}

impl Provider {
    pub(crate) fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(settings.timeout)
            .user_agent(concat!("strowger/", env!("CARGO_PKG_VERSION")))
            .no_proxy();
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(reqwest::Proxy::all(proxy.clone())?);
        }
        Ok(Self {
            client: builder.build()?,
            places: Arc::new(Semaphore::new(settings.concurrency)),
            limit: settings.rate.map(Limit::new),
            breaker: Mutex::default(),
            settings,
        })
    }

    pub(crate) fn serves(&self, country: Option<Country>, class: Option<Class>) -> bool {
        let Settings { countries, classes, .. } = &self.settings;
        let in_country =
            countries.as_ref().is_none_or(|countries| country.is_some_and(|of| countries.contains(&of)));
        in_country
            && class.is_none_or(|class| classes.as_ref().is_none_or(|classes| classes.contains(&class)))
    }

    /// Whether `turn` would give one, as far as that can be told without taking it.
    pub(crate) fn is_free(&self, now: Instant) -> bool {
        self.places.available_permits() > 0 && self.breaker.lock().lets_through(now)
    }

    /// None while all its places are taken, its rate is used up, or it has failed too often just now.
    pub(crate) fn turn(&self, now: Instant) -> Option<Turn> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let mut breaker = self.breaker.lock();
        if !breaker.lets_through(now) || self.limit.as_ref().is_some_and(|limit| limit.take(1, now).is_err())
        {
            return None;
        }
        breaker.is_tried = breaker.closed_again_at.is_some();
        drop(breaker);
        Some(Turn { _place: place })
    }

    pub(crate) fn cost(&self, country: Option<Country>) -> Option<Price> {
        let costs = &self.settings.costs;
        let of = |wanted| costs.iter().find(|(country, _)| *country == wanted).map(|(_, price)| *price);
        country.and_then(|country| of(Some(country))).or_else(|| of(None))
    }

    /// Asks once. Ends within the provider's timeout.
    pub(crate) async fn ask(&self, digits: &str, turn: Turn) -> Answer {
        let answer = match self.exchange(digits).await {
            Ok(body) => understood(&self.settings.response, &body),
            Err(failure) => Answer::Failed(failure),
        };
        drop(turn);
        self.note(&answer);
        answer
    }

    fn note(&self, answer: &Answer) {
        let mut breaker = self.breaker.lock();
        match answer {
            Answer::Found { .. } | Answer::Absent => {
                if breaker.closed_again_at.is_some() {
                    tracing::info!(provider = %self.settings.id, "lookups are answered again");
                }
                *breaker = Breaker::default();
            }
            Answer::Failed(failure) => {
                breaker.failures = breaker.failures.saturating_add(1);
                breaker.is_tried = false;
                if breaker.failures >= FAILURES {
                    if breaker.closed_again_at.is_none() {
                        let provider = &self.settings.id;
                        tracing::warn!(%provider, reason = %failure, "lookups fail: the provider is asked seldom until one succeeds");
                    }
                    breaker.closed_again_at = Some(Instant::now() + LEFT_ALONE);
                }
            }
        }
    }

    async fn exchange(&self, digits: &str) -> Result<Vec<u8>, Failure> {
        let Settings { url, method, headers, body, .. } = &self.settings;
        let url = url.replace("{number}", digits);
        let mut request = self.client.request(method.clone(), url).headers(headers.clone());
        if let Some(body) = body {
            request = request.body(body.replace("{number}", digits));
        }
        let mut response = request.send().await.map_err(unanswered)?;
        if !response.status().is_success() {
            return Err(Failure::Status(response.status().as_u16()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if body.len() + chunk.len() > MAX_ANSWER {
                return Err(Failure::TooLong);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Breaker {
    fn lets_through(&self, now: Instant) -> bool {
        self.closed_again_at.is_none_or(|at| now >= at && !self.is_tried)
    }
}

/// Without the URL, which may hold a secret.
fn unanswered(error: reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    let error = error.without_url();
    let mut innermost: &dyn std::error::Error = &error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    Failure::Unreachable(innermost.to_string())
}

fn understood(fields: &ResponseFields, body: &[u8]) -> Answer {
    let wrong = |why: &str| Answer::Failed(Failure::NotUnderstood(why.to_owned()));
    let Ok(document) = serde_json::from_slice::<Value>(body) else { return wrong("it is not JSON") };
    let field = |pointer: &Option<String>| pointer.as_deref().and_then(|pointer| document.pointer(pointer));
    let status = field(&fields.status).and_then(|value| word(value, 0));
    if let Some(status) = &status {
        if fields.absent.contains(status) {
            return Answer::Absent;
        }
        if fields.failed.contains(status) {
            return wrong("its status says that it does not know");
        }
    }
    let operator = match field(&fields.operator).and_then(|value| word(value, 0)) {
        Some(written) => written.parse().ok(),
        None => {
            let mcc = field(&fields.mcc).and_then(|value| word(value, 3));
            let mnc = field(&fields.mnc).and_then(|value| word(value, 2));
            mcc.zip(mnc).and_then(|(mcc, mnc)| Operator::new(mcc.parse::<Mcc>().ok()?, &mnc).ok())
        }
    };
    let Some(operator) = operator else { return wrong("it names no MCC and MNC where they should be") };
    let ported = field(&fields.ported).and_then(|value| match word(value, 0)?.to_lowercase().as_str() {
        "true" | "yes" | "1" | "ported" => Some(true),
        "false" | "no" | "0" | "not_ported" => Some(false),
        _ => None,
    });
    Answer::Found { operator, ported }
}

/// A plain value as text. A number has lost its leading zeros: `width` brings them back.
fn word(value: &Value, width: usize) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(format!("{:0>width$}", number.as_u64()?)),
        Value::Bool(claim) => Some(claim.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A header of the configuration.
///
/// # Errors
/// When HTTP has no such name or value.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is not the name of a header"))?;
    let mut value =
        HeaderValue::try_from(value).map_err(|_| "the value holds what no header may".to_owned())?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> ResponseFields {
        ResponseFields {
            operator: Some("/network/mccmnc".to_owned()),
            mcc: Some("/mcc".to_owned()),
            mnc: Some("/mnc".to_owned()),
            ported: Some("/ported".to_owned()),
            status: Some("/status".to_owned()),
            absent: vec!["unallocated".to_owned(), "13".to_owned()],
            failed: vec!["no_credit".to_owned()],
        }
    }

    fn read(body: &str) -> Answer {
        understood(&fields(), body.as_bytes())
    }

    fn found(code: &str, ported: Option<bool>) -> Answer {
        Answer::Found { operator: code.parse().unwrap(), ported }
    }

    #[test]
    fn an_answer_is_read_where_the_pointers_lead() {
        assert_eq!(read(r#"{"network":{"mccmnc":"262-01"},"ported":true}"#), found("26201", Some(true)));
        assert_eq!(read(r#"{"mcc":"310","mnc":"026","ported":"no"}"#), found("310026", Some(false)));
        assert_eq!(read(r#"{"mcc":262,"mnc":1}"#), found("26201", None));
        assert_eq!(read(r#"{"status":"unallocated"}"#), Answer::Absent);
        assert_eq!(read(r#"{"status":13,"mcc":"262","mnc":"01"}"#), Answer::Absent);
    }

    #[test]
    fn what_is_no_answer_is_a_failure() {
        for body in [
            "",
            "<html>",
            "[]",
            "null",
            r#"{"mcc":"262"}"#,
            r#"{"network":{"mccmnc":"operator"}}"#,
            r#"{"network":{"mccmnc":["26201"]}}"#,
            r#"{"mcc":26.5,"mnc":-1}"#,
            r#"{"status":"no_credit","mcc":"262","mnc":"01"}"#,
        ] {
            assert_eq!(read(body).as_str(), "wrong", "{body}");
        }
    }

    #[test]
    fn a_breaker_opens_after_failures_and_lets_one_try() {
        let settings = Settings {
            id: "mnp".into(),
            url: "http://127.0.0.1:9/{number}".to_owned(),
            method: Method::GET,
            headers: HeaderMap::new(),
            body: None,
            response: fields(),
            timeout: Duration::from_secs(1),
            ttl: Duration::from_secs(1),
            negative_ttl: Duration::from_secs(1),
            rate: None,
            concurrency: 2,
            countries: Some(vec!["DE".parse().unwrap()]),
            classes: Some(vec![Class::Otp]),
            costs: Vec::new(),
            proxy: None,
        };
        crate::tls::install_provider();
        let provider = Provider::new(settings).unwrap();
        assert!(provider.serves("DE".parse().ok(), Some(Class::Otp)));
        assert!(!provider.serves("DE".parse().ok(), Some(Class::Marketing)));
        assert!(!provider.serves(None, Some(Class::Otp)));
        let now = Instant::now();
        let turns = [provider.turn(now), provider.turn(now)];
        assert!(turns.iter().all(Option::is_some) && provider.turn(now).is_none() && !provider.is_free(now));
        drop(turns);
        for _ in 0..FAILURES {
            assert!(provider.is_free(now));
            provider.note(&Answer::Failed(Failure::TimedOut));
        }
        assert!(provider.turn(Instant::now()).is_none());
        let later = Instant::now() + LEFT_ALONE;
        let tried = provider.turn(later);
        assert!(tried.is_some() && provider.turn(later).is_none());
        provider.note(&Answer::Absent);
        assert!(provider.turn(later).is_some());
    }
}
