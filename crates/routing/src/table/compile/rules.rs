//! Compiles the policy.

use std::collections::HashSet;
use std::time::Duration;

use domain::money::parse_amount;
use domain::plan::{FailoverOn, OnUnknown, Terms};
use domain::record::RECEIPT_HORIZON;
use domain::{AppId, RuleId, Sender};

use crate::choose::rendezvous;
use crate::operator::Operator;
use crate::problem::{Path, unknown};
use crate::settings::{self, Failover, Match, RuleRoute};
use crate::table::compile::Compiler;
use crate::table::conditions::{Conditions, OneOf, Prefixes};
use crate::table::{Listed, Rule, Strategy};

/// When the rule fails over on a missing receipt and does not say after what time.
const NO_RECEIPT_AFTER: Duration = Duration::from_secs(45);

/// E.164 has no more digits.
const LONGEST_PREFIX: usize = 15;

impl<'a> Compiler<'a> {
    /// The places of routes in the settings and in the table are the same once there is no problem.
    pub(super) fn rules(&mut self) -> Vec<Rule> {
        let settings = self.settings;
        let list = Path::default().key("policy").key("rules");
        self.places(&list, settings.policy.rules.iter().map(|rule| rule.id.as_str()));
        let rules = settings.policy.rules.iter().enumerate();
        rules.filter_map(|(at, rule)| self.rule(&list.index(at), rule)).collect()
    }

    fn rule(&mut self, path: &Path, rule: &settings::Rule) -> Option<Rule> {
        let id: Option<RuleId> = self.problems.read(path.key("id"), &rule.id);
        let conditions = self.conditions(&path.key("match"), &rule.matches);
        let strategy = strategy(rule.strategy);
        let quality_floor = self.quality_floor(path, rule);
        let routes = self.listed(&path.key("routes"), rule);
        let terms = self.terms(path, rule);
        let max_price = rule
            .max_price
            .as_ref()
            .and_then(|amount| self.problems.keep(path.key("max_price"), parse_amount(amount)));
        if rule.validity.0.is_zero() {
            self.problems.add(path.key("validity"), "a message needs some time to be tried in");
        }
        // A record is closed at the horizon, and what is closed is not tried again.
        if rule.validity.0 > RECEIPT_HORIZON {
            let days = RECEIPT_HORIZON.as_secs() / 86_400;
            let message = format_args!("at most {days} days: nothing is heard of a message for longer");
            self.problems.add(path.key("validity"), message);
        }
        let validity = rule.validity.0;
        let probes = self.probes(path, rule);
        Some(Rule {
            id: id?,
            conditions,
            strategy,
            routes,
            terms,
            max_price,
            quality_floor,
            probes,
            validity,
        })
    }

    pub(super) fn conditions(&mut self, path: &Path, matches: &Match) -> Conditions {
        let Match { channel, class, country, operator, app, sender, recipient_prefix, time, .. } = matches;
        let Match { sender_kind, encoding, has_link, .. } = matches;
        if let Some(classes) = class {
            self.refuse_empty(&path.key("class"), classes);
        }
        if let Some(kinds) = sender_kind {
            self.refuse_empty(&path.key("sender_kind"), kinds);
        }
        if let Some(encodings) = encoding {
            self.refuse_empty(&path.key("encoding"), encodings);
        }
        Conditions {
            channel: *channel,
            classes: OneOf::new(class.clone()),
            countries: OneOf::new(country.as_ref().map(|names| self.countries(&path.key("country"), names))),
            operators: OneOf::new(
                self.each(path.key("operator"), operator.as_ref(), |text| text.parse::<Operator>()),
            ),
            apps: OneOf::new(self.apps(path.key("app"), app.as_ref())),
            senders: OneOf::new(self.each(path.key("sender"), sender.as_ref(), |text| {
                text.parse().map(|sender: Sender| sender.as_str().into())
            })),
            prefixes: self
                .each(path.key("recipient_prefix"), recipient_prefix.as_ref(), prefix)
                .map(Prefixes::new),
            hours: time.as_ref().and_then(|hours| self.hours(&path.key("time"), hours)),
            kinds: OneOf::new(sender_kind.clone()),
            encodings: OneOf::new(encoding.clone()),
            has_link: *has_link,
        }
    }

    pub(super) fn each<T, E: std::fmt::Display>(
        &mut self,
        list: Path,
        texts: Option<&Vec<String>>,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        let texts = texts?;
        self.refuse_empty(&list, texts);
        let values = texts.iter().enumerate();
        Some(values.filter_map(|(at, text)| self.problems.keep(list.index(at), read(text))).collect())
    }

    fn apps(&mut self, list: Path, names: Option<&Vec<String>>) -> Option<Vec<AppId>> {
        let known = self.known.apps;
        self.each(list, names, |name| {
            let found = known.iter().find(|app| app.as_str() == name).cloned();
            found.ok_or_else(|| unknown("app", name, known.iter().map(AppId::as_str)))
        })
    }

    fn listed(&mut self, list: &Path, rule: &settings::Rule) -> Vec<Listed> {
        if rule.routes.is_empty() {
            self.problems.add(list.clone(), "the rule lists no routes");
        }
        let mut listed = Vec::new();
        let mut seen = HashSet::new();
        for (at, RuleRoute { id, weight }) in rule.routes.iter().enumerate() {
            let path = list.index(at);
            self.weight(&path, rule.strategy, *weight);
            if !seen.insert(id) {
                self.problems.add(path.clone(), format_args!("`{id}` is listed already"));
            }
            let Some(&route) = self.routes.get(id.as_str()) else {
                let message = unknown("route", id, self.routes.keys().copied());
                self.problems.add(path, message);
                continue;
            };
            let salt = rendezvous::salt(&rule.id, id);
            listed.push(Listed { route, weight: weight.unwrap_or(0), salt });
        }
        let weightless = rule.routes.iter().all(|route| route.weight == Some(0));
        if rule.strategy == settings::Strategy::Weighted && weightless && !rule.routes.is_empty() {
            self.problems.add(list.clone(), "all weights are zero: no route would carry anything");
        }
        self.channels(list, rule);
        self.currencies(list, rule);
        listed
    }

    fn weight(&mut self, path: &Path, strategy: settings::Strategy, weight: Option<u32>) {
        use settings::Strategy::{Adaptive, LeastCost, Priority, QualityFloor, Weighted};
        match (strategy, weight) {
            (Weighted, None) => {
                let message = "`weighted` needs a weight for each route: { id = \"…\", weight = 70 }";
                self.problems.add(path.clone(), message);
            }
            (Priority | LeastCost | QualityFloor | Adaptive, Some(_)) => {
                self.problems.add(path.key("weight"), "only `weighted` obeys a weight: leave it out");
            }
            (Weighted, Some(_)) | (Priority | LeastCost | QualityFloor | Adaptive, None) => {}
        }
    }

    fn channels(&mut self, list: &Path, rule: &settings::Rule) {
        let Some(asked) = rule.matches.channel else { return };
        for (at, route) in self.known_routes(rule) {
            if route.channel != asked {
                let message =
                    format_args!("`{}` carries {}, and the rule is for {asked}", route.id, route.channel);
                self.problems.add(list.index(at), message);
            }
        }
    }

    /// Which of two prices is the lower one can only be said within a currency, or with an exchange rate.
    fn currencies(&mut self, list: &Path, rule: &settings::Rule) {
        let name = match rule.strategy {
            settings::Strategy::LeastCost => "least_cost",
            settings::Strategy::QualityFloor => "quality_floor",
            settings::Strategy::Adaptive => return self.worth_in_currencies(list, rule),
            settings::Strategy::Priority | settings::Strategy::Weighted => return,
        };
        let mut seen: Vec<(&String, &String)> = Vec::new();
        for (at, route) in self.known_routes(rule) {
            let card = route.rate_card.as_deref().and_then(|name| self.cards.get(name));
            let Some(card) = card.and_then(|&card| self.settings.rate_cards.get(card)) else { continue };
            let strange = seen.iter().find(|(_, currency)| !self.are_related(currency, &card.currency));
            if let Some((other, currency)) = strange {
                let message = format_args!(
                    "`{name}` compares prices, and `{}` is priced in {} where `{other}` is in {currency}: \
                     [[exchange_rates]] has no rate between them",
                    route.id, card.currency
                );
                self.problems.add(list.index(at), message);
            }
            seen.push((&route.id, &card.currency));
        }
    }

    /// One that is no currency is told of elsewhere.
    pub(super) fn are_related(&self, one: &str, other: &str) -> bool {
        match (one.parse(), other.parse()) {
            (Ok(one), Ok(other)) => self.exchange.relates(one, other),
            (Err(_), _) | (_, Err(_)) => true,
        }
    }

    /// The routes that the rule lists and that exist, each with its place in the list.
    pub(super) fn known_routes(&self, rule: &settings::Rule) -> Vec<(usize, &'a settings::Route)> {
        let all = self.settings;
        let place = |route: &RuleRoute| self.routes.get(route.id.as_str()).copied();
        let routes = rule.routes.iter().enumerate();
        routes.filter_map(|(at, route)| Some((at, all.routes.get(place(route)?)?))).collect()
    }

    fn terms(&mut self, path: &Path, rule: &settings::Rule) -> Terms {
        let Failover { on, wait_at_most, no_receipt_after, max_attempts } = &rule.failover;
        let failover = path.key("failover");
        let on_no_receipt = on.contains(&FailoverOn::NoReceipt);
        if on_no_receipt && rule.on_unknown == OnUnknown::Hold {
            let message = "`hold` promises at most one delivery, which failover on `no_receipt` would break";
            self.problems.add(path.key("on_unknown"), message);
        }
        if !on_no_receipt && no_receipt_after.is_some() {
            let message = "nothing obeys it unless `on` lists \"no_receipt\"";
            self.problems.add(failover.key("no_receipt_after"), message);
        }
        if *max_attempts == 0 {
            self.problems.add(failover.key("max_attempts"), "a message needs at least one attempt");
        }
        let no_receipt_after = no_receipt_after.map_or(NO_RECEIPT_AFTER, |span| span.0);
        if no_receipt_after.is_zero() {
            self.problems.add(failover.key("no_receipt_after"), "no receipt comes in no time");
        }
        let no_receipt_after_ms = self.millis(failover.key("no_receipt_after"), no_receipt_after);
        Terms {
            on_unknown: rule.on_unknown,
            failover_on: on.iter().copied().collect(),
            wait_at_most_ms: self.millis(failover.key("wait_at_most"), wait_at_most.0),
            no_receipt_after_ms: on_no_receipt.then_some(no_receipt_after_ms),
            max_attempts: *max_attempts,
        }
    }

    fn millis(&mut self, path: Path, span: Duration) -> u32 {
        u32::try_from(span.as_millis()).unwrap_or_else(|_| {
            self.problems.add(path, "at most 49 days");
            u32::MAX
        })
    }
}

fn strategy(written: settings::Strategy) -> Strategy {
    match written {
        settings::Strategy::Priority => Strategy::Priority,
        settings::Strategy::Weighted => Strategy::Weighted,
        settings::Strategy::LeastCost | settings::Strategy::QualityFloor => Strategy::LeastCost,
        settings::Strategy::Adaptive => Strategy::Adaptive,
    }
}

/// As digits, without the `+`.
fn prefix(text: &str) -> Result<Box<str>, String> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    if (1..=LONGEST_PREFIX).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(digits.into());
    }
    Err(format!(
        "`{text}` is not the beginning of a number: expected digits in international form, such as +4915"
    ))
}
