//! The SMPP door: applications bind to it, submit, and get their receipts as deliver_sm.
//!
//! A submit_sm is answered once its message is durable, in whatever order that happens, and many of a line are under way
//! at once. Receipts wait in the store like webhooks do; here they go out on any bind of their app that receives.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use domain::AppId;
use domain::setting::Rate;
use pipeline::Pipeline;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::config::Secret;
use crate::network::Networks;
use crate::tls::{Identity, Pair};

mod accounts;
mod ask;
mod binds;
mod failures;
mod line;
mod multi;
mod parts;
mod ports;
mod proxy;
mod receipt;
mod replace;
mod submit;
mod texts;
mod written;

pub use binds::Binds;
pub use ports::Ports;

use accounts::Accounts;
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
    /// From where it may bind; none: from anywhere.
    pub ips: Networks,
}

/// What the configuration says of the door's port with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    pub listen: SocketAddr,
    pub pair: Pair,
}

/// What the configuration says of the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where clients come in without TLS.
    pub listen: Option<SocketAddr>,
    pub tls: Option<Tls>,
    /// Whoever comes from here says by the PROXY protocol for whom.
    pub proxies: Networks,
    /// So long after its first part a text that is not whole is given up.
    pub parts_within: Duration,
}

/// What all lines share.
struct Shared {
    pipeline: Pipeline,
    accounts: Accounts,
    parts: Arc<Parts>,
    binds: Arc<Binds>,
    proxies: ArcSwap<Networks>,
    /// With a port for TLS.
    identity: Option<Identity>,
}

/// A door that is open. End it by `shut_down`.
pub struct Door {
    shared: Arc<Shared>,
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    open: JoinSet<()>,
}

impl Door {
    /// Lets applications in.
    ///
    /// # Errors
    /// When the store cannot be asked for parts.
    pub async fn open(
        mut ports: Ports,
        pipeline: Pipeline,
        accounts: &[Account],
        binds: Arc<Binds>,
    ) -> anyhow::Result<Self> {
        let parts = Arc::new(Parts::default());
        parts.load(pipeline.parts().await?);
        let (address, tls_address) = (ports.plain_address(), ports.tls_address());
        let parts_within = ports.settings.parts_within;
        let shared = Arc::new(Shared {
            pipeline,
            accounts: Accounts::new(accounts),
            parts,
            binds,
            proxies: ArcSwap::from_pointee(ports.settings.proxies.clone()),
            identity: ports.identity.take(),
        });
        let (stop, stopped) = watch::channel(false);
        let mut open = JoinSet::new();
        open.spawn(give_up_parts(Arc::clone(&shared), parts_within, stopped.clone()));
        open.spawn(ports::accept(ports, Arc::clone(&shared), stopped));
        if let Some(address) = address {
            tracing::info!(%address, accounts = accounts.len(), "serving SMPP");
        }
        if let Some(address) = tls_address {
            tracing::info!(%address, accounts = accounts.len(), "serving SMPP over TLS");
        }
        Ok(Self { shared, address: address.or(tls_address), stop, open })
    }

    /// Where applications bind: the plain port, when there is one.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// Puts other accounts in place: at once, also for those that are bound. Lines whose account is gone, has another
    /// password or no longer admits their address are ended. The certificate is read again, for the next handshake.
    pub fn reconfigure(&self, settings: Option<&Settings>, accounts: &[Account]) {
        let Shared { accounts: open, binds, proxies, identity, .. } = &*self.shared;
        open.replace(accounts);
        binds.end_unless(|account, peer| open.still_admits(account, peer));
        let Some(settings) = settings else { return };
        proxies.store(Arc::new(settings.proxies.clone()));
        if let (Some(identity), Some(tls)) = (identity, &settings.tls) {
            match identity.read_again(&tls.pair) {
                Ok(()) => tracing::info!("the certificate of the SMPP server was read again"),
                Err(error) => {
                    tracing::error!(%error, "the SMPP server's certificate is kept: the new one is wrong");
                }
            }
        }
    }

    /// Lets nobody in any more, answers what is under way, and unbinds all lines.
    pub async fn shut_down(mut self) {
        self.stop.send_replace(true);
        while self.open.join_next().await.is_some() {}
    }
}

/// Looks again and again for texts that will never be whole, until the door closes.
async fn give_up_parts(shared: Arc<Shared>, within: Duration, mut stopped: watch::Receiver<bool>) {
    let every = (within / 10).clamp(Duration::from_millis(100), Duration::from_secs(10));
    while timeout(every, stopped.changed()).await.is_err() {
        shared.parts.expire(&shared.pipeline, &|app| shared.accounts.of(app), within);
    }
}
