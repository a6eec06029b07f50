//! The JSON Schema of settings that stay texts until they are compiled.

use schemars::{Schema, SchemaGenerator, json_schema};

const COUNTRY: &str = "^[A-Z]{2}$";
const AMOUNT: &str = r"^\d+(\.\d+)?$";

pub(super) fn country(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": COUNTRY })
}

pub(super) fn countries(_: &mut SchemaGenerator) -> Schema {
    texts(COUNTRY)
}

pub(super) fn operators(_: &mut SchemaGenerator) -> Schema {
    texts(r"^\d{3}-?\d{2,3}$")
}

pub(super) fn prefixes(_: &mut SchemaGenerator) -> Schema {
    texts(r"^\+?\d{1,15}$")
}

pub(super) fn recipients(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "pattern": r"^\+\d{3,17}$" } })
}

pub(super) fn currency(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Z]{3}$" })
}

pub(super) fn mcc(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": r"^\d{3}$" })
}

pub(super) fn mnc(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": r"^\d{2,3}$" })
}

pub(super) fn amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": AMOUNT })
}

pub(super) fn charge(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": r"^(\d+(\.\d+)?|closed)$" })
}

pub(super) fn optional_amount(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": AMOUNT })
}

pub(super) fn optional_share(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": r"^(0(\.\d+)?|1(\.0+)?)$" })
}

pub(super) fn optional_currency(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": "^[A-Z]{3}$" })
}

pub(super) fn effective_from(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": ["string", "null"], "pattern": r"^\d{4}-\d{2}-\d{2}" })
}

pub(super) fn days(_: &mut SchemaGenerator) -> Schema {
    texts("^(mon|tue|wed|thu|fri|sat|sun)$")
}

pub(super) fn time_of_day(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$" })
}

fn texts(pattern: &str) -> Schema {
    json_schema!({ "type": ["array", "null"], "items": { "type": "string", "pattern": pattern } })
}
