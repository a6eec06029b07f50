//! A million messages wait for a vendor that is dead: what that costs, whom it holds up, and how it is got rid of.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::figures::{Run, Target, mebibytes, millis};
use crate::gateway::Gateway;
use crate::http::Whole;
use crate::ledger::{Entry, Ledger};
use crate::load::Client;
use crate::profile::{ADMIN_KEY, Class, Configuration, Connection, KEYS, Message, Policy, plain};
use crate::sink::Sink;
use crate::stand::{self, Bench, drained};
use crate::vendor::{Conduct, Vendor};

const DEAD: u8 = 0;
const ALIVE: u8 = 1;
const BATCH: u32 = 1_000;
const POSTERS: usize = 4;
/// With the dead vendor's twenty slots that makes two hundred a second.
const SLOW: Conduct =
    Conduct { latency: Duration::from_millis(100), receipt_after: Duration::from_millis(300) };
const FIRST_SEND_WITHIN: Duration = Duration::from_secs(120);
const WATCH_FOR: Duration = Duration::from_secs(10);
const OTPS: u32 = 20;
const EMPTY_WITHIN: Duration = Duration::from_secs(3600);

/// What stays while the gateway is killed and started again.
struct Scene {
    program: PathBuf,
    configuration: PathBuf,
    folder: PathBuf,
    ledger: Ledger,
    sink: Sink,
    dead: SocketAddr,
    alive: Vendor,
    watch_for: Duration,
}

pub(super) async fn run(bench: &Bench) -> Result<Run> {
    let scene = Scene::build(bench).await?;
    let mut run = Run::default();
    let gateway = scene.start().await?;
    scene.fill(&gateway, bench.backlog, &mut run).await?;
    scene.pass_by(&gateway, "while all wait", &mut run).await?;
    run.add("RSS with the backlog", "MiB", mebibytes(gateway.rss()?));
    let peak_before = gateway.peak_rss()?;

    gateway.kill()?;
    let slow = Vendor::start(DEAD, scene.dead.port(), SLOW, &scene.ledger).await?;
    let gateway = scene.restart(&slow, &mut run).await?;
    scene.share(&mut run).await;
    scene.pass_by(&gateway, "after the restart", &mut run).await?;
    scene.flip(&gateway, &slow, &mut run).await?;
    scene.empty(&mut run).await;
    let peak = peak_before.max(gateway.peak_rss()?);
    run.add("peak RSS", "MiB", mebibytes(peak));
    run.with_target(Target::AtMost(512.0));
    gateway.terminate().await?;
    Ok(run)
}

impl Scene {
    async fn build(bench: &Bench) -> Result<Self> {
        stand::make_anew(&bench.folder)?;
        let ledger = Ledger::new();
        let sink = Sink::start(&ledger).await?;
        let alive = Vendor::start(ALIVE, 0, Conduct::USUAL, &ledger).await?;
        let dead = nobody_listens().await?;
        let connections = vec![
            Connection { vendor: dead, binds: 2, window: 10 },
            Connection { vendor: alive.address(), binds: 4, window: 50 },
        ];
        let configuration = Configuration { hook: sink.address(), connections, policy: Policy::Apart };
        Ok(Self {
            program: bench.program.clone(),
            configuration: stand::write_configuration(&bench.folder, &configuration)?,
            folder: bench.folder.clone(),
            ledger,
            sink,
            dead,
            alive,
            watch_for: if bench.smoke { Duration::from_millis(500) } else { WATCH_FOR },
        })
    }

    async fn start(&self) -> Result<Gateway> {
        let log: &Path = &self.folder.join("gateway.log");
        Gateway::start(&self.program, &self.configuration, log).await
    }

    /// The first half is one app's, the second another's, so that whoever serves in order serves only the first.
    async fn fill(&self, gateway: &Gateway, backlog: u32, run: &mut Run) -> Result<()> {
        let began = Instant::now();
        let mut posters: JoinSet<Result<()>> = JoinSet::new();
        for app in 0..2 {
            let mut left = backlog / 2;
            let share = left.div_ceil(POSTERS as u32 / 2);
            while left > 0 {
                let count = share.min(left);
                left -= count;
                let (client, ledger) = (Client::connect(gateway.address()).await?, self.ledger.clone());
                posters.spawn_local(post(client, ledger, app, count));
            }
        }
        while let Some(ended) = posters.join_next().await {
            ended??;
        }
        let accepted = self.ledger.accepted_count() as f64;
        run.add("messages waiting", "", accepted);
        run.add("taken in", "messages/s", accepted / began.elapsed().as_secs_f64());
        Ok(())
    }

    /// One-time passwords by the other route, one after the other.
    async fn pass_by(&self, gateway: &Gateway, when: &str, run: &mut Run) -> Result<()> {
        let mut client = Client::connect(gateway.address()).await?;
        let first = self.ledger.count() as usize;
        for _ in 0..OTPS {
            client.send(&self.ledger, None, one_time).await;
            sleep(Duration::from_millis(50)).await;
        }
        sleep(Duration::from_secs(1)).await;
        let longest = self.ledger.read(|entries| {
            let took = entries.iter().skip(first).map(|entry| entry.on_wire.since(entry.asked));
            took.collect::<Option<Vec<_>>>().and_then(|took| took.into_iter().max())
        });
        run.add(format!("longest otp {when}"), "ms", longest.map(millis));
        run.with_target(Target::AtMost(1_000.0));
        Ok(())
    }

    async fn restart(&self, slow: &Vendor, run: &mut Run) -> Result<Gateway> {
        let began = Instant::now();
        let gateway = self.start().await?;
        run.add("restart to API", "s", began.elapsed().as_secs_f64());
        while slow.first().is_none() && began.elapsed() < FIRST_SEND_WITHIN {
            sleep(Duration::from_millis(5)).await;
        }
        let first = slow.first().map(|first| first.duration_since(began).as_secs_f64());
        run.add("restart to first send", "s", first);
        run.with_target(Target::AtMost(5.0));
        Ok(gateway)
    }

    /// How evenly the slow vendor is shared out between the two apps.
    async fn share(&self, run: &mut Run) {
        let from = self.ledger.now();
        sleep(self.watch_for).await;
        let served = self.ledger.read(|entries| {
            let count = |app: u8| {
                let is = |entry: &&Entry| {
                    entry.message.app == app && entry.vendor == DEAD && entry.on_wire >= from
                };
                entries.iter().filter(is).count()
            };
            [count(0), count(1)]
        });
        run.add("served of the first app", "messages", served[0] as f64);
        run.add("served of the second app", "messages", served[1] as f64);
        let [less, more] = if served[0] < served[1] { served } else { [served[1], served[0]] };
        run.add("evenness of two apps", "%", (more > 0).then(|| 100.0 * less as f64 / more as f64));
        run.with_target(Target::AtLeast(90.0));
    }

    async fn flip(&self, gateway: &Gateway, slow: &Vendor, run: &mut Run) -> Result<()> {
        let mut client = Client::connect(gateway.address()).await?;
        let body = r#"{"kind":"flip","from":"route-0","to":"route-1","reason":"the bench moves a backlog"}"#;
        let answer = client.post("/v1/overrides", ADMIN_KEY, body).await?;
        let flipped = Instant::now();
        if !answer.status().is_some_and(|status| (200..300).contains(&status)) {
            run.fail(format!(
                "the flip got {:?}: {}",
                answer.status(),
                String::from_utf8_lossy(answer.body())
            ));
        }
        let before = self.alive.taken();
        sleep(self.watch_for).await;
        let moved = self.alive.taken() - before;
        // Of a route that does not stop this is all the time that it was watched, which misses the target.
        let last = slow.last().map(|last| last.saturating_duration_since(flipped).as_secs_f64());
        run.add("flip to the last start on the old route", "s", last);
        run.with_target(Target::AtMost(2.0));
        run.add("drained by the new route", "messages/s", moved as f64 / self.watch_for.as_secs_f64());
        Ok(())
    }

    async fn empty(&self, run: &mut Run) {
        let began = Instant::now();
        let waited = tokio::time::timeout(EMPTY_WITHIN, drained(&self.ledger, || self.sink.count()));
        if waited.await.is_err() {
            run.fail(format!("the backlog was not empty after {EMPTY_WITHIN:?}"));
        }
        run.add("the rest drained in", "s", began.elapsed().as_secs_f64());
        for failure in self.ledger.judge().failures() {
            run.fail(failure);
        }
    }
}

/// Posts so many messages of an app in batches, and asks again for those that are refused for now.
async fn post(mut client: Client, ledger: Ledger, app: u8, mut left: u32) -> Result<()> {
    let make = if app == 0 { first } else { second };
    while left > 0 {
        let count = left.min(BATCH);
        left -= count;
        let mut numbers = Vec::new();
        let mut body = String::from(r#"{"messages":["#);
        for item in 0..count {
            if item > 0 {
                body.push(',');
            }
            let message = ledger.send(None, make);
            message.write(&mut body);
            numbers.push(message.number);
        }
        body.push_str("]}");
        let key = KEYS.get(usize::from(app)).map_or("", |keys| keys[0]);
        let mut answer = client.post("/v1/messages/batch", key, &body).await?;
        while answer.status() == Some(503) {
            sleep(Duration::from_millis(100)).await;
            answer = client.post("/v1/messages/batch", key, &body).await?;
        }
        note(&ledger, &numbers, &answer)?;
    }
    Ok(())
}

fn note(ledger: &Ledger, numbers: &[u32], answer: &Whole) -> Result<()> {
    if answer.status() != Some(202) {
        bail!("a batch got {:?}", answer.status());
    }
    let document: Value = serde_json::from_slice(answer.body())?;
    let items =
        document.get("data").and_then(Value::as_array).context("the answer to a batch has no data")?;
    for (number, item) in numbers.iter().zip(items) {
        match item.get("id") {
            Some(_) => ledger.accepted(*number),
            None => ledger.refused(&format!("in a batch: {item}")),
        }
    }
    Ok(())
}

/// A port that was free a moment ago.
async fn nobody_listens() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()?)
}

fn first(number: u32) -> Message {
    plain(number, 0, Class::Marketing)
}

fn second(number: u32) -> Message {
    plain(number, 1, Class::Marketing)
}

fn one_time(number: u32) -> Message {
    plain(number, 2, Class::Otp)
}
