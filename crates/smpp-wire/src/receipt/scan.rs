//! Finding keys and values in a receipt text.

use super::{PADDING, Receipt, filled};
use crate::{time::Civil, tlv::MessageState};

/// The keys of the usual text. Words of a key may stand together or apart.
const KEYS: [(Key, &[&str]); 8] = [
    (Key::Id, &["id"]),
    (Key::Sub, &["sub"]),
    (Key::Dlvrd, &["dlvrd"]),
    (Key::SubmitDate, &["submit", "date"]),
    (Key::DoneDate, &["done", "date"]),
    (Key::Stat, &["stat"]),
    (Key::Err, &["err"]),
    (Key::Text, &["text"]),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Id,
    Sub,
    Dlvrd,
    SubmitDate,
    DoneDate,
    Stat,
    Err,
    Text,
}

/// A key at the start of what is left, known or not.
enum Found<'a> {
    Known(Key),
    Other(&'a str),
}

pub(super) fn usual(text: &str) -> Option<Receipt<'_>> {
    let mut rest = text.trim_start_matches(PADDING);
    known_key(rest)?;
    let mut receipt = Receipt::default();
    let mut seen = Vec::with_capacity(KEYS.len());
    while !rest.is_empty() {
        let Some((key, after)) = key(rest) else {
            (_, rest) = word(rest);
            continue;
        };
        if matches!(key, Found::Known(Key::Text)) {
            receipt.text = Some(after.trim_matches(PADDING));
            break;
        }
        let (value, after) = value(after);
        match key {
            // A second one, be the first empty, can only be somebody's text.
            Found::Known(key) if seen.contains(&key) => {}
            Found::Known(key) => {
                seen.push(key);
                fill(&mut receipt, key, value);
            }
            Found::Other(name) => receipt.others.push((name, value)),
        }
        rest = after;
    }
    receipt.id = receipt.text_id;
    receipt.state = receipt.stat.and_then(MessageState::from_word);
    Some(receipt)
}

pub(super) fn comma_separated<'a>(text: &'a str, states: &[(&str, MessageState)]) -> Option<Receipt<'a>> {
    let mut fields = text.trim_matches(PADDING).split(',').map(|field| field.trim_matches(PADDING));
    let (status, done, submitted) = (fields.next()?, fields.next()?, fields.next()?);
    let (err, destination, origin) = (fields.next()?, fields.next()?, fields.next()?);
    let id = fields.next().and_then(filled);
    if !status.bytes().all(|digit| digit.is_ascii_digit()) || status.is_empty() {
        return None;
    }
    let (done_date, submit_date) = (Civil::parse(done), Civil::parse(submitted));
    if done_date.is_none() && submit_date.is_none() {
        return None;
    }
    Some(Receipt {
        id,
        text_id: id,
        submit_date,
        done_date,
        state: states.iter().find(|(number, _)| *number == status).map(|(_, state)| *state),
        err: filled(err),
        others: vec![("status", status), ("destination", destination), ("origin", origin)],
        ..Receipt::default()
    })
}

fn fill<'a>(receipt: &mut Receipt<'a>, key: Key, value: &'a str) {
    match key {
        Key::Id => receipt.text_id = filled(value),
        Key::Sub => receipt.sub = value.parse().ok(),
        Key::Dlvrd => receipt.dlvrd = value.parse().ok(),
        Key::SubmitDate => receipt.submit_date = date(value),
        Key::DoneDate => receipt.done_date = date(value),
        Key::Stat => receipt.stat = filled(value),
        Key::Err => receipt.err = filled(value),
        Key::Text => receipt.text = Some(value),
    }
}

/// A date of a receipt: ten, twelve or fourteen digits, or the sixteen characters of an SMPP time, of which tenths
/// and offset are dropped.
fn date(value: &str) -> Option<Civil> {
    let digits = value.trim_end_matches(['+', '-']);
    Civil::parse(digits)
        .or_else(|| Civil::parse(digits.split_at_checked(12).filter(|_| digits.len() == 15)?.0))
}

/// A key and what follows its colon.
fn key(text: &str) -> Option<(Found<'_>, &str)> {
    if let Some((key, after)) = known_key(text) {
        return Some((Found::Known(key), after));
    }
    let (name, after) = text.split_at(text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?);
    let after = after.strip_prefix(':')?;
    name.starts_with(|c: char| c.is_ascii_alphabetic()).then_some((Found::Other(name), after))
}

fn known_key(text: &str) -> Option<(Key, &str)> {
    KEYS.iter().find_map(|(key, words)| {
        let mut rest = text;
        for word in *words {
            rest = strip_word(rest, word)?.trim_start_matches([' ', '_']);
        }
        Some((*key, rest.strip_prefix(':')?))
    })
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(word.len())?;
    start.eq_ignore_ascii_case(word).then_some(rest)
}

/// The value after a colon and what follows it. It is empty when the next key stands in its place.
fn value(text: &str) -> (&str, &str) {
    let start = text.trim_start_matches(PADDING);
    if start.len() < text.len() && key(start).is_some() {
        return ("", start);
    }
    word(start)
}

/// What stands before the next separator, and what after the separators.
fn word(text: &str) -> (&str, &str) {
    let end = text.find(separates).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (word, rest.trim_start_matches(separates))
}

fn separates(c: char) -> bool {
    PADDING.contains(&c) || matches!(c, ',' | ';')
}
