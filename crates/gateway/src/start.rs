//! Wires every part; read it top to bottom. Nothing else in the program builds anything that runs.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use connectors::smpp::{Client, Running, Start};
use domain::{ConnectionId, Record};
use pipeline::{Clock, Pipeline, Resume, Teller, Told};
use rand::Rng as _;
use rand::rngs::StdRng;
use store::Notice;
use store::sqlite::{self, Synchronous};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::api::{self, Api};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::http;
use crate::metrics::Metrics;
use crate::smpp_server::{Binds, Door, Ports};
use crate::webhooks::{self, Webhooks, address};

/// Whether the vendors are real.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Live,
    /// The vendors are simulated and the data may be thrown away.
    Demo,
}

/// A running gateway. End it by `drain`.
pub struct Gateway {
    pipeline: Pipeline,
    api: Arc<Api>,
    webhooks: Arc<Webhooks>,
    door: Option<Door>,
    connections: Vec<(ConnectionId, Running)>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    address: SocketAddr,
    mode: Mode,
}

/// How long requests that are being served at the end may take. Some clients never finish theirs.
const REQUESTS_END_WITHIN: Duration = Duration::from_secs(5);

impl Gateway {
    /// Takes the port, opens the store, takes up what the last run left, opens the connections and then the API. A store
    /// that was restored opens no connection before `resume` says what becomes of what was open in it.
    ///
    /// # Errors
    /// When the store, a certificate or a port cannot be had.
    pub async fn start(config: &Config, mode: Mode, resume: Option<Resume>) -> anyhow::Result<Self> {
        crate::tls::install_provider();
        tokio::task::spawn_blocking(domain::number::prepare).await?;
        let clock = Arc::new(SystemClock::default());
        let mut random: StdRng = rand::make_rng();
        let seed = random.next_u64();

        // First, because messages of the last run leave as soon as the connections are open: a start that cannot succeed
        // must not have sent anything.
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("cannot listen on {} (server.listen)", config.listen))?;
        let address = listener.local_addr()?;
        let ports = match &config.smpp_server {
            Some(settings) => Some(Ports::take(settings).await?),
            None => None,
        };

        let (writer, reader) = open_store(config)?;
        let metrics = Arc::new(Metrics::default());
        let webhooks = Arc::new(Webhooks::new(
            webhook_settings(config, address),
            private(config),
            Arc::<SystemClock>::clone(&clock),
        ));
        let binds = Arc::new(Binds::default());
        let tellers =
            Tellers { webhooks: Arc::clone(&webhooks), binds: Arc::clone(&binds), clock: Arc::clone(&clock) };
        let pipeline = Pipeline::start(pipeline::Settings {
            writer: Box::new(writer),
            reader: Arc::new(reader),
            clock: Arc::<SystemClock>::clone(&clock),
            observer: Arc::<Metrics>::clone(&metrics),
            teller: Arc::new(tellers),
            table: Arc::clone(&config.table),
            apps: config.pipeline_apps(),
            retention: config.retention,
            resume,
            random,
            workplace: pipeline::Workplace::Threads,
        })
        .await
        .context("the pipeline cannot be started")?;

        let connections = if pipeline.is_on_hold() {
            Vec::new()
        } else {
            open_connections(config, &pipeline, &Arc::<SystemClock>::clone(&clock), seed)?
        };

        let api = Api::new(pipeline.clone(), metrics, api_settings(config, mode, address));
        let door = match ports {
            Some(ports) => {
                let door = Door::open(ports, pipeline.clone(), &config.smpp_accounts(), binds).await;
                Some(door.context("the SMPP door cannot be opened")?)
            }
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(http::serve(listener, api::router(Arc::clone(&api)), stopped));
        for what in &config.not_served {
            tracing::warn!("configured and not served yet: {what}");
        }
        tracing::info!(%address, routes = config.table.routes().len(), connections = connections.len(), "serving");
        Ok(Self { pipeline, api, webhooks, door, connections, tasks, stop, address, mode })
    }

    /// Where the API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where applications bind, when that is configured.
    #[must_use]
    pub fn smpp_address(&self) -> Option<SocketAddr> {
        self.door.as_ref().and_then(Door::address)
    }

    #[must_use]
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// Puts another configuration's apps, keys, routes, prices and policy in place. Addresses, the store's folder and
    /// connections are as they were at the start; what of them changed takes a restart and is returned.
    pub fn reconfigure(&self, config: &Config) -> Vec<String> {
        self.pipeline.reconfigure(Arc::clone(&config.table), config.pipeline_apps(), config.retention);
        self.webhooks.reconfigure(webhook_settings(config, self.address));
        if let Some(door) = &self.door {
            door.reconfigure(config.smpp_server.as_ref(), &config.smpp_accounts());
        }
        self.api.reconfigure(api_settings(config, self.mode, self.address));
        let configured: Vec<&ConnectionId> = config.connections().map(|connection| &connection.id).collect();
        let open: Vec<&ConnectionId> = self.connections.iter().map(|(id, _)| id).collect();
        if self.pipeline.is_on_hold() {
            return Vec::new();
        }
        let added =
            configured.iter().filter(|id| !open.contains(*id)).map(|id| format!("new connection {id}"));
        let removed =
            open.iter().filter(|id| !configured.contains(*id)).map(|id| format!("removed connection {id}"));
        added.chain(removed).collect()
    }

    /// Accepts no more, awaits the answers on the wire, leaves the queue in the store.
    pub async fn drain(mut self) {
        self.stop.send_replace(true);
        if let Some(door) = self.door {
            door.shut_down().await;
        }
        let mut closing = JoinSet::new();
        for (_, connection) in self.connections {
            closing.spawn(connection.shutdown());
        }
        while closing.join_next().await.is_some() {}
        let all_answered = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(REQUESTS_END_WITHIN, all_answered).await.is_err() {
            tracing::warn!("clients that never finished their requests are left");
            self.tasks.shutdown().await;
        }
        self.pipeline.shut_down().await;
    }
}

/// Tells by the way that a message came.
struct Tellers {
    webhooks: Arc<Webhooks>,
    binds: Arc<Binds>,
    clock: Arc<SystemClock>,
}

impl Teller for Tellers {
    fn tell(&self, notice: Notice, record: Arc<Record>) -> Pin<Box<dyn Future<Output = Told> + Send>> {
        if Binds::are_told(&notice) {
            let binds = Arc::clone(&self.binds);
            let now = self.clock.now();
            return Box::pin(async move { binds.tell(&notice, &record, now).await });
        }
        self.webhooks.tell(notice, record)
    }
}

fn open_store(config: &Config) -> anyhow::Result<(sqlite::SqliteWriter, sqlite::SqliteReader)> {
    let path = &config.store;
    match config.synchronous {
        Synchronous::Full => {}
        Synchronous::Off => {
            tracing::error!("store.synchronous is off: ACCEPTED MESSAGES ARE LOST when the power fails");
        }
    }
    // The store holds texts and numbers: whoever else is on the machine has no business in a folder that we make.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("the store's folder {} cannot be made", path.display()))?;
    let options = sqlite::Options { vfs: None, synchronous: config.synchronous };
    sqlite::open(path, &options).with_context(|| format!("the store in {} cannot be opened", path.display()))
}

fn open_connections(
    config: &Config,
    pipeline: &Pipeline,
    clock: &Arc<SystemClock>,
    seed: u64,
) -> anyhow::Result<Vec<(ConnectionId, Running)>> {
    let mut opened = Vec::new();
    for (number, connection) in (0_u64..).zip(config.connections()) {
        let clock = Arc::clone(clock);
        let (client, running) = Client::start(Start {
            id: connection.id.clone(),
            settings: connection.smpp.clone(),
            events: pipeline.events(),
            clock: Arc::new(move || clock.now()),
            seed: seed.wrapping_add(number),
        })
        .with_context(|| format!("the connection {} cannot be opened", connection.id))?;
        opened.push((connection.id.clone(), client, running));
    }
    // Only now, when all of them could be opened: from here on messages leave.
    let mut connections = Vec::new();
    for (id, client, running) in opened {
        pipeline.connect(client);
        connections.push((id, running));
    }
    Ok(connections)
}

fn private(config: &Config) -> address::Private {
    if config.allow_private { address::Private::Allowed } else { address::Private::Refused }
}

fn public_url(config: &Config, address: SocketAddr) -> String {
    if config.public_url.is_empty() { format!("http://{address}") } else { config.public_url.clone() }
}

fn webhook_settings(config: &Config, address: SocketAddr) -> webhooks::Settings {
    webhooks::Settings { endpoints: config.endpoints(), public_url: public_url(config, address) }
}

fn api_settings(config: &Config, mode: Mode, address: SocketAddr) -> api::Settings {
    api::Settings {
        keys: config.keys(),
        apps: config.pipeline_apps(),
        public_url: public_url(config, address),
        private: private(config),
        simulated: mode == Mode::Demo,
    }
}
