//! The parameters of a query string, taken one by one, with every mistake collected.

use std::fmt;
use std::str::FromStr;

use axum::extract::Query as QueryString;
use axum::http::Uri;

use super::code::Code;
use super::fields::nearest;
use super::problem::{FieldError, Problem};

pub(crate) struct Parameters {
    pairs: Vec<(String, String)>,
    errors: Vec<FieldError>,
}

impl Parameters {
    /// `known` are those that the request has.
    pub(crate) fn read(uri: &Uri, known: &[&str]) -> Result<Self, Problem> {
        let pairs = QueryString::<Vec<(String, String)>>::try_from_uri(uri);
        let QueryString(pairs) = pairs.map_err(|_| {
            Problem::new(Code::InvalidQuery, "the query is not of the form name=value&name=value")
        })?;
        let errors = misuse(&pairs, known);
        Ok(Self { pairs, errors })
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        let found = self.pairs.iter().find(|(other, value)| other == name && !value.is_empty());
        found.map(|(_, value)| value.clone())
    }

    pub(crate) fn word<T>(&mut self, name: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.parsed(name, str::parse)
    }

    /// An instant. A plus that was not escaped arrives as a space.
    pub(crate) fn instant(&mut self, name: &str) -> Option<domain::Timestamp> {
        self.parsed(name, |text| text.replace(' ', "+").parse())
    }

    /// How many are asked for, from 1 to `most`.
    pub(crate) fn limit(&mut self, default: usize, most: usize) -> usize {
        let limit = |text: &str| {
            let limit = text.parse().ok().filter(|limit| (1..=most).contains(limit));
            limit.ok_or_else(|| format!("`{text}` is not a limit: expected 1 to {most}"))
        };
        self.parsed("limit", limit).unwrap_or(default)
    }

    pub(crate) fn parsed<T, E: fmt::Display>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(bad) => {
                self.errors.push(error(name, bad.to_string()));
                None
            }
        }
    }

    /// All that is wrong, once every parameter was asked for.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        let detail = match self.errors.as_slice() {
            [] => return Ok(()),
            [one] => format!("{}: {}", one.pointer, one.detail),
            several => format!("{} parameters cannot be used", several.len()),
        };
        Err(Problem::new(Code::InvalidQuery, detail).with_errors(self.errors))
    }
}

fn misuse(pairs: &[(String, String)], known: &[&str]) -> Vec<FieldError> {
    let mut seen: Vec<&str> = Vec::new();
    let mut errors = Vec::new();
    for (name, value) in pairs {
        if value.is_empty() {
            // Whoever filters by nothing would get everything.
            errors.push(error(name, "is empty".to_owned()));
        }
        if !known.contains(&name.as_str()) {
            let near = nearest(name, known);
            let hint = near.map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            errors.push(error(name, format!("is not a parameter of this request{hint}")));
        } else if seen.contains(&name.as_str()) {
            errors.push(error(name, "is given twice".to_owned()));
        }
        seen.push(name);
    }
    errors
}

fn error(name: &str, detail: String) -> FieldError {
    let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
    FieldError { pointer: format!("#/{name}"), detail, code: None }
}
