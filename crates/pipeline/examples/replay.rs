//! How long a replay of a million decisions takes: `cargo run --release -p pipeline --example replay [DECISIONS]`.
//!
//! Each message is accepted, dispatched, answered and told of under one table, as a record; then that record is replayed
//! to a table with a thousand rules in which half of the operators go elsewhere. The records are written to a store in a
//! temporary folder first, and read from it by one thread while another replays, as a dry-run does.

#![expect(clippy::print_stdout, reason = "it tells what it found")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use domain::attempt::Verdict;
use domain::record::{Answer, Dispatch, Effects, Input, NextAttempt, ReceiptNews};
use domain::status::StatusSet;
use domain::{
    AppId, Channel, Class, ConnectionId, Encoding, Message, MessageId, Recipient, Record, Timestamp,
};
use pipeline::replay::{Decision, Replay};
use routing::{Facts, HealthView, Known, Table};
use rustc_hash::FxHashMap;
use store::sqlite::{self, Options, Synchronous};
use store::{LogPage, LogQuery, Reader, Write, Writer};
use tokio::time::Instant;

const ROUTES: usize = 50;
const RULES: usize = 1000;

struct Up;

impl HealthView for Up {
    fn is_down(&self, _: &ConnectionId) -> bool {
        false
    }
}

const PAGE: usize = 1000;
/// Pages that are read ahead.
const AHEAD: usize = 2;

fn main() -> anyhow::Result<()> {
    let decisions: u64 = match std::env::args().nth(1) {
        Some(text) => text.parse().context("the number of decisions")?,
        None => 1_000_000,
    };
    let (logged, candidate) = (table(0)?, table(7)?);
    let folder = tempfile::tempdir()?;
    let options = Options { synchronous: Synchronous::Off, ..Options::default() };
    let (mut writer, reader) = sqlite::open(folder.path(), &options)?;
    let begun = Instant::now();
    fill(&mut writer, decisions, &logged)?;
    println!("{decisions} records were written in {:.0} s", begun.elapsed().as_secs_f64());

    let begun = Instant::now();
    let mut replaying = Duration::ZERO;
    let mut replay = Replay::new(&candidate, FxHashMap::default(), Box::new(|_, _| None));
    let (give, take) = sync_channel(AHEAD);
    thread::scope(|scope| {
        let reading = scope.spawn(move || read(&reader, &give));
        for page in take {
            let begun = Instant::now();
            for record in page.records {
                match Decision::of(record) {
                    Ok(decision) => drop(replay.decide(&decision)),
                    Err(why) => replay.leave_aside(why),
                }
            }
            replaying += begun.elapsed();
        }
        reading.join().unwrap_or_else(|_| anyhow::bail!("the thread that reads ended before its time"))
    })?;
    let report = replay.finish();
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{} decisions read and replayed in {seconds:.2} s, {:.1} µs each; the replay alone {:.2} s",
        report.decisions,
        seconds * 1e6 / report.decisions as f64,
        replaying.as_secs_f64()
    );
    println!(
        "{} change their routes, {} stay, {} groups",
        report.changed,
        report.unchanged,
        report.groups.len()
    );
    Ok(())
}

/// Of each message the record of its end; what is older than the last few goes to sealed days.
fn fill(writer: &mut dyn Writer, decisions: u64, table: &Table) -> anyhow::Result<()> {
    let mut batch = Vec::new();
    for at in 0..decisions {
        let record = Arc::new(record(at, table)?);
        let now = record.message.created_at;
        batch.push(Write::Accept { record, effects: Effects::default(), idempotency: None });
        if batch.len() == PAGE || at + 1 == decisions {
            writer.commit(&mut batch, now)?;
            writer.tidy(now, 2 * PAGE)?;
        }
    }
    Ok(())
}

fn read(reader: &dyn Reader, give: &SyncSender<LogPage>) -> anyhow::Result<()> {
    let (since, until) = (Timestamp::from_millis(0), Timestamp::from_millis(i64::MAX >> 20));
    let mut after = None;
    loop {
        let page = reader.log(&LogQuery { since, until, after, limit: PAGE })?;
        after = page.next;
        if give.send(page).is_err() || after.is_none() {
            return Ok(());
        }
    }
}

/// A rule for each of a thousand operators, over three routes that begin at another place with each shift.
fn table(shift: usize) -> anyhow::Result<Table> {
    let route = |at: usize| format!("route-{at}");
    let routes = (0..ROUTES).map(
        |at| serde_json::json!({ "id": route(at), "connection": "c", "rate_card": format!("card-{at}") }),
    );
    let cards = (0..ROUTES).map(|at| {
        let price = format!("0.0{:03}", 100 + at);
        serde_json::json!({ "id": format!("card-{at}"), "currency": "EUR", "prices": [{ "country": "DE", "price": price }] })
    });
    let rules = (0..RULES).map(|at| {
        let first = if at.is_multiple_of(2) { at + shift } else { at };
        let routes: Vec<String> = (0..3).map(|next| route((first + next) % ROUTES)).collect();
        serde_json::json!({ "id": format!("rule-{at}"), "match": { "operator": [operator(at)] }, "routes": routes })
    });
    let settings = serde_json::json!({
        "routes": routes.collect::<Vec<_>>(),
        "rate_cards": cards.collect::<Vec<_>>(),
        "policy": { "rules": rules.collect::<Vec<_>>() },
    });
    let settings: routing::Settings = serde_json::from_value(settings)?;
    let connections = ["c".parse()?];
    let known = Known {
        connections: &connections,
        apps: &[],
        price_files: &HashMap::new(),
        failure_domains: &HashMap::new(),
    };
    Table::compile(&settings, &known, 1).map_err(|problems| anyhow::anyhow!("{problems:?}"))
}

fn operator(at: usize) -> String {
    format!("262{:03}", at % RULES)
}

fn record(at: u64, table: &Table) -> anyhow::Result<Record> {
    let now = Timestamp::from_millis(1_790_000_000_000 + i64::try_from(at)? * 86);
    let message = message(at, now)?;
    let facts = Facts {
        app: &message.app,
        channel: message.channel,
        class: message.class,
        to: &message.to,
        from: None,
        country: message.country,
        operator: message.operator.as_deref(),
        segments: message.segments,
        text: routing::Text::of(&message),
        features: message.features(),
        max_price: None,
        now,
        used_just_now: None,
        no_probe: false,
        probed_just_now: false,
        chance: routing::chance(message.id),
    };
    let choice = routing::choose(&facts, table, &Up)?;
    let target = choice.targets.into_iter().next().context("no route")?;
    let next = NextAttempt { target: target.clone(), reference: 0 };
    let (mut record, _) = Record::accepted(message, choice.plan, Some(next));
    let receipt = ReceiptNews { verdict: Some(Verdict::Delivered), word: "DELIVRD".into(), class: None };
    for input in [
        Input::Dispatch(Dispatch { attempt: 1, target, text_revision: 0, bind: 0, epoch: 1 }),
        Input::Answer { attempt: 1, part: 0, answer: Answer::Accepted { vendor_id: None } },
        Input::Receipt { attempt: 1, part: 0, receipt },
    ] {
        record.apply(input, now).map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    }
    Ok(record)
}

fn message(at: u64, now: Timestamp) -> anyhow::Result<Message> {
    let operator = operator(usize::try_from(at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40)?);
    Ok(Message {
        id: MessageId::from_u128(u128::from(MessageId::first_key_at(now).unsigned_abs()) << 64),
        app: AppId::new("shop")?,
        created_at: now,
        to: Recipient::from_e164(&format!("+4915{:09}", at % 1_000_000)).context("a number")?,
        from: None,
        channel: Channel::Sms,
        class: if at.is_multiple_of(2) { Class::Otp } else { Class::Transactional },
        text: "Your code is 482913".into(),
        encoding: Encoding::Gsm7,
        segments: 1,
        country: Some("DE".parse()?),
        operator: Some(operator.into()),
        reference: None,
        metadata: None,
        send_at: None,
        expires_at: now.plus(Duration::from_secs(86_400)),
        max_price: None,
        callback_url: None,
        notify: StatusSet::NONE,
        by_smpp: None,
        operator_source: None,
        operator_known_at: None,
        has_link: false,
        no_probe: false,
    })
}
