//! Which messages an override steers.

use std::fmt;

use minicbor::{Decode, Encode};

use crate::id::AppId;
use crate::message::Class;
use crate::number::Country;

/// A list that is empty asks for nothing; one that is not is satisfied by any of its values. All must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
pub struct Scope {
    #[cbor(n(0), default)]
    pub classes: Vec<Class>,
    #[cbor(n(1), default)]
    pub countries: Vec<Country>,
    /// `208-01`.
    #[cbor(n(2), default)]
    pub operators: Vec<Box<str>>,
    #[cbor(n(3), default)]
    pub apps: Vec<AppId>,
    /// The first digits of recipients in international form, without the +.
    #[cbor(n(4), default)]
    pub prefixes: Vec<Box<str>>,
}

impl Scope {
    /// Every message.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    /// Whether some message is in both. What only numbering plans tell, such as that an operator is in none of the
    /// other's countries, does not count.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        share(&self.classes, &other.classes, Class::eq)
            && share(&self.countries, &other.countries, Country::eq)
            && share(&self.operators, &other.operators, |one, other| one == other)
            && share(&self.apps, &other.apps, AppId::eq)
            && share(&self.prefixes, &other.prefixes, |one, other| {
                one.starts_with(&**other) || other.starts_with(&**one)
            })
    }
}

fn share<T>(one: &[T], other: &[T], is_met: impl Fn(&T, &T) -> bool) -> bool {
    let is_all = one.is_empty() || other.is_empty();
    is_all || one.iter().any(|value| other.iter().any(|with| is_met(value, with)))
}

/// `class otp to FR on 208-01 by shop to numbers with +3361`; `every message` when it asks for nothing.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes: Vec<String> = self.prefixes.iter().map(|prefix| format!("+{prefix}")).collect();
        let asked: Vec<String> = [
            asked("class", &self.classes),
            asked("to", &self.countries),
            asked("on", &self.operators),
            asked("by", &self.apps),
            asked("to numbers with", &prefixes),
        ]
        .into_iter()
        .flatten()
        .collect();
        f.write_str(if asked.is_empty() { "every message" } else { "" })?;
        f.write_str(&asked.join(" "))
    }
}

fn asked<T: fmt::Display>(what: &str, values: &[T]) -> Option<String> {
    let values: Vec<String> = values.iter().map(T::to_string).collect();
    (!values.is_empty()).then(|| format!("{what} {}", values.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(class: &[Class], operators: &[&str], prefixes: &[&str]) -> Scope {
        let texts = |all: &[&str]| all.iter().map(|text| Box::from(*text)).collect();
        Scope {
            classes: class.to_vec(),
            operators: texts(operators),
            prefixes: texts(prefixes),
            ..Scope::default()
        }
    }

    #[test]
    fn two_overlap_unless_some_list_keeps_them_apart() {
        let all = Scope::default();
        let otp_orange = scope(&[Class::Otp], &["208-01"], &[]);
        let otp_sfr = scope(&[Class::Otp], &["208-10"], &[]);
        let otp = scope(&[Class::Otp, Class::Transactional], &[], &[]);
        assert!(all.overlaps(&otp_orange) && otp_sfr.overlaps(&all) && otp.overlaps(&otp_orange));
        assert!(!otp_orange.overlaps(&otp_sfr));
        assert!(!scope(&[Class::Marketing], &[], &[]).overlaps(&otp));
        let (wide, narrow, beside) =
            (scope(&[], &[], &["33"]), scope(&[], &[], &["3361"]), scope(&[], &[], &["44"]));
        assert!(wide.overlaps(&narrow) && narrow.overlaps(&wide) && !beside.overlaps(&narrow));
    }

    #[test]
    fn it_reads_as_a_sentence() {
        assert_eq!(Scope::default().to_string(), "every message");
        let one = scope(&[Class::Otp], &["208-01"], &["3361"]);
        assert_eq!(one.to_string(), "class otp on 208-01 to numbers with +3361");
    }
}
