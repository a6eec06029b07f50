//! What files want beside what is there: nothing is removed that they only do not name.

use std::fmt;

use crate::difference::Thing;
use crate::settings::{ExchangeRate, Policy, Settings};

/// A thing that the files do not name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub of: Thing,
    /// Empty for the default class and what messages are worth, of which there is one.
    pub id: String,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.of {
            Thing::DefaultClass => "default class",
            Thing::Adaptive => "what messages are worth",
            Thing::Commitments => "what commitments are worth",
            Thing::Route => "route",
            Thing::RateCard => "rate card",
            Thing::ExchangeRate => "exchange rate",
            Thing::Cap => "cap",
            Thing::Pin => "pin",
            Thing::Rule => "rule",
            Thing::Test => "policy test",
        };
        f.write_str(of)?;
        if self.id.is_empty() { Ok(()) } else { write!(f, " {}", self.id) }
    }
}

/// What is wanted, with all that is there and is not named: routes, rate cards, exchange rates, caps, pins, rules and tests
/// by their ids, the default class and what messages are worth where the files say nothing of them. To say nothing and to
/// name the default are the same in settings, so what is there stays in both cases. Each of a list stays behind the one
/// that it is behind now, because the order of rules and of pins decides; the first ones stay first.
#[must_use]
pub fn keep(there: &Settings, mut wanted: Settings) -> (Settings, Vec<Kept>) {
    let mut kept = Vec::new();
    let said_nothing = Policy::default();
    let (there_policy, wanted_policy) = (&there.policy, &mut wanted.policy);
    if wanted_policy.default_class == said_nothing.default_class
        && there_policy.default_class != said_nothing.default_class
    {
        wanted_policy.default_class = there_policy.default_class;
        kept.push(Kept { of: Thing::DefaultClass, id: String::new() });
    }
    if wanted_policy.adaptive == said_nothing.adaptive && there_policy.adaptive != said_nothing.adaptive {
        wanted_policy.adaptive = there_policy.adaptive.clone();
        kept.push(Kept { of: Thing::Adaptive, id: String::new() });
    }
    if wanted_policy.commitments == said_nothing.commitments
        && there_policy.commitments != said_nothing.commitments
    {
        wanted_policy.commitments = there_policy.commitments.clone();
        kept.push(Kept { of: Thing::Commitments, id: String::new() });
    }
    let mut note = |of, ids: Vec<String>| kept.extend(ids.into_iter().map(|id| Kept { of, id }));
    note(Thing::Route, weave(&there.routes, &mut wanted.routes, |route| route.id.clone()));
    note(Thing::RateCard, weave(&there.rate_cards, &mut wanted.rate_cards, |card| card.id.clone()));
    let rate = |rate: &ExchangeRate| {
        let from = rate.effective_from.as_deref().map(|from| format!(" from {from}")).unwrap_or_default();
        format!("{} to {}{from}", rate.from, rate.to)
    };
    note(Thing::ExchangeRate, weave(&there.exchange_rates, &mut wanted.exchange_rates, rate));
    note(Thing::Cap, weave(&there.caps, &mut wanted.caps, |cap| cap.id.clone()));
    note(Thing::Pin, weave(&there.policy.pins, &mut wanted.policy.pins, |pin| pin.id.clone()));
    note(Thing::Rule, weave(&there.policy.rules, &mut wanted.policy.rules, |rule| rule.id.clone()));
    note(Thing::Test, weave(&there.policy.tests, &mut wanted.policy.tests, |test| test.name.clone()));
    (wanted, kept)
}

/// Returns the ids of those that were put in.
fn weave<T: Clone>(there: &[T], wanted: &mut Vec<T>, id: fn(&T) -> String) -> Vec<String> {
    let mut kept = Vec::new();
    let mut before: Option<String> = None;
    for one in there {
        if wanted.iter().all(|other| id(other) != id(one)) {
            let place = before.and_then(|before| wanted.iter().position(|other| id(other) == before));
            wanted.insert(place.map_or(0, |place| place + 1), one.clone());
            kept.push(id(one));
        }
        before = Some(id(one));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::canonical;

    fn rules(ids: &[&str]) -> Settings {
        let rule = |id: &&str| format!("[[policy.rules]]\nid = \"{id}\"\nroutes = [\"a\"]\n");
        canonical::parse(&ids.iter().map(rule).collect::<String>()).unwrap()
    }

    fn woven(there: &[&str], wanted: &[&str]) -> (Vec<String>, Vec<String>) {
        let (settings, kept) = keep(&rules(there), rules(wanted));
        let ids = settings.policy.rules.into_iter().map(|rule| rule.id);
        (ids.collect(), kept.into_iter().map(|kept| kept.to_string()).collect())
    }

    #[test]
    fn what_is_not_named_stays_behind_what_it_was_behind() {
        let (ids, kept) = woven(&["a", "b", "c", "d"], &["d", "b", "x"]);
        assert_eq!(ids, ["a", "d", "b", "c", "x"]);
        assert_eq!(kept, ["rule a", "rule c"]);
    }

    #[test]
    fn what_there_is_one_of_stays_where_no_file_speaks_of_it() {
        let there = "[policy]\ndefault_class = \"otp\"\nadaptive = { currency = \"EUR\" }\n";
        let there = canonical::parse(there).unwrap();
        let told = |wanted: &str| {
            let (settings, kept) = keep(&there, canonical::parse(wanted).unwrap());
            let kept: Vec<String> = kept.iter().map(Kept::to_string).collect();
            (settings.policy.default_class, settings.policy.adaptive.currency.unwrap(), kept)
        };
        let (class, currency, kept) = told("");
        assert_eq!((class, currency.as_str()), (domain::Class::Otp, "EUR"));
        assert_eq!(kept, ["default class", "what messages are worth"]);
        let (class, currency, kept) =
            told("[policy]\ndefault_class = \"marketing\"\nadaptive = { currency = \"USD\" }\n");
        assert_eq!((class, currency.as_str()), (domain::Class::Marketing, "USD"));
        assert!(kept.is_empty(), "{kept:?}");
        // Nothing is kept that is as it would be.
        let (_, kept) = keep(&Settings::default(), Settings::default());
        assert!(kept.is_empty(), "{kept:?}");
    }

    #[test]
    fn what_is_all_named_is_as_it_is_wanted() {
        assert_eq!(woven(&["a", "b"], &["b", "a"]), (vec!["b".to_owned(), "a".to_owned()], Vec::new()));
        assert_eq!(woven(&[], &["a"]).0, ["a"]);
        assert_eq!(woven(&["a", "b"], &[]).0, ["a", "b"]);
    }
}
