//! Wires every part; read it top to bottom. Nothing else in the program builds anything that runs.

use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use arc_swap::ArcSwap;
use domain::{ConnectionId, Record, Timestamp};
use pipeline::{Clock, Pipeline, Resume, Teller, Told};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use store::sqlite::{self, Synchronous};
use store::{Change, Changed, Notice, Write, Writer};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::agreements;
use crate::api::{self, Api};
use crate::audit;
use crate::clock::SystemClock;
use crate::config::{self, Config};
use crate::http;
use crate::imported;
use crate::listener;
use crate::metrics::Metrics;
use crate::operators::{self, Operators};
use crate::smpp_server::{Binds, Door, Ports};
use crate::tls::Identity;
use crate::versions::Versions;
use crate::webhooks::{self, Webhooks, address};

mod connections;

use connections::Connections;

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
    http: Arc<http::Settings>,
    webhooks: Arc<Webhooks>,
    operators: Arc<Operators>,
    /// Writes what is learnt of operators.
    keeping: JoinSet<()>,
    door: Option<Door>,
    connections: Connections,
    /// What a reload does not change, each with its key.
    fixed: Fixed,
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
        tokio::task::spawn_blocking(prepare_numbers).await?;
        let clock = Arc::new(SystemClock::default());
        let mut random: StdRng = rand::make_rng();
        let of_connections = StdRng::from_rng(&mut random);

        // First, because messages of the last run leave as soon as the connections are open: a start that cannot succeed
        // must not have sent anything.
        let listener = listener::listen(config.listen)
            .with_context(|| format!("cannot listen on {} (server.listen)", config.listen))?;
        let address = listener.local_addr()?;
        let ports = match &config.smpp_server {
            Some(settings) => Some(Ports::take(settings)?),
            None => None,
        };

        let http = Arc::new(http_settings(config)?);
        let (mut writer, reader) = open_store(config)?;
        if let Some(resume) = &resume {
            note_resume(&mut writer, resume, clock.now())?;
        }
        let is_on_hold = writer.is_on_hold()? && resume.is_none();
        let started = Versions::start(&mut writer, &reader, &config.routing, is_on_hold, clock.now());
        let (versions, tables) = started.context("no policy can be obeyed")?;
        let metrics = Arc::new(Metrics::default());
        let operators = Operators::load(
            config.operators.clone(),
            &reader,
            Arc::<SystemClock>::clone(&clock),
            Arc::clone(&metrics),
        )
        .context("what is known of operators cannot be taken up")?;
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
            operators: Arc::new(operators::Door(Arc::clone(&operators))),
            tables,
            apps: config.pipeline_apps(),
            retention: config.retention,
            resume,
            random,
            workplace: pipeline::Workplace::Threads,
        })
        .await
        .context("the pipeline cannot be started")?;

        let settings = api_settings(config, mode, address);
        pipeline.agree(agreements::of(&settings));
        let mut connections = Connections::new(pipeline.clone(), clock, of_connections);
        // None is opened unless all can be: from then on messages leave.
        let mut changes = connections.compare(config)?;
        connections.map_errors(config);
        connections.open_new(&mut changes);

        let api = Api::new(pipeline.clone(), metrics, Arc::clone(&operators), Arc::new(versions), settings)
            .context("the keys cannot be read from the store")?;
        if !pipeline.is_on_hold() {
            note(&pipeline, config, audit::Door::Start).await;
        }
        let door = match ports {
            Some(ports) => {
                let door = Door::open(ports, pipeline.clone(), &config.smpp_accounts(), binds).await;
                Some(door.context("the SMPP door cannot be opened")?)
            }
            None => None,
        };
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(http::serve(listener, api::router(Arc::clone(&api)), Arc::clone(&http), stopped));
        let mut keeping = JoinSet::new();
        keeping.spawn(Arc::clone(&operators).keep_written(pipeline.clone()));
        for what in &config.not_served {
            tracing::warn!("configured and not served yet: {what}");
        }
        tracing::info!(%address, routes = pipeline.table().routes().len(), connections = connections.count(), "serving");
        let fixed = fixed(config);
        Ok(Self {
            pipeline,
            api,
            http,
            webhooks,
            operators,
            keeping,
            door,
            connections,
            fixed,
            tasks,
            stop,
            address,
            mode,
        })
    }

    /// Where the API listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.http.identity.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
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

    /// Puts another configuration in place. Connections that it adds are opened, those that it changes or no longer has
    /// are closed once what is on the wire is answered, and all others keep their binds. What takes a restart is
    /// returned, and is as it was at the start.
    ///
    /// # Errors
    /// When a connection could not be opened, the policy in force does not fit this configuration, a provider's client
    /// cannot be made, or the policy of this one cannot be stored; then nothing has changed.
    pub async fn reconfigure(&mut self, config: &Config) -> anyhow::Result<Vec<String>> {
        let versions = self.api.versions();
        let turn = versions.turn().await;
        let mut changes = self.connections.compare(config)?;
        let next = versions.prepare(&self.pipeline, &config.routing).await?;
        let operators = self.operators.prepare(config.operators.clone())?;
        // The last that can fail: what comes after it takes effect.
        let tables = versions.adopt(&self.pipeline, next).await?;
        self.operators.reconfigure(operators);
        self.connections.map_errors(config);
        self.connections.open_new(&mut changes);
        let settings = api_settings(config, self.mode, self.address);
        self.pipeline.agree(agreements::of(&settings));
        self.pipeline.reconfigure(tables, config.pipeline_apps(), config.retention);
        drop(turn);
        self.connections.change(changes);
        self.webhooks.reconfigure(webhook_settings(config, self.address));
        if let Some(door) = &self.door {
            door.reconfigure(config.smpp_server.as_ref(), &config.smpp_accounts());
        }
        self.api.reconfigure(settings);
        self.http.trusted_proxies.store(Arc::new(config.trusted_proxies.clone()));
        self.read_certificate_again(config);
        let now = fixed(config);
        let differing = self.fixed.iter().zip(&now).filter(|(before, now)| before != now);
        Ok(differing.map(|((key, before), (_, now))| format!("{key}: {before} holds, not {now}")).collect())
    }

    /// A pair that cannot be used leaves the one of before in place: the rest of the configuration may be needed.
    fn read_certificate_again(&self, config: &Config) {
        let (Some(identity), Some(pair)) = (&self.http.identity, &config.tls) else { return };
        match identity.read_again(pair) {
            Ok(()) => {
                tracing::info!(cert = %pair.cert.display(), "the certificate of the API was read again");
            }
            Err(error) => {
                tracing::error!(%error, "the certificate of the API is kept: the new one is wrong");
            }
        }
    }

    /// Has the audit log tell what of the configuration has changed.
    pub async fn note_reload(&self, config: &Config) {
        if !self.pipeline.is_on_hold() {
            note(&self.pipeline, config, audit::Door::Reload).await;
        }
    }

    /// Accepts no more, awaits the answers on the wire, leaves the queue in the store.
    pub async fn drain(mut self) {
        self.stop.send_replace(true);
        if let Some(door) = self.door {
            door.shut_down().await;
        }
        self.connections.drain().await;
        let all_answered = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(REQUESTS_END_WITHIN, all_answered).await.is_err() {
            tracing::warn!("clients that never finished their requests are left");
            self.tasks.shutdown().await;
        }
        self.keeping.shutdown().await;
        self.operators.write(&self.pipeline, true).await;
        self.pipeline.shut_down().await;
    }
}

/// So that the first message need not wait for tables to be read.
fn prepare_numbers() {
    domain::number::prepare();
    routing::operator::origin::prepare();
}

/// Before it is done: should the process die in between, the next start does all of it.
fn note_resume(writer: &mut dyn Writer, resume: &Resume, now: Timestamp) -> anyhow::Result<()> {
    if !writer.is_on_hold()? {
        return Ok(());
    }
    let after = serde_json::json!({ "resumed": resume.to_string() });
    let entry = audit::by_host(now, audit::Door::Start, "store.resume", "store", (None, after));
    writer.commit(&mut vec![Write::Change(Box::new(Change { what: Changed::Noted, entry }))], now)?;
    Ok(())
}

async fn note(pipeline: &Pipeline, config: &Config, door: audit::Door) {
    if let Err(error) = imported::note(pipeline, config, door).await {
        tracing::error!(%error, "the audit log does not tell yet that the configuration has changed");
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

type Fixed = [(&'static str, String); 8];

/// What is read at the start only.
fn fixed(config: &Config) -> Fixed {
    let is_given = |given: bool| if given { "given" } else { "absent" }.to_owned();
    let address = |at: Option<SocketAddr>| at.map_or_else(|| is_given(false), |at| at.to_string());
    let door = config.smpp_server.as_ref();
    [
        ("server.listen", config.listen.to_string()),
        ("server.tls", is_given(config.tls.is_some())),
        ("smpp_server.listen", address(door.and_then(|door| door.listen))),
        ("smpp_server.tls.listen", address(door.and_then(|door| door.tls.as_ref()).map(|tls| tls.listen))),
        ("smpp_server.parts_within", format!("{:?}", door.map(|door| door.parts_within).unwrap_or_default())),
        ("store.path", config.store.display().to_string()),
        ("store.synchronous", format!("{:?}", config.synchronous).to_lowercase()),
        ("webhooks.allow_private", config.allow_private.to_string()),
    ]
}

fn private(config: &Config) -> address::Private {
    if config.allow_private { address::Private::Allowed } else { address::Private::Refused }
}

fn http_settings(config: &Config) -> anyhow::Result<http::Settings> {
    let identity = config.tls.as_ref().map(|pair| Identity::read(pair, http::PROTOCOLS));
    let identity = identity.transpose().context("the API cannot be served over TLS (server.tls)")?;
    let trusted_proxies = ArcSwap::from_pointee(config.trusted_proxies.clone());
    Ok(http::Settings { trusted_proxies, identity })
}

fn public_url(config: &Config, address: SocketAddr) -> String {
    if config.public_url.is_empty() {
        let scheme = if config.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    } else {
        config.public_url.clone()
    }
}

fn webhook_settings(config: &Config, address: SocketAddr) -> webhooks::Settings {
    webhooks::Settings { endpoints: config.endpoints(), public_url: public_url(config, address) }
}

pub(crate) fn vendor_record(vendor: &config::Vendor) -> api::VendorRecord {
    api::VendorRecord {
        id: vendor.id.clone(),
        failure_domain: vendor.failure_domain.clone(),
        connections: vendor.connections.iter().map(|connection| connection.id.clone()).collect(),
        contract: vendor.contract.clone(),
        errors: Arc::clone(&vendor.errors),
    }
}

/// Of its connections, in segments a second.
pub(crate) fn throughput(vendor: &config::Vendor) -> impl Iterator<Item = (ConnectionId, u32)> {
    let limited = vendor
        .connections
        .iter()
        .filter_map(|connection| Some((connection.id.clone(), connection.smpp.throughput?.per_second)));
    limited.map(|(id, per_second)| (id, per_second as u32))
}

fn api_settings(config: &Config, mode: Mode, address: SocketAddr) -> api::Settings {
    api::Settings {
        keys: config.keys(),
        key_rate_limit: config.key_rate_limit,
        apps: config.pipeline_apps(),
        public_url: public_url(config, address),
        private: private(config),
        vendors: config.vendors.iter().map(vendor_record).collect(),
        throughput: config.vendors.iter().flat_map(throughput).collect(),
        simulated: mode == Mode::Demo,
    }
}
