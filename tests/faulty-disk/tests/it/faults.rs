//! A full disk and a failing sync, as SQLite reports them.

use faulty_disk::Disk;
use rusqlite::{Connection, ErrorCode};

fn database(disk: &Disk) -> Connection {
    let database = Connection::open(disk.path().join("a.db")).unwrap();
    database.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    database.pragma_update(None, "synchronous", "full").unwrap();
    database.execute_batch("CREATE TABLE rows(text TEXT)").unwrap();
    database
}

fn insert(database: &Connection) -> Result<usize, rusqlite::Error> {
    database.execute("INSERT INTO rows VALUES (hex(randomblob(10000)))", [])
}

#[test]
fn a_full_disk_takes_nothing_more_until_there_is_room() {
    let disk = Disk::mount(1).unwrap();
    let database = database(&disk);
    insert(&database).unwrap();
    disk.set_capacity(Some(disk.used() + 5000));
    let error = insert(&database).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DiskFull));
    disk.set_capacity(None);
    insert(&database).unwrap();
}

#[test]
fn a_failed_sync_fails_once() {
    let disk = Disk::mount(1).unwrap();
    let database = database(&disk);
    insert(&database).unwrap();
    disk.fail_syncs(1);
    let error = insert(&database).unwrap_err();
    assert_eq!(error.sqlite_error_code(), Some(ErrorCode::SystemIoFailure));
    insert(&database).unwrap();
}
