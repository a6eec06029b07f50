//! An override, written into the rules: what it did for a while, they say from then on.
//!
//! A rule that it concerns with some of its messages alone stays, behind a copy that takes those. A pin has no such copy,
//! because there are overrides of messages that a pin cannot ask for.

use domain::overrides::{Action, Scope, Suspended};
use domain::{Override, VendorId};

use crate::settings::{Match, Pin, Rule, RuleRoute, Settings, Strategy};

/// Why it cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPermanent {
    #[error("a maintenance ends by itself: there is nothing of it to make permanent")]
    Maintenance,
    #[error("rule `{0}` would have no route left: change it by hand")]
    NoRouteLeft(String),
    #[error("pin `{0}` has no route but the suspended one: give it another, or remove it")]
    PinnedAlone(String),
    #[error("it is of some of the messages of pin `{0}` alone: change the pin by hand")]
    PinInPart(String),
    #[error("no rule and no pin would be another one")]
    NothingToChange,
}

/// `vendor_of` says whose a connection is.
///
/// # Errors
/// As `NotPermanent` says.
pub fn permanent(
    settings: &Settings,
    one: &Override,
    vendor_of: &dyn Fn(&str) -> Option<VendorId>,
) -> Result<Settings, NotPermanent> {
    if let Action::Maintenance(_) = one.action {
        return Err(NotPermanent::Maintenance);
    }
    let mut rules: Vec<Rule> = Vec::new();
    for rule in &settings.policy.rules {
        let routes = changed(rule, settings, &one.action, vendor_of);
        let matches = narrowed(&rule.matches, &one.scope);
        match matches.filter(|_| routes != rule.routes) {
            None => rules.push(rule.clone()),
            Some(_) if carries_nothing(rule.strategy, &routes) => {
                return Err(NotPermanent::NoRouteLeft(rule.id.clone()));
            }
            Some(matches) if matches == rule.matches => rules.push(Rule { routes, ..rule.clone() }),
            Some(matches) => {
                let id = free_id(&rule.id, settings, &rules);
                // Its owner does not know of the copy, and would remove it with what he does not name.
                rules.push(Rule { id, matches, routes, managed_by: None, ..rule.clone() });
                rules.push(rule.clone());
            }
        }
    }
    let pins = pins(settings, one, vendor_of)?;
    if rules == settings.policy.rules && pins == settings.policy.pins {
        return Err(NotPermanent::NothingToChange);
    }
    let mut settings = settings.clone();
    (settings.policy.rules, settings.policy.pins) = (rules, pins);
    Ok(settings)
}

fn carries_nothing(strategy: Strategy, routes: &[RuleRoute]) -> bool {
    let is_parked = |route: &RuleRoute| strategy == Strategy::Weighted && route.weight == Some(0);
    routes.iter().all(is_parked)
}

/// A pin without its route is none, and its messages go as their rules say: but one that lets no other route carry them
/// would then let all.
fn pins(
    settings: &Settings,
    one: &Override,
    vendor_of: &dyn Fn(&str) -> Option<VendorId>,
) -> Result<Vec<Pin>, NotPermanent> {
    let mut pins = Vec::new();
    for pin in &settings.policy.pins {
        let route = match &one.action {
            Action::Flip { from, to } if pin.route == from.as_str() => Some(to.to_string()),
            Action::Suspend(what) if is_suspended(what, &pin.route, settings, vendor_of) => None,
            Action::Flip { .. } | Action::Suspend(_) | Action::Weight { .. } | Action::Maintenance(_) => {
                pins.push(pin.clone());
                continue;
            }
        };
        let asks = Match {
            recipient_prefix: pin.recipient_prefix.clone(),
            operator: pin.operator.clone(),
            app: pin.app.clone(),
            ..Match::default()
        };
        match (narrowed(&asks, &one.scope), route) {
            (None, _) => pins.push(pin.clone()),
            (Some(narrower), _) if narrower != asks => return Err(NotPermanent::PinInPart(pin.id.clone())),
            (Some(_), Some(route)) => pins.push(Pin { route, ..pin.clone() }),
            (Some(_), None) if pin.only => return Err(NotPermanent::PinnedAlone(pin.id.clone())),
            (Some(_), None) => {}
        }
    }
    Ok(pins)
}

fn is_suspended(
    what: &Suspended,
    route: &str,
    settings: &Settings,
    vendor_of: &dyn Fn(&str) -> Option<VendorId>,
) -> bool {
    let connection = || {
        let found = settings.routes.iter().find(|other| other.id == route);
        found.map_or("", |route| route.connection.as_str())
    };
    match what {
        Suspended::Route(id) => route == id.as_str(),
        Suspended::Connection(id) => connection() == id.as_str(),
        Suspended::Vendor(vendor) => vendor_of(connection()).as_ref() == Some(vendor),
    }
}

fn changed(
    rule: &Rule,
    settings: &Settings,
    action: &Action,
    vendor_of: &dyn Fn(&str) -> Option<VendorId>,
) -> Vec<RuleRoute> {
    let mut routes: Vec<RuleRoute> = rule.routes.clone();
    match action {
        Action::Flip { from, to } => {
            for route in routes.iter_mut().filter(|route| route.id == from.as_str()) {
                route.id = to.to_string();
            }
            unite(&mut routes, to.as_str());
        }
        Action::Suspend(what) => {
            routes.retain(|route| !is_suspended(what, &route.id, settings, vendor_of));
        }
        Action::Weight { route: id, weight } => {
            if rule.strategy == Strategy::Weighted {
                for route in routes.iter_mut().filter(|route| route.id == id.as_str()) {
                    route.weight = Some(*weight);
                }
                routes.retain(|route| route.id != id.as_str() || route.weight != Some(0));
            }
        }
        Action::Maintenance(_) => {}
    }
    routes
}

/// A stand-in that is listed as well has two places: as under the override it is in the first of them, because it moves
/// up and never down, and draws with the weights of both.
fn unite(routes: &mut Vec<RuleRoute>, id: &str) {
    let places = || routes.iter().filter(|route| route.id == id);
    let weight = places().filter_map(|route| route.weight).reduce(u32::saturating_add);
    let mut is_first = true;
    routes.retain_mut(|route| {
        if route.id != id {
            return true;
        }
        route.weight = weight;
        std::mem::take(&mut is_first)
    });
}

/// What asks for both; None when no message can be in both.
fn narrowed(matches: &Match, scope: &Scope) -> Option<Match> {
    let mut matches = matches.clone();
    matches.class = both(matches.class, &scope.classes, |one, other| (one == other).then_some(*one))?;
    let countries: Vec<String> = scope.countries.iter().map(ToString::to_string).collect();
    matches.country = both(matches.country, &countries, same)?;
    let operators: Vec<String> = scope.operators.iter().map(|operator| (**operator).to_owned()).collect();
    matches.operator = both(matches.operator, &operators, |one, other| {
        (one.replace('-', "") == other.replace('-', "")).then(|| one.clone())
    })?;
    let apps: Vec<String> = scope.apps.iter().map(ToString::to_string).collect();
    matches.app = both(matches.app, &apps, same)?;
    let prefixes: Vec<String> = scope.prefixes.iter().map(|prefix| format!("+{prefix}")).collect();
    matches.recipient_prefix = both(matches.recipient_prefix, &prefixes, |one, other| {
        let [digits, of_other] = [one, other].map(|prefix| prefix.trim_start_matches('+'));
        if digits.starts_with(of_other) {
            Some(one.clone())
        } else {
            of_other.starts_with(digits).then(|| other.clone())
        }
    })?;
    Some(matches)
}

fn same(one: &String, other: &String) -> Option<String> {
    (one == other).then(|| one.clone())
}

/// Of two lists what is in both; a list that is empty or absent asks for nothing.
fn both<T: Clone + PartialEq>(
    listed: Option<Vec<T>>,
    scope: &[T],
    common: impl Fn(&T, &T) -> Option<T>,
) -> Option<Option<Vec<T>>> {
    if scope.is_empty() {
        return Some(listed);
    }
    let Some(listed) = listed else { return Some(Some(scope.to_vec())) };
    let of = |one: &T| scope.iter().filter_map(|other| common(one, other)).collect::<Vec<T>>();
    let mut found: Vec<T> = Vec::new();
    for one in listed.iter().flat_map(of) {
        if !found.contains(&one) {
            found.push(one);
        }
    }
    (!found.is_empty()).then_some(Some(found))
}

fn free_id(of: &str, settings: &Settings, made: &[Rule]) -> String {
    let taken = |id: &String| settings.policy.rules.iter().chain(made).any(|rule| rule.id == *id);
    let ids = (2..u32::MAX).map(|number| format!("{of}-{number}"));
    ids.into_iter().find(|id| !taken(id)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use domain::{Class, OverrideId, RouteId, Timestamp};

    use super::*;
    use crate::sample;

    fn settings() -> Settings {
        toml::from_str(
            r#"
            routes = [
                { id = "a", connection = "acme" }, { id = "a2", connection = "acme" }, { id = "b", connection = "borealis" },
            ]
            [[policy.rules]]
            id = "otp"
            match = { class = ["otp"], recipient_prefix = ["+49"] }
            routes = ["a", "b"]
            [[policy.rules]]
            id = "rest"
            strategy = "weighted"
            routes = [{ id = "a", weight = 3 }, { id = "a2", weight = 1 }, { id = "b", weight = 2 }]
            "#,
        )
        .unwrap()
    }

    fn route(id: &str) -> RouteId {
        RouteId::new(id).unwrap()
    }

    fn of(action: Action, scope: Scope) -> Override {
        Override {
            id: OverrideId::from_u128(1),
            action,
            reason: "".into(),
            created_at: Timestamp::from_millis(0),
            created_by: "ops".into(),
            expires_at: Timestamp::from_millis(1),
            reverted: None,
            scope,
            starts_at: None,
        }
    }

    /// The rules that come of it: id, prefixes, routes with their weights.
    fn made(action: Action, scope: Scope) -> Result<Vec<String>, NotPermanent> {
        let one = of(action, scope);
        let vendor_of = |connection: &str| VendorId::new(&format!("{connection}-inc")).ok();
        let rules = permanent(&settings(), &one, &vendor_of)?.policy.rules;
        let told = rules.iter().map(|rule| {
            let routes = rule.routes.iter().map(|route| match route.weight {
                Some(weight) => format!("{}*{weight}", route.id),
                None => route.id.clone(),
            });
            let Match { class, recipient_prefix, .. } = &rule.matches;
            let asked =
                (class.as_deref().unwrap_or_default(), recipient_prefix.as_deref().unwrap_or_default());
            format!("{} {asked:?} {}", rule.id, routes.collect::<Vec<_>>().join(" "))
        });
        Ok(told.collect())
    }

    #[test]
    fn an_override_of_all_messages_changes_the_rules_themselves() {
        let flip = Action::Flip { from: route("a"), to: route("b") };
        let rules = made(flip, Scope::default()).unwrap();
        assert_eq!(rules, [r#"otp ([Otp], ["+49"]) b"#, "rest ([], []) b*5 a2*1"]);
        let back = Action::Flip { from: route("b"), to: route("a") };
        let rules = made(back, Scope::default()).unwrap();
        assert_eq!(rules, [r#"otp ([Otp], ["+49"]) a"#, "rest ([], []) a*5 a2*1"]);
        let suspended = Action::Suspend(Suspended::Vendor(VendorId::new("acme-inc").unwrap()));
        let rules = made(suspended, Scope::default()).unwrap();
        assert_eq!(rules, [r#"otp ([Otp], ["+49"]) b"#, "rest ([], []) b*2"]);
        let rules = made(Action::Weight { route: route("a"), weight: 0 }, Scope::default()).unwrap();
        assert_eq!(rules, [r#"otp ([Otp], ["+49"]) a b"#, "rest ([], []) a2*1 b*2"]);
    }

    #[test]
    fn one_of_some_messages_puts_a_rule_for_them_before_the_others() {
        let scope = Scope { prefixes: vec!["4915".into()], ..Scope::default() };
        let suspended = || Action::Suspend(Suspended::Route(route("a")));
        let rules = made(suspended(), scope).unwrap();
        let expected = [
            r#"otp-2 ([Otp], ["+4915"]) b"#,
            r#"otp ([Otp], ["+49"]) a b"#,
            r#"rest-2 ([], ["+4915"]) a2*1 b*2"#,
            "rest ([], []) a*3 a2*1 b*2",
        ];
        assert_eq!(rules, expected);
        // A rule that asks for no less than the scope is changed itself; one without such messages stays.
        let scope = Scope { classes: vec![Class::Otp], ..Scope::default() };
        let rules = made(suspended(), scope).unwrap();
        let expected =
            [r#"otp ([Otp], ["+49"]) b"#, "rest-2 ([Otp], []) a2*1 b*2", "rest ([], []) a*3 a2*1 b*2"];
        assert_eq!(rules, expected);
        let scope = Scope { prefixes: vec!["33".into()], ..Scope::default() };
        assert_eq!(made(suspended(), scope).unwrap()[0], r#"otp ([Otp], ["+49"]) a b"#);
    }

    #[test]
    fn what_would_leave_a_rule_without_a_route_or_change_nothing_is_refused() {
        let both = toml::from_str::<Settings>(
            "routes = [{ id = \"a\", connection = \"acme\" }]\n[[policy.rules]]\nid = \"all\"\nroutes = [\"a\"]",
        );
        let suspended = of(Action::Suspend(Suspended::Route(route("a"))), Scope::default());
        let refused = permanent(&both.unwrap(), &suspended, &|_| None);
        assert_eq!(refused, Err(NotPermanent::NoRouteLeft("all".to_owned())));
        let elsewhere = Action::Flip { from: route("nobody"), to: route("b") };
        assert_eq!(made(elsewhere, Scope::default()), Err(NotPermanent::NothingToChange));
    }

    #[test]
    fn a_copy_of_somebodys_rule_is_nobodys() {
        let mut settings = settings();
        settings.policy.rules.iter_mut().for_each(|rule| rule.managed_by = Some("terraform".to_owned()));
        let scope = Scope { prefixes: vec!["4915".into()], ..Scope::default() };
        let suspended = of(Action::Suspend(Suspended::Route(route("a"))), scope);
        let rules = permanent(&settings, &suspended, &|_| None).unwrap().policy.rules;
        let managers: Vec<_> = rules.iter().map(|rule| rule.managed_by.as_deref()).collect();
        assert_eq!(managers, [None, Some("terraform"), None, Some("terraform")]);
    }

    #[test]
    fn what_others_parked_stays_parked() {
        let parked = |weights: [u32; 3]| {
            let listed = ["a", "a2", "b"].map(str::to_owned).into_iter().zip(weights);
            let routes = listed.map(|(id, weight)| RuleRoute { id, weight: Some(weight) }).collect();
            let mut settings = settings();
            let rule = settings.policy.rules.pop().unwrap();
            settings.policy.rules = vec![Rule { routes, ..rule }];
            settings
        };
        let to = |weight| of(Action::Weight { route: route("a"), weight }, Scope::default());
        let made = |settings: &Settings, one| permanent(settings, &one, &|_| None);
        let rules = made(&parked([3, 0, 2]), to(0)).unwrap().policy.rules;
        let left: Vec<_> = rules[0].routes.iter().map(|route| (route.id.as_str(), route.weight)).collect();
        assert_eq!(left, [("a2", Some(0)), ("b", Some(2))]);
        // What is parked carries nothing.
        let refused = made(&parked([3, 0, 0]), to(0));
        assert_eq!(refused, Err(NotPermanent::NoRouteLeft("rest".to_owned())));
    }

    /// The routes of the plan, of a message that each is the first choice of.
    fn planned(settings: &Settings, overrides: &[Override]) -> Vec<Vec<String>> {
        let text = crate::settings::canonical::text(settings);
        let table = sample::compile(&text).unwrap().under(overrides);
        let plan = |number: u32| {
            let ask = sample::Ask { to: format!("+4915{number:08}"), ..sample::Ask::new() };
            let plan = ask.choose(&table).unwrap().plan;
            plan.routes.iter().map(|planned| planned.route.to_string()).collect()
        };
        (0..2000).map(plan).collect()
    }

    #[test]
    fn what_is_drafted_plans_what_the_flip_plans() {
        for (from, to) in [("c", "a"), ("a", "c"), ("a", "b"), ("b", "a")] {
            let settings: Settings = toml::from_str(
                r#"
                routes = [
                    { id = "a", connection = "acme" }, { id = "b", connection = "borealis" },
                    { id = "c", connection = "cirrus" },
                ]
                [[policy.rules]]
                id = "all"
                routes = ["a", "b", "c"]
                "#,
            )
            .unwrap();
            let flip = of(Action::Flip { from: route(from), to: route(to) }, Scope::default());
            let draft = permanent(&settings, &flip, &|_| None).unwrap();
            assert_eq!(planned(&draft, &[])[0], planned(&settings, &[flip])[0], "{from} to {to}");
        }
        // A draw is another one; the shares are the same.
        let mut settings = settings();
        settings.policy.rules.remove(0);
        let flip = of(Action::Flip { from: route("a"), to: route("b") }, Scope::default());
        let draft = permanent(&settings, &flip, &|_| None).unwrap();
        let of_b = |plans: Vec<Vec<String>>| plans.iter().filter(|plan| plan[0] == "b").count();
        for count in [of_b(planned(&draft, &[])), of_b(planned(&settings, &[flip]))] {
            // Five sixths.
            assert!((1600..1735).contains(&count), "{count}");
        }
    }

    #[test]
    fn pins_change_as_rules_do() {
        let with = |only: bool| {
            let mut settings = settings();
            settings.policy.pins = vec![
                Pin {
                    id: "block".to_owned(),
                    recipient_prefix: Some(vec!["+491515".to_owned()]),
                    route: "a2".to_owned(),
                    only,
                    ..Pin::default()
                },
                Pin {
                    id: "app".to_owned(),
                    app: Some(vec!["shop".to_owned()]),
                    route: "b".to_owned(),
                    ..Pin::default()
                },
            ];
            settings
        };
        let pins = |only, action, scope| {
            let draft = permanent(&with(only), &of(action, scope), &|_| None)?;
            let told = draft.policy.pins.iter().map(|pin| format!("{} {}", pin.id, pin.route));
            Ok(told.collect::<Vec<_>>())
        };
        let flip = || Action::Flip { from: route("a2"), to: route("a") };
        let suspended = || Action::Suspend(Suspended::Route(route("a2")));
        for only in [false, true] {
            assert_eq!(pins(only, flip(), Scope::default()).unwrap(), ["block a", "app b"]);
        }
        assert_eq!(pins(false, suspended(), Scope::default()).unwrap(), ["app b"]);
        let alone = NotPermanent::PinnedAlone("block".to_owned());
        assert_eq!(pins(true, suspended(), Scope::default()), Err(alone));
        // All messages of the pin are in the first of these scopes, none in the second, and some in the others.
        let prefixes = |all: &[&str]| Scope {
            prefixes: all.iter().map(|prefix| (*prefix).into()).collect(),
            ..Scope::default()
        };
        assert_eq!(pins(false, flip(), prefixes(&["4915", "49"])).unwrap(), ["block a", "app b"]);
        assert_eq!(pins(false, flip(), prefixes(&["33"])).unwrap(), ["block a2", "app b"]);
        let in_part = Err(NotPermanent::PinInPart("block".to_owned()));
        assert_eq!(pins(false, flip(), prefixes(&["4915155"])), in_part);
        let scope = Scope { classes: vec![Class::Otp], ..Scope::default() };
        assert_eq!(pins(false, suspended(), scope), in_part);
        // Where only a pin is concerned, that is something to change.
        let mut settings = with(false);
        settings.policy.rules.pop();
        let draft = permanent(&settings, &of(flip(), Scope::default()), &|_| None).unwrap();
        assert_eq!(draft.policy.rules, settings.policy.rules);
        assert_eq!(draft.policy.pins[0].route, "a");
    }
}
