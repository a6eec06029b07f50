//! The client's side of the API: one request, and its failure as an exit code.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;

use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{Exit, Failure};

/// Which gateway, and as whom.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Endpoint {
    /// The gateway's address.
    #[arg(long, env = "STROWGER_ENDPOINT", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    endpoint: String,
    /// An app's or an admin's key. Better given by the environment: arguments can be seen by other users.
    #[arg(long, env = "STROWGER_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<String>,
    /// The certificates to trust, PEM, where the gateway's comes from a CA of your own. Absent: those that the system
    /// trusts.
    #[arg(long, env = "STROWGER_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
}

impl Endpoint {
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.client_that_waits(Duration::from_secs(30))
    }

    /// For a file that is sent or fetched.
    pub(crate) fn client_for_files(&self) -> Result<Client, Failure> {
        self.client_that_waits(FILE_PATIENCE)
    }

    /// For what may take longer than a request usually does.
    pub(crate) fn client_that_waits(&self, at_most: Duration) -> Result<Client, Failure> {
        crate::tls::install_provider();
        let mut builder = reqwest::Client::builder().timeout(at_most).connect_timeout(Duration::from_secs(5));
        if let Some(ca) = &self.ca {
            builder = builder.tls_certs_only(certificates(ca)?);
        }
        let http = builder.build().map_err(|error| Failure::new(Exit::Unexpected, root_cause(&error)))?;
        let base = self.endpoint.trim_end_matches('/').to_owned();
        Ok(Client { http, base, key: self.api_key.clone() })
    }
}

fn certificates(ca: &Path) -> Result<Vec<reqwest::Certificate>, Failure> {
    let unusable = |why: String| {
        Failure::new(Exit::Usage, format!("the certificates in {} (STROWGER_CA): {why}", ca.display()))
    };
    let pem = std::fs::read(ca).map_err(|error| unusable(error.to_string()))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(root_cause(&error)))?;
    if found.is_empty() { Err(unusable("there are none".to_owned())) } else { Ok(found) }
}

/// How much of a file is sent at a time.
const PIECE: usize = 64 * 1024;
/// A file may take as long as it takes; whoever waits can interrupt it.
const FILE_PATIENCE: Duration = Duration::from_secs(24 * 3600);

pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    key: Option<String>,
}

impl Client {
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None).await
    }

    /// The answer as it is written.
    pub(crate) async fn get_text(&self, path: &str) -> Result<String, Failure> {
        self.text(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// Sends a file as it is.
    pub(crate) async fn post_csv(&self, path: &str, text: String) -> Result<Value, Failure> {
        self.post_bytes(path, "text/csv", text.into_bytes()).await
    }

    /// Sends bytes as what they are said to be.
    pub(crate) async fn post_bytes(&self, path: &str, kind: &str, bytes: Vec<u8>) -> Result<Value, Failure> {
        let text = self.text(Method::POST, path, Some((kind, bytes))).await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.call(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::DELETE, path, None).await
    }

    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let text = self
            .text(method, path, body.map(|body| ("application/json", body.to_string().into_bytes())))
            .await?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn text(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, Vec<u8>)>,
    ) -> Result<String, Failure> {
        let body = body.map(|(kind, body)| (kind, reqwest::Body::from(body)));
        let answer = self.answer(method, path, body).await?;
        answer.text().await.map_err(|error| self.unreachable(&error))
    }

    /// One that is good.
    async fn answer(
        &self,
        method: Method,
        path: &str,
        body: Option<(&str, reqwest::Body)>,
    ) -> Result<reqwest::Response, Failure> {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if let Some(key) = &self.key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        if let Some((kind, body)) = body {
            request = request.header("content-type", kind).body(body);
        }
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.map_err(|error| self.unreachable(&error))?;
        Err(self.refusal(status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        Failure::new(Exit::Unreachable, format!("no answer from {}: {}", self.base, root_cause(error)))
            .hint("is the gateway running there? set STROWGER_ENDPOINT to its address")
    }

    /// Sends what is read, however long it is, piece by piece.
    pub(crate) async fn post_file(
        &self,
        path: &str,
        kind: &str,
        file: impl Read + Send + Sync + 'static,
    ) -> Result<Value, Failure> {
        let pieces = stream::try_unfold(file, async |mut file| {
            let mut piece = vec![0; PIECE];
            let length = file.read(&mut piece)?;
            piece.truncate(length);
            std::io::Result::Ok((length > 0).then(|| (Frame::data(Bytes::from(piece)), file)))
        });
        let body = reqwest::Body::wrap(StreamBody::new(pieces));
        let answer = self.answer(Method::POST, path, Some((kind, body))).await?;
        let text = answer.text().await.map_err(|error| self.unreachable(&error))?;
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// Writes an answer as it comes, however long it is.
    pub(crate) async fn download(&self, path: &str, into: &mut impl Write) -> Result<(), Failure> {
        let mut answer = self.answer(Method::GET, path, None).await?;
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unreachable(&error))? {
            match into.write_all(&piece) {
                // Whoever read us has had enough, as `head` does.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written?,
            }
        }
        Ok(into.flush()?)
    }

    fn refusal(&self, status: StatusCode, problem: Value) -> Failure {
        let exit = match status.as_u16() {
            401 | 403 => Exit::NotAllowed,
            404 => Exit::NotFound,
            409 => Exit::Conflict,
            400 | 413 | 415 | 422 => Exit::Invalid,
            429 | 503 => Exit::Unreachable,
            _ => Exit::Unexpected,
        };
        let text = |field: &str| problem.get(field).and_then(Value::as_str).unwrap_or_default();
        let mut message = match text("code") {
            "" => format!("{} answered {status}", self.base),
            code => {
                format!("[{code}] {}", if text("detail").is_empty() { text("title") } else { text("detail") })
            }
        };
        for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
            message.push_str(&format!("\n  {}: {}", field("pointer"), field("detail")));
        }
        let mut failure = Failure::new(exit, message);
        let page = problem.get("type").and_then(Value::as_str).map(str::to_owned);
        let lacks_key = exit == Exit::NotAllowed && self.key.is_none();
        failure.hint =
            if lacks_key { Some("set STROWGER_API_KEY to a key of the gateway".to_owned()) } else { page };
        failure.problem = Some(problem);
        failure
    }
}

/// The innermost source says what went wrong; the layers above only say that something did.
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Those parameters that were given, to follow others in a query string.
pub(crate) fn further(parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    given.map(|(name, value)| format!("&{name}={}", escaped(value))).collect()
}

/// A value for a query string.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
