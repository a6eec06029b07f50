//! The JSON Schema of the configuration, made from the structs that read it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use super::raw::{Connection, HttpConnection, Raw};

/// The schema (2020-12) of a whole configuration.
#[must_use]
pub fn schema() -> Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<Raw>().to_value();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let include = serde_json::json!({
            "type": "array",
            "items": { "type": "string" },
            "description": "Further files, relative to this one: tables are merged, lists continued.",
        });
        properties.insert("include".to_owned(), include);
    }
    schema
}

/// The keys at the top of a configuration.
pub(super) fn keys() -> BTreeSet<String> {
    let schema = schema();
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flat_map(|properties| properties.keys().cloned()).collect()
}

/// The settings of the connection's kind, with its `id` and `kind` beside them.
impl JsonSchema for Connection {
    fn schema_name() -> Cow<'static, str> {
        "Connection".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let id = generator.subschema_for::<domain::ConnectionId>().to_value();
        let smpp = of_kind("smpp", id.clone(), connectors::smpp::Settings::json_schema(generator));
        let http = of_kind("http", id, HttpConnection::json_schema(generator));
        json_schema!({ "oneOf": [smpp, http] })
    }
}

fn of_kind(kind: &str, id: Value, settings: Schema) -> Value {
    let mut schema = settings.to_value();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.insert("id".to_owned(), id);
        properties.insert("kind".to_owned(), serde_json::json!({ "type": "string", "const": kind }));
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.extend(["id".into(), "kind".into()]);
    }
    schema
}
