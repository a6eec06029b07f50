//! The HTTP server under the API: every connection has its time limits, and a drain lets each answer out.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::Request;
use axum::{BoxError, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tower::Service;

use crate::network::Networks;
use crate::tls::Identity;

mod forwarded;

/// Whose request it is: in the extensions of every request. An IPv4 address is one, also where the socket shows it as
/// IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client(pub(crate) IpAddr);

/// What the configuration says of the server, and may say anew.
#[derive(Default)]
pub(crate) struct Settings {
    /// Proxies whose word about the client is taken.
    pub(crate) trusted_proxies: ArcSwap<Networks>,
    /// None serves without TLS.
    pub(crate) identity: Option<Identity>,
}

/// What is spoken inside of TLS.
pub(crate) const PROTOCOLS: &[&[u8]] = &[b"h2", b"http/1.1"];

/// Whoever needs longer for the head of a request holds a connection and sends nothing.
const HEAD_WITHIN: Duration = Duration::from_secs(10);
/// Connections at once; more wait in the system's queue until one ends.
const MAX_CONNECTIONS: usize = 10_000;
/// After a drain began, answers under way have this long.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// An accept that failed for want of file descriptors is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves until `stopped` changes, then lets requests under way be answered.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Arc<Settings>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
    builder.http2().timer(TokioTimer::new()).keep_alive_interval(Some(Duration::from_secs(30)));
    let graceful = GracefulShutdown::new();
    let server = Arc::new(Server { builder, router, settings });
    let mut connections = JoinSet::new();
    loop {
        // Every branch is cancel-safe: a connection is taken only when its branch is chosen.
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, peer)) => {
                    no_delay(&stream);
                    let server = Arc::clone(&server);
                    connections.spawn(server.connection(stream, peer, graceful.watcher(), stopped.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    drop(listener);
    if timeout(ANSWERS_WITHIN, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were not answered in time and are cut");
    }
    connections.shutdown().await;
}

/// What all connections have in common.
struct Server {
    builder: Builder<TokioExecutor>,
    router: Router,
    settings: Arc<Settings>,
}

impl Server {
    /// One connection to its end. The handshake is its own affair: nobody else waits for a slow one.
    async fn connection(
        self: Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: Watcher,
        mut stopped: watch::Receiver<bool>,
    ) {
        let Some(identity) = &self.settings.identity else {
            return self.requests(stream, peer, watcher).await;
        };
        let handshake = timeout(HEAD_WITHIN, identity.acceptor().accept(stream));
        // A handshake may be dropped at any time: nothing was asked yet.
        let shaken = tokio::select! {
            _ = stopped.changed() => return,
            shaken = handshake => shaken,
        };
        match shaken {
            Ok(Ok(stream)) => Box::pin(self.requests(stream, peer, watcher)).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a client did not come to terms on TLS"),
            Err(_) => tracing::debug!(%peer, "a client did not finish its TLS handshake in time"),
        }
    }

    async fn requests<S>(&self, stream: S, peer: SocketAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::new(AtomicBool::new(false));
        let noticing = Noticing {
            router: self.router.clone(),
            asked: Arc::clone(&asked),
            peer: peer.ip(),
            settings: Arc::clone(&self.settings),
        };
        let service = TowerToHyperService::new(noticing);
        let connection = self.builder.serve_connection(TokioIo::new(stream), service).into_owned();
        until_ended(watcher.watch(connection), asked).await;
    }
}

/// The router of one connection, which notes that it was asked something, and by whom.
#[derive(Clone)]
struct Noticing {
    router: Router,
    asked: Arc<AtomicBool>,
    peer: IpAddr,
    settings: Arc<Settings>,
}

impl<B> Service<Request<B>> for Noticing
where
    Router: Service<Request<B>>,
{
    type Response = <Router as Service<Request<B>>>::Response;
    type Error = <Router as Service<Request<B>>>::Error;
    type Future = <Router as Service<Request<B>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.router.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.asked.store(true, Ordering::Relaxed);
        let trusted = self.settings.trusted_proxies.load();
        let client = forwarded::client(self.peer, request.headers(), &trusted);
        request.extensions_mut().insert(Client(client));
        self.router.call(request)
    }
}

/// Serves a connection to its end. One that asks nothing is cut: the limit on heads begins only with the first bytes
/// that tell which version of HTTP it is.
async fn until_ended(connection: impl Future<Output = Result<(), BoxError>>, asked: Arc<AtomicBool>) {
    let mut connection = pin!(connection);
    let ended = match timeout(HEAD_WITHIN, &mut connection).await {
        Ok(ended) => ended,
        Err(_) if asked.load(Ordering::Relaxed) => connection.await,
        Err(_) => return,
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a client's connection ended");
    }
}

/// Small answers must not wait for the next one to fill a packet. A socket that refuses the option still works.
fn no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY was refused");
    }
}

#[cfg(test)]
mod tests;
