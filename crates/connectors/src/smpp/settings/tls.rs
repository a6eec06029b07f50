//! `tls = false`, `tls = true`, or a table.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tls {
    #[default]
    Off,
    On(TlsSettings),
}

/// Paths are relative to the folder of the configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsSettings {
    /// The certificates to trust, PEM. Without it, those that browsers trust.
    pub ca: Option<PathBuf>,
    /// Our certificate with its chain, PEM, where the vendor asks for one; needs `key`.
    pub cert: Option<PathBuf>,
    /// The private key of `cert`, PEM.
    pub key: Option<PathBuf>,
    /// The name that the vendor's certificate must hold, and that SNI tells. Default: `host`.
    pub server_name: Option<String>,
    /// Whether the vendor's certificate is checked. `false` protects against nobody who is in the way. Default true.
    pub verify: bool,
}

impl Default for TlsSettings {
    fn default() -> Self {
        Self { ca: None, cert: None, key: None, server_name: None, verify: true }
    }
}

impl<'de> Deserialize<'de> for Tls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SwitchOrTable)
    }
}

struct SwitchOrTable;

impl<'de> Visitor<'de> for SwitchOrTable {
    type Value = Tls;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true, false, or a table with ca, cert, key, server_name, verify")
    }

    fn visit_bool<E: de::Error>(self, on: bool) -> Result<Tls, E> {
        Ok(if on { Tls::On(TlsSettings::default()) } else { Tls::Off })
    }

    fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Tls, A::Error> {
        TlsSettings::deserialize(MapAccessDeserializer::new(table)).map(Tls::On)
    }
}

impl JsonSchema for Tls {
    fn schema_name() -> Cow<'static, str> {
        "Tls".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let table = generator.subschema_for::<TlsSettings>();
        json_schema!({ "anyOf": [{ "type": "boolean" }, table] })
    }
}
