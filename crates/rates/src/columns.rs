//! Which column holds what: by headings, by letters, or by the headings that are usual.

use std::sync::Arc;

use crate::mapping::{Columns, Mapping};
use crate::problem::{Problem, column_of, letters};

/// Headings stand in the first so many rows.
pub(crate) const HEAD_ROWS: usize = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Country,
    Mcc,
    Mnc,
    Operator,
    Price,
    Currency,
    Per,
    EffectiveFrom,
    Closed,
}

impl Role {
    pub(crate) const ALL: [Self; 9] = [
        Self::Country,
        Self::Mcc,
        Self::Mnc,
        Self::Operator,
        Self::Price,
        Self::Currency,
        Self::Per,
        Self::EffectiveFrom,
        Self::Closed,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Country => "country",
            Self::Mcc => "mcc",
            Self::Mnc => "mnc",
            Self::Operator => "operator",
            Self::Price => "price",
            Self::Currency => "currency",
            Self::Per => "per",
            Self::EffectiveFrom => "effective_from",
            Self::Closed => "closed",
        }
    }

    fn of(self, columns: &Columns) -> Option<&str> {
        match self {
            Self::Country => &columns.country,
            Self::Mcc => &columns.mcc,
            Self::Mnc => &columns.mnc,
            Self::Operator => &columns.operator,
            Self::Price => &columns.price,
            Self::Currency => &columns.currency,
            Self::Per => &columns.per,
            Self::EffectiveFrom => &columns.effective_from,
            Self::Closed => &columns.closed,
        }
        .as_deref()
    }

    /// As `normal` writes headings.
    fn usual(self, heading: &str) -> bool {
        let names: &[&str] = match self {
            Self::Country => &["iso", "iso2", "iso code", "country iso", "iso country", "country", "cc"],
            Self::Mcc => &["mcc", "mobile country code"],
            Self::Mnc => &["mnc", "mncs", "mobile network code"],
            Self::Operator => &["mccmnc", "mcc-mnc", "mcc/mnc", "mcc mnc", "mcc+mnc", "plmn", "mwx"],
            Self::Price => return is_price(heading),
            Self::Currency => &["currency", "curr", "ccy"],
            Self::Per => &["per", "unit", "billing unit"],
            Self::EffectiveFrom => {
                &["effective from", "effective date", "effective", "valid from", "start date", "valid since"]
            }
            Self::Closed => &["closed", "status", "change"],
        };
        names.contains(&heading)
    }
}

/// As `normal` writes headings.
pub(crate) fn is_price(heading: &str) -> bool {
    let begins = ["price", "rate", "new price", "new rate"].iter().any(|name| heading.starts_with(name));
    let other = ["old", "prev", "plan", "name", "type", "change", "date", "status"];
    // Too short to be looked for inside of words.
    let named = ["id", "code", "group", "zone"];
    let is_named = heading.split(|c: char| !c.is_alphanumeric()).any(|word| {
        let word = word.strip_prefix("price").or_else(|| word.strip_prefix("rate")).unwrap_or(word);
        named.contains(&word.strip_suffix('s').unwrap_or(word))
    });
    begins && !is_named && !other.iter().any(|word| heading.contains(word))
}

/// Where the list begins and what its columns hold.
#[derive(Clone, Debug)]
pub(crate) struct Head {
    /// None where there are no headings: then whatever stands above the first price is a title.
    pub(crate) row: Option<u32>,
    /// How many columns have a heading or something to the right of them has one.
    pub(crate) width: usize,
    /// How many fields their row has, also empty ones.
    pub(crate) fields: usize,
    /// Whether the column of what is closed was named as one, and so may say it by yes or 1.
    pub(crate) has_closed_flag: bool,
    at: [Option<u16>; Role::ALL.len()],
    headings: Vec<Arc<str>>,
}

impl Head {
    pub(crate) fn column(&self, role: Role) -> Option<u16> {
        self.at.get(role as usize).copied().flatten()
    }

    pub(crate) fn heading(&self, column: u16) -> Option<Arc<str>> {
        self.headings.get(usize::from(column)).filter(|heading| !heading.is_empty()).cloned()
    }

    pub(crate) fn mapped(&self) -> impl Iterator<Item = (Role, u16)> {
        Role::ALL.into_iter().filter_map(|role| Some((role, self.column(role)?)))
    }
}

/// The first rows of a list, as texts.
pub(crate) type Top = Vec<(u32, Vec<String>)>;

/// # Errors
/// With what is missing, and what there is.
pub(crate) fn find(mapping: &Mapping, top: &Top) -> Result<Head, Problem> {
    let wanted: Vec<(Role, &str)> =
        Role::ALL.into_iter().filter_map(|role| Some((role, role.of(&mapping.columns)?))).collect();
    if !wanted.is_empty() {
        enough(|role| wanted.iter().any(|(wanted, _)| *wanted == role)).map_err(|missing| {
            Problem::whole(format!("the mapping names no column for {missing} (`columns`)"))
        })?;
    }
    let by_letters = wanted.iter().all(|(_, name)| column_of(name).is_some());
    if mapping.header_row == Some(0) || (by_letters && !wanted.is_empty() && mapping.header_row.is_none()) {
        return lettered(&wanted);
    }
    let is_candidate = |number: u32| mapping.header_row.is_none_or(|row| row == number);
    let rows: Vec<&(u32, Vec<String>)> = top.iter().filter(|(number, _)| is_candidate(*number)).collect();
    let mut best: Option<(usize, Problem)> = None;
    for (number, texts) in rows {
        let resolved = if wanted.is_empty() { usual(*number, texts) } else { named(&wanted, *number, texts) };
        match resolved {
            Ok(head) => return Ok(head),
            Err((found, problem)) => {
                if best.as_ref().is_none_or(|(most, _)| found > *most) {
                    best = Some((found, problem));
                }
            }
        }
    }
    let nothing = || match mapping.header_row {
        Some(row) => Problem::row(row, "has nothing in it: it is to hold the headings (`header_row`)"),
        None => Problem::whole("the list is empty"),
    };
    Err(best.map_or_else(nothing, |(_, problem)| problem))
}

/// A price, and what it is for.
fn enough(has: impl Fn(Role) -> bool) -> Result<(), &'static str> {
    if !has(Role::Price) {
        return Err("the price");
    }
    let has_place = has(Role::Country) || has(Role::Mcc) || has(Role::Operator);
    if has_place { Ok(()) } else { Err("what a price is for: country, mcc and mnc, or operator") }
}

fn lettered(wanted: &[(Role, &str)]) -> Result<Head, Problem> {
    let mut at = [None; Role::ALL.len()];
    for (role, name) in wanted {
        let Some(column) = column_of(name) else {
            return Err(Problem::whole(format!(
                "`{name}` is no letter of a column, and there are no headings"
            )));
        };
        set(&mut at, *role, column);
    }
    if wanted.is_empty() {
        return Err(Problem::whole("without headings the columns have to be named by letters (`columns`)"));
    }
    let has_closed_flag = is_closed_named(wanted);
    Ok(Head { row: None, width: usize::MAX, fields: usize::MAX, has_closed_flag, at, headings: Vec::new() })
}

fn is_closed_named(wanted: &[(Role, &str)]) -> bool {
    wanted.iter().any(|(role, _)| *role == Role::Closed)
}

/// How much of what was looked for a row has, and what it lacks.
type Lacking = (usize, Problem);

fn named(wanted: &[(Role, &str)], row: u32, texts: &[String]) -> Result<Head, Lacking> {
    let normalised: Vec<String> = texts.iter().map(|text| normal(text)).collect();
    let mut at = [None; Role::ALL.len()];
    let (mut found, mut missing) = (0, Vec::new());
    for (role, name) in wanted {
        let looked_for = normal(name);
        let mut matching = normalised.iter().zip(0_u16..).filter(|(heading, _)| **heading == looked_for);
        match (matching.next(), matching.next(), column_of(name)) {
            (Some((_, column)), None, _) => {
                found += 1;
                set(&mut at, *role, column);
            }
            (Some(_), Some(_), _) => {
                let message = format!("two columns are called `{name}`: name one of them by its letter");
                return Err((found, Problem::row(row, message)));
            }
            (None, _, Some(column)) => set(&mut at, *role, column),
            (None, _, None) => missing.push(format!("`{name}`")),
        }
    }
    if missing.is_empty() && found > 0 {
        return Ok(head(row, texts, at, is_closed_named(wanted)));
    }
    let message = format!("no column is called {}: there are {}", missing.join(" or "), listed(texts));
    Err((found, Problem::row(row, message)))
}

fn usual(row: u32, texts: &[String]) -> Result<Head, Lacking> {
    let mut at = [None; Role::ALL.len()];
    let mut found = 0;
    let mut has_closed_flag = false;
    for (text, column) in texts.iter().zip(0_u16..) {
        let heading = normal(text);
        let Some(role) = Role::ALL.into_iter().find(|role| role.usual(&heading)) else { continue };
        match at.get(role as usize).copied().flatten() {
            None => {
                found += 1;
                has_closed_flag |= role == Role::Closed && heading == "closed";
                set(&mut at, role, column);
            }
            // Beside a code of two letters, lists have the country's name.
            Some(_) if role == Role::Country && heading != "country" => set(&mut at, role, column),
            Some(_) if role == Role::Country => {}
            Some(other) => {
                let (one, other, role) = (letters(other), letters(column), role.as_str());
                let message = format!(
                    "the columns {one} and {other} may both hold the {role}: say which one does (`columns`)"
                );
                return Err((found + 1, Problem::row(row, message)));
            }
        }
    }
    match enough(|role| at.get(role as usize).copied().flatten().is_some()) {
        Ok(()) => Ok(head(row, texts, at, has_closed_flag)),
        Err(missing) => {
            let message = format!(
                "no heading says which column holds {missing}: there are {}; say it (`columns`)",
                listed(texts)
            );
            Err((found, Problem::row(row, message)))
        }
    }
}

fn head(row: u32, texts: &[String], at: [Option<u16>; Role::ALL.len()], has_closed_flag: bool) -> Head {
    let width = texts.iter().rposition(|text| !text.trim().is_empty()).map_or(0, |last| last + 1);
    let headings =
        texts.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ").into()).collect();
    Head { row: Some(row), width, fields: texts.len(), has_closed_flag, at, headings }
}

fn set(at: &mut [Option<u16>; Role::ALL.len()], role: Role, column: u16) {
    if let Some(place) = at.get_mut(role as usize) {
        *place = Some(column);
    }
}

fn listed(texts: &[String]) -> String {
    let named: Vec<String> = texts
        .iter()
        .filter(|text| !text.trim().is_empty())
        .take(30)
        .map(|text| format!("`{}`", text.trim()))
        .collect();
    if named.is_empty() { "none".to_owned() } else { named.join(", ") }
}

/// Headings that differ in nothing but how they are set are the same.
pub(crate) fn normal(text: &str) -> String {
    let text = text.replace('_', " ").to_lowercase();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn top(rows: &[&str]) -> Top {
        rows.iter()
            .zip(1_u32..)
            .map(|(row, number)| (number, row.split('|').map(str::to_owned).collect()))
            .collect()
    }

    fn told(mapping: &str, rows: &[&str]) -> String {
        let mapping: Mapping = serde_json::from_str(mapping).unwrap();
        match find(&mapping, &top(rows)) {
            Err(problem) => problem.to_string(),
            Ok(head) => {
                let columns: Vec<String> = head
                    .mapped()
                    .map(|(role, column)| format!("{}={}", role.as_str(), letters(column)))
                    .collect();
                format!("{:?} {}", head.row, columns.join(" "))
            }
        }
    }

    #[test]
    fn usual_headings_are_found_below_titles() {
        for (rows, expected) in [
            (
                &["country|mcc|mnc|price|effective_from"][..],
                "Some(1) country=A mcc=B mnc=C price=D effective_from=E",
            ),
            (
                &[
                    "Price list of June",
                    "",
                    "Country|ISO|Network|MCC|MNC|Old price|New Price (EUR)|Change|Effective Date",
                ],
                "Some(3) country=B mcc=D mnc=E price=G effective_from=I closed=H",
            ),
            (&["MCCMNC|PriceSubmit|Currency"], "Some(1) operator=A price=B currency=C"),
            (
                &["Rate ID|RateCode|Rate group|Rate zones|MCC|Rate (EUR, incl. provider fee)"],
                "Some(1) mcc=E price=F",
            ),
        ] {
            assert_eq!(told("{}", rows), expected);
        }
        assert!(told("{}", &["mcc|price eur|price usd"]).contains("columns B and C may both hold the price"));
        assert!(told("{}", &["a|b", "Land|Preis"]).contains("no heading says which column holds the price"));
        assert_eq!(told("{}", &[]), "the list: the list is empty");
    }

    #[test]
    fn columns_are_found_by_name_or_letter() {
        let rows = &["Preisliste", "Land|MCC|MNC|Preis  je SMS|E"];
        for (mapping, expected) in [
            (r#"{"columns":{"mcc":"mcc","mnc":"C","price":"preis je sms"}}"#, "Some(2) mcc=B mnc=C price=D"),
            (r#"{"columns":{"mcc":"B","price":"D"}}"#, "None mcc=B price=D"),
            (r#"{"columns":{"mcc":"B","price":"E"},"header_row":2}"#, "Some(2) mcc=B price=E"),
            (r#"{"columns":{"mcc":"B","price":"E"},"header_row":0}"#, "None mcc=B price=E"),
        ] {
            assert_eq!(told(mapping, rows), expected, "{mapping}");
        }
        for (mapping, expected) in [
            (
                r#"{"columns":{"mcc":"mcc","price":"Rate"}}"#,
                "row 2: no column is called `Rate`: there are `Land`, `MCC`",
            ),
            (r#"{"columns":{"mcc":"mcc"}}"#, "names no column for the price"),
            (r#"{"columns":{"price":"Preis je SMS"}}"#, "names no column for what a price is for"),
            (
                r#"{"columns":{"mcc":"mcc","price":"Preis je SMS"},"header_row":1}"#,
                "row 1: no column is called",
            ),
            (
                r#"{"columns":{"mcc":"mcc","price":"Preis je SMS"},"header_row":9}"#,
                "row 9: has nothing in it",
            ),
            (r#"{"columns":{"mcc":"mcc","price":"D"},"header_row":0}"#, "`mcc` is no letter"),
        ] {
            let told = told(mapping, rows);
            assert!(told.contains(expected), "{mapping}: {told}");
        }
        assert!(told(r#"{"columns":{"mcc":"mcc","price":"p"}}"#, &["mcc|p|P"]).contains("two columns"));
    }
}
