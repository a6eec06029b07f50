//! The SMPP door: applications bind to it, submit, and get their receipts as deliver_sm.
//!
//! A submit_sm is answered once its message is durable, in whatever order that happens, and many of a line are under way
//! at once. Receipts wait in the store like webhooks do; here they go out on any bind of their app that receives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::AppId;
use domain::setting::Rate;
use pipeline::Pipeline;
use smpp_wire::connection;
use smpp_wire::session::{self, CloseReason};
use smpp_wire::status::CommandStatus;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::Secret;

mod accounts;
mod ask;
mod binds;
mod line;
mod parts;
mod receipt;
mod submit;

pub use binds::Binds;

use accounts::Accounts;
use line::Line;
use parts::Parts;

/// What the configuration says of an app's account.
#[derive(Clone, Debug)]
pub struct Account {
    pub app: AppId,
    pub system_id: String,
    pub password: Secret,
    pub max_binds: usize,
    /// The app has a country, in which digits without a type of number are read.
    pub reads_national: bool,
    /// Submissions, over all binds of the account. None: as many as it likes.
    pub throughput: Option<Rate>,
}

/// What the configuration says of the door.
#[derive(Clone, Debug)]
pub struct Settings {
    pub accounts: Vec<Account>,
    /// So long after its first part a text that is not whole is given up.
    pub parts_within: Duration,
}

/// What all lines share.
struct Shared {
    pipeline: Pipeline,
    accounts: Accounts,
    parts: Arc<Parts>,
    binds: Arc<Binds>,
}

/// A door that is open. End it by `shut_down`.
pub struct Door {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: JoinSet<()>,
}

/// Submissions of one line that may wait for their commit: beyond this they are refused, which a client takes as a hint
/// to wait.
const MAX_UNANSWERED: usize = 5_000;
/// Receipts of one line that may wait for their answers.
const RECEIPT_WINDOW: usize = 100;
const RECEIPT_ANSWERED_WITHIN: Duration = Duration::from_secs(30);
/// Lines at once; more wait in the system's queue until one ends.
const MAX_LINES: usize = 10_000;
/// A line that has not bound by then is closed.
const BOUND_WITHIN: Duration = Duration::from_secs(10);
/// An accept that failed for want of file descriptors is tried again after this.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// After a drain began, submissions under way have this long to be answered.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

impl Door {
    /// Lets applications in.
    ///
    /// # Errors
    /// When the listener has no address, or the store cannot be asked for parts.
    pub async fn open(
        listener: TcpListener,
        pipeline: Pipeline,
        settings: &Settings,
        binds: Arc<Binds>,
    ) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        let parts = Arc::new(Parts::default());
        parts.load(pipeline.parts().await?);
        let shared = Arc::new(Shared { pipeline, accounts: Accounts::new(&settings.accounts), parts, binds });
        let (stop, stopped) = watch::channel(false);
        let mut accepting = JoinSet::new();
        accepting.spawn(give_up_parts(Arc::clone(&shared), settings.parts_within, stopped.clone()));
        accepting.spawn(accept(listener, Arc::clone(&shared), stopped));
        Ok(Self { shared, address, stop, accepting })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Puts other accounts in place, for the next bind. Lines whose account is gone or has another password are ended.
    pub fn reconfigure(&self, accounts: &[Account]) {
        let Shared { accounts: open, binds, .. } = &*self.shared;
        open.replace(accounts);
        binds.end_unless(|account| open.still_has(account));
    }

    /// Lets nobody in any more, answers what is under way, and unbinds all lines.
    pub async fn shut_down(mut self) {
        self.stop.send_replace(true);
        while self.accepting.join_next().await.is_some() {}
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut lines = JoinSet::new();
    loop {
        // Every branch is cancel-safe: a line is taken only when its branch is chosen.
        tokio::select! {
            _ = stopped.changed() => break,
            Some(_) = lines.join_next() => {}
            accepted = listener.accept(), if lines.len() < MAX_LINES => match accepted {
                Ok((socket, peer)) => {
                    lines.spawn(serve(socket, peer, Arc::clone(&shared)));
                }
                Err(error) => {
                    tracing::warn!(%error, "an SMPP connection could not be accepted");
                    tokio::time::sleep(ACCEPT_AGAIN).await;
                }
            },
        }
    }
    drop(listener);
    shared.binds.end_all();
    let all_ended = async { while lines.join_next().await.is_some() {} };
    if timeout(ANSWERS_WITHIN, all_ended).await.is_err() {
        tracing::warn!("some SMPP lines did not end in time and are cut");
        lines.shutdown().await;
    }
}

/// Looks again and again for texts that will never be whole, until the door closes.
async fn give_up_parts(shared: Arc<Shared>, within: Duration, mut stopped: watch::Receiver<bool>) {
    let every = (within / 10).clamp(Duration::from_millis(100), Duration::from_secs(10));
    while timeout(every, stopped.changed()).await.is_err() {
        shared.parts.expire(&shared.pipeline, &|app| shared.accounts.of(app), within);
    }
}

async fn serve(socket: TcpStream, peer: SocketAddr, shared: Arc<Shared>) {
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(%error, "a socket kept its delay");
    }
    let (connection, handle) = connection::server(socket, line_settings());
    let mut line = Line::new(shared, handle, peer);
    let reason = connection.run(&mut line).await;
    if matches!(reason, CloseReason::PeerUnbound | CloseReason::PeerClosed | CloseReason::Unbound) {
        tracing::debug!(%peer, %reason, "an SMPP line ended");
    } else {
        tracing::info!(%peer, system_id = line.system_id(), %reason, "an SMPP line ended");
    }
}

fn line_settings() -> connection::Settings {
    connection::Settings {
        session: session::Settings {
            window: RECEIPT_WINDOW,
            response_timeout: RECEIPT_ANSWERED_WITHIN,
            session_init_timeout: BOUND_WITHIN,
            max_unanswered: MAX_UNANSWERED,
            busy_status: CommandStatus::RTHROTTLED,
            ..session::Settings::default()
        },
        request_queue: RECEIPT_WINDOW,
        ..connection::Settings::default()
    }
}
