//! SQLite: the suite, and what only one folder of files can do.

use std::sync::Arc;

use store::sqlite::{self, Options};
use tempfile::TempDir;

use crate::suite::{Backend, Store};

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }
}

impl Backend for Folder {
    fn open(&self) -> Store {
        let (writer, reader) = sqlite::open(self.0.path(), &Options::default()).unwrap();
        Store { writer: Box::new(writer), reader: Arc::new(reader) }
    }
}

crate::suite::run!(crate::sqlite::Folder::new());
