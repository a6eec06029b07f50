//! Dropping what is too old at once, in a store that nobody uses.

use std::path::Path;

use domain::Timestamp;

use super::day::Day;
use super::fault::Fault;
use super::folder::{Access, Folder};
use super::{OpenError, Options, damaged, retention, schema, texts};
use crate::Retention;

/// Whether anything is dropped, or only listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prune {
    List,
    Drop,
}

/// What is too old.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Days that go as a whole, with their messages; None when the file cannot be read.
    pub days: Vec<(String, Option<u64>)>,
    /// Days of which the texts go, and how many.
    pub texts: Vec<(String, u64)>,
    pub damaged: u64,
}

/// # Errors
/// When another process uses the store, when there is none, or when its files cannot be read or written.
pub fn prune(path: &Path, retention: &Retention, now: Timestamp, prune: Prune) -> Result<Dropped, OpenError> {
    let folder = Folder::new(path.to_owned(), Options::default());
    if !folder.hot().exists() {
        return Err(OpenError::NoStore { folder: path.to_owned() });
    }
    let _lock = super::lock(&folder)?;
    run(&folder, retention, now, prune).map_err(|fault| match fault {
        Fault::Open(error) => error,
        Fault::Database(source) => OpenError::Database { file: path.to_owned(), source },
    })
}

fn run(folder: &Folder, retention: &Retention, now: Timestamp, prune: Prune) -> Result<Dropped, Fault> {
    let access = if prune == Prune::Drop { Access::Change } else { Access::Read };
    let hot = folder.connect(&folder.hot(), access)?;
    schema::refuse_newer(&hot, &folder.hot())?;
    let listed = folder.list_days();
    let days = listed.map_err(|source| OpenError::Files { path: folder.path().to_owned(), source })?;
    let messages_before = retention.messages_before(now).map(Day::of);
    let texts_before = retention.texts_before(now).map(Day::of);
    let is_before = |day: &Day, before: Option<Day>| before.is_some_and(|before| *day < before);
    let (old, kept): (Vec<Day>, Vec<Day>) = days.into_iter().partition(|day| is_before(day, messages_before));
    let mut dropped = Dropped::default();
    for unneeded in retention::find_unneeded(folder, &old, now)? {
        if prune == Prune::Drop {
            retention::drop_day(folder, unneeded.day)?;
        }
        dropped.days.push((unneeded.day.to_string(), unneeded.messages));
    }
    for day in kept.into_iter().filter(|day| is_before(day, texts_before)) {
        let texts = match prune {
            Prune::Drop => texts::drop_of(folder, day, &mut || true)?.unwrap_or(0),
            Prune::List => texts::count_of(&folder.connect(&folder.day(day), Access::Read)?)?,
        };
        if texts > 0 {
            dropped.texts.push((day.to_string(), texts));
        }
    }
    if let Some(before) = messages_before.max(texts_before) {
        let key = before.first_key();
        dropped.damaged = match prune {
            Prune::Drop => damaged::drop_before(&hot, key)?,
            Prune::List => damaged::count_before(&hot, key)?,
        };
    }
    if prune == Prune::Drop {
        let freed = retention::free_dropped(folder, &mut || true);
        freed.map_err(|source| OpenError::Files { path: folder.days(), source })?;
    }
    Ok(dropped)
}
