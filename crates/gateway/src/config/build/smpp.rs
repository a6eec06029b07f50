//! The SMPP door of a configuration: its ports, and the accounts of apps.

use std::time::Duration;

use domain::AppId;
use domain::number::Country;

use super::super::Secret;
use super::super::raw::{AppSmpp, Raw, SmppServer, SmppTls};
use super::{Builder, Steps, below, path};
use crate::network::Networks;
use crate::smpp_server::{Account, Settings, Tls};
use crate::tls::Pair;

/// The most characters of a system_id, as the wire writes it.
const SYSTEM_ID: usize = 15;
/// Of an account that does not say how many.
const MAX_BINDS: usize = 10;
/// Of a door that does not say how long.
const PARTS_WITHIN: Duration = Duration::from_secs(1800);

/// What of an account has to be read beside its numbers.
pub(super) struct Credentials {
    password: Secret,
    ips: Networks,
}

impl Builder<'_> {
    /// None, told in the report, when an address cannot be read.
    pub(super) fn smpp_server(&mut self, door: &SmppServer) -> Option<Settings> {
        let at = path(&["smpp_server"]);
        if door.listen.is_none() && door.tls.is_none() {
            self.problem(&at, "expected `listen`, a `tls` with its own, or both");
        }
        let listen = door.listen.as_deref().map(|listen| self.address(listen, &below(&at, "listen")));
        let tls = door.tls.as_ref().map(|tls| self.smpp_tls(tls, &below(&at, "tls")));
        let proxies = self.networks(&door.proxy_protocol, &below(&at, "proxy_protocol"));
        Some(Settings {
            listen: match listen {
                Some(listen) => Some(listen?),
                None => None,
            },
            tls: match tls {
                Some(tls) => Some(tls?),
                None => None,
            },
            proxies,
            parts_within: door.parts_within.map_or(PARTS_WITHIN, |within| within.0),
        })
    }

    fn smpp_tls(&mut self, tls: &SmppTls, at: &Steps) -> Option<Tls> {
        let listen = self.address(&tls.listen, &below(at, "listen"));
        let cert = self.named_file(&tls.cert, &below(at, "cert"));
        let key = self.named_file(&tls.key, &below(at, "key"));
        let client_ca = tls.client_ca.as_deref().map(|name| self.named_file(name, &below(at, "client_ca")));
        Some(Tls { listen: listen?, pair: Pair { cert, key, client_ca } })
    }

    pub(super) fn smpp_credentials(&mut self, smpp: &AppSmpp, raw: &Raw, at: &Steps) -> Option<Credentials> {
        let at_system_id = below(at, "system_id");
        if smpp.system_id.is_empty() || smpp.system_id.len() > SYSTEM_ID {
            self.problem(&at_system_id, format!("expected 1 to {SYSTEM_ID} characters"));
        }
        self.once("system_id", &smpp.system_id, &at_system_id);
        if smpp.max_binds == Some(0) {
            self.problem(&below(at, "max_binds"), "expected 1 or more");
        }
        let at_ips = below(at, "ips");
        if smpp.ips.as_ref().is_some_and(Vec::is_empty) {
            self.problem(&at_ips, "an empty list admits nobody: leave it out to admit everyone");
        }
        let ips = self.networks(smpp.ips.as_deref().unwrap_or_default(), &at_ips);
        if raw.smpp_server.is_none() {
            self.warn(at, "without [smpp_server] nobody can bind");
        }
        let password = self.secret(&smpp.password, &below(at, "password"))?;
        Some(Credentials { password, ips })
    }
}

pub(super) fn account(
    app: &AppId,
    smpp: &AppSmpp,
    credentials: Credentials,
    country: Option<Country>,
) -> Account {
    Account {
        app: app.clone(),
        system_id: smpp.system_id.clone(),
        password: credentials.password,
        max_binds: smpp.max_binds.map_or(MAX_BINDS, usize::from),
        reads_national: country.is_some(),
        throughput: smpp.throughput,
        ips: credentials.ips,
    }
}
