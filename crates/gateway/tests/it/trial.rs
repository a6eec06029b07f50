//! A gateway under load that dies again and again, and the judge who counts what came of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use reqwest::Method;
use simulator::Vendor;
use simulator::personality::Spread;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::client::{self, Client};
use crate::deadline::until;
use crate::gateway::Gateway;
use crate::lab;
use crate::load::{self, Ledger, Load};
use crate::setup::Setup;
use crate::webhook_sink::WebhookSink;

const BINDS: usize = 2;
const WINDOW: usize = 20;
/// What two vendors can have on the wire without an answer when the process dies.
pub(crate) const WINDOWS: usize = 2 * BINDS * WINDOW;

/// How long it lives before it dies.
const LIFE_MILLIS: std::ops::Range<u64> = 300..2500;
/// Longer than a lease of a notice, and than whatever else has to run out after a crash.
const SETTLED_WITHIN: Duration = Duration::from_secs(150);

pub(crate) struct Trial {
    vendors: [Vendor; 2],
    sink: WebhookSink,
    load: Load,
    folder: TempDir,
    setup: Setup,
    random: StdRng,
    seed: u64,
    deaths: usize,
    longest_start: Duration,
    began: Instant,
}

impl Trial {
    /// The seed draws when the process dies. `store` is what the configuration says of the store.
    pub(crate) async fn new(seed: u64, store: &str) -> Self {
        let vendors = [vendor().await, vendor().await];
        let sink = WebhookSink::start().await;
        let connection = format!("binds = {BINDS}\nwindow = {WINDOW}");
        let [acme, borealis] = vendors.each_ref().map(|vendor| vendor.addr().port());
        let setup = Setup::default()
            .vendor("acme", acme, &connection)
            .vendor("borealis", borealis, &connection)
            .evenly()
            .webhook_of(sink.port, &["message.delivered", "message.uncertain"])
            .store(store);
        Self {
            vendors,
            sink,
            load: Load::start(rate()),
            folder: tempfile::tempdir().unwrap(),
            setup,
            random: StdRng::seed_from_u64(seed),
            seed,
            deaths: 0,
            longest_start: Duration::ZERO,
            began: Instant::now(),
        }
    }

    /// Starts it over what the one before left, lets it work, and kills it at some moment.
    pub(crate) async fn live_and_die(&mut self) {
        let gateway = self.start().await;
        let life = self.moment();
        let before = self.load.acknowledged();
        self.load.aim_at(Some(&gateway.client));
        self.load.repeat(&gateway.client).await;
        sleep(life).await;
        until("messages are acknowledged", async || (self.load.acknowledged() > before).then_some(())).await;
        gateway.kill();
        self.load.aim_at(None);
        self.deaths += 1;
    }

    /// How long it lives before something happens.
    pub(crate) fn moment(&mut self) -> Duration {
        Duration::from_millis(self.random.random_range(LIFE_MILLIS))
    }

    /// Starts it with the load on; it is to end by itself.
    pub(crate) async fn live(&mut self) -> Gateway {
        let gateway = self.start().await;
        self.load.aim_at(Some(&gateway.client));
        gateway
    }

    /// It has ended.
    pub(crate) fn died(&mut self) {
        self.load.aim_at(None);
        self.deaths += 1;
    }

    async fn start(&mut self) -> Gateway {
        let started = Instant::now();
        let gateway = Gateway::start(self.folder.path(), &self.setup).await;
        self.longest_start = self.longest_start.max(started.elapsed());
        gateway
    }

    /// Starts it a last time, and how many acknowledged messages it does not know; all when it cannot use the store.
    pub(crate) async fn missing(&mut self) -> usize {
        self.load.quiet().await;
        let accepted = self.load.ledger().accepted;
        let known = match Gateway::try_listening(self.folder.path(), &self.setup, &[]).await {
            Ok(gateway) => known(&gateway.client).await,
            Err(log) => Err(log),
        };
        match known {
            Ok(known) => accepted.values().filter(|id| !known.contains(*id)).count(),
            Err(reason) => {
                println!("the store cannot be used any more: {reason}");
                accepted.len()
            }
        }
    }

    /// Starts it a last time, waits until everything has come to its end, and judges.
    pub(crate) async fn judge(mut self) {
        let lived = self.began.elapsed();
        let gateway = self.start().await;
        self.load.quiet().await;
        self.load.repeat(&gateway.client).await;
        let ledger = self.load.ledger();
        let unsettled = self.until_settled(&ledger).await;
        let known = known(&gateway.client).await.unwrap();
        let unknown: Vec<_> = ledger.accepted.iter().filter(|(_, id)| !known.contains(*id)).collect();
        let arrived = self.arrived();
        let never: Vec<_> = ledger.accepted.keys().filter(|number| !arrived.contains_key(*number)).collect();
        let twice = arrived.values().map(|times| times - 1).sum::<usize>();
        let unflagged = self.unflagged(&gateway.client, &ledger, &arrived).await;
        let Self { seed, deaths, longest_start, .. } = self;
        println!(
            "seed {seed}: {deaths} deaths in {lived:?}, {} acknowledged ({} refused, {} turns skipped), {} taken by \
             vendors, {twice} of them twice, {} uncertain; longest start {longest_start:?}",
            ledger.accepted.len(),
            ledger.refused,
            ledger.skipped,
            arrived.len(),
            self.uncertain(),
        );
        assert!(ledger.accepted.len() > 20 * deaths, "there was hardly any load");
        assert!(ledger.complaints.is_empty(), "seed {seed}: {:?}", ledger.complaints);
        assert!(unknown.is_empty(), "seed {seed}: the gateway does not know {unknown:?}");
        assert!(never.is_empty(), "seed {seed}: no vendor has {never:?}");
        assert!(unsettled.is_empty(), "seed {seed}: nobody was told the end of {unsettled:?}");
        assert!(twice <= deaths * WINDOWS, "seed {seed}: {twice} came twice");
        assert!(unflagged.is_empty(), "seed {seed}: twice, and nothing says so: {unflagged:?}");
        for (reference, of) in self.sink.told() {
            let id = reference.parse().ok().and_then(|number: u64| ledger.accepted.get(&number));
            assert_eq!(of.ids.len(), 1, "seed {seed}: {reference} has several ids: {of:?}");
            assert!(id.is_none_or(|id| of.ids.contains(id)), "seed {seed}: {reference} was told as {of:?}");
        }
        for vendor in &self.vendors {
            let stats = vendor.stats();
            assert_eq!((stats.receipts_lost, stats.receipts_kept), (0, 0), "seed {seed}");
        }
    }

    /// Waits until the application was told the end of each message that it knows of, and of each that a vendor took:
    /// all their receipts are answered then. Returns the numbers of those of which it was not told.
    async fn until_settled(&self, ledger: &Ledger) -> Vec<u64> {
        let deadline = Instant::now() + SETTLED_WITHIN;
        loop {
            let mut open: BTreeSet<u64> = ledger.accepted.keys().copied().collect();
            open.extend(self.arrived().keys());
            open.retain(|number| {
                let number = number.to_string();
                let told = |event| self.sink.was_told(&number, event);
                !told("message.delivered") && !told("message.uncertain")
            });
            let receipts_wait = self.vendors.iter().any(|vendor| {
                let stats = vendor.stats();
                stats.receipts_kept > 0 || stats.receipts_acknowledged < stats.accepted
            });
            if (open.is_empty() && !receipts_wait) || Instant::now() > deadline {
                return open.into_iter().collect();
            }
            sleep(Duration::from_millis(250)).await;
        }
    }

    /// How often each number came to a vendor.
    fn arrived(&self) -> BTreeMap<u64, usize> {
        let mut arrived = BTreeMap::new();
        for message in self.vendors.iter().flat_map(Vendor::received) {
            *arrived.entry(load::number(&message.text)).or_default() += 1;
        }
        arrived
    }

    fn uncertain(&self) -> usize {
        let is_uncertain = |of: &crate::webhook_sink::Of| of.events.contains("message.uncertain");
        self.sink.told().values().filter(|of| is_uncertain(of)).count()
    }

    /// Those that came more than once and whose record does not say that they may have.
    async fn unflagged(&self, client: &Client, ledger: &Ledger, arrived: &BTreeMap<u64, usize>) -> Vec<u64> {
        let mut unflagged = Vec::new();
        let told = self.sink.told();
        for (number, _) in arrived.iter().filter(|(_, times)| **times > 1) {
            // Of a request that was cut off the application learns the id by its webhook.
            let told = || told.get(&number.to_string()).and_then(|of| of.ids.first());
            let id = ledger.accepted.get(number).or_else(told);
            let Some(id) = id else { continue };
            if client.message(id).await["possible_duplicate"] != true {
                unflagged.push(*number);
            }
        }
        unflagged
    }
}

/// Answers at once, mostly, and reports soon after. It never forgets.
pub(crate) async fn vendor() -> Vendor {
    lab::vendor_with(|settings| {
        settings.conduct.latency = Spread::millis(2, 40);
        settings.conduct.arrival_delay = Spread::millis(100, 300);
        settings.conduct.receipt_delay = Spread::millis(100, 300);
        settings.receipt_window = 50;
        settings.resend_after = Duration::from_secs(1);
        settings.max_resends = 1000;
        settings.memory = 10_000_000;
    })
    .await
}

/// Every message that the gateway finds.
async fn known(client: &Client) -> Result<BTreeSet<String>, String> {
    let mut known = BTreeSet::new();
    let mut cursor = String::new();
    loop {
        let page = client.request(Method::GET, &format!("/v1/messages?limit=500{cursor}"));
        let page = client::answer(page).await.map_err(|error| error.to_string())?;
        if page.status != 200 {
            return Err(page.body.to_string());
        }
        let ids = page.body["data"].as_array().unwrap().iter();
        known.extend(ids.map(|message| message["id"].as_str().unwrap().to_owned()));
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(known),
        }
    }
}

/// Messages a second. What the gateway cannot take of them is skipped, and told.
pub(crate) fn rate() -> u32 {
    number_of("STROWGER_CRASH_RATE", 1000)
}

/// How often it dies.
pub(crate) fn cycles() -> usize {
    number_of("STROWGER_CRASH_CYCLES", 20) as usize
}

/// What the moments of death are drawn from: another one each time, unless one is given.
pub(crate) fn seed() -> u64 {
    let seed = u64::from(number_of("STROWGER_CRASH_SEED", rand::random()));
    println!("STROWGER_CRASH_SEED={seed}");
    seed
}

fn number_of(variable: &str, usual: u32) -> u32 {
    match std::env::var(variable) {
        Ok(given) => given.parse().unwrap_or_else(|_| panic!("{variable} is no number: {given}")),
        Err(_) => usual,
    }
}
