//! What was agreed with a vendor, as the configuration writes it and the API shows it. Of it only commitments steer
//! anything, where the policy asks for that.

use domain::commitment::Unit;
use domain::money::Decimal;
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The contract record of a vendor. Dates are days such as 2027-01-31.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Contract {
    /// What both sides call it.
    pub number: Option<String>,
    pub name: Option<String>,
    /// Its first day.
    pub starts: Option<String>,
    /// Its last day.
    pub ends: Option<String>,
    /// How many days before its end notice must be given; without it the record warns of no notice.
    pub notice_days: Option<u16>,
    /// What the vendor owes when it misses what it promised, in the contract's words.
    pub credits: Option<String>,
    pub sla: Option<Sla>,
    /// Least volumes or spends.
    pub commitments: Vec<Commitment>,
    pub contacts: Vec<Contact>,
    /// Whom to ask, in this order, when the vendor fails.
    pub escalation: Vec<Escalation>,
}

/// What the vendor promises.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sla {
    /// In the contract's words.
    pub text: Option<String>,
    /// Messages delivered of those that could be, in percent, such as "95".
    pub delivery_rate: Option<String>,
    /// From submit to delivery, such as 10s.
    pub latency: Option<domain::setting::Span>,
    /// Of the connection, in percent, such as "99.9".
    pub availability: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    pub period: Period,
    /// The least number of messages.
    pub messages: Option<u64>,
    /// The least number of segments.
    pub segments: Option<u64>,
    /// The least amount, such as "5000.00".
    pub spend: Option<String>,
    /// Of the spend, such as EUR.
    pub currency: Option<String>,
    /// What was carried for it before this gateway, or is past it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elsewhere: Vec<Elsewhere>,
}

/// In the units of its commitment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Elsewhere {
    /// A day of the period for which it counts, and from which on it does, such as 2026-06-30.
    pub day: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<u64>,
    /// Such as "5000.00", in the currency of the commitment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    Month,
    Quarter,
    Year,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub name: String,
    /// Such as account manager, or operations.
    pub role: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    /// When they can be reached, with the time zone.
    pub hours: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    /// Since the vendor was told first, such as 30m.
    pub after: domain::setting::Span,
    /// The name of a contact.
    pub contact: String,
}

/// How many days before a date the check speaks of it.
const NEAR_DAYS: i32 = 60;

impl Contract {
    /// The last day on which notice can be given; None when no end or no notice is known.
    #[must_use]
    pub fn notice_by(&self) -> Option<Date> {
        let ends: Date = self.ends.as_deref()?.parse().ok()?;
        let days: Span = i64::from(self.notice_days?).days();
        ends.checked_sub(days).ok()
    }

    /// What was promised, each by itself: what the check lets pass.
    #[must_use]
    pub fn promises(&self) -> Vec<routing::commitment::Commitment> {
        let [starts, ends] = [&self.starts, &self.ends].map(|text| text.as_deref()?.parse().ok());
        let of = |one: &Commitment| {
            let period = match one.period {
                Period::Month => routing::commitment::Period::Month,
                Period::Quarter => routing::commitment::Period::Quarter,
                Period::Year => routing::commitment::Period::Year,
            };
            let promised = one.promised().into_iter();
            let commitment = move |(unit, promised)| routing::commitment::Commitment {
                period,
                unit,
                promised,
                starts,
                ends,
                elsewhere: one.elsewhere.iter().filter_map(|part| part.carried(unit)).collect(),
            };
            promised.map(commitment).collect::<Vec<_>>()
        };
        self.commitments.iter().flat_map(of).collect()
    }

    /// Everything that is wrong: the keys on the way to it, and what it is.
    #[must_use]
    pub fn problems(&self) -> Vec<(Vec<Key>, String)> {
        let mut problems = Vec::new();
        let mut tell = |keys: Vec<Key>, message: String| problems.push((keys, message));
        let [starts, ends] = [("starts", &self.starts), ("ends", &self.ends)].map(|(key, text)| {
            let text = text.as_deref()?;
            let date = text.parse::<Date>().ok();
            if date.is_none() {
                tell(vec![Key::Name(key)], format!("`{text}` is not a day: expected one such as 2027-01-31"));
            }
            date
        });
        if let (Some(starts), Some(ends)) = (starts, ends)
            && ends <= starts
        {
            tell(vec![Key::Name("ends")], "the contract ends before it starts".to_owned());
        }
        if self.notice_days.is_some() && self.ends.is_none() {
            tell(vec![Key::Name("notice_days")], "there is no `ends` that it would be before".to_owned());
        }
        let sla = self.sla.clone().unwrap_or_default();
        for (key, rate) in [("delivery_rate", sla.delivery_rate), ("availability", sla.availability)] {
            if let Some(text) = rate.filter(|text| !is_percentage(text)) {
                let keys = vec![Key::Name("sla"), Key::Name(key)];
                tell(keys, format!("`{text}` is not a percentage: expected 0 to 100, such as \"99.5\""));
            }
        }
        for (at, commitment) in self.commitments.iter().enumerate() {
            for (place, part) in commitment.elsewhere.iter().enumerate() {
                for (key, message) in part.problems(commitment) {
                    let mut keys = vec![Key::Name("commitments"), Key::Place(at)];
                    keys.extend([Key::Name("elsewhere"), Key::Place(place)]);
                    keys.extend(key.map(Key::Name));
                    tell(keys, message);
                }
            }
            for (key, message) in commitment.problems() {
                let mut keys = vec![Key::Name("commitments"), Key::Place(at)];
                keys.extend(key.map(Key::Name));
                tell(keys, message);
            }
            let units = |one: &Commitment| {
                let period = one.period;
                one.promised().into_iter().map(move |(unit, _)| (period, unit))
            };
            let others: Vec<_> = self.commitments.iter().take(at).flat_map(units).collect();
            if units(commitment).any(|mine| others.contains(&mine)) {
                let message = "a commitment above has the same period and unit: keep the one that holds";
                tell(vec![Key::Name("commitments"), Key::Place(at)], message.to_owned());
            }
        }
        for (at, contact) in self.contacts.iter().enumerate() {
            let keys = |key| vec![Key::Name("contacts"), Key::Place(at), Key::Name(key)];
            if contact.name.trim().is_empty() {
                tell(keys("name"), "expected a name".to_owned());
            }
            if self.contacts.iter().take(at).any(|other| other.name == contact.name) {
                tell(keys("name"), format!("`{}` is the name of a contact above already", contact.name));
            }
            if let Some(email) = contact.email.as_deref().filter(|email| !is_email(email)) {
                tell(keys("email"), format!("`{email}` is not an email address"));
            }
        }
        for (at, step) in self.escalation.iter().enumerate() {
            let keys = |key| vec![Key::Name("escalation"), Key::Place(at), Key::Name(key)];
            if self.contacts.iter().all(|contact| contact.name != step.contact) {
                tell(keys("contact"), format!("no contact of the contract is called `{}`", step.contact));
            }
            let before = at.checked_sub(1).and_then(|before| self.escalation.get(before));
            if before.is_some_and(|before| before.after.0 >= step.after.0) {
                tell(keys("after"), "the step comes no later than the one before it".to_owned());
            }
        }
        problems
    }

    /// What comes near or has passed on this day: the key that it is about, and what it is.
    #[must_use]
    pub fn warnings(&self, today: Date) -> Vec<(&'static str, String)> {
        let ends = self.ends.as_deref().and_then(|text| text.parse::<Date>().ok());
        let Some(ends) = ends else { return Vec::new() };
        let until_end = days_until(today, ends);
        if until_end < 0 {
            return vec![("ends", format!("the contract ended on {ends}"))];
        }
        let mut warnings = Vec::new();
        if until_end <= NEAR_DAYS {
            warnings.push(("ends", format!("the contract ends on {ends}, in {until_end} days")));
        }
        if let Some(notice) = self.notice_by() {
            let until_notice = days_until(today, notice);
            if (0..=NEAR_DAYS).contains(&until_notice) {
                let message = format!("notice can be given until {notice}, for {until_notice} more days");
                warnings.push(("notice_days", message));
            } else if until_notice < 0 {
                warnings.push(("notice_days", format!("notice had to be given until {notice}")));
            }
        }
        warnings
    }
}

/// A step on the way to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Name(&'static str),
    Place(usize),
}

impl Commitment {
    fn promised(&self) -> Vec<(Unit, Decimal)> {
        let messages = self.messages.map(|count| (Unit::Messages, Decimal::from(count)));
        let segments = self.segments.map(|count| (Unit::Segments, Decimal::from(count)));
        let spend = self.spend.as_deref().zip(self.currency.as_deref()).and_then(|(spend, currency)| {
            let amount = domain::money::parse_amount(spend).ok()?;
            Some((Unit::Spend(currency.parse().ok()?), amount))
        });
        [messages, segments, spend].into_iter().flatten().collect()
    }

    fn problems(&self) -> Vec<(Option<&'static str>, String)> {
        let mut problems = Vec::new();
        if self.messages.is_none() && self.segments.is_none() && self.spend.is_none() {
            problems.push((None, "a commitment is to `messages`, to `segments` or to a `spend`".to_owned()));
        }
        for (key, count) in [("messages", self.messages), ("segments", self.segments)] {
            if count == Some(0) {
                problems.push((Some(key), "a commitment to nothing: leave it out".to_owned()));
            }
        }
        if let Some(spend) = &self.spend
            && let Err(bad) = domain::money::parse_amount(spend)
        {
            problems.push((Some("spend"), bad.to_string()));
        }
        match &self.currency {
            Some(currency) => {
                if let Err(bad) = currency.parse::<domain::Currency>() {
                    problems.push((Some("currency"), bad.to_string()));
                }
            }
            None if self.spend.is_some() => {
                problems.push((Some("spend"), "a spend needs its `currency`".to_owned()));
            }
            None => {}
        }
        problems
    }
}

impl Elsewhere {
    /// None when it says nothing of this unit.
    fn carried(&self, unit: Unit) -> Option<(Date, Decimal)> {
        let amount = match unit {
            Unit::Messages => Decimal::from(self.messages?),
            Unit::Segments => Decimal::from(self.segments?),
            Unit::Spend(_) => domain::money::parse_amount(self.spend.as_deref()?).ok()?,
        };
        Some((self.day.parse().ok()?, amount))
    }

    fn problems(&self, of: &Commitment) -> Vec<(Option<&'static str>, String)> {
        let mut problems = Vec::new();
        if self.day.parse::<Date>().is_err() {
            let message = format!("`{}` is not a day: expected one such as 2027-01-31", self.day);
            problems.push((Some("day"), message));
        }
        let given = [
            ("messages", self.messages.is_some(), of.messages.is_some()),
            ("segments", self.segments.is_some(), of.segments.is_some()),
            ("spend", self.spend.is_some(), of.spend.is_some()),
        ];
        if given.iter().all(|(_, is_given, _)| !is_given) {
            problems.push((None, "say how much: in `messages`, in `segments` or as a `spend`".to_owned()));
        }
        for (key, _, _) in given.iter().filter(|(_, is_given, is_promised)| *is_given && !is_promised) {
            problems.push((Some(key), "the commitment is to nothing of this unit".to_owned()));
        }
        if let Some(Err(bad)) = self.spend.as_deref().map(domain::money::parse_amount) {
            problems.push((Some("spend"), bad.to_string()));
        }
        problems
    }
}

fn days_until(today: Date, day: Date) -> i32 {
    today.until(day).map_or(0, |span| span.get_days())
}

fn is_percentage(text: &str) -> bool {
    let amount = domain::money::parse_amount(text);
    amount.is_ok_and(|amount| amount <= Decimal::from(100))
}

fn is_email(text: &str) -> bool {
    let parts = text.split_once('@');
    let is_word = |part: &str| !part.is_empty() && !part.contains(['@', ' ']);
    parts.is_some_and(|(name, host)| is_word(name) && is_word(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(toml: &str) -> Contract {
        toml::from_str(toml).unwrap()
    }

    #[test]
    fn everything_that_is_wrong_is_told_with_its_place() {
        let contract = read(
            r#"
            starts = "2026-01-01"
            ends = "2025-12-31"
            sla = { delivery_rate = "120", availability = "x" }
            commitments = [
                { period = "month" }, { period = "year", spend = "1,5" },
                { period = "month", messages = 5 }, { period = "year", messages = 5 }, { period = "month", segments = 5 },
                { period = "month", messages = 6 },
                { period = "quarter", segments = 9, elsewhere = [
                    { day = "2026-02-30", segments = 5 }, { day = "2026-03-01" },
                    { day = "2026-03-01", segments = 5, spend = "x" },
                ] },
            ]
            contacts = [{ name = "Ada", email = "ada" }, { name = "Ada" }]
            escalation = [{ after = "1h", contact = "Ada" }, { after = "30m", contact = "Bob" }]
            "#,
        );
        let told: Vec<String> = contract
            .problems()
            .into_iter()
            .map(|(keys, _)| {
                let keys = keys.iter().map(|key| match key {
                    Key::Name(name) => (*name).to_owned(),
                    Key::Place(at) => at.to_string(),
                });
                keys.collect::<Vec<_>>().join(".")
            })
            .collect();
        assert_eq!(
            told,
            [
                "ends",
                "sla.delivery_rate",
                "sla.availability",
                "commitments.0",
                "commitments.1.spend",
                "commitments.1.spend",
                "commitments.5",
                "commitments.6.elsewhere.0.day",
                "commitments.6.elsewhere.1",
                "commitments.6.elsewhere.2.spend",
                "commitments.6.elsewhere.2.spend",
                "contacts.0.email",
                "contacts.1.name",
                "escalation.1.contact",
                "escalation.1.after",
            ]
        );
        assert_eq!(read("ends = \"soon\"\nnotice_days = 30").problems().len(), 1);
        assert_eq!(read("notice_days = 30").problems().len(), 1);
    }

    #[test]
    fn what_comes_near_is_told_and_what_is_far_is_not() {
        let contract = read("ends = \"2027-01-31\"\nnotice_days = 90");
        assert!(contract.problems().is_empty());
        assert_eq!(contract.notice_by().unwrap().to_string(), "2026-11-02");
        let told = |day: &str| -> Vec<String> {
            let warnings = contract.warnings(day.parse().unwrap());
            warnings.into_iter().map(|(_, message)| message).collect()
        };
        assert!(told("2026-09-02").is_empty());
        assert_eq!(told("2026-09-03"), ["notice can be given until 2026-11-02, for 60 more days"]);
        assert_eq!(told("2026-11-02"), ["notice can be given until 2026-11-02, for 0 more days"]);
        assert_eq!(told("2026-11-03"), ["notice had to be given until 2026-11-02"]);
        let near = "the contract ends on 2027-01-31, in 0 days";
        assert_eq!(told("2027-01-31"), [near, "notice had to be given until 2026-11-02"]);
        assert_eq!(told("2027-02-01"), ["the contract ended on 2027-01-31"]);
    }
}
