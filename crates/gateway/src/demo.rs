//! The demo: the gateway as it would run for a buyer, against five simulated vendors, with an application that sends.
//!
//! Nothing in here is a short cut: the configuration is a file that is loaded and checked, the vendors are reached
//! over SMPP, the application posts to the API and listens for webhooks. Only the vendors' handsets are made up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use pipeline::Clock as _;
use simulator::demo::Demo as Vendors;
use tokio::task::JoinSet;

use crate::clock::SystemClock;
use crate::config;
use crate::start::{Gateway, Mode};

mod application;
mod configuration;
mod flood;
mod scenario;

pub use application::Summary;
pub use scenario::{Player, Scenario, UnknownScenario};

use application::Application;

pub struct Settings {
    pub listen: SocketAddr,
    pub seed: u64,
    /// Messages a second.
    pub rate: f64,
    /// Whether scenarios are to be played: then a rule leaves the choice of the vendor to what is learned.
    pub plays: bool,
    /// Where the store is kept; None for a folder that is removed at the end.
    pub keep: Option<PathBuf>,
}

/// A running demo.
pub struct Demo {
    gateway: Gateway,
    vendors: Vendors,
    application: Arc<Application>,
    tasks: JoinSet<()>,
    folder: Folder,
}

/// What the demo's progress is told by.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl Demo {
    /// Starts vendors, gateway, application and traffic.
    ///
    /// # Errors
    /// When a port or the folder cannot be had.
    pub async fn start(settings: Settings) -> anyhow::Result<Self> {
        let folder = Folder::new(settings.keep)?;
        let now = SystemClock::default().now();
        let (vendors, conversions) =
            Vendors::start(settings.seed, now).await.context("the simulated vendors cannot listen")?;
        let (application, hooks) =
            Application::listen().await.context("the demo's application cannot listen")?;
        let written = configuration::Demo {
            listen: settings.listen,
            hook: application.hook(),
            plays: settings.plays,
            vendors: vendors
                .vendors
                .iter()
                .map(|demo| (demo.personality.as_str(), demo.vendor.addr()))
                .collect(),
        };
        let file = folder.path.join("strowger.toml");
        std::fs::write(&file, written.text()).with_context(|| format!("cannot write {}", file.display()))?;
        let (config, _) = config::load(&file)
            .map_err(|report| anyhow::anyhow!("the demo's own configuration is wrong:\n{report}"))?;
        let gateway = Gateway::start(&config, Mode::Demo, None).await?;

        let application = Arc::new(application.with_gateway(gateway.address()));
        let mut tasks = JoinSet::new();
        tasks.spawn(application::hear(Arc::clone(&application), hooks));
        tasks.spawn(application::send(Arc::clone(&application), settings.seed, settings.rate));
        tasks.spawn(application::convert(Arc::clone(&application), conversions));
        Ok(Self { gateway, vendors, application, tasks, folder })
    }

    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.gateway.address())
    }

    /// Who plays scenarios while the demo runs.
    #[must_use]
    pub fn player(&self) -> Player {
        let pipeline = self.gateway.pipeline().clone();
        let vendors = self.vendors.vendors.clone();
        Player { pipeline, vendors, url: self.url(), http: self.application.http.clone() }
    }

    #[must_use]
    pub fn key(&self) -> &'static str {
        configuration::KEY
    }

    #[must_use]
    pub fn admin_key(&self) -> &'static str {
        configuration::ADMIN_KEY
    }

    /// Runs until `end`, tells how it goes every few seconds, and ends everything that was started.
    pub async fn run_until(
        mut self,
        end: impl Future<Output = ()>,
        mut tell: impl FnMut(&Summary),
    ) -> Summary {
        let mut tick = tokio::time::interval(TELL_EVERY);
        tick.tick().await;
        tokio::pin!(end);
        loop {
            // Both are cancel-safe.
            tokio::select! {
                () = &mut end => break,
                _ = tick.tick() => tell(&self.application.summary()),
            }
        }
        self.tasks.shutdown().await;
        let summary = self.application.summary();
        self.gateway.drain().await;
        self.vendors.shutdown().await;
        self.folder.remove();
        summary
    }
}

/// Where the demo keeps its file and its store.
struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    fn new(keep: Option<PathBuf>) -> anyhow::Result<Self> {
        let is_kept = keep.is_some();
        let path = keep
            .unwrap_or_else(|| std::env::temp_dir().join(format!("strowger-demo-{}", std::process::id())));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder {}", path.display()))?;
        Ok(Self { path, is_kept })
    }

    fn remove(&self) {
        if self.is_kept {
            return;
        }
        if let Err(error) = std::fs::remove_dir_all(&self.path) {
            tracing::warn!(%error, folder = %self.path.display(), "the demo's folder could not be removed");
        }
    }
}
