//! A simulated vendor: a message centre that is bound to, takes messages, and reports what became of them.

mod assembly;
mod core;
mod delivery;
mod ids;
mod session;
mod sessions;
mod settings;
mod stats;
mod submission;
mod throughput;
mod valve;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use smpp_wire::connection;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::core::{Core, Ending};
use self::session::Session;
use self::valve::Line;
use crate::behaviour::Behaviour;

pub use self::assembly::Received;
pub use self::delivery::{Error, Inbound};
pub use self::settings::{
    Account, IdFormat, ReceiptForm, ReceiptId, ResponseOrder, Settings, UnknownIdFormat,
};
pub use self::stats::Stats;

/// A running vendor. It owns its tasks, which end with `shutdown`, or soon after it is dropped.
pub struct Vendor {
    core: Arc<Core>,
    addr: SocketAddr,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// How long sessions may take to unbind before their lines are cut.
const UNBIND_GRACE: Duration = Duration::from_secs(2);

/// After an error of the listener, which mostly means that there are too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many octets a line in memory holds in each direction.
const LINE_CAPACITY: usize = 64 * 1024;

impl Vendor {
    /// Listens, and takes binds from now on.
    pub async fn start(settings: Settings) -> io::Result<Self> {
        let listener = TcpListener::bind(settings.listen).await?;
        let addr = listener.local_addr()?;
        let core = Arc::new(Core::new(settings, u64::from(addr.port())));
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(accept(listener, Arc::clone(&core), tasks.clone(), stop.clone()));
        tasks.spawn(keep_agenda(Arc::clone(&core), stop.clone()));
        Ok(Self { core, addr, tasks, stop })
    }

    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A line within the process, for tests with a paused clock: that clock does not wait for sockets.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (near, far) = tokio::io::duplex(LINE_CAPACITY);
        if !self.stop.is_cancelled() {
            serve(far, &self.core, &self.tasks);
        }
        near
    }

    /// Changes how it treats all numbers that have no behaviour of their own.
    pub fn set(&self, behaviour: Behaviour) {
        self.core.set("", behaviour);
    }

    /// Changes how it treats the numbers that begin with these digits. `Usual` ends that.
    pub fn set_for(&self, prefix: &str, behaviour: Behaviour) {
        self.core.set(prefix, behaviour);
    }

    /// Unbinds all sessions in order.
    pub fn unbind(&self) {
        self.core.end_sessions(Ending::Unbind);
    }

    /// Cuts all lines at once.
    pub fn cut(&self) {
        self.core.end_sessions(Ending::Cut);
    }

    /// Sends a message from a handset to the application, on any bind that receives, now or later.
    pub fn send(&self, inbound: &Inbound) -> Result<(), Error> {
        self.core.send(inbound)
    }

    /// The messages taken until now, whole ones only, the latest last.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.core.received()
    }

    /// How many long messages lack parts.
    #[must_use]
    pub fn incomplete(&self) -> usize {
        self.core.incomplete()
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        self.core.tally().read()
    }

    /// Waits until the counters are as wished, and returns them.
    pub async fn until(&self, condition: impl FnMut(&Stats) -> bool) -> Stats {
        self.core.tally().until(condition).await
    }

    /// Unbinds all sessions, cuts those that do not answer, and waits until every task has ended.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.unbind();
        if timeout(UNBIND_GRACE, self.tasks.wait()).await.is_err() {
            self.cut();
            self.tasks.wait().await;
        }
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.stop.cancel();
        self.cut();
    }
}

async fn accept(listener: TcpListener, core: Arc<Core>, tasks: TaskTracker, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, _)) => {
                if let Err(error) = socket.set_nodelay(true) {
                    tracing::debug!(%error, "a socket kept its delay");
                }
                serve(socket, &core, &tasks);
            }
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn keep_agenda(core: Arc<Core>, stop: CancellationToken) {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            due = core.due() => core.act(due),
        }
    }
}

fn serve<S>(socket: S, core: &Arc<Core>, tasks: &TaskTracker)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let line = Line::new(socket, Arc::clone(core.valve()));
    let (connection, handle) = connection::server(line, core.connection_settings());
    let mut session = Session::open(Arc::clone(core), handle);
    tasks.spawn(async move {
        let reason = connection.run(&mut session).await;
        tracing::debug!(%reason, "a session ended");
    });
}
