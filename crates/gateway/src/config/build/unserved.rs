//! What is configured for doors and ways that a later version opens: checked now, and told to be without effect.

use std::path::PathBuf;

use super::super::raw::{Raw, ServerTls};
use super::{Builder, Steps, below, path};
use crate::tls::Pair;

impl Builder<'_> {
    pub(super) fn unserved(&mut self, raw: &Raw) {
        if raw.store.url.is_some() {
            // Going on with the embedded store instead would scatter messages over two.
            let message =
                "a shared database for a cluster is not served yet: give `path` for the embedded store";
            self.problem(&path(&["store", "url"]), message);
        }
    }

    /// The files of a door's certificate. Whether they can be used is seen when they are.
    pub(super) fn certificates(&mut self, tls: Option<&ServerTls>, at: &Steps) -> Option<Pair> {
        let tls = tls?;
        let cert = self.named_file(&tls.cert, &below(at, "cert"));
        let key = self.named_file(&tls.key, &below(at, "key"));
        Some(Pair { cert, key, client_ca: None })
    }

    pub(super) fn named_file(&mut self, name: &str, at: &Steps) -> PathBuf {
        let file = self.beside(at, name);
        self.file(&file, at);
        file
    }
}
