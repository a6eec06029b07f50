//! What is configured for doors and ways that a later version opens: checked now, and told to be without effect.

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
        if let Some(door) = &raw.smpp_server {
            let at = path(&["smpp_server"]);
            self.certificates(door.tls.as_ref(), &below(&at, "tls"));
            if door.tls.is_some() {
                self.not_served.push("TLS at the SMPP server ([smpp_server.tls])".to_owned());
            }
        }
    }

    /// The files of a door's certificate. Whether they can be used is seen when they are.
    pub(super) fn certificates(&mut self, tls: Option<&ServerTls>, at: &Steps) -> Option<Pair> {
        let tls = tls?;
        if let Some(listen) = &tls.listen {
            self.address(listen, &below(at, "listen"));
        }
        let (at_cert, at_key) = (below(at, "cert"), below(at, "key"));
        let pair = Pair { cert: self.beside(&at_cert, &tls.cert), key: self.beside(&at_key, &tls.key) };
        self.file(&pair.cert, &at_cert);
        self.file(&pair.key, &at_key);
        Some(pair)
    }
}
