//! A database in WAL mode keeps over a power cut exactly what its syncs were asked to keep.

use std::path::Path;

use faulty_disk::{Disk, Syncs};
use rusqlite::Connection;

const ROWS: i64 = 50;

/// Commits one row after the other; its process then dies with everything open, for SQLite that is.
fn write(folder: &Path, synchronous: &str) {
    let database = Connection::open(folder.join("a.db")).unwrap();
    database.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(())).unwrap();
    database.pragma_update(None, "synchronous", synchronous).unwrap();
    database.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).unwrap();
    database.execute_batch("CREATE TABLE rows(number INTEGER PRIMARY KEY, text TEXT)").unwrap();
    std::fs::File::open(folder).unwrap().sync_all().unwrap();
    for number in 0..ROWS {
        database.execute("INSERT INTO rows VALUES (?1, hex(randomblob(700)))", [number]).unwrap();
    }
    // A second connection reads what the first one wrote through the file that both have mapped.
    let reader = Connection::open(folder.join("a.db")).unwrap();
    assert_eq!(count(&reader), ROWS);
    // Closing would move the log into the database. A connection that is closed by force, as by the end of its
    // process, does not.
    database.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
    reader.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).unwrap();
}

fn count(database: &Connection) -> i64 {
    database.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).unwrap()
}

/// Zero when not even the table is left.
fn left(folder: &Path) -> i64 {
    let Ok(database) = Connection::open(folder.join("a.db")) else { return 0 };
    database.query_row("SELECT count(*) FROM rows", [], |row| row.get(0)).unwrap_or(0)
}

#[test]
fn what_was_synced_is_all_there() {
    for seed in 0..8 {
        let mut disk = Disk::mount(seed).unwrap();
        write(disk.path(), "full");
        disk.cut().unwrap();
        assert_eq!(left(disk.path()), ROWS, "seed {seed}");
    }
}

#[test]
fn what_was_not_synced_is_lost() {
    let lost = (0..8).filter(|seed| {
        let mut disk = Disk::mount(*seed).unwrap();
        write(disk.path(), "off");
        disk.cut().unwrap();
        left(disk.path()) < ROWS
    });
    assert!(lost.count() >= 4);
}

#[test]
fn a_lying_disk_loses_what_was_synced() {
    let lost = (0..8).filter(|seed| {
        let mut disk = Disk::mount(*seed).unwrap();
        disk.set_syncs(Syncs::Lying);
        write(disk.path(), "full");
        disk.cut().unwrap();
        left(disk.path()) < ROWS
    });
    assert!(lost.count() >= 4);
}

#[test]
fn one_seed_makes_one_cut() {
    let cut = |seed| {
        let mut disk = Disk::mount(seed).unwrap();
        std::fs::write(disk.path().join("a"), vec![1; 100_000]).unwrap();
        std::fs::File::open(disk.path()).unwrap().sync_all().unwrap();
        let losses = disk.cut().unwrap();
        (format!("{losses:?}"), std::fs::read(disk.path().join("a")).unwrap())
    };
    assert_eq!(cut(5), cut(5));
}
