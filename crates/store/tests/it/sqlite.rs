//! SQLite: the suite, the model, and what only one folder of files can do.

use std::sync::Arc;

use domain::record::Input;
use domain::{MessageId, Record};
use rusqlite::Connection;
use store::sqlite::{self, OpenError, Options};
use store::write::NoticeLimit;
use store::{Change, Changed, Claim, Error, Query, Write, Written};
use tempfile::TempDir;

use crate::sample::{
    Ids, MINUTE, NOON, accept, apply, at, delivered, dispatch, message, receipt, step, write,
};
use crate::suite::{Backend, Store};

pub(crate) struct Folder(pub(crate) TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn try_open(&self) -> Result<Store, OpenError> {
        let (writer, reader) = sqlite::open(self.0.path(), &Options::default())?;
        Ok(Store { writer: Box::new(writer), reader: Arc::new(reader) })
    }

    fn refusal(&self) -> String {
        self.try_open().err().unwrap().to_string()
    }

    /// A file as somebody else might change it while nobody has it open.
    pub(crate) fn tamper(&self, file: &str, statement: &str) {
        let connection = Connection::open(self.0.path().join(file)).unwrap();
        assert_eq!(connection.execute(statement, []).unwrap(), 1);
    }

    /// The page where a table begins.
    fn overwrite_root(&self, file: &str, table: &str) {
        let file = self.0.path().join(file);
        let connection = Connection::open(&file).unwrap();
        let size: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
        let of_table = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let root: u32 = connection.query_row(of_table, [table], |row| row.get(0)).unwrap();
        drop(connection);
        let mut bytes = std::fs::read(&file).unwrap();
        let start = usize::try_from((root - 1) * size).unwrap();
        bytes[start..][..usize::try_from(size).unwrap()].fill(0xff);
        std::fs::write(file, bytes).unwrap();
    }
}

impl Backend for Folder {
    fn open(&self) -> Store {
        self.try_open().unwrap()
    }
}

crate::suite::run!(crate::sqlite::Folder::new());

#[test]
fn a_folder_has_one_user_at_a_time() {
    let folder = Folder::new();
    let store = folder.open();
    assert!(folder.refusal().starts_with("another process uses the store in "));
    drop(store);
    folder.open();
}

#[test]
fn a_newer_schema_is_refused() {
    let folder = Folder::new();
    drop(folder.open());
    let connection = Connection::open(folder.0.path().join("hot.db")).unwrap();
    connection.pragma_update(None, "user_version", 1000).unwrap();
    drop(connection);
    let refusal = folder.refusal();
    assert!(refusal.contains("was written by a newer version: its schema is 1000"), "{refusal}");
}

#[test]
fn the_file_refuses_to_change_the_audit_log_and_a_forced_change_is_seen() {
    let folder = Folder::new();
    let Store { mut writer, reader } = folder.open();
    for target in ["key_1", "key_2"] {
        let change =
            Change { what: Changed::Keys(Vec::new()), entry: format!(r#"{{"target":"{target}"}}"#).into() };
        write(&mut *writer, NOON, [Write::Change(Box::new(change))]);
    }
    drop((writer, reader));
    let file = folder.0.path().join("hot.db");
    let connection = Connection::open(&file).unwrap();
    let forge = "UPDATE audit SET entry = replace(entry, 'key_1', 'key_9')";
    for statement in [forge, "DELETE FROM audit WHERE number = 1"] {
        let refused = connection.execute(statement, []).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
    let problems = || {
        let verified = sqlite::verify(folder.0.path(), &mut |_| {}).unwrap();
        verified.problems.into_iter().map(|wrong| wrong.what).collect::<Vec<_>>()
    };
    assert_eq!(problems(), [""; 0]);
    connection.execute_batch("DROP TRIGGER audit_is_not_changed").unwrap();
    connection.execute(forge, []).unwrap();
    assert_eq!(problems(), ["the audit log: entry 1 was changed or is missing"]);
}

#[test]
fn a_store_of_an_older_version_is_brought_up_to_date() {
    let folder = Folder::new();
    drop(folder.open());
    let file = folder.0.path().join("hot.db");
    let connection = Connection::open(&file).unwrap();
    let drops = ["versions", "version_texts", "texts", "routing_import", "published", "held_classes"];
    let before_versions: String = drops.map(|table| format!("DROP TABLE {table};")).concat();
    let old = format!("{before_versions} PRAGMA user_version = 4");
    connection.execute_batch(&old).unwrap();
    drop(connection);
    assert!(folder.open().reader.active_version().unwrap().is_none());
    let connection = Connection::open(&file).unwrap();
    let older = "DROP TABLE keys; DROP TABLE imported; DROP TABLE audit; PRAGMA user_version = 3";
    connection.execute_batch(older).unwrap();
    let oldest = format!("{older}; DROP TABLE parts; PRAGMA user_version = 2");
    drop(connection);
    assert!(folder.open().reader.keys().unwrap().is_empty());
    let connection = Connection::open(&file).unwrap();
    connection.execute_batch(&oldest).unwrap();
    drop(connection);
    let Store { mut writer, reader } = folder.open();
    assert!(writer.parts().unwrap().is_empty() && reader.imported().unwrap().is_none());
}

#[test]
fn a_store_of_this_version_gets_the_tables_that_came_to_it_later() {
    let folder = Folder::new();
    drop(folder.open());
    let connection = Connection::open(folder.0.path().join("hot.db")).unwrap();
    connection.execute_batch("DROP TABLE carried_by_vendor; DROP TABLE adaptive_state").unwrap();
    drop(connection);
    let Store { reader, writer: _writer } = folder.open();
    assert_eq!(reader.carried(0).unwrap(), []);
    assert!(reader.adaptive_state().is_ok());
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = Folder::new();
    std::fs::write(folder.0.path().join("hot.db"), "not a database ".repeat(100)).unwrap();
    let refusal = folder.refusal();
    assert!(refusal.contains("hot.db is damaged") && refusal.contains("restore the folder"), "{refusal}");
}

#[test]
fn the_vfs_of_the_options_is_used() {
    let folder = Folder::new();
    let options = Options { vfs: Some("no-such-vfs".into()), ..Options::default() };
    assert!(matches!(sqlite::open(folder.0.path(), &options), Err(OpenError::Database { .. })));
}

#[test]
fn a_damaged_record_is_put_aside_and_the_rest_goes_on() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let all: Vec<MessageId> = (0..4).map(|_| ids.at(NOON)).collect();
    let Store { mut writer, reader } = folder.open();
    for id in &all {
        step(&mut *writer, NOON, accept(message(*id)));
    }
    drop((writer, reader));
    for damaged in [all[0], all[1], all[3]] {
        flip_a_byte(&folder, "hot.db", damaged);
    }
    let Store { mut writer, reader } = folder.open();
    assert!(matches!(reader.message(all[0]), Err(Error::Damaged { .. })));
    assert_eq!(found(&*reader), [all[2]]);
    let converted = Input::Convert { converted: true, at: NOON };
    let written = write(&mut *writer, NOON, [apply(all[3], dispatch(1, "acme")), apply(all[2], converted)]);
    assert!(matches!(&written[..], [Written::Missing, Written::Applied { .. }]), "{written:?}");
    let lane = writer.lanes().unwrap().remove(0);
    // A page of one meets the damaged ones first and must not be empty because of them.
    let claimed = writer.claim(Claim::Waiting { lane, after: 0 }, 1).unwrap();
    assert_eq!(ids_of(&claimed), [all[2]]);
    assert_eq!(reader.damaged().unwrap(), 3);
    assert_eq!(reader.message(all[0]).unwrap(), None);
    // Its key is not given to another message.
    assert_eq!(writer.last_key().unwrap(), all[3].key());
}

#[test]
fn a_damaged_record_does_not_stop_those_that_are_due_or_closed() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let [open, damaged_open, closed, damaged_closed] = [(); 4].map(|()| ids.at(NOON));
    let Store { mut writer, reader } = folder.open();
    for id in [open, damaged_open] {
        step(&mut *writer, NOON, accept(message(id)));
    }
    for (id, vendor_id) in [(closed, "v1"), (damaged_closed, "v2")] {
        delivered(&mut *writer, message(id), vendor_id);
    }
    drop((writer, reader));
    for damaged in [damaged_open, damaged_closed] {
        flip_a_byte(&folder, "hot.db", damaged);
    }
    let Store { mut writer, reader } = folder.open();
    let due = writer.claim(Claim::Due { now: at(10 * MINUTE) }, 10).unwrap();
    assert_eq!(ids_of(&due), [open]);
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 1);
    assert_eq!(reader.damaged().unwrap(), 2);
    // Nothing is left of it that a receipt could find.
    let written = write(&mut *writer, NOON, [receipt("acme", "v2", None, NOON)]);
    assert!(matches!(&written[..], [Written::Held]), "{written:?}");
}

#[test]
fn a_damaged_day_stops_nothing_else() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let sealed = delivered(&mut *writer, message(ids.at(NOON)), "v1");
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 1);
    drop((writer, reader));
    let day = folder.0.path().join("days/2026-03-01.db");
    assert!(day.exists());
    std::fs::write(&day, "not a database ".repeat(1000)).unwrap();
    let Store { mut writer, reader } = folder.open();
    let said = reader.message(sealed.message.id).unwrap_err().to_string();
    assert!(said.contains("2026-03-01.db is damaged") && said.contains("restore"), "{said}");
    assert!(writer.last_key().unwrap() >= sealed.message.id.key());
    let same_day = delivered(&mut *writer, message(ids.at(NOON)), "v2");
    let next_day = delivered(&mut *writer, message(ids.at(at(crate::sample::DAY))), "v3");
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 1);
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 0);
    assert_eq!(found(&*reader), [next_day.message.id, same_day.message.id]);
    let written = write(&mut *writer, NOON, [receipt("acme", "v1", None, NOON)]);
    assert!(matches!(&written[..], [Written::Held]), "{written:?}");
}

#[test]
fn a_day_that_cannot_be_opened_stops_nothing_else_until_it_is_repaired() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let sealed = delivered(&mut *writer, message(ids.at(NOON)), "v1").message.id;
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 1);
    drop((writer, reader));
    let day = folder.0.path().join("days/2026-03-01.db");
    let moved = folder.0.path().join("moved");
    std::fs::rename(&day, &moved).unwrap();
    std::fs::create_dir(&day).unwrap();
    let Store { mut writer, reader } = folder.open();
    let news = receipt("acme", "v1", None, NOON);
    let written = write(&mut *writer, NOON, [news.clone(), accept(message(ids.at(NOON)))]);
    assert!(matches!(&written[..], [Written::Held, Written::Accepted { .. }]), "{written:?}");
    let kept = delivered(&mut *writer, message(ids.at(NOON)), "v2").message.id;
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 0);
    assert_eq!(reader.days_given_up(), 1);
    assert_eq!(reader.message(kept).unwrap().map(|record| record.message.id), Some(kept));
    // It may well be there, so nobody is told that it is not.
    assert!(matches!(reader.message(sealed), Err(Error::Unavailable { .. })));
    assert_eq!(found(&*reader).len(), 2);
    std::fs::remove_dir(&day).unwrap();
    std::fs::rename(&moved, &day).unwrap();
    assert!(matches!(&write(&mut *writer, at(MINUTE - 1), [news.clone()])[..], [Written::Held]));
    assert!(matches!(&write(&mut *writer, at(MINUTE), [news])[..], [Written::Applied { .. }]));
    assert_eq!(reader.days_given_up(), 0);
    assert!(writer.tidy(at(MINUTE), 10).unwrap() > 0);
    assert_eq!(reader.message(sealed).unwrap().map(|record| record.message.id), Some(sealed));
}

#[test]
fn what_a_process_had_leased_is_due_as_soon_as_it_has_ended() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let all = NoticeLimit { total: 10, per_target: 10 };
    let Store { mut writer, .. } = folder.open();
    step(&mut *writer, NOON, accept(message(ids.at(NOON))));
    assert_eq!(writer.claim_notices(NOON, all).unwrap(), []);
    drop(writer);
    let Store { mut writer, .. } = folder.open();
    step(&mut *writer, NOON, accept(message(ids.at(NOON))));
    assert_eq!(writer.claim_notices(NOON, all).unwrap().len(), 1);
    assert_eq!(writer.claim_notices(NOON, all).unwrap(), []);
    assert_eq!(writer.claim_notices(at(MINUTE), all).unwrap().len(), 2);
}

#[test]
fn a_probe_leaves_nothing() {
    let folder = Folder::new();
    let Store { mut writer, reader } = folder.open();
    for _ in 0..3 {
        writer.probe().unwrap();
    }
    assert_eq!(found(&*reader), []);
    drop((writer, reader));
    assert!(std::fs::metadata(folder.0.path().join("hot.db")).unwrap().len() < 1_000_000);
}

#[test]
fn a_damaged_sealed_record_is_not_found_and_the_others_are() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let [whole, damaged] =
        ["v1", "v2"].map(|vendor_id| delivered(&mut *writer, message(ids.at(NOON)), vendor_id).message.id);
    writer.tidy(NOON, 10).unwrap();
    drop((writer, reader));
    flip_a_byte(&folder, "days/2026-03-01.db", damaged);
    let Store { mut writer, reader } = folder.open();
    assert!(matches!(reader.message(damaged), Err(Error::Damaged { .. })));
    assert_eq!(found(&*reader), [whole]);
    let written =
        write(&mut *writer, NOON, [receipt("acme", "v2", None, NOON), receipt("acme", "v1", None, NOON)]);
    assert!(matches!(&written[..], [Written::Held, Written::Applied { .. }]), "{written:?}");
}

/// What a start reads is spread over the tables, and each of them may be the damaged one.
#[test]
fn whoever_reads_a_damaged_table_is_told_the_file_and_what_to_do() {
    let folder = Folder::new();
    drop(folder.open());
    folder.overwrite_root("hot.db", "carried_by_vendor");
    let said = folder.open().reader.carried(0).unwrap_err();
    assert!(matches!(said, Error::Damaged { .. }), "{said:?}");
    let said = said.to_string();
    assert!(said.contains("hot.db is damaged") && said.contains("restore"), "{said}");
}

#[test]
fn the_log_is_moved_into_the_database_while_it_is_written() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, .. } = folder.open();
    for _ in 0..60 {
        // 2 MB a commit.
        let batch: Vec<_> = (0..100)
            .map(|_| {
                let mut long = message(ids.at(NOON));
                long.metadata = Some("x".repeat(20_000).into());
                accept(long)
            })
            .collect();
        write(&mut *writer, NOON, batch);
    }
    let log = std::fs::metadata(folder.0.path().join("hot.db-wal")).unwrap().len();
    assert!(log < 100_000_000, "{log} bytes");
}

pub(crate) fn flip_a_byte(folder: &Folder, file: &str, id: MessageId) {
    let statement = format!(
        "UPDATE messages SET record = CAST(substr(record, 1, 40) || x'ff' || substr(record, 42) AS BLOB) WHERE key = {}",
        id.key()
    );
    folder.tamper(file, &statement);
}

fn found(reader: &dyn store::Reader) -> Vec<MessageId> {
    ids_of(&reader.search(&Query { limit: 100, ..Query::default() }).unwrap().records)
}

fn ids_of(records: &[Record]) -> Vec<MessageId> {
    records.iter().map(|record| record.message.id).collect()
}
