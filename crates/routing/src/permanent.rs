//! An override, written into the rules: what it did for a while, they say from then on.
//!
//! A rule that it concerns with some of its messages alone stays, behind a copy that takes those.

use domain::overrides::{Action, Scope, Suspended};
use domain::{Override, VendorId};

use crate::settings::{Match, Rule, RuleRoute, Settings, Strategy};

/// Why it cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPermanent {
    #[error("a maintenance ends by itself: there is nothing of it to make permanent")]
    Maintenance,
    #[error("rule `{0}` would have no route left: change it by hand")]
    NoRouteLeft(String),
    #[error("no rule would be another one")]
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
            Some(_) if routes.is_empty() => return Err(NotPermanent::NoRouteLeft(rule.id.clone())),
            Some(matches) if matches == rule.matches => rules.push(Rule { routes, ..rule.clone() }),
            Some(matches) => {
                let id = free_id(&rule.id, settings, &rules);
                rules.push(Rule { id, matches, routes, ..rule.clone() });
                rules.push(rule.clone());
            }
        }
    }
    if rules == settings.policy.rules {
        return Err(NotPermanent::NothingToChange);
    }
    let mut settings = settings.clone();
    settings.policy.rules = rules;
    Ok(settings)
}

fn changed(
    rule: &Rule,
    settings: &Settings,
    action: &Action,
    vendor_of: &dyn Fn(&str) -> Option<VendorId>,
) -> Vec<RuleRoute> {
    let connection = |id: &str| {
        let route = settings.routes.iter().find(|route| route.id == id);
        route.map_or("", |route| route.connection.as_str())
    };
    let mut routes: Vec<RuleRoute> = rule.routes.clone();
    match action {
        Action::Flip { from, to } => {
            if routes.iter().any(|route| route.id == from.as_str()) {
                // It stands once: in the place of the one that it stands in for.
                routes.retain(|route| route.id != to.as_str());
                for route in routes.iter_mut().filter(|route| route.id == from.as_str()) {
                    route.id = to.to_string();
                }
            }
        }
        Action::Suspend(Suspended::Route(id)) => routes.retain(|route| route.id != id.as_str()),
        Action::Suspend(Suspended::Connection(id)) => {
            routes.retain(|route| connection(&route.id) != id.as_str());
        }
        Action::Suspend(Suspended::Vendor(vendor)) => {
            routes.retain(|route| vendor_of(connection(&route.id)).as_ref() != Some(vendor));
        }
        Action::Weight { route: id, weight } => {
            if rule.strategy == Strategy::Weighted {
                for route in routes.iter_mut().filter(|route| route.id == id.as_str()) {
                    route.weight = Some(*weight);
                }
                routes.retain(|route| route.weight != Some(0));
            }
        }
        Action::Maintenance(_) => {}
    }
    routes
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
fn both<T: Clone>(
    listed: Option<Vec<T>>,
    scope: &[T],
    common: impl Fn(&T, &T) -> Option<T>,
) -> Option<Option<Vec<T>>> {
    if scope.is_empty() {
        return Some(listed);
    }
    let Some(listed) = listed else { return Some(Some(scope.to_vec())) };
    let of = |one: &T| scope.iter().filter_map(|other| common(one, other)).collect::<Vec<T>>();
    let found: Vec<T> = listed.iter().flat_map(of).collect();
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

    /// The rules that come of it: id, prefixes, routes with their weights.
    fn made(action: Action, scope: Scope) -> Result<Vec<String>, NotPermanent> {
        let one = Override {
            id: OverrideId::from_u128(1),
            action,
            reason: "".into(),
            created_at: Timestamp::from_millis(0),
            created_by: "ops".into(),
            expires_at: Timestamp::from_millis(1),
            reverted: None,
            scope,
            starts_at: None,
        };
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
        assert_eq!(rules, [r#"otp ([Otp], ["+49"]) b"#, "rest ([], []) b*3 a2*1"]);
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
        let one = |action| Override {
            id: OverrideId::from_u128(1),
            action,
            reason: "".into(),
            created_at: Timestamp::from_millis(0),
            created_by: "ops".into(),
            expires_at: Timestamp::from_millis(1),
            reverted: None,
            scope: Scope::default(),
            starts_at: None,
        };
        let suspended = one(Action::Suspend(Suspended::Route(route("a"))));
        let refused = permanent(&both.unwrap(), &suspended, &|_| None);
        assert_eq!(refused, Err(NotPermanent::NoRouteLeft("all".to_owned())));
        let elsewhere = Action::Flip { from: route("nobody"), to: route("b") };
        assert_eq!(made(elsewhere, Scope::default()), Err(NotPermanent::NothingToChange));
    }
}
