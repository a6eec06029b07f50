//! Connections to endpoints, kept between webhooks: HTTP/1.1, one request at a time on each.
//!
//! A connection has no task of its own: whoever has a request on it moves its bytes, which saves two switches of tasks
//! for each webhook. The general client that was here before cost three times as much for each request. Nothing is
//! redirected, and no proxy of the environment is asked: it would connect to what `address` refuses.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use reqwest::Url;
use rustc_hash::FxHashMap;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::address::{self, Private};

const IDLE_FOR: Duration = Duration::from_secs(60);
/// Names that are looked up at once.
const LOOKUPS: usize = 64;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The idle connections of all endpoints.
pub(super) struct Lines {
    private: Private,
    tls: TlsConnector,
    lookups: Arc<Semaphore>,
    /// Locked for moments, to take one out or to put it back.
    idle: Mutex<Idle>,
}

struct Idle {
    by_origin: FxHashMap<Box<str>, Vec<Line>>,
    swept_at: Instant,
}

/// One connection.
pub(super) struct Line {
    requests: SendRequest<Full<Bytes>>,
    /// Moves the bytes. It ends with the connection.
    transport: Pin<Box<dyn Future<Output = ()> + Send>>,
    has_ended: bool,
    used_at: Instant,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoLine {
    #[error("the URL has no host or port")]
    NoHost,
    #[error("{0} has no public address")]
    NotPublic(String),
    #[error("no connection within {} s", CONNECT_TIMEOUT.as_secs())]
    TooSlow,
    #[error("no connection: {0}")]
    Failed(#[from] io::Error),
    #[error("no HTTP: {0}")]
    Http(#[from] hyper::Error),
}

impl Lines {
    pub(super) fn new(private: Private) -> Self {
        crate::tls::install_provider();
        let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let tls = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let idle = Idle { by_origin: FxHashMap::default(), swept_at: Instant::now() };
        let lookups = Arc::new(Semaphore::new(LOOKUPS));
        Self { private, tls: TlsConnector::from(Arc::new(tls)), lookups, idle: Mutex::new(idle) }
    }

    /// A kept connection to the host of the URL, if there is one.
    pub(super) fn take(&self, url: &Url) -> Option<Line> {
        let mut idle = self.idle.lock();
        let lines = idle.by_origin.get_mut(origin(url))?;
        // The one used last: those that are too many grow old and go.
        let line = lines.pop()?;
        (line.used_at.elapsed() < IDLE_FOR).then_some(line)
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn put_back(&self, url: &Url, mut line: Line) {
        if line.has_ended {
            return;
        }
        let now = Instant::now();
        line.used_at = now;
        let mut idle = self.idle.lock();
        if now.duration_since(idle.swept_at) >= IDLE_FOR {
            idle.swept_at = now;
            idle.by_origin.retain(|_, lines| {
                lines.retain(|line| now.duration_since(line.used_at) < IDLE_FOR);
                !lines.is_empty()
            });
        }
        // No more than were in use at once: whoever opened them asked for so many.
        if let Some(lines) = idle.by_origin.get_mut(origin(url)) {
            lines.push(line);
            return;
        }
        idle.by_origin.insert(origin(url).into(), vec![line]);
    }

    pub(super) async fn open(&self, url: &Url) -> Result<Line, NoLine> {
        timeout(CONNECT_TIMEOUT, self.connect(url)).await.unwrap_or(Err(NoLine::TooSlow))
    }

    async fn connect(&self, url: &Url) -> Result<Line, NoLine> {
        let host = url.host_str().ok_or(NoLine::NoHost)?.trim_matches(['[', ']']);
        let port = url.port_or_known_default().ok_or(NoLine::NoHost)?;
        // What was looked at is what is connected to.
        let found: Vec<SocketAddr> = match host.parse::<IpAddr>() {
            Ok(literal) => vec![SocketAddr::new(literal, port)],
            Err(_) => self.look_up(host.to_owned(), port).await?,
        };
        let allowed = address::permitted(found, self.private);
        if allowed.is_empty() {
            return Err(NoLine::NotPublic(host.to_owned()));
        }
        let stream = TcpStream::connect(&*allowed).await?;
        stream.set_nodelay(true)?;
        if url.scheme() != "https" {
            return Line::over(stream).await;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Line::over(self.tls.connect(name, stream).await?).await
    }
}

impl Lines {
    /// By the system, on a thread. A resolver that hangs holds as many of those as there are lookups at once, and not
    /// those that read the store: the permit stays with the thread, also when nobody waits for it any more.
    async fn look_up(&self, host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.lookups).acquire_owned().await.map_err(io::Error::other)?;
        let found = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            (host.as_str(), port).to_socket_addrs().map(Iterator::collect)
        });
        found.await.map_err(io::Error::other)?
    }
}

impl Line {
    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Self, NoLine> {
        let (requests, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // How it ended is told to whoever has a request on it.
        let transport = Box::pin(async move { drop(connection.await) });
        Ok(Self { requests, transport, has_ended: false, used_at: Instant::now() })
    }

    /// Sends a request and hands its answer to `read`.
    pub(super) async fn ask<T>(
        &mut self,
        request: Request<Full<Bytes>>,
        read: impl AsyncFnOnce(Response<Incoming>) -> T,
    ) -> Result<T, hyper::Error> {
        let Self { requests, transport, has_ended, .. } = self;
        let mut exchange = pin!(async move {
            requests.ready().await?;
            Ok(read(requests.send_request(request).await?).await)
        });
        poll_fn(|context| {
            if !*has_ended {
                *has_ended = transport.as_mut().poll(context).is_ready();
            }
            let answered = exchange.as_mut().poll(context);
            if answered.is_pending() && !*has_ended {
                // What the request put into the channel of the transport goes out now, not at the next wake-up.
                *has_ended = transport.as_mut().poll(context).is_ready();
                if *has_ended {
                    context.waker().wake_by_ref();
                }
            }
            answered
        })
        .await
    }
}

/// Scheme, host and port.
fn origin(url: &Url) -> &str {
    let text = url.as_str();
    text.get(..text.len() - url.path().len() - query_length(url)).unwrap_or(text)
}

fn query_length(url: &Url) -> usize {
    let after = |part: Option<&str>| part.map_or(0, |part| part.len() + 1);
    after(url.query()) + after(url.fragment())
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn the_origin_is_what_a_connection_is_for() {
        let of = |url: &str| origin(&Url::parse(url).unwrap()).to_owned();
        assert_eq!(of("https://a.example:8443/x/y?z=1#f"), "https://a.example:8443");
        assert_eq!(of("http://a.example"), "http://a.example");
        assert_eq!(of("http://[2001:db8::1]:80/?q"), "http://[2001:db8::1]");
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_not_connected_to() {
        let url = Url::parse("http://localhost:9/hook").unwrap();
        assert!(matches!(Lines::new(Private::Refused).open(&url).await, Err(NoLine::NotPublic(_))));
        assert!(matches!(Lines::new(Private::Allowed).open(&url).await, Err(NoLine::Failed(_))));
    }

    /// Answers requests on one connection after another, so many on each.
    async fn endpoint(requests_each: usize) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}/hook", listener.local_addr().unwrap())).unwrap();
        // It ends with the test's runtime.
        drop(tokio::task::spawn_local(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut heard = [0; 4096];
                for _ in 0..requests_each {
                    if stream.read(&mut heard).await.unwrap_or(0) > 0 {
                        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
                    }
                }
            }
        }));
        url
    }

    async fn ask(line: &mut Line) -> Result<u16, hyper::Error> {
        let request = Request::post("/hook").body(Full::new(Bytes::from("{}"))).unwrap();
        let read = async |response: Response<Incoming>| {
            let status = response.status().as_u16();
            response.into_body().collect().await.map(|_| status)
        };
        line.ask(request, read).await?
    }

    #[tokio::test]
    async fn a_connection_is_kept_and_one_that_was_closed_meanwhile_says_so() {
        tokio::task::LocalSet::new()
            .run_until(async {
                let url = endpoint(2).await;
                let lines = Lines::new(Private::Allowed);
                assert!(lines.take(&url).is_none());
                let mut line = lines.open(&url).await.unwrap();
                assert_eq!(ask(&mut line).await.unwrap(), 200);
                lines.put_back(&url, line);
                let mut line = lines.take(&url).unwrap();
                assert_eq!(ask(&mut line).await.unwrap(), 200);
                // The endpoint has closed it by now, or will have.
                assert!(ask(&mut line).await.is_err());
                lines.put_back(&url, line);
                assert!(lines.take(&url).is_none(), "what has ended is not kept");
            })
            .await;
    }
}
