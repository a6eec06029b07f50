//! The error map: what a vendor's codes mean, as data.
//!
//! The entries of a vendor are looked at first, then the shipped tables that it names, then the standard one; in each
//! the first that fits decides. A code that none of them knows goes to the next route, and is told of as one to be
//! mapped.

use std::sync::{Arc, LazyLock};

use arc_swap::{ArcSwap, Guard};
use domain::{ErrorClass, Stage};
use smpp_wire::status::CommandStatus;

mod code;
#[cfg(test)]
mod tests;

use code::{Code, Looked};

/// The shipped table that holds for every vendor.
pub const STANDARD: &str = "standard";

const SHIPPED: &str = include_str!("../../data/errors.csv");

/// One line: this code means that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub stage: Stage,
    code: Code,
    /// The code as it was written.
    pub written: Box<str>,
    pub class: ErrorClass,
    /// For people; empty where nothing is said.
    pub meaning: Box<str>,
}

/// What is wrong with an entry: of each key the reason.
pub type Wrong = Vec<(&'static str, String)>;

impl Entry {
    /// Reads an entry as a configuration or a shipped table has it.
    ///
    /// # Errors
    /// With everything that is wrong with it.
    pub fn read(stage: &str, code: &str, class: &str, meaning: &str) -> Result<Self, Wrong> {
        let mut wrong = Wrong::new();
        let stage = keep(stage.parse::<Stage>(), "stage", &mut wrong);
        let class = keep(class.parse::<ErrorClass>(), "class", &mut wrong);
        let read = stage.and_then(|stage| keep(Code::read(stage, code), "code", &mut wrong));
        if let (Some(Stage::Receipt), Some(class)) = (stage, class.filter(|class| class.is_of_pace())) {
            let message =
                format!("`{class}` slows a bind down, which only the answer to a submit can ask for");
            wrong.push(("class", message));
        }
        match (stage, read, class) {
            (Some(stage), Some(read), Some(class)) if wrong.is_empty() => {
                Ok(Self { stage, code: read, written: code.into(), class, meaning: meaning.into() })
            }
            (_, _, _) => Err(wrong),
        }
    }

    /// Whether whatever fits the other one fits this one too.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.stage == other.stage && self.code.covers(&other.code)
    }
}

fn keep<T, E: ToString>(read: Result<T, E>, key: &'static str, wrong: &mut Wrong) -> Option<T> {
    read.map_err(|error| wrong.push((key, error.to_string()))).ok()
}

/// A shipped table.
#[derive(Debug)]
struct Table {
    name: &'static str,
    entries: Vec<Entry>,
}

/// Lines that do not read are none; a test sees to it that there are no such.
static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let mut tables: Vec<Table> = Vec::new();
    for (name, entry) in shipped_lines().filter_map(|(name, entry)| Some((name, entry.ok()?))) {
        match tables.iter_mut().find(|table| table.name == name) {
            Some(table) => table.entries.push(entry),
            None => tables.push(Table { name, entries: vec![entry] }),
        }
    }
    tables
});

/// The lines of the shipped file, each with the name of its table.
fn shipped_lines() -> impl Iterator<Item = (&'static str, Result<Entry, Wrong>)> {
    let lines = SHIPPED.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.map(|line| {
        let mut fields = line.splitn(5, ',');
        let mut field = || fields.next().unwrap_or_default();
        let name = field();
        (name, Entry::read(field(), field(), field(), field()))
    })
}

fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// The names of the tables that a vendor may be said to be like.
pub fn shipped() -> impl Iterator<Item = &'static str> {
    TABLES.iter().map(|table| table.name).filter(|name| *name != STANDARD)
}

/// What the codes of one vendor mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    own: Vec<Entry>,
    like: Vec<&'static str>,
}

impl Map {
    /// The vendor's own entries over the tables of those names. Names of no table are none.
    #[must_use]
    pub fn new(own: Vec<Entry>, like: &[String]) -> Self {
        let like = like.iter().filter_map(|name| Some(table(name)?.name)).collect();
        Self { own, like }
    }

    /// All entries in the order in which they are looked at, each with where it is from: None for the vendor's own.
    pub fn entries(&self) -> impl Iterator<Item = (Option<&'static str>, &Entry)> {
        let tables = self.like.iter().copied().chain([STANDARD]).filter_map(table);
        let shipped = tables.flat_map(|table| table.entries.iter().map(|entry| (Some(table.name), entry)));
        self.own.iter().map(|entry| (None, entry)).chain(shipped)
    }

    /// The entry that decides on a code written as traces show it.
    #[must_use]
    pub fn find(&self, stage: Stage, code: &str) -> Option<(Option<&'static str>, &Entry)> {
        self.decides(&Looked::of(stage, code)?)
    }

    /// What the status of an answer means; None where no entry knows.
    #[must_use]
    pub(super) fn of_status(&self, status: CommandStatus) -> Option<ErrorClass> {
        self.decides(&Looked::Status(status.0)).map(|(_, entry)| entry.class)
    }

    /// What a receipt's word means, that is its state with its error code; None where no entry knows.
    #[must_use]
    pub(super) fn of_receipt(&self, word: &str) -> Option<ErrorClass> {
        self.decides(&Looked::word(word)).map(|(_, entry)| entry.class)
    }

    /// A code that comes with a state which is not the last may tell why the vendor goes on trying: there a shipped table
    /// of codes makes no failure of it.
    fn decides(&self, looked_up: &Looked) -> Option<(Option<&'static str>, &Entry)> {
        let is_heard =
            |table: Option<&str>| table.is_none_or(|name| name == STANDARD || !looked_up.is_open());
        self.entries().find(|(table, entry)| entry.code.fits(looked_up) && is_heard(*table))
    }
}

/// The map of a connection, which can be another one at any time: its binds stay as they are.
#[derive(Clone, Debug, Default)]
pub struct Errors(Arc<ArcSwap<Map>>);

impl Errors {
    #[must_use]
    pub fn new(map: Arc<Map>) -> Self {
        Self(Arc::new(ArcSwap::new(map)))
    }

    /// Holds for what comes from now on.
    pub fn replace(&self, map: Arc<Map>) {
        self.0.store(map);
    }

    pub(super) fn now(&self) -> Guard<Arc<Map>> {
        self.0.load()
    }
}
