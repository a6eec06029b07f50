//! Compiles what messages are worth, and what rules ask of quality.

use domain::money::{Decimal, parse_amount};
use domain::{Currency, Recipient};
use rustc_hash::FxHashSet;

use crate::problem::Path;
use crate::settings::{self, Strategy};
use crate::table::compile::Compiler;
use crate::table::worth::{Worth, Worths};

/// In hundredths of a percent.
const WHOLE: u16 = 10_000;

impl Compiler<'_> {
    pub(super) fn worths(&mut self) -> Worths {
        let path = Path::default().key("policy").key("adaptive");
        let settings::Adaptive { currency, otp, transactional, marketing, .. } =
            &self.settings.policy.adaptive;
        if let Some(name) = currency {
            self.problems.read::<Currency>(path.key("currency"), name);
        }
        let usual = Worths::new(self.currency_of_worths());
        Worths {
            otp: self.worth(&path.key("otp"), otp.as_ref(), usual.otp),
            transactional: self.worth(
                &path.key("transactional"),
                transactional.as_ref(),
                usual.transactional,
            ),
            marketing: self.worth(&path.key("marketing"), marketing.as_ref(), usual.marketing),
            ..usual
        }
    }

    /// As it is written, else that of the first rate card.
    fn currency_of_worths(&self) -> Option<Currency> {
        let cards = &self.settings.rate_cards;
        let written = self.settings.policy.adaptive.currency.as_ref();
        let written = written.or_else(|| cards.first().map(|card| &card.currency));
        written.and_then(|name| name.parse().ok())
    }

    fn worth(&mut self, path: &Path, written: Option<&settings::Worth>, usual: Worth) -> Worth {
        let Some(settings::Worth { value, within }) = written else { return usual };
        let value = self.problems.keep(path.key("value"), parse_amount(value));
        if value.is_some_and(|value| value.is_zero()) {
            self.problems.add(
                path.key("value"),
                "a message that is worth nothing would go by price alone: use least_cost",
            );
        }
        let within = within.map_or(usual.within, |span| span.0);
        if within.is_zero() {
            self.problems.add(path.key("within"), "nothing arrives in no time");
        }
        Worth { value: value.unwrap_or(usual.value), within }
    }

    pub(super) fn test_numbers(&mut self) -> FxHashSet<Recipient> {
        let path = Path::default().key("policy").key("adaptive").key("test_numbers");
        let mut numbers = FxHashSet::default();
        for (at, written) in self.settings.policy.adaptive.test_numbers.iter().enumerate() {
            match Recipient::from_e164(written) {
                Some(number) if !numbers.contains(&number) => {
                    numbers.insert(number);
                }
                Some(_) => self.problems.add(path.index(at), format_args!("`{written}` is listed twice")),
                None => {
                    let message = format_args!(
                        "`{written}` is not a number in international form, such as +4915112345678"
                    );
                    self.problems.add(path.index(at), message);
                }
            }
        }
        numbers
    }

    /// Whether messages of the rule may be probes.
    pub(super) fn probes(&mut self, path: &Path, rule: &settings::Rule) -> bool {
        if !rule.probes && rule.strategy != Strategy::Adaptive {
            self.problems.add(path.key("probes"), "only `adaptive` sends probes: leave it out");
        }
        rule.probes
    }

    /// In hundredths of a percent.
    pub(super) fn quality_floor(&mut self, path: &Path, rule: &settings::Rule) -> Option<u16> {
        let Some(written) = &rule.quality_floor else {
            if rule.strategy == Strategy::QualityFloor {
                let message = "`quality_floor` takes the cheapest of those above a floor: say which, such as quality_floor = \"0.9\"";
                self.problems.add(path.key("strategy"), message);
            }
            return None;
        };
        let read = parse_amount(written).ok().filter(|share| *share <= Decimal::ONE);
        let hundredths = read.map(|share| (share * Decimal::from(WHOLE)).round());
        let floor = hundredths.and_then(|hundredths| u16::try_from(hundredths).ok());
        if floor.is_none() {
            let message =
                format_args!("`{written}` is not a share: expected a number from 0 to 1, such as 0.9");
            self.problems.add(path.key("quality_floor"), message);
        }
        floor
    }

    /// What a message is worth and what it costs is compared.
    pub(super) fn worth_in_currencies(&mut self, list: &Path, rule: &settings::Rule) {
        let currency = Worths::new(self.currency_of_worths()).currency;
        for (at, route) in self.known_routes(rule) {
            let card = route.rate_card.as_deref().and_then(|name| self.cards.get(name));
            let Some(card) = card.and_then(|&card| self.settings.rate_cards.get(card)) else { continue };
            if !self.are_related(currency.as_str(), &card.currency) {
                let message = format_args!(
                    "`adaptive` weighs prices against what messages are worth, and `{}` is priced in {} where that is in \
                     {currency} (policy.adaptive.currency): [[exchange_rates]] has no rate between them",
                    route.id, card.currency
                );
                self.problems.add(list.index(at), message);
            }
        }
    }
}
