//! `GET /docs/api`: the OpenAPI document as a page for people.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::response::Response;
use serde_json::Value;

use super::openapi::DOCUMENT;
use super::page::{self, escape, markdown};

/// Writing to a string cannot fail.
static BODY: LazyLock<String> = LazyLock::new(|| written_page().unwrap_or_default());

pub(crate) async fn get() -> Response {
    page::html("Strowger API", &BODY)
}

type Written = Result<(), std::fmt::Error>;

fn written_page() -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    let html = &mut page;
    let info = &DOCUMENT["info"];
    writeln!(html, "<h1>{} {}</h1>", text(info, "title"), text(info, "version"))?;
    html.push_str(&markdown(raw(info, "description")));
    html.push_str("<p>As a document for tools: <a href=\"/openapi.json\">OpenAPI 3.1</a></p>\n<nav><ul>\n");
    for operation in operations() {
        writeln!(
            html,
            "<li><a href=\"#{}\"><span class=\"method\">{}</span> <code>{}</code></a> {}</li>",
            operation.id(),
            operation.method,
            escape(operation.path),
            text(operation.value, "summary"),
        )?;
    }
    html.push_str("</ul></nav>\n");
    for operation in operations() {
        write_operation(html, &operation)?;
    }
    html.push_str("<section><h2 id=\"schemas\">Objects</h2>\n");
    for (name, schema) in members(&DOCUMENT["components"]["schemas"]) {
        writeln!(html, "<h3 id=\"{0}\">{0}</h3>", escape(name))?;
        html.push_str(&markdown(raw(schema, "description")));
        write_properties(html, schema)?;
    }
    html.push_str("</section>\n");
    Ok(page)
}

struct Operation {
    path: &'static str,
    method: &'static str,
    value: &'static Value,
}

impl Operation {
    fn id(&self) -> String {
        text(self.value, "operationId")
    }
}

fn operations() -> impl Iterator<Item = Operation> {
    members(&DOCUMENT["paths"]).flat_map(|(path, methods)| {
        members(methods).map(move |(method, value)| Operation { path, method, value })
    })
}

fn write_operation(html: &mut String, operation: &Operation) -> Written {
    let Operation { path, method, value } = operation;
    writeln!(html, "<section id=\"{}\">", operation.id())?;
    writeln!(
        html,
        "<h2><span class=\"method\">{method}</span> <code>{}</code></h2><p>{}</p>",
        escape(path),
        text(value, "summary")
    )?;
    html.push_str(&markdown(raw(value, "description")));
    write_parameters(html, value)?;
    if let Some(body) = value.pointer("/requestBody/content/application~1json") {
        writeln!(html, "<h3>Body: {}</h3>", kind(&body["schema"]))?;
        write_example(html, &body["example"])?;
    }
    html.push_str("<h3>Answers</h3>\n<table><tr><th>status</th><th>what</th><th>body</th></tr>\n");
    for (status, response) in members(&value["responses"]) {
        let response = resolved(response);
        let bodies = members(&response["content"]).map(|(_, body)| kind(&body["schema"]));
        writeln!(
            html,
            "<tr><td>{status}</td><td>{}</td><td>{}</td></tr>",
            text(response, "description"),
            bodies.collect::<Vec<_>>().join(", ")
        )?;
    }
    html.push_str("</table>\n</section>\n");
    Ok(())
}

fn write_parameters(html: &mut String, operation: &'static Value) -> Written {
    let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
    if parameters.is_empty() {
        return Ok(());
    }
    html.push_str("<h3>Parameters</h3>\n<table><tr><th>name</th><th>in</th><th>what</th></tr>\n");
    for parameter in parameters.iter().map(resolved) {
        let (name, place) = (text(parameter, "name"), text(parameter, "in"));
        let what = text(parameter, "description");
        writeln!(html, "<tr><td><code>{name}</code></td><td>{place}</td><td>{what}</td></tr>")?;
    }
    html.push_str("</table>\n");
    Ok(())
}

fn write_properties(html: &mut String, schema: &'static Value) -> Written {
    let parts = schema["allOf"].as_array().map(Vec::as_slice).unwrap_or_default();
    for part in parts {
        match part.get("$ref") {
            Some(_) => writeln!(html, "<p>Everything of {}, and:</p>", kind(part))?,
            None => write_properties(html, part)?,
        }
    }
    let mut properties = members(&schema["properties"]).peekable();
    if properties.peek().is_none() {
        return Ok(());
    }
    let required = schema["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    html.push_str("<table><tr><th>field</th><th>type</th><th>what</th></tr>\n");
    for (name, property) in properties {
        let optional = if required.iter().any(|other| other == name) {
            ""
        } else {
            " <span class=\"soft\">optional</span>"
        };
        writeln!(
            html,
            "<tr><td><code>{}</code>{optional}</td><td>{}</td><td>{}</td></tr>",
            escape(name),
            kind(property),
            text(property, "description")
        )?;
    }
    html.push_str("</table>\n");
    Ok(())
}

fn write_example(html: &mut String, example: &Value) -> Written {
    if example.is_null() {
        return Ok(());
    }
    writeln!(html, "<pre><code>{}</code></pre>", escape(&format!("{example:#}")))
}

/// The form of a value, in words and with links.
fn kind(schema: &Value) -> String {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        let name = escape(path.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    for alternatives in ["oneOf", "anyOf"] {
        if let Some(several) = schema.get(alternatives).and_then(Value::as_array) {
            return several.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words =
            words.iter().map(|word| format!("<code>{}</code>", escape(word.as_str().unwrap_or("null"))));
        return words.collect::<Vec<_>>().join(" ");
    }
    let named = match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        Value::String(one) if one == "array" => return format!("list of {}", kind(&schema["items"])),
        Value::String(one) => one.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => "anything".to_owned(),
    };
    escape(&named)
}

fn resolved(value: &'static Value) -> &'static Value {
    let path = value.get("$ref").and_then(Value::as_str);
    path.and_then(|path| DOCUMENT.pointer(path.trim_start_matches('#'))).unwrap_or(value)
}

fn members(value: &'static Value) -> impl Iterator<Item = (&'static str, &'static Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

fn raw<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn text(value: &Value, name: &str) -> String {
    escape(raw(value, name))
}
