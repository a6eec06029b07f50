//! Asks a proxy for a line to the vendor, by SOCKS 5 or by HTTP CONNECT.
//!
//! The vendor's name goes to the proxy as it is: behind a proxy our own resolver often knows no names of the outside.

use std::future::{Ready, ready};
use std::io;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Request, StatusCode, Uri};
use hyper_util::client::legacy::connect::proxy::SocksV5;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::dial::Stream;
use super::settings::{Login, Proxy, ProxyKind};

/// Why the proxy gave us no line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the vendor's host cannot be written as a proxy wants it")]
    Target,
    #[error("{0}")]
    Socks(String),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("it does not speak HTTP: {0}")]
    Http(#[from] hyper::Error),
}

/// Turns a line to the proxy into one to the vendor. It has no deadline of its own, and may be dropped at any time.
///
/// # Errors
/// When the proxy refuses, or is none.
pub(super) async fn open(
    proxy: &Proxy,
    line: TcpStream,
    (host, port): (&str, u16),
) -> Result<Box<dyn Stream>, Error> {
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let target: Uri = authority.parse().map_err(|_| Error::Target)?;
    match proxy.kind {
        ProxyKind::Socks5 => socks(proxy.login.as_ref(), line, target).await,
        ProxyKind::Http => connect(proxy.login.as_ref(), line, target).await,
    }
}

async fn socks(login: Option<&Login>, line: TcpStream, target: Uri) -> Result<Box<dyn Stream>, Error> {
    // Where the proxy is matters only to whoever opens lines, and this one is open.
    let mut socks = SocksV5::new(target.clone(), OpenLine(Some(TokioIo::new(line))));
    if let Some(Login { user, password }) = login {
        socks = socks.with_auth(user.clone(), password.reveal().to_owned());
    }
    let tunnel = socks.call(target).await.map_err(|error| Error::Socks(error.to_string()))?;
    Ok(Box::new(tunnel.into_inner()))
}

async fn connect(login: Option<&Login>, line: TcpStream, target: Uri) -> Result<Box<dyn Stream>, Error> {
    let host = HeaderValue::from_str(&target.to_string()).map_err(|_| Error::Target)?;
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.method_mut() = hyper::Method::CONNECT;
    *request.uri_mut() = target;
    request.headers_mut().insert(HOST, host);
    if let Some(Login { user, password }) = login {
        let credentials = STANDARD.encode(format!("{user}:{}", password.reveal()));
        let mut value = HeaderValue::from_str(&format!("Basic {credentials}")).map_err(|_| Error::Target)?;
        value.set_sensitive(true);
        request.headers_mut().insert(PROXY_AUTHORIZATION, value);
    }
    // Some proxies look for their headers in the usual case only.
    let http = http1::Builder::new().title_case_headers(true).handshake(TokioIo::new(line));
    let (mut requests, connection) = http.await?;
    let exchange = async move {
        let response = requests.send_request(request).await?;
        if !response.status().is_success() {
            return Err(Error::Status(response.status()));
        }
        Ok(hyper::upgrade::on(response).await?)
    };
    // The connection ends with the exchange: it becomes the tunnel, or nobody asks anything any more. What the proxy
    // sent behind its answer is read from the tunnel first.
    let (_, tunnel) = tokio::join!(connection.with_upgrades(), exchange);
    Ok(Box::new(TokioIo::new(tunnel?)))
}

/// Gives away the one line that it has.
struct OpenLine(Option<TokioIo<TcpStream>>);

impl Service<Uri> for OpenLine {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<TcpStream>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::Error::other("the line is given away already")))
    }
}
