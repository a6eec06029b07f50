//! The fields of a JSON object, taken one by one, with every mistake collected.
//!
//! The object is read once; a value is looked at when its field is asked for, and a plain string is then borrowed from
//! the body. No tree of values is built on the way of a message.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::code::Code;
use super::problem::{FieldError, Problem};

pub(crate) struct Fields<'a> {
    /// The object's own pointer: `#`, or `#/messages/3`.
    at: Cow<'static, str>,
    entries: Vec<Entry<'a>>,
    errors: Vec<FieldError>,
}

struct Entry<'a> {
    name: Cow<'a, str>,
    raw: &'a str,
    taken: bool,
}

impl<'a> Fields<'a> {
    /// The object that a body is.
    pub(crate) fn of_body(text: &'a str) -> Result<Self, Problem> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let entries = reader.deserialize_map(Entries).and_then(|entries| reader.end().map(|()| entries));
        match entries {
            Ok(entries) => Ok(Self { at: Cow::Borrowed("#"), entries, errors: Vec::new() }),
            Err(error) => Err(unreadable(text, &error, "an object")),
        }
    }

    /// The object at `at`; its text is known to be JSON.
    pub(crate) fn nested(raw: &'a str, at: String) -> Result<Self, FieldError> {
        let mut reader = serde_json::Deserializer::from_str(raw);
        match reader.deserialize_map(Entries) {
            Ok(entries) => Ok(Self { at: Cow::Owned(at), entries, errors: Vec::new() }),
            Err(_) => Err(FieldError { pointer: at, detail: expected("an object", raw), code: None }),
        }
    }

    /// The value of a field as it is written; None when it is absent or null.
    pub(crate) fn raw(&mut self, name: &str) -> Option<&'a str> {
        let mut found = None;
        let mut is_twice = false;
        for entry in &mut self.entries {
            if entry.name == name {
                entry.taken = true;
                is_twice |= found.is_some();
                found = Some(entry.raw);
            }
        }
        if is_twice {
            self.wrong(name, "is given twice");
        }
        found.filter(|raw| *raw != "null")
    }

    pub(crate) fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let raw = self.raw(name)?;
        match string(raw) {
            Ok(text) => Some(text),
            Err(detail) => {
                self.wrong(name, detail);
                None
            }
        }
    }

    /// A string that is read by its type.
    pub(crate) fn word<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.text(name)?;
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(name, error.to_string());
                None
            }
        }
    }

    /// A number of seconds, or a text such as `30m`; what is neither is told under this code.
    pub(crate) fn span(&mut self, name: &str, code: Code) -> Option<Duration> {
        let raw = self.raw(name)?;
        let text = if raw.starts_with('"') { self.text(name)? } else { raw.into() };
        match domain::time::parse_duration(&text) {
            Ok(span) => Some(span),
            Err(bad) => {
                self.wrong_as(code, name, bad.to_string());
                None
            }
        }
    }

    pub(crate) fn boolean(&mut self, name: &str) -> Option<bool> {
        match self.raw(name)? {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.wrong(name, expected("true or false", other));
                None
            }
        }
    }

    pub(crate) fn wrong(&mut self, name: &str, detail: impl Into<String>) {
        self.push(name, detail.into(), None);
    }

    /// As `wrong`, under a code of its own.
    pub(crate) fn wrong_as(&mut self, code: Code, name: &str, detail: impl Into<String>) {
        self.push(name, detail.into(), Some(code));
    }

    pub(crate) fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    fn push(&mut self, name: &str, detail: String, code: Option<Code>) {
        let pointer = format!("{}/{}", self.at, escaped(name));
        self.errors.push(FieldError { pointer, detail, code });
    }

    /// Refuses every field that nobody asked for, with the known one that it may have meant.
    pub(crate) fn refuse_others(&mut self, known: &[&str]) {
        let others: Vec<String> =
            self.entries.iter().filter(|entry| !entry.taken).map(|entry| shortened(&entry.name)).collect();
        for name in others {
            let detail = match nearest(&name, known) {
                Some(near) => format!("is not a field of this request: did you mean `{near}`?"),
                None => "is not a field of this request".to_owned(),
            };
            self.wrong(&name, detail);
        }
    }

    /// Takes over what is wrong with an object that is a field of this one.
    pub(crate) fn absorb(&mut self, inner: Fields<'_>) {
        self.errors.extend(inner.errors);
    }

    pub(crate) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// All that is wrong with the object, as the answer to `text`, the body that it came from.
    pub(crate) fn into_problem(self, text: &str) -> Problem {
        too_deep(text).unwrap_or_else(|| Problem::fields(self.errors))
    }

    /// A hash input that does not depend on the order of the fields nor on the space between them.
    pub(crate) fn canonical(&self) -> Vec<(&str, &'a str)> {
        let mut entries: Vec<_> = self.entries.iter().map(|entry| (&*entry.name, entry.raw)).collect();
        entries.sort_unstable();
        entries
    }
}

/// Reads a body that is not JSON, or not of the form asked for, as a problem.
pub(crate) fn unreadable(text: &str, error: &serde_json::Error, form: &str) -> Problem {
    if let Some(problem) = too_deep(text) {
        return problem;
    }
    match error.classify() {
        Category::Data => {
            let pointer = "#".to_owned();
            Problem::fields(vec![FieldError {
                pointer,
                detail: expected(form, text.trim_start()),
                code: None,
            }])
        }
        Category::Syntax | Category::Eof | Category::Io => {
            Problem::new(Code::MalformedJson, format!("the body is not JSON: {error}"))
        }
    }
}

/// A body nested so deeply that whoever reads it next may break is no body, whatever else is wrong with it.
fn too_deep(text: &str) -> Option<Problem> {
    let error = serde_json::Deserializer::from_str(text).deserialize_any(Checked { keys: None }).err()?;
    let is_deep = error.to_string().starts_with("recursion limit");
    is_deep.then(|| Problem::new(Code::MalformedJson, format!("the body is nested too deeply: {error}")))
}

/// A string as it is meant: borrowed when nothing in it is escaped.
pub(crate) fn string(raw: &str) -> Result<Cow<'_, str>, String> {
    let inside = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inside = inside.ok_or_else(|| expected("a string", raw))?;
    if !inside.as_bytes().contains(&b'\\') {
        return Ok(Cow::Borrowed(inside));
    }
    let read = serde_json::from_str::<String>(raw);
    read.map(Cow::Owned).map_err(|_| "holds an escape that stands for no character".to_owned())
}

/// The elements of a list; None when it is not a list. Reads at most one more than `limit`.
pub(crate) fn elements(raw: &str, limit: usize) -> Option<Vec<&str>> {
    let mut reader = serde_json::Deserializer::from_str(raw);
    reader.deserialize_seq(Elements { limit }).ok()
}

/// Counts the keys of an object and checks that everything in it can be read: depth, numbers, escapes, no key twice.
pub(crate) fn check_object(raw: &str) -> Result<usize, String> {
    let mut reader = serde_json::Deserializer::from_str(raw);
    let mut keys = 0;
    reader.deserialize_any(Checked { keys: Some(&mut keys) }).map_err(|error| error.to_string())?;
    Ok(keys)
}

pub(crate) fn expected(what: &str, found: &str) -> String {
    let found = match found.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    };
    format!("expected {what}, found {found}")
}

/// Farther apart than a third of its letters, a name is another name and not a slip of the pen.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = (name.chars().count() / 3).max(1);
    let distances = known.iter().map(|other| (strsim::damerau_levenshtein(name, other), *other));
    distances.filter(|(distance, _)| *distance <= limit).min().map(|(_, other)| other)
}

fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

/// RFC 6901.
fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        return Cow::Owned(name.replace('~', "~0").replace('/', "~1"));
    }
    Cow::Borrowed(name)
}

struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<Entry<'de>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::with_capacity(8);
        while let Some(name) = map.next_key_seed(Name)? {
            let raw: &'de RawValue = map.next_value()?;
            entries.push(Entry { name, raw: raw.get(), taken: false });
        }
        Ok(entries)
    }
}

/// A key, borrowed where it can be: serde's own `Cow` never is.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

struct Elements {
    limit: usize,
}

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() <= self.limit {
            let Some(raw) = seq.next_element::<&'de RawValue>()? else { return Ok(elements) };
            elements.push(raw.get());
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(elements)
    }
}

/// Walks a value without keeping it. Going through `deserialize_any` is what makes serde_json count the depth.
struct Checked<'k> {
    /// For the outermost object: how many keys it has.
    keys: Option<&'k mut usize>,
}

impl<'de> DeserializeSeed<'de> for Checked<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Checked<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Checked { keys: None })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = rustc_hash::FxHashSet::default();
        while let Some(name) = map.next_key_seed(Name)? {
            map.next_value_seed(Checked { keys: None })?;
            if !names.insert(name) {
                return Err(serde::de::Error::custom("a key is given twice"));
            }
        }
        if let Some(keys) = self.keys {
            *keys = names.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
