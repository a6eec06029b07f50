//! The one text of settings: the same settings are always the same text, and reading it brings the same settings.
//!
//! Keys stand in the order of the structs, a key that holds its default is left out, and lists keep their order, since
//! that of rules and routes means something. Comments are not settings, so a text that somebody wrote loses them.

use std::fmt::Write as _;

use serde::Serialize;
use toml::Value;

use super::Settings;

/// What cannot be read as settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// With the place in the text.
    pub message: String,
}

/// TOML, as a file of the configuration may hold it.
#[must_use]
pub fn text(settings: &Settings) -> String {
    // Settings hold texts, numbers and lists, which TOML has; an error would be a type that it has not.
    let Ok(Value::Table(top)) = Value::try_from(settings) else { return String::new() };
    let mut text = String::new();
    for (key, value) in &top {
        section(&mut text, key, value);
    }
    text
}

/// Reads what `text` wrote, or what somebody else did.
///
/// # Errors
/// With the first thing that is not settings. Whether settings can be obeyed, `Table::compile` tells.
pub fn parse(text: &str) -> Result<Settings, Unreadable> {
    toml::from_str(text).map_err(|error: toml::de::Error| Unreadable { message: error.to_string() })
}

/// The keys of a thing such as a rule, those of tables in it by their path (`match.country`), each with its value as a
/// file has it.
pub(crate) fn fields<T: Serialize>(thing: &T) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    if let Ok(value) = Value::try_from(thing) {
        flatten("", value, &mut fields);
    }
    fields
}

fn flatten(key: &str, value: Value, fields: &mut Vec<(String, Value)>) {
    let Value::Table(table) = value else {
        fields.push((key.to_owned(), value));
        return;
    };
    for (name, value) in table {
        let key = if key.is_empty() { name } else { format!("{key}.{name}") };
        flatten(&key, value, fields);
    }
}

/// A table by its header, with the lists of tables in it behind its other keys.
fn section(text: &mut String, name: &str, value: &Value) {
    match value {
        Value::Table(table) => {
            let is_section = |value: &Value| is_list_of_tables(value);
            if table.values().any(|value| !is_section(value)) {
                header(text, &format!("[{name}]"));
                keys(text, table.iter().filter(|(_, value)| !is_section(value)));
            }
            for (key, value) in table.iter().filter(|(_, value)| is_section(value)) {
                section(text, &format!("{name}.{key}"), value);
            }
        }
        Value::Array(list) => {
            for one in list {
                header(text, &format!("[[{name}]]"));
                if let Value::Table(table) = one {
                    keys(text, table.iter());
                }
            }
        }
        Value::String(_) | Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

fn is_list_of_tables(value: &Value) -> bool {
    value.as_array().is_some_and(|list| list.iter().all(Value::is_table))
}

fn header(text: &mut String, header: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(header);
    text.push('\n');
}

fn keys<'a>(text: &mut String, keys: impl Iterator<Item = (&'a String, &'a Value)>) {
    for (key, value) in keys {
        // A price is a line of its own, so that two texts can be compared line by line.
        let list = value.as_array().filter(|list| list.len() > 1 && is_list_of_tables(value));
        let Some(list) = list else {
            text.push_str(&format!("{key} = {}\n", line(value)));
            continue;
        };
        text.push_str(&format!("{key} = [\n"));
        for one in list {
            text.push_str(&format!("  {},\n", line(one)));
        }
        text.push_str("]\n");
    }
}

/// A value on one line.
pub(crate) fn line(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => plain(value),
        Value::Array(list) => {
            let all: Vec<_> = list.iter().map(line).collect();
            format!("[{}]", all.join(", "))
        }
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            let all: Vec<_> = table.iter().map(|(key, value)| format!("{key} = {}", line(value))).collect();
            format!("{{ {} }}", all.join(", "))
        }
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(is_true) => is_true.to_string(),
        Value::Datetime(instant) => instant.to_string(),
        Value::String(_) | Value::Array(_) | Value::Table(_) => String::new(),
    }
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            // Writing to a text cannot fail.
            c if c.is_control() => drop(write!(quoted, "\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
pub(crate) mod tests;
