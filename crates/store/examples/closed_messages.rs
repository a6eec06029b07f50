//! How the store does with many closed messages in it: commits, searches, dropping a day, dropping texts, and its size.
//!
//! Run with `cargo run --release -p store --example closed_messages [messages] [days] [folder]`, on Linux.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot go on has to stop")]
#![expect(clippy::disallowed_types, reason = "it measures the time of the world outside")]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use domain::{MessageId, Timestamp};
use store::sqlite::{self, Options, SqliteReader, SqliteWriter, Synchronous};
use store::{Query, Reader, Retention, Writer};

#[path = "traffic/run.rs"]
mod run;

use run::{BATCH, Run, bytes_in, process_nanos, thread_nanos};

const DAY: i64 = 24 * 3600 * 1000;
const TIDY_EVERY: usize = 16;
/// Of each kind.
const SEARCHES: usize = 200;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let messages: usize = arguments.next().map_or(200_000, |count| count.parse().unwrap());
    let days: i64 = arguments.next().map_or(20, |count| count.parse().unwrap());
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.next().map_or_else(|| temporary.path().to_owned(), PathBuf::from);

    let open = |synchronous| {
        let options = Options { synchronous, ..Options::default() };
        let opened: (SqliteWriter, SqliteReader) = sqlite::open(&folder, &options).unwrap();
        opened
    };
    let (mut writer, _) = open(Synchronous::Full);
    let mut run = Run::default();
    let sample = (messages / 10).clamp(10 * BATCH, 200_000);
    let step = DAY * days / i64::try_from(messages.div_ceil(BATCH)).unwrap();
    let empty = fill(&mut run, &mut writer, sample, step);
    drop(writer);
    // What is in between only has to be there: it need not wait for the disk.
    let (mut writer, _) = open(Synchronous::Off);
    let middle = messages.saturating_sub(2 * sample);
    let filling = fill(&mut run, &mut writer, middle, step);
    drop(writer);
    let (mut writer, reader) = open(Synchronous::Full);
    let full = fill(&mut run, &mut writer, sample, step);
    run.drain(&mut writer);
    println!("{} messages over {days} days in batches of {BATCH}", run.sent);
    for (name, rate) in [("empty", &empty), ("filling", &filling), ("full", &full)] {
        println!(
            "{name:<8} {:8.0} messages/s, commit {:5.2} us, tidy {:5.2} us CPU per message",
            rate.per_second, rate.commit, rate.tidy
        );
    }
    println!("full / empty  {:5.1} % of the messages/s", 100.0 * full.per_second / empty.per_second);
    let samples = samples(&run, &reader);
    drop(reader);
    drop(writer);
    println!("on disk  {} bytes per message", bytes_in(&folder) / run.sent as u64);
    let (mut writer, reader) = open(Synchronous::Full);
    for round in ["opened", "warm"] {
        search(&format!("by recipient, {round}"), &reader, &samples, |sample| Query {
            to: Some(sample.to.clone()),
            limit: 50,
            ..Query::default()
        });
        search(&format!("by vendor id, {round}"), &reader, &samples, |sample| Query {
            vendor_id: Some(sample.vendor_id.clone()),
            limit: 50,
            ..Query::default()
        });
    }
    drop_texts(&mut writer, &run, &folder);
    drop_days(&mut writer, &run, &folder);
}

struct Rate {
    per_second: f64,
    commit: f64,
    tidy: f64,
}

fn fill(run: &mut Run, writer: &mut SqliteWriter, messages: usize, step: i64) -> Rate {
    let (sent, commit, tidy) = (run.sent, run.commit_nanos, run.tidy_nanos);
    let started = Instant::now();
    let batches = messages.div_ceil(BATCH);
    for batch in 0..batches {
        if batch % (batches / 20).max(5000) == 0 {
            println!("{:3} % of {messages} messages", 100 * batch / batches);
        }
        run.now += step;
        run.commit(writer);
        if batch % TIDY_EVERY == 0 {
            run.tidy(writer);
        }
    }
    let sent = (run.sent - sent).max(1) as f64;
    Rate {
        per_second: sent / started.elapsed().as_secs_f64(),
        commit: (run.commit_nanos - commit) as f64 / 1000.0 / sent,
        tidy: (run.tidy_nanos - tidy) as f64 / 1000.0 / sent,
    }
}

/// What one search is for.
struct Sample {
    id: MessageId,
    to: domain::Recipient,
    vendor_id: Box<str>,
}

/// Some of the messages, spread over all of them.
fn samples(run: &Run, reader: &dyn Reader) -> Vec<Sample> {
    let span = run.now / SEARCHES as i64;
    let at = |millis: i64| Timestamp::from_millis(run.now().as_millis() - run.now + millis);
    let mut samples = Vec::new();
    for place in 0..SEARCHES as i64 {
        let query = Query { until: Some(at(span * (place + 1))), limit: 1, ..Query::default() };
        let page = reader.search(&query).unwrap();
        samples.extend(page.records.first().map(|record| Sample {
            id: record.message.id,
            to: record.message.to.clone(),
            vendor_id: run::vendor_id(record.message.id),
        }));
    }
    samples
}

fn search(what: &str, reader: &dyn Reader, samples: &[Sample], query: impl Fn(&Sample) -> Query) {
    let mut took = Vec::new();
    let mut pages = 0;
    for sample in samples {
        let mut query = query(sample);
        loop {
            let started = Instant::now();
            let page = reader.search(&query).unwrap();
            took.push(started.elapsed());
            pages += 1;
            if page.records.iter().any(|record| record.message.id == sample.id) {
                break;
            }
            query.before = page.next;
            assert!(page.next.is_some(), "{} is not found", sample.id);
        }
    }
    took.sort_unstable();
    let at = |share: usize| took[(took.len() - 1) * share / 100];
    println!(
        "{what:<24} p50 {:6.2} ms, p99 {:6.2} ms, {:.2} pages",
        at(50).as_secs_f64() * 1000.0,
        at(99).as_secs_f64() * 1000.0,
        f64::from(pages) / samples.len() as f64
    );
}

fn drop_texts(writer: &mut SqliteWriter, run: &Run, folder: &Path) {
    let texts = Retention { texts: Some(Duration::ZERO), messages: None };
    let before = process_nanos() - thread_nanos();
    let started = Instant::now();
    writer.retain(run.now(), &texts).unwrap();
    // The last day has not ended and keeps its texts.
    let last = days(folder).len() - 1;
    wait(|| days(folder).iter().take(last).all(|day| is_without_texts(day)));
    let took = started.elapsed();
    let nanos = process_nanos() - thread_nanos() - before;
    println!(
        "dropping texts  {:6.2} us CPU per message, off the writer's thread, {:.1} s",
        nanos as f64 / 1000.0 / run.sent as f64,
        took.as_secs_f64()
    );
}

fn is_without_texts(day: &Path) -> bool {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let file = rusqlite::Connection::open_with_flags(day, flags).unwrap();
    let marked = "SELECT EXISTS(SELECT 1 FROM counters WHERE name = 'texts_dropped')";
    file.query_row(marked, [], |row| row.get(0)).unwrap()
}

/// As if the last day had ended eight days ago: all of them are too old.
fn drop_days(writer: &mut SqliteWriter, run: &Run, folder: &Path) {
    let count = days(folder).len();
    let largest = days(folder).iter().map(|day| day.metadata().unwrap().len()).max().unwrap();
    let retention = Retention { messages: Some(Duration::from_secs(7 * 24 * 3600)), texts: None };
    let later = Timestamp::from_millis(run.now().as_millis() + 9 * DAY);
    let mut longest = Duration::ZERO;
    wait(|| {
        let started = Instant::now();
        writer.retain(later, &retention).unwrap();
        longest = longest.max(started.elapsed());
        days(folder).is_empty()
    });
    println!(
        "dropping {count} days  the writer's longest call {:.1} ms; the largest had {largest} bytes",
        longest.as_secs_f64() * 1000.0
    );
}

fn days(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("days")).unwrap().map(|entry| entry.unwrap().path());
    let mut days: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|it| it == "db")).collect();
    days.sort_unstable();
    days
}

fn wait(mut is_done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_done() {
        if started.elapsed() > Duration::from_secs(3600) {
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
