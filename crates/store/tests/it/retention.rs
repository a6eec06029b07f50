//! What is too old goes, and only that.

use std::path::PathBuf;
use std::time::Duration;

use domain::{MessageId, Record, Timestamp};
use store::sqlite::{self, Prune};
use store::write::NoticeLimit;
use store::{NoticeOutcome, Query, Retention, Write, Writer};

use crate::sample::{DAY, HOUR, Ids, MINUTE, NOON, at, delivered, message, receipt, write};
use crate::sqlite::{Folder, flip_a_byte};
use crate::suite::{Backend, Store};

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
const MESSAGES: Retention = Retention { messages: Some(WEEK), texts: None };
const TEXTS: Retention = Retention { messages: None, texts: Some(Duration::from_secs(24 * 3600)) };

/// Calls `retain` as the pipeline does, until it has come to this.
fn retain(writer: &mut dyn Writer, now: Timestamp, retention: Retention, mut is_done: impl FnMut() -> bool) {
    for _ in 0..3000 {
        writer.retain(now, &retention).unwrap();
        if is_done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("it is not done in 30 s");
}

fn day(folder: &Folder, day: &str) -> PathBuf {
    folder.0.path().join(format!("days/{day}.db"))
}

/// A message of that day, delivered and sealed.
fn sealed(writer: &mut dyn Writer, ids: &mut Ids, days: i64) -> MessageId {
    let id = ids.at(at(days * DAY));
    delivered(writer, message(id), &format!("v{days}"));
    writer.tidy(at(days * DAY), 10).unwrap();
    id
}

/// Tells everybody of everything.
fn tell_all(writer: &mut dyn Writer, now: Timestamp) {
    let limit = NoticeLimit { total: 100, per_target: 100 };
    let notices = writer.claim_notices(now, limit).unwrap();
    assert!(!notices.is_empty());
    let told = notices.iter().map(|it| Write::Notice { id: it.id, outcome: NoticeOutcome::Told });
    write(writer, now, told);
}

fn found(reader: &dyn store::Reader) -> Vec<MessageId> {
    let page = reader.search(&Query { limit: 10, ..Query::default() }).unwrap();
    page.records.iter().map(|record| record.message.id).collect()
}

fn bytes_of(folder: &Folder) -> Vec<u8> {
    let entries = std::fs::read_dir(folder.0.path().join("days")).unwrap();
    entries.flat_map(|entry| std::fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn holds(folder: &Folder, text: &str) -> bool {
    bytes_of(folder).windows(text.len()).any(|bytes| bytes == text.as_bytes())
}

#[test]
fn a_day_goes_whole_once_it_is_too_old_and_readers_let_go_of_it() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let old = sealed(&mut *writer, &mut ids, 0);
    let kept = sealed(&mut *writer, &mut ids, 1);
    tell_all(&mut *writer, at(DAY + HOUR));
    assert_eq!(found(&*reader), [kept, old]);
    // The first day ended twelve hours after noon; its age counts from there.
    retain(&mut *writer, at(8 * DAY), MESSAGES, || !day(&folder, "2026-03-01").exists());
    assert_eq!(reader.message(old).unwrap(), None);
    assert_eq!(found(&*reader), [kept]);
    retain(&mut *writer, at(8 * DAY), MESSAGES, || {
        let names = std::fs::read_dir(folder.0.path().join("days")).unwrap();
        names
            .into_iter()
            .all(|entry| entry.unwrap().file_name().to_string_lossy().starts_with("2026-03-02.db"))
    });
    // A late receipt of a message that is gone waits as one of nobody, and the day can be made again.
    write(&mut *writer, at(8 * DAY), [receipt("acme", "v0", None, at(8 * DAY))]);
    let again = sealed(&mut *writer, &mut Ids::new(), 0);
    assert!(reader.message(again).unwrap().is_some());
}

#[test]
fn nothing_goes_before_its_time_nor_without_being_asked_for() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    sealed(&mut *writer, &mut ids, 0);
    sealed(&mut *writer, &mut ids, 1);
    tell_all(&mut *writer, at(DAY + HOUR));
    drop((writer, reader));
    let listed = |retention: &Retention, now| {
        let listed = sqlite::prune(folder.0.path(), retention, now, Prune::List).unwrap();
        listed.days.into_iter().map(|(day, _)| day).collect::<Vec<_>>()
    };
    // The second day ended 36 hours after noon.
    let due = 8 * DAY + 12 * HOUR;
    assert_eq!(listed(&MESSAGES, at(due)), ["2026-03-01", "2026-03-02"]);
    assert_eq!(listed(&MESSAGES, at(due - MINUTE)), ["2026-03-01"]);
    assert_eq!(listed(&Retention::default(), at(due)), Vec::<String>::new());
    // Receipts come for seven days, whatever is asked for.
    let hasty = Retention { messages: Some(Duration::ZERO), texts: None };
    assert_eq!(listed(&hasty, at(due - MINUTE)), ["2026-03-01"]);
}

#[test]
fn a_day_waits_until_everybody_was_told_of_its_messages() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, .. } = folder.open();
    sealed(&mut *writer, &mut ids, 0);
    tell_all(&mut *writer, at(HOUR));
    // Of this one nobody was told.
    sealed(&mut *writer, &mut ids, 1);
    let now = at(20 * DAY);
    retain(&mut *writer, now, MESSAGES, || !day(&folder, "2026-03-01").exists());
    assert!(day(&folder, "2026-03-02").exists());
    tell_all(&mut *writer, now);
    retain(&mut *writer, at(20 * DAY + HOUR), MESSAGES, || !day(&folder, "2026-03-02").exists());
}

/// One that was scheduled far ahead closes when its day is long too old.
#[test]
fn a_day_stays_for_a_week_after_a_message_was_sealed_into_it() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let late = ids.at(NOON);
    let on_time = sealed(&mut *writer, &mut ids, 0);
    sealed(&mut *writer, &mut ids, 1);
    delivered(&mut *writer, message(late), "late");
    tell_all(&mut *writer, at(DAY + HOUR));
    writer.tidy(at(10 * DAY), 10).unwrap();
    // The newer day is found together with the older one, if that is, and goes first.
    retain(&mut *writer, at(10 * DAY), MESSAGES, || !day(&folder, "2026-03-02").exists());
    writer.retain(at(10 * DAY), &MESSAGES).unwrap();
    for id in [late, on_time] {
        assert!(reader.message(id).unwrap().is_some());
    }
    retain(&mut *writer, at(17 * DAY), MESSAGES, || !day(&folder, "2026-03-01").exists());
}

#[test]
fn a_day_that_was_found_is_looked_at_again_before_it_goes() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let late = ids.at(NOON);
    sealed(&mut *writer, &mut ids, 0);
    tell_all(&mut *writer, at(HOUR));
    let now = at(10 * DAY);
    // Looks, and leaves what it finds to the next call. The second day's texts go after that, so it has looked then.
    let second = sealed(&mut *writer, &mut ids, 8);
    let both = Retention { messages: Some(WEEK), texts: Some(Duration::from_secs(3600)) };
    writer.retain(now, &both).unwrap();
    for _ in 0..3000 {
        if reader.message(second).unwrap().unwrap().message.text.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(day(&folder, "2026-03-01").exists());
    delivered(&mut *writer, message(late), "late");
    writer.tidy(now, 10).unwrap();
    for _ in 0..3 {
        writer.retain(now, &both).unwrap();
    }
    assert!(reader.message(late).unwrap().is_some());
}

#[test]
fn texts_go_and_no_byte_of_them_is_left_while_the_rest_is_found_as_before() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let text = "Your code is 123456";
    let old = sealed(&mut *writer, &mut ids, 0);
    let kept = sealed(&mut *writer, &mut ids, 3);
    let before = reader.message(old).unwrap().unwrap();
    assert!(holds(&folder, text));
    let now = at(3 * DAY);
    retain(&mut *writer, now, TEXTS, || reader.message(old).unwrap().unwrap().message.text.is_empty());
    let mut without = before;
    without.message.text = Box::default();
    assert_eq!(reader.message(old).unwrap().unwrap(), without);
    assert_eq!(&*reader.message(kept).unwrap().unwrap().message.text, text);
    let by_id = Query { vendor_id: Some("v0".into()), limit: 10, ..Query::default() };
    assert_eq!(reader.search(&by_id).unwrap().records, [without]);

    // One of that day that is sealed later has no text either, and what was written before is overwritten.
    let late = sealed(&mut *writer, &mut ids_after(old), 0);
    assert_eq!(&*reader.message(late).unwrap().unwrap().message.text, "");
    drop(reader);
    drop(writer);
    let log = folder.0.path().join("days/2026-03-01.db-wal");
    assert!(!log.exists(), "the log of a closed file is gone");
    let day = std::fs::read(day(&folder, "2026-03-01")).unwrap();
    assert!(!day.windows(text.len()).any(|bytes| bytes == text.as_bytes()), "a text is left in the file");
}

fn ids_after(id: MessageId) -> Ids {
    let mut ids = Ids::new();
    while ids.at(NOON) <= id {}
    ids
}

#[test]
fn damaged_records_have_their_time_as_well() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, .. } = folder.open();
    let record: Record = delivered(&mut *writer, message(ids.at(NOON)), "v1");
    drop(writer);
    flip_a_byte(&folder, "hot.db", record.message.id);
    let Store { mut writer, reader } = folder.open();
    writer.tidy(NOON, 10).unwrap();
    assert_eq!(reader.damaged().unwrap(), 1);
    writer.retain(at(DAY), &TEXTS).unwrap();
    assert_eq!(reader.damaged().unwrap(), 1);
    writer.retain(at(2 * DAY), &TEXTS).unwrap();
    assert_eq!(reader.damaged().unwrap(), 0);
}

#[test]
fn what_is_pruned_by_hand_is_listed_first() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let days: Vec<MessageId> = (0..3).map(|day| sealed(&mut *writer, &mut ids, day)).collect();
    tell_all(&mut *writer, at(2 * DAY + HOUR));
    let both = Retention { messages: Some(WEEK), texts: Some(Duration::from_secs(3600)) };
    let now = at(8 * DAY);
    let prune = |what| sqlite::prune(folder.0.path(), &both, now, what);
    assert!(prune(Prune::List).is_err(), "the store is in use");
    drop((writer, reader));
    let listed = prune(Prune::List).unwrap();
    assert_eq!(listed.days, [("2026-03-01".to_owned(), Some(1))]);
    assert_eq!(listed.texts, [("2026-03-02".to_owned(), 1), ("2026-03-03".to_owned(), 1)]);
    assert_eq!(prune(Prune::Drop).unwrap(), listed);
    assert_eq!(prune(Prune::Drop).unwrap(), sqlite::Dropped::default());
    let Store { reader, .. } = folder.open();
    assert_eq!(found(&*reader), [days[2], days[1]]);
    assert!(!holds(&folder, "Your code is"));
}
