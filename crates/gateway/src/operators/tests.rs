//! Which source counts when several know a number, and for how long.

use std::time::Duration;

use domain::Timestamp;
use pipeline::Operators as _;
use store::sqlite;

use super::*;
use crate::clock::SystemClock;

const NUMBER: u64 = 4_915_112_345_678;

struct Sources {
    door: Door,
    to: Recipient,
    _folder: tempfile::TempDir,
}

fn list(text: &str) -> Arc<List> {
    Arc::new(list::read(text).unwrap())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

impl Sources {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (_writer, reader) = sqlite::open(folder.path(), &sqlite::Options::default()).unwrap();
        let settings = Settings {
            remembered: 1000,
            receipts_hold: Duration::from_secs(500),
            files: vec![
                (list("prefix,operator\n49151,26211\n"), at(1)),
                (list("number,operator\n4915112345678,26212\n"), at(2)),
            ],
            ..Settings::default()
        };
        let clock = Arc::new(SystemClock::default());
        let operators = Operators::load(settings, &reader, clock, Arc::default()).unwrap();
        let to = Recipient::from_e164("+4915112345678").unwrap();
        Self { door: Door(operators), to, _folder: folder }
    }

    fn without_files(&self) {
        let settings = Settings { files: Vec::new(), ..(**self.door.0.settings.load()).clone() };
        self.door.0.reconfigure(self.door.0.prepare(settings).unwrap());
    }

    fn looked_up(&self, operator: Option<&str>, known_at: i64, holds_until: i64) {
        let operator = operator.map(|code| code.parse().unwrap());
        let fact = Fact {
            operator,
            at: at(known_at),
            holds_until: at(holds_until),
            said_by: "mnp".into(),
            ported: None,
        };
        self.door.0.remember(NUMBER, OperatorSource::Lookup, fact);
    }

    fn known(&self, now: i64) -> (String, OperatorSource, Option<Timestamp>) {
        let known = self.door.of(&self.to, at(now)).unwrap();
        (known.operator.code(), known.source, known.at)
    }
}

fn known(
    code: &str,
    source: OperatorSource,
    since: Option<i64>,
) -> (String, OperatorSource, Option<Timestamp>) {
    (code.to_owned(), source, since.map(at))
}

#[test]
fn the_better_source_counts_as_long_as_it_holds() {
    let sources = Sources::new();
    sources.looked_up(Some("26213"), 100, 200);
    sources.door.learn(&sources.to, "262-14", at(150));
    assert_eq!(sources.known(160), known("26212", OperatorSource::Import, Some(2)));
    let only_prefixes = Settings {
        files: vec![(list("prefix,operator\n49151,26211\n"), at(1))],
        ..(**sources.door.0.settings.load()).clone()
    };
    sources.door.0.reconfigure(sources.door.0.prepare(only_prefixes).unwrap());
    assert_eq!(sources.known(199), known("26213", OperatorSource::Lookup, Some(100)));
    assert_eq!(sources.known(200), known("26214", OperatorSource::Receipt, Some(150)));
    assert_eq!(sources.known(650), known("26211", OperatorSource::Import, Some(1)));
    sources.without_files();
    assert_eq!(sources.known(650), known("26201", OperatorSource::Prefix, None));
}

#[test]
fn an_import_goes_before_a_file_and_one_of_its_kind_takes_its_place() {
    let sources = Sources::new();
    sources.door.0.import(list("number,operator\n4915112345678,26215\n"), at(9));
    assert_eq!(sources.known(10), known("26215", OperatorSource::Import, Some(9)));
    sources.door.0.import(list("number,operator\n4915100000000,26215\n"), at(11));
    assert_eq!(sources.known(12), known("26212", OperatorSource::Import, Some(2)));
}

#[test]
fn a_number_without_a_network_is_not_asked_about_again_and_guessed_meanwhile() {
    let sources = Sources::new();
    sources.without_files();
    sources.looked_up(None, 100, 200);
    assert_eq!(sources.known(150), known("26201", OperatorSource::Prefix, None));
    assert!(sources.door.0.was_asked(NUMBER, at(150)));
    assert!(!sources.door.0.was_asked(NUMBER, at(200)));
}

#[test]
fn a_vendors_word_that_is_no_network_teaches_nothing() {
    let sources = Sources::new();
    sources.without_files();
    for word in ["", "26", "DELIVRD", "2620111"] {
        sources.door.learn(&sources.to, word, at(100));
    }
    assert_eq!(sources.known(101), known("26201", OperatorSource::Prefix, None));
}
