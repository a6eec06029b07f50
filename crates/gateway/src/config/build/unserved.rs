//! What is configured for doors and ways that a later version opens: checked now, and told to be without effect.

use super::super::raw::{Raw, ServerTls};
use super::{Builder, Steps, below, path};

impl Builder<'_> {
    pub(super) fn unserved(&mut self, raw: &Raw) {
        if raw.store.url.is_some() {
            // Going on with the embedded store instead would scatter messages over two.
            let message =
                "a shared database for a cluster is not served yet: give `path` for the embedded store";
            self.problem(&path(&["store", "url"]), message);
        }
        if raw.server.tls.is_some() {
            self.certificates(raw.server.tls.as_ref(), &path(&["server", "tls"]));
            self.not_served.push("TLS on the API's own port ([server.tls]): put a proxy in front".to_owned());
        }
        let at = path(&["server", "trusted_proxies"]);
        self.networks(&raw.server.trusted_proxies, &at);
        if !raw.server.trusted_proxies.is_empty() {
            self.not_served.push("forwarded headers (server.trusted_proxies)".to_owned());
        }
    }

    fn certificates(&mut self, tls: Option<&ServerTls>, at: &Steps) {
        let Some(tls) = tls else { return };
        for (key, file) in [("cert", &tls.cert), ("key", &tls.key)] {
            let at = below(at, key);
            let file = self.beside(&at, file);
            self.file(&file, &at);
        }
    }
}
