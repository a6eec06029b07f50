//! What a value must be beyond its type; everything that is wrong is told at once.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use domain::setting::Span;

use super::{Settings, Tls};

/// The most octets of each string, as the wire writes them.
mod most {
    pub(super) const CREDENTIAL: usize = 64;
    pub(super) const SYSTEM_TYPE: usize = 12;
    pub(super) const ADDRESS_RANGE: usize = 40;
    pub(super) const SERVICE_TYPE: usize = 5;
}

const VERSIONS: [u8; 3] = [0x33, 0x34, 0x50];
const TYPES_OF_NUMBER: RangeInclusive<u8> = 0..=7;
const NUMBERING_PLANS: RangeInclusive<u8> = 0..=18;

/// Collects what is wrong, each with the key it is wrong with.
struct Problems(Vec<(&'static str, String)>);

impl Settings {
    /// Everything that is wrong with the values: the key below the connection, and what to do about it.
    #[must_use]
    pub fn validate(&self) -> Vec<(&'static str, String)> {
        let mut problems = Problems(Vec::new());
        if !is_host(&self.host) {
            let expected = "expected a name or an address without port or brackets, such as smpp.example.com";
            problems.add("host", expected.to_owned());
        }
        if self.port == 0 {
            problems.add("port", "expected 1 to 65535".to_owned());
        }
        problems.check_text("system_id", &self.system_id, most::CREDENTIAL);
        problems.check_text("password", self.password.reveal(), most::CREDENTIAL);
        problems.check_text("system_type", &self.system_type, most::SYSTEM_TYPE);
        problems.check_text("address_range", &self.address_range, most::ADDRESS_RANGE);
        problems.check_text("service_type", &self.service_type, most::SERVICE_TYPE);
        if !VERSIONS.contains(&self.interface_version) {
            problems.add("interface_version", "expected 0x33, 0x34 or 0x50".to_owned());
        }
        problems.check_range("binds", self.binds, 1..=100);
        problems.check_range("window", self.window, 1..=1000);
        problems.check_range("registered_delivery", self.registered_delivery, 0..=31);
        if let Some(operator) = &self.receipts.operator {
            if operator.tlv.is_some() != operator.keys.is_empty() {
                problems.add("receipts.operator", "expected either `tlv` or `keys`".to_owned());
            }
            if operator.tlv.is_some_and(|tag| !(0x1400..=0x3FFF).contains(&tag)) {
                problems.add("receipts.operator.tlv", "expected a tag from 0x1400 to 0x3FFF".to_owned());
            }
        }
        problems.check_range("receipts.utc_offset_minutes", self.receipts.utc_offset_minutes, -720..=840);
        self.check_addresses(&mut problems);
        self.check_spans(&mut problems);
        self.check_tls(&mut problems);
        problems.0
    }

    fn check_addresses(&self, problems: &mut Problems) {
        problems.check_range("bind_ton", self.bind_ton, TYPES_OF_NUMBER);
        problems.check_range("bind_npi", self.bind_npi, NUMBERING_PLANS);
        problems.check_range("source_ton", self.source_ton.unwrap_or(0), TYPES_OF_NUMBER);
        problems.check_range("source_npi", self.source_npi.unwrap_or(0), NUMBERING_PLANS);
        problems.check_range("dest_ton", self.dest_ton, TYPES_OF_NUMBER);
        problems.check_range("dest_npi", self.dest_npi, NUMBERING_PLANS);
    }

    fn check_spans(&self, problems: &mut Problems) {
        let seconds = Duration::from_secs;
        let tenth = Duration::from_millis(100);
        problems.check_span("response_timeout", self.response_timeout, tenth..=seconds(600));
        problems.check_span("enquire_link_interval", self.enquire_link_interval, seconds(1)..=seconds(600));
        problems.check_span("connect_timeout", self.connect_timeout, tenth..=seconds(60));
    }

    fn check_tls(&self, problems: &mut Problems) {
        let Tls::On(tls) = &self.tls else { return };
        match (&tls.cert, &tls.key) {
            (Some(_), None) => problems.add("tls.key", "missing: `cert` needs its private key".to_owned()),
            (None, Some(_)) => problems.add("tls.cert", "missing: `key` needs its certificate".to_owned()),
            (Some(_), Some(_)) | (None, None) => {}
        }
        if let Some(name) = &tls.server_name
            && rustls::pki_types::ServerName::try_from(name.as_str()).is_err()
        {
            problems.add("tls.server_name", format!("`{name}` is not a name that a certificate can hold"));
        }
        if !tls.verify && tls.ca.is_some() {
            problems.add("tls.ca", "has no effect with verify = false".to_owned());
        }
    }
}

pub(super) fn is_host(host: &str) -> bool {
    let is_address = host.parse::<IpAddr>().is_ok();
    let is_odd = |c: char| c.is_whitespace() || matches!(c, '/' | ':' | '[' | ']' | '@');
    is_address || !(host.is_empty() || host.contains(is_odd))
}

impl Problems {
    fn add(&mut self, path: &'static str, message: String) {
        self.0.push((path, message));
    }

    fn check_text(&mut self, path: &'static str, text: &str, most: usize) {
        if text.len() > most {
            self.add(path, format!("has {} octets, at most {most} are allowed", text.len()));
        }
        if !text.is_ascii() || text.contains(|c: char| c.is_ascii_control()) {
            self.add(path, "holds something else than printable ASCII".to_owned());
        }
    }

    fn check_range<T>(&mut self, path: &'static str, value: T, allowed: RangeInclusive<T>)
    where
        T: PartialOrd + std::fmt::Display,
    {
        if !allowed.contains(&value) {
            self.add(path, format!("{value} is outside {} to {}", allowed.start(), allowed.end()));
        }
    }

    fn check_span(&mut self, path: &'static str, span: Span, allowed: RangeInclusive<Duration>) {
        if !allowed.contains(&span.0) {
            self.add(path, format!("{span:?} is outside {:?} to {:?}", allowed.start(), allowed.end()));
        }
    }
}
