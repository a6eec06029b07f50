//! `GET /openapi.json`: the API's description, written by hand and held against the routes and answers by tests.

use std::sync::{Arc, LazyLock};

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use super::{Api, respond};

/// The document without what depends on the installation. It is compiled in; that it reads is tested.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document: Value = serde_json::from_str(include_str!("../../openapi.json")).unwrap_or(Value::Null);
    if let Some(version) = document.pointer_mut("/info/version") {
        *version = json!(env!("CARGO_PKG_VERSION"));
    }
    document
});

pub(crate) async fn get(State(api): State<Arc<Api>>) -> Response {
    let mut document = DOCUMENT.clone();
    let settings = api.settings.load();
    let url = if settings.public_url.is_empty() { "/" } else { &settings.public_url };
    if let Some(document) = document.as_object_mut() {
        document.insert("servers".to_owned(), json!([{ "url": url }]));
    }
    respond::ok(&document)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::collections::BTreeSet;

    use super::super::code::Code;
    use super::super::served;
    use super::*;

    /// Every problem of a value that does not have the form of the schema.
    pub(crate) fn misfits(value: &Value, schema: &Value, at: &str) -> Vec<String> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = DOCUMENT.pointer(reference.trim_start_matches('#'));
            return misfits(value, target.unwrap_or_else(|| panic!("{reference} leads nowhere")), at);
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            return misfits(value, &merged(parts), at);
        }
        for alternatives in ["oneOf", "anyOf"] {
            if let Some(alternatives) = schema.get(alternatives).and_then(Value::as_array) {
                let tried: Vec<_> = alternatives.iter().map(|one| misfits(value, one, at)).collect();
                let fits = tried.iter().any(Vec::is_empty);
                return if fits { Vec::new() } else { tried.concat() };
            }
        }
        let mut found = Vec::new();
        if !allowed_types(schema).is_empty() && !allowed_types(schema).contains(&type_of(value)) {
            found.push(format!("{at}: {value} is not {:?}", allowed_types(schema)));
        }
        if let Some(words) = schema.get("enum").and_then(Value::as_array)
            && !words.contains(value)
        {
            found.push(format!("{at}: {value} is not one of {words:?}"));
        }
        if let (Some(object), Some(properties)) = (value.as_object(), schema.get("properties")) {
            for (name, value) in object {
                match properties.get(name) {
                    Some(schema) => found.extend(misfits(value, schema, &format!("{at}/{name}"))),
                    None => found.push(format!("{at}/{name} is not described")),
                }
            }
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                if !object.contains_key(name.as_str().unwrap()) {
                    found.push(format!("{at}/{name} is missing"));
                }
            }
        }
        if let (Some(items), Some(schema)) = (value.as_array(), schema.get("items")) {
            found.extend(items.iter().flat_map(|item| misfits(item, schema, &format!("{at}[]"))));
        }
        found
    }

    fn merged(parts: &[Value]) -> Value {
        let (mut properties, mut required) = (serde_json::Map::new(), Vec::new());
        for part in parts {
            let target = part.get("$ref").and_then(Value::as_str);
            let part = target.map_or(part, |path| DOCUMENT.pointer(path.trim_start_matches('#')).unwrap());
            let whole = match part.get("allOf").and_then(Value::as_array) {
                Some(parts) => merged(parts),
                None => part.clone(),
            };
            properties.extend(whole["properties"].as_object().cloned().unwrap_or_default());
            required.extend(whole["required"].as_array().cloned().unwrap_or_default());
        }
        json!({ "type": "object", "properties": properties, "required": required })
    }

    fn allowed_types(schema: &Value) -> Vec<&str> {
        match schema.get("type") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    fn type_of(value: &Value) -> &'static str {
        match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    #[test]
    fn the_document_lists_exactly_the_routes() {
        let described: BTreeSet<String> = DOCUMENT["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}"))
            })
            .collect();
        let served: BTreeSet<String> = served()
            .iter()
            .flat_map(|route| route.methods.iter().map(move |method| format!("{method} {}", route.path)))
            .collect();
        assert_eq!(described, served);
        assert_eq!(DOCUMENT["openapi"], "3.1.0");
    }

    #[test]
    fn the_document_lists_exactly_the_codes() {
        let described = DOCUMENT.pointer("/components/schemas/Problem/properties/code/enum").unwrap();
        let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(described, &json!(codes));
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_example_fits() {
        fn walk(value: &Value) {
            match value {
                Value::Object(object) => {
                    if let Some(path) = object.get("$ref").and_then(Value::as_str) {
                        assert!(DOCUMENT.pointer(path.trim_start_matches('#')).is_some(), "{path}");
                    }
                    if let (Some(schema), Some(example)) = (object.get("schema"), object.get("example")) {
                        assert_eq!(misfits(example, schema, ""), Vec::<String>::new());
                    }
                    object.values().for_each(walk);
                }
                Value::Array(items) => items.iter().for_each(walk),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        walk(&DOCUMENT);
    }

    #[test]
    fn operations_have_ids_of_their_own() {
        let ids: Vec<&str> = DOCUMENT["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|methods| methods.as_object().unwrap().values())
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        let distinct: BTreeSet<&&str> = ids.iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
