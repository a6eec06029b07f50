//! One webhook on the wire, and what its answer means.

use std::time::Duration;

use pipeline::Told;
use reqwest::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url, redirect};

use super::TIMEOUT;
use super::address::{Private, Resolver};

/// A webhook that is ready to go.
pub(crate) struct Post {
    pub(crate) url: Url,
    pub(crate) id: String,
    pub(crate) seconds: i64,
    pub(crate) signature: Option<String>,
    pub(crate) body: String,
}

/// What an endpoint answers is read so far, to keep the connection; who says more loses it.
const MAX_ANSWER: usize = 4096;
/// An endpoint that answered 2xx and then dawdles has said all that matters.
const DRAIN_FOR: Duration = Duration::from_millis(500);
const IDLE_PER_HOST: usize = 16;
const IDLE_FOR: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Whoever asks for longer is asked again after this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

pub(crate) fn client(private: Private) -> Result<Client, reqwest::Error> {
    crate::tls::install_provider();
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Resolver::new(private))
        // A proxy of the environment would connect to what the resolver refuses.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .timeout(TIMEOUT)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE_FOR)
        .user_agent(concat!("strowger/", env!("CARGO_PKG_VERSION")))
        .build()
}

pub(crate) async fn post(client: &Client, post: Post) -> Told {
    let mut request = client
        .post(post.url)
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", post.id.as_str())
        .header("webhook-timestamp", post.seconds);
    if let Some(signature) = post.signature {
        request = request.header("webhook-signature", signature);
    }
    match request.body(post.body).send().await {
        Ok(response) => {
            let told = verdict(response.status(), response.headers(), post.seconds);
            drain(response).await;
            told
        }
        Err(error) => {
            let reason = root_cause(&error);
            tracing::debug!(webhook_id = post.id, reason, "a webhook was not delivered");
            Told::No { retry_after: None }
        }
    }
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

async fn drain(mut response: Response) {
    let mut read = 0;
    let drained = tokio::time::timeout(DRAIN_FOR, async {
        while let Ok(Some(chunk)) = response.chunk().await {
            read += chunk.len();
            if read > MAX_ANSWER {
                return;
            }
        }
    });
    // Too slow and too long alike: the response is dropped, and its connection with it.
    drop(drained.await);
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(status: u16, headers: &[(reqwest::header::HeaderName, &str)]) -> Told {
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
