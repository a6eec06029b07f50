//! The connections to vendors over the life of the process: a reload opens, replaces and closes those that it changes,
//! and no others.
//!
//! Each has a task that owns it, so that closing one, which may take its response timeout, holds up neither the others
//! nor a further reload. Of a connection that is replaced the old binds are closed before new ones are opened: vendors
//! limit how many there may be, and a window belongs to whoever has the answers of the one before.

use std::sync::Arc;

use anyhow::Context as _;
use connectors::smpp::errors::{Errors, Map};
use connectors::smpp::{Client, Network, Running, Settings, Start};
use domain::ConnectionId;
use pipeline::{Clock as _, Pipeline};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use rustc_hash::FxHashMap;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::clock::SystemClock;
use crate::config::Config;

pub(super) struct Connections {
    pipeline: Pipeline,
    clock: Arc<SystemClock>,
    random: StdRng,
    /// What each should be, for its task. Kept when it leaves the configuration, because it may come back while its task
    /// still closes it.
    wanted: FxHashMap<ConnectionId, watch::Sender<Option<Wanted>>>,
    /// What the vendor's codes mean, of each that was ever opened.
    errors: FxHashMap<ConnectionId, Errors>,
    tasks: JoinSet<()>,
}

/// A connection that can be opened.
#[derive(Clone)]
struct Wanted {
    settings: Settings,
    /// The files that its settings name could be used.
    network: Arc<Network>,
}

/// What another configuration means for the connections.
#[derive(Default)]
pub(super) struct Changes {
    new: Vec<(ConnectionId, Wanted)>,
    changed: Vec<(ConnectionId, Wanted)>,
    removed: Vec<ConnectionId>,
}

impl Connections {
    /// None is open yet.
    pub(super) fn new(pipeline: Pipeline, clock: Arc<SystemClock>, random: StdRng) -> Self {
        Self {
            pipeline,
            clock,
            random,
            wanted: FxHashMap::default(),
            errors: FxHashMap::default(),
            tasks: JoinSet::new(),
        }
    }

    /// What has to be done for this configuration. Nothing is done yet; a store that is on hold wants no connections.
    ///
    /// # Errors
    /// When one of them could not be opened.
    pub(super) fn compare(&self, config: &Config) -> anyhow::Result<Changes> {
        let mut changes = Changes::default();
        if self.pipeline.is_on_hold() {
            return Ok(changes);
        }
        let mut configured = Vec::new();
        for connection in config.connections() {
            configured.push(&connection.id);
            let settings = connection.smpp.clone();
            let held = self.wanted.get(&connection.id);
            let before =
                held.and_then(|wanted| wanted.borrow().as_ref().map(|wanted| wanted.settings.clone()));
            if before.as_ref() == Some(&settings) {
                continue;
            }
            let network = Network::new(&settings)
                .with_context(|| format!("the connection {} cannot be opened", connection.id))?;
            let wanted = Wanted { settings, network: Arc::new(network) };
            let which = if held.is_some() { &mut changes.changed } else { &mut changes.new };
            which.push((connection.id.clone(), wanted));
        }
        let gone =
            self.wanted.iter().filter(|(id, wanted)| wanted.borrow().is_some() && !configured.contains(id));
        changes.removed = gone.map(|(id, _)| id.clone()).collect();
        Ok(changes)
    }

    /// Puts the error maps of this configuration in place. No bind is opened for that.
    pub(super) fn map_errors(&mut self, config: &Config) {
        for vendor in &config.vendors {
            for connection in &vendor.connections {
                let errors = self.errors.entry(connection.id.clone()).or_default();
                errors.replace(Arc::<Map>::clone(&vendor.errors));
            }
        }
    }

    /// Opens those that were not there before: before a table is in place that has routes to them.
    pub(super) fn open_new(&mut self, changes: &mut Changes) {
        for (id, wanted) in changes.new.drain(..) {
            self.open(id, wanted);
        }
    }

    /// Has the others changed and closed as soon as that can be: after a table is in place that has no routes to those
    /// that are removed.
    pub(super) fn change(&mut self, changes: Changes) {
        let changed = changes.changed.into_iter().map(|(id, wanted)| (id, Some(wanted)));
        for (id, wanted) in changed.chain(changes.removed.into_iter().map(|id| (id, None))) {
            tracing::info!(connection = %id, removed = wanted.is_none(), "a connection is changed by the configuration");
            if let Some(sender) = self.wanted.get(&id) {
                sender.send_replace(wanted);
            }
        }
    }

    fn open(&mut self, id: ConnectionId, wanted: Wanted) {
        let errors = self.errors.entry(id.clone()).or_default().clone();
        let mut owner = Owner {
            errors,
            id: id.clone(),
            pipeline: self.pipeline.clone(),
            clock: Arc::clone(&self.clock),
            random: StdRng::from_rng(&mut self.random),
        };
        let open = owner.open(&wanted);
        let (sender, receiver) = watch::channel(Some(wanted));
        self.wanted.insert(id, sender);
        self.tasks.spawn(owner.run(open, receiver));
    }

    /// How many the configuration has.
    pub(super) fn count(&self) -> usize {
        self.wanted.values().filter(|wanted| wanted.borrow().is_some()).count()
    }

    /// Closes all of them, each within its response timeout and a second.
    pub(super) async fn drain(mut self) {
        self.wanted.clear();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Of one connection, over all its configurations.
struct Owner {
    id: ConnectionId,
    errors: Errors,
    pipeline: Pipeline,
    clock: Arc<SystemClock>,
    random: StdRng,
}

struct Open {
    settings: Settings,
    running: Running,
}

impl Owner {
    fn open(&mut self, wanted: &Wanted) -> Open {
        let clock = Arc::clone(&self.clock);
        let start = Start {
            id: self.id.clone(),
            settings: wanted.settings.clone(),
            errors: self.errors.clone(),
            events: self.pipeline.events(),
            clock: Arc::new(move || clock.now()),
            seed: self.random.next_u64(),
        };
        let (client, running) = Client::start_over(start, Arc::<Network>::clone(&wanted.network));
        self.pipeline.connect(client);
        Open { settings: wanted.settings.clone(), running }
    }

    /// Until nobody says any more what is wanted, which is the end of the process.
    async fn run(mut self, open: Open, mut wanted: watch::Receiver<Option<Wanted>>) {
        let mut open = Some(open);
        while wanted.changed().await.is_ok() {
            let is_what_is_wanted = {
                let wanted = wanted.borrow_and_update();
                open.as_ref().map(|open| &open.settings) == wanted.as_ref().map(|wanted| &wanted.settings)
            };
            if is_what_is_wanted {
                continue;
            }
            if let Some(Open { running, .. }) = open.take() {
                running.retire(nobody_says(wanted.clone())).await;
            }
            if wanted.has_changed().is_err() {
                return;
            }
            // It may be something else than before it was closed.
            let next = wanted.borrow_and_update().clone();
            match next {
                Some(wanted) => open = Some(self.open(&wanted)),
                None => self.pipeline.disconnect(&self.id),
            }
        }
        if let Some(Open { running, .. }) = open {
            running.shutdown().await;
        }
    }
}

async fn nobody_says(mut wanted: watch::Receiver<Option<Wanted>>) {
    while wanted.changed().await.is_ok() {}
}
