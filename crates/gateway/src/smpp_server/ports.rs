//! The ways in: a plain port and one with TLS, and what comes before a line on either.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use smpp_wire::connection;
use smpp_wire::session::{self, CloseReason};
use smpp_wire::status::CommandStatus;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::line::Line;
use super::{Settings, Shared, proxy};
use crate::listener;
use crate::tls::Identity;

/// Ports that are taken, so that nobody else has them and nothing can fail later; nobody is let in yet.
pub struct Ports {
    pub(super) settings: Settings,
    pub(super) identity: Option<Identity>,
    plain: Option<TcpListener>,
    tls: Option<TcpListener>,
}

/// By which port somebody came.
#[derive(Clone, Copy)]
enum Way {
    Plain,
    Tls,
}

/// Submissions of one line that may wait for their commit: beyond this they are refused, which a client takes as a hint
/// to wait.
const MAX_UNANSWERED: usize = 5_000;
/// Receipts of one line that may wait for their answers.
const RECEIPT_WINDOW: usize = 100;
const RECEIPT_ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Lines at once, of both ports; more wait in the system's queues until one ends.
const MAX_LINES: usize = 10_000;
/// A line that has not bound by then is closed, a proxy's header and a handshake included.
const BOUND_WITHIN: Duration = Duration::from_secs(10);
/// An accept that failed for want of file descriptors is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// After a drain began, submissions under way have this long to be answered before we unbind.
const ANSWERS_WITHIN: Duration = Duration::from_secs(4);
/// After a drain began, lines that have not ended by then are cut.
const ENDED_WITHIN: Duration = Duration::from_secs(6);

impl Ports {
    /// Takes the ports and reads the certificate.
    ///
    /// # Errors
    /// When a port or the certificate cannot be had.
    pub fn take(settings: &Settings) -> anyhow::Result<Self> {
        let tls = settings.tls.as_ref();
        let identity =
            tls.map(|tls| Identity::read(&tls.pair, &[])).transpose().context("smpp_server.tls")?;
        Ok(Self {
            settings: settings.clone(),
            identity,
            plain: listen(settings.listen, "smpp_server.listen")?,
            tls: listen(tls.map(|tls| tls.listen), "smpp_server.tls.listen")?,
        })
    }

    pub(super) fn plain_address(&self) -> Option<SocketAddr> {
        self.plain.as_ref().and_then(|port| port.local_addr().ok())
    }

    pub(super) fn tls_address(&self) -> Option<SocketAddr> {
        self.tls.as_ref().and_then(|port| port.local_addr().ok())
    }
}

fn listen(at: Option<SocketAddr>, key: &str) -> anyhow::Result<Option<TcpListener>> {
    let Some(at) = at else { return Ok(None) };
    let port = listener::listen(at).with_context(|| format!("cannot listen on {at} ({key})"))?;
    Ok(Some(port))
}

/// Lets lines in until the door closes, then waits for their end.
pub(super) async fn accept(ports: Ports, shared: Arc<Shared>, stopped: watch::Receiver<bool>) {
    let mut lines = JoinSet::new();
    let mut stop = stopped.clone();
    loop {
        let has_room = lines.len() < MAX_LINES;
        // Every branch is cancel-safe: a line is taken only when its branch is chosen.
        let (accepted, way) = tokio::select! {
            _ = stop.changed() => break,
            Some(_) = lines.join_next() => continue,
            accepted = next(ports.plain.as_ref()), if has_room => (accepted, Way::Plain),
            accepted = next(ports.tls.as_ref()), if has_room => (accepted, Way::Tls),
        };
        match accepted {
            Ok((socket, peer)) => {
                lines.spawn(serve(socket, peer, way, Arc::clone(&shared), stopped.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "an SMPP connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
    drop(ports);
    let all_ended = async { while lines.join_next().await.is_some() {} };
    if timeout(ENDED_WITHIN, all_ended).await.is_err() {
        tracing::warn!("some SMPP lines did not end in time and are cut");
        lines.shutdown().await;
    }
}

async fn next(port: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match port {
        Some(port) => port.accept().await,
        None => std::future::pending().await,
    }
}

/// Whatever comes before the bind is bounded by one deadline, and ends at once when the door closes.
async fn serve(
    mut socket: TcpStream,
    peer: SocketAddr,
    way: Way,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let deadline = Instant::now() + BOUND_WITHIN;
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket kept its delay");
    }
    let told = tokio::select! {
        told = timeout_at(deadline, told_peer(&mut socket, peer, &shared)) => told,
        () = stopping(&mut stopped) => return,
    };
    let peer = match told {
        Ok(Ok(told)) => told,
        // It only looks whether the port is open.
        Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => return,
        Ok(Err(error)) => return tracing::info!(proxy = %peer, %error, "a proxy's SMPP connection is closed"),
        Err(_) => return tracing::info!(proxy = %peer, "a proxy did not say in time for whom it connects"),
    };
    match (way, &shared.identity) {
        (Way::Plain, _) | (Way::Tls, None) => Box::pin(line(socket, peer, deadline, shared, stopped)).await,
        (Way::Tls, Some(identity)) => {
            let handshake = identity.acceptor().accept(socket);
            let shaken = tokio::select! {
                shaken = timeout_at(deadline, handshake) => shaken,
                () = stopping(&mut stopped) => return,
            };
            match shaken {
                Ok(Ok(stream)) => Box::pin(line(stream, peer, deadline, shared, stopped)).await,
                Ok(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Ok(Err(error)) => tracing::info!(%peer, %error, "a TLS handshake for SMPP failed"),
                Err(_) => tracing::info!(%peer, "a TLS handshake for SMPP took too long"),
            }
        }
    }
}

/// Who is at the other end: whoever a proxy names that is believed, else the other end itself.
async fn told_peer(socket: &mut TcpStream, peer: SocketAddr, shared: &Shared) -> io::Result<SocketAddr> {
    if !shared.proxies.load().contains(peer.ip()) {
        return Ok(peer);
    }
    Ok(proxy::read(socket).await?.unwrap_or(peer))
}

async fn line<S: AsyncRead + AsyncWrite>(
    socket: S,
    peer: SocketAddr,
    deadline: Instant,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let bound_within = deadline.saturating_duration_since(Instant::now());
    let (connection, handle) = connection::server(socket, line_settings(bound_within));
    let mut line = Line::new(shared, handle.clone(), peer);
    let reason = {
        let mut running = Box::pin(connection.run(&mut line));
        tokio::select! {
            reason = &mut running => reason,
            () = stopping(&mut stopped) => {
                handle.close();
                running.await
            }
        }
    };
    if matches!(reason, CloseReason::PeerUnbound | CloseReason::PeerClosed | CloseReason::Unbound) {
        tracing::debug!(%peer, %reason, "an SMPP line ended");
    } else {
        tracing::info!(%peer, system_id = line.system_id().as_deref(), %reason, "an SMPP line ended");
    }
}

/// The door closes, or is gone.
async fn stopping(stopped: &mut watch::Receiver<bool>) {
    drop(stopped.wait_for(|stopped| *stopped).await);
}

fn line_settings(bound_within: Duration) -> connection::Settings {
    connection::Settings {
        session: session::Settings {
            window: RECEIPT_WINDOW,
            response_timeout: RECEIPT_ANSWERED_WITHIN,
            session_init_timeout: bound_within,
            max_unanswered: MAX_UNANSWERED,
            busy_status: CommandStatus::RTHROTTLED,
            unbind_grace: ANSWERS_WITHIN,
            ..session::Settings::default()
        },
        request_queue: RECEIPT_WINDOW,
        ..connection::Settings::default()
    }
}
