//! A copy of the store, what becomes a store again, and what is found when bits have flipped.

use domain::attempt::Verdict;
use domain::record::{Input, Restored};
use domain::status::StatusSet;
use domain::{MessageId, Status};
use store::sqlite::{self, OpenError, Verified};
use store::{Claim, Query, Written};

use crate::sample::{
    DAY, HOUR, Ids, NOON, accept, apply, at, delivered, dispatch, message, receipt, step, submitted, write,
};
use crate::sqlite::{Folder, flip_a_byte};
use crate::suite::{Backend, Store};

fn back_up(folder: &Folder, name: &str) -> std::path::PathBuf {
    let to = folder.0.path().join(name);
    sqlite::backup::copy(folder.0.path(), &to, &mut |_| {}).unwrap();
    to
}

fn restored(backup: &std::path::Path) -> Folder {
    let folder = Folder::new();
    sqlite::restore(backup, folder.0.path(), &mut |_| {}).unwrap();
    folder
}

fn verify(folder: &std::path::Path) -> Verified {
    sqlite::verify(folder, &mut |_| {}).unwrap()
}

#[test]
fn a_copy_of_a_store_in_use_becomes_a_store_on_hold() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    let sealed = delivered(&mut *writer, message(ids.at(NOON)), "v1");
    writer.tidy(NOON, 10).unwrap();
    let open = step(&mut *writer, NOON, accept(message(ids.at(NOON))));
    let backup = back_up(&folder, "backup");
    // What happens later is not in it.
    let later = step(&mut *writer, NOON, accept(message(ids.at(NOON))));
    assert!(reader.message(later.message.id).unwrap().is_some());
    assert!(!writer.is_on_hold().unwrap());
    assert_eq!(verify(&backup).problems, []);

    let copy = restored(&backup);
    let Store { mut writer, reader } = copy.open();
    for record in [&sealed, &open] {
        assert_eq!(reader.message(record.message.id).unwrap().as_ref(), Some(record));
    }
    assert_eq!(reader.message(later.message.id).unwrap(), None);
    assert!(writer.is_on_hold().unwrap());
    let found = writer.claim(Claim::Open { after: 0 }, 10).unwrap();
    assert_eq!(found.iter().map(|record| record.message.id).collect::<Vec<_>>(), [open.message.id]);
    step(&mut *writer, at(HOUR), apply(open.message.id, Input::Restored(Restored::Withheld)));
    writer.end_hold().unwrap();
    drop((writer, reader));
    let Store { mut writer, reader } = copy.open();
    assert!(!writer.is_on_hold().unwrap());
    assert_eq!(reader.message(open.message.id).unwrap().unwrap().status, Status::Uncertain);
    assert_eq!(verify(copy.0.path()).problems, []);
}

/// The hot file is copied before the days, and messages close in between.
#[test]
fn what_a_sealed_file_knows_better_is_taken_from_it_and_told() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, .. } = folder.open();
    let id = ids.at(NOON);
    let mut told = message(id);
    told.notify = StatusSet::NONE.with(Status::Delivered);
    submitted(&mut *writer, told, "v1");
    let backup = back_up(&folder, "backup");
    let closed = step(&mut *writer, NOON, receipt("acme", "v1", Some(Verdict::Delivered), NOON));
    writer.tidy(NOON, 10).unwrap();
    let ahead = back_up(&folder, "ahead");
    std::fs::copy(ahead.join("days/2026-03-01.db"), backup.join("days/2026-03-01.db")).unwrap();

    let copy = restored(&backup);
    let Store { mut writer, reader } = copy.open();
    assert_eq!(reader.message(id).unwrap().as_ref(), Some(&closed));
    assert_eq!(writer.claim(Claim::Open { after: 0 }, 10).unwrap(), []);
    assert_eq!(reader.notices_pending().unwrap(), 1, "nobody may ever have been told of the delivery");
    assert_eq!(writer.tidy(NOON, 10).unwrap(), 1);
    assert_eq!(reader.search(&Query { limit: 10, ..Query::default() }).unwrap().records, [closed]);
}

#[test]
fn what_cannot_be_read_is_named_and_all_else_is_copied_and_becomes_a_store() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, .. } = folder.open();
    delivered(&mut *writer, message(ids.at(NOON)), "v0");
    let whole = delivered(&mut *writer, message(ids.at(at(DAY))), "v1");
    writer.tidy(NOON, 10).unwrap();
    let open = step(&mut *writer, NOON, accept(message(ids.at(at(DAY)))));
    drop(writer);
    let days = folder.0.path().join("days");
    std::fs::write(days.join("2026-03-01.db"), "not a database ".repeat(1000)).unwrap();
    std::fs::create_dir(days.join("2026-03-03.db")).unwrap();
    // As the writer leaves it for a moment.
    std::fs::write(days.join("2026-03-04.db"), "").unwrap();

    let backup = folder.0.path().join("backup");
    let copies = sqlite::backup::copy(folder.0.path(), &backup, &mut |_| {}).unwrap();
    let copied: Vec<_> = copies.files.iter().map(|it| it.file.to_str().unwrap()).collect();
    assert_eq!(copied, ["hot.db", "days/2026-03-02.db"]);
    let left_out: Vec<_> = copies.left_out.iter().map(|it| it.file.to_str().unwrap()).collect();
    assert_eq!(left_out, ["days/2026-03-03.db", "days/2026-03-01.db"]);
    assert!(copies.left_out[1].why.contains("is damaged"), "{:?}", copies.left_out);
    let verified = verify(&backup);
    assert_eq!((verified.problems, verified.files, verified.messages), (Vec::new(), 2, 2));

    let copy = restored(&backup);
    let Store { reader, .. } = copy.open();
    for record in [&whole, &open] {
        assert_eq!(reader.message(record.message.id).unwrap().as_ref(), Some(record));
    }
}

/// A disk that is full would fail for every file.
#[test]
fn what_cannot_be_written_ends_a_backup() {
    let folder = Folder::new();
    let Store { mut writer, .. } = folder.open();
    delivered(&mut *writer, message(Ids::new().at(NOON)), "v0");
    writer.tidy(NOON, 10).unwrap();
    let backup = folder.0.path().join("backup");
    // While the hot file is copied, somebody puts something else where the day is to go.
    let copied = sqlite::backup::copy(folder.0.path(), &backup, &mut |_| {
        drop(std::fs::create_dir(backup.join("days/2026-03-01.db")));
    });
    assert!(matches!(copied, Err(OpenError::Database { .. })), "{copied:?}");
}

#[test]
fn a_day_that_nothing_was_written_to_yet_is_no_damage() {
    let folder = Folder::new();
    drop(folder.open());
    std::fs::write(folder.0.path().join("days/2026-03-01.db"), "").unwrap();
    assert_eq!(verify(folder.0.path()).problems, []);
}

#[test]
fn a_store_is_restored_into_nothing_but_an_empty_folder() {
    let folder = Folder::new();
    let Store { mut writer, .. } = folder.open();
    step(&mut *writer, NOON, accept(message(Ids::new().at(NOON))));
    let backup = back_up(&folder, "backup");
    let restore = |to: &std::path::Path| sqlite::restore(&backup, to, &mut |_| {});
    assert!(matches!(restore(folder.0.path()), Err(OpenError::InUse { .. })));
    drop(writer);
    assert!(matches!(restore(folder.0.path()), Err(OpenError::NotEmpty { .. })));
    let again = sqlite::backup::copy(folder.0.path(), &backup, &mut |_| {});
    assert!(matches!(again, Err(OpenError::NotEmpty { .. })));
    let nothing = sqlite::backup::copy(&backup.join("nowhere"), &backup.join("copy"), &mut |_| {});
    assert!(matches!(nothing, Err(OpenError::NoStore { .. })));
    // One that did not finish is no store.
    let half = Folder::new();
    std::fs::write(half.0.path().join("hot.db.part"), "").unwrap();
    assert!(matches!(
        sqlite::open(half.0.path(), &sqlite::Options::default()),
        Err(OpenError::HalfRestored { .. })
    ));
}

#[test]
fn a_whole_store_has_no_problem_and_every_kind_of_damage_is_one() {
    let folder = Folder::new();
    let mut ids = Ids::new();
    let Store { mut writer, reader } = folder.open();
    // Everything that a row may be: sealed, corrected, open in every stage, scheduled.
    let sealed = delivered(&mut *writer, message(ids.at(NOON)), "v1");
    delivered(&mut *writer, message(ids.at(at(DAY))), "v1");
    writer.tidy(NOON, 10).unwrap();
    let dispatched: MessageId = ids.at(at(DAY));
    step(&mut *writer, NOON, accept(message(dispatched)));
    step(&mut *writer, NOON, apply(dispatched, dispatch(1, "acme")));
    step(&mut *writer, NOON, accept(message(ids.at(at(DAY)))));
    submitted(&mut *writer, message(ids.at(at(DAY))), "v2");
    let held = write(&mut *writer, NOON, [receipt("acme", "early", None, NOON)]);
    assert!(matches!(&held[..], [Written::Held]));
    let whole = verify(folder.0.path());
    assert_eq!(whole.problems, []);
    assert_eq!((whole.files, whole.messages), (3, 5));
    drop((writer, reader));
    let damage: [(&str, &str, &str); 3] = [
        ("hot.db", "DELETE FROM vendor_ids WHERE vendor_id = 'v2'", "the vendor id v2 does not lead to it"),
        ("hot.db", "UPDATE messages SET status = 5 WHERE status = 2", "its column status"),
        ("days/2026-03-02.db", "UPDATE messages SET recipient = 1", "its column recipient"),
    ];
    for (file, statement, expected) in damage {
        folder.tamper(file, statement);
        let problems = verify(folder.0.path()).problems;
        assert!(problems.iter().any(|wrong| wrong.what.contains(expected)), "{expected}: {problems:?}");
    }
    flip_a_byte(&folder, "days/2026-03-01.db", sealed.message.id);
    let problems = verify(folder.0.path()).problems;
    assert!(problems.iter().any(|wrong| wrong.what.contains("its checksum differs")), "{problems:?}");
}
