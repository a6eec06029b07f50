//! What a decision of the strategy `adaptive` costs, and what news costs the learner: `cargo run --release -p routing
//! --example adaptive_cost`.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_types,
    reason = "printing how long something took is what it is for"
)]

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::content::Features;
use domain::{AppId, Channel, Class, ConnectionId, MessageId, Recipient, Timestamp, VerdictId};
use routing::learning::{Answer, Beliefs, Destination, Learner, News, What};
use routing::{Facts, HealthView, Known, Settings, Table};

const VENDORS: usize = 8;
const OPERATORS: usize = 200;
const DECISIONS: u64 = 200_000;
const ROUNDS: u64 = 5;
const BEGIN: i64 = 1_767_225_600_000;

struct Minds(Beliefs);

impl HealthView for Minds {
    fn is_down(&self, _: &ConnectionId) -> bool {
        false
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(&self.0)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (table, other) = (Arc::new(table("adaptive")?), table("priority")?);
    let app: AppId = "shop".parse()?;
    let mut learner = Learner::new(Arc::clone(&table), Timestamp::from_millis(BEGIN), 1);
    let mut minds = Minds(learner.publish().ok_or("no table")?);
    let to = Recipient::from_e164("+4915112345678").ok_or("no number")?;
    let operators: Vec<String> = (0..OPERATORS).map(|at| format!("262{at:03}")).collect();
    let facts = |number: u64, at: i64| Facts {
        app: &app,
        channel: Channel::Sms,
        class: Class::ALL[(number % 3) as usize],
        to: &to,
        from: None,
        country: "DE".parse().ok(),
        operator: operators.get((number as usize * 7) % OPERATORS).map(String::as_str),
        segments: 1,
        max_price: None,
        now: Timestamp::from_millis(at),
        used_just_now: None,
        features: Features::of("hello"),
        chance: routing::chance(MessageId::from_u128(u128::from(number) << 5)),
    };
    let (mut news, mut heard, mut ticked) = (0_u32, Duration::ZERO, Duration::ZERO);
    for second in 0..60 {
        let at = BEGIN + second * 1000;
        let begin = Instant::now();
        for number in 0..2000_u64 {
            let facts = facts(number, at);
            let choice = routing::choose(&facts, &table, &minds)?;
            let connection = choice.targets.first().ok_or("no route")?.connection.clone();
            let news_of = |what| News {
                at: facts.now,
                app: app.clone(),
                class: facts.class,
                to: Destination::new(facts.country, facts.operator),
                what,
            };
            let said = [
                What::Wanted { allowed: choice.drawn_from },
                What::Answered { connection: connection.clone(), answer: Answer::Accepted },
                What::Receipt { connection, sent_at: facts.now, delivered: number % 10 != 0 },
            ];
            for what in said {
                learner.hear(&news_of(what));
                news += 1;
            }
        }
        heard += begin.elapsed();
        let begin = Instant::now();
        drop(learner.tick(Timestamp::from_millis(at + 1000), || VerdictId::from_u128(1)));
        if let Some(beliefs) = learner.publish() {
            minds = Minds(beliefs);
        }
        ticked += begin.elapsed();
    }
    let each = |took: Duration, count: u64| took.as_nanos() / u128::from(count.max(1));
    for (strategy, table) in [("adaptive", &*table), ("priority", &other)] {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let begin = Instant::now();
            for number in 0..DECISIONS {
                let facts = facts(number, BEGIN + 60_000);
                black_box(routing::choose(black_box(&facts), table, &minds)?);
            }
            best = best.min(begin.elapsed());
        }
        println!("{strategy}: {} ns a decision of {VENDORS} routes", each(best, DECISIONS));
    }
    println!("news, with the decision that it is of: {} ns each", each(heard, u64::from(news)));
    println!("a tick of {} arms and what it publishes: {} us", VENDORS * OPERATORS, ticked.as_micros() / 60);
    println!("saved: {} KiB", learner.save(Timestamp::from_millis(BEGIN + 60_000)).len() / 1024);
    Ok(())
}

fn table(strategy: &str) -> Result<Table, Box<dyn Error>> {
    let mut text = String::new();
    let mut connections = Vec::new();
    for vendor in 0..VENDORS {
        write!(
            text,
            "[[routes]]\nid = \"r{vendor}\"\nconnection = \"c{vendor}\"\nrate_card = \"k{vendor}\"\n\
             [[rate_cards]]\nid = \"k{vendor}\"\ncurrency = \"EUR\"\nprices = [{{ country = \"DE\", price = \"0.0{}\" }}]\n",
            vendor + 1
        )?;
        connections.push(format!("c{vendor}").parse()?);
    }
    let routes: Vec<String> = (0..VENDORS).map(|vendor| format!("\"r{vendor}\"")).collect();
    write!(
        text,
        "[[policy.rules]]\nid = \"all\"\nstrategy = \"{strategy}\"\nroutes = [{}]\n",
        routes.join(", ")
    )?;
    let settings: Settings = routing::settings::canonical::parse(&text)?;
    let known = Known {
        connections: &connections,
        apps: &["shop".parse()?],
        failure_domains: &HashMap::new(),
        price_files: &HashMap::new(),
    };
    Table::compile(&settings, &known, 1).map_err(|problems| format!("{problems:?}").into())
}
