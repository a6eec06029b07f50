//! Which fallback goes first, and what stays where it was.

use domain::overrides::{Action, Override, Scope};
use domain::plan::Reason;
use domain::{Class, OverrideId, RouteId, Timestamp};

use crate::choose::Choice;
use crate::sample::{Ask, ROUTES, compile_in_domains};
use crate::table::Table;

const PRIORITY: &str = "routes = [\"acme-eu\", \"borealis-eu\", \"cirrus-de\"]";

/// The connections of acme and borealis fail together.
const HUB: &[(&str, &str)] = &[("acme", "hub"), ("borealis", "hub")];

fn table(rule: &str, domains: &[(&str, &str)]) -> Table {
    compile_in_domains(&format!("{ROUTES}\n[[policy.rules]]\nid = \"all\"\n{rule}"), domains).unwrap()
}

fn routes(choice: &Choice) -> Vec<(&str, Reason)> {
    choice.plan.routes.iter().map(|planned| (planned.route.as_str(), planned.reason)).collect()
}

#[test]
fn a_fallback_of_another_domain_goes_first() {
    let choice = Ask::new().choose(&table(PRIORITY, HUB)).unwrap();
    let expected = [
        ("acme-eu", Reason::Priority(1)),
        ("cirrus-de", Reason::Priority(3)),
        ("borealis-eu", Reason::SameFailureDomain),
    ];
    assert_eq!(routes(&choice), expected);
    let connections: Vec<_> = choice.targets.iter().map(|target| target.connection.as_str()).collect();
    assert_eq!(connections, ["acme", "cirrus", "borealis"]);
}

#[test]
fn domains_that_differ_or_are_all_the_same_change_nothing() {
    let order = [
        ("acme-eu", Reason::Priority(1)),
        ("borealis-eu", Reason::Priority(2)),
        ("cirrus-de", Reason::Priority(3)),
    ];
    let all = [("acme", "hub"), ("borealis", "hub"), ("cirrus", "hub")];
    let last = [("borealis", "hub"), ("cirrus", "hub")];
    for domains in [&[][..], &all, &last] {
        let choice = Ask::new().choose(&table(PRIORITY, domains)).unwrap();
        assert_eq!(routes(&choice), order, "{domains:?}");
    }
}

#[test]
fn a_connection_that_is_down_stays_behind_whatever_its_domain() {
    let choice = Ask { down: &["cirrus"], ..Ask::new() }.choose(&table(PRIORITY, HUB)).unwrap();
    let expected = [
        ("acme-eu", Reason::Priority(1)),
        ("borealis-eu", Reason::Priority(2)),
        ("cirrus-de", Reason::ConnectionDown),
    ];
    assert_eq!(routes(&choice), expected);
    // The first route is the first of those that are up.
    let choice = Ask { down: &["acme"], ..Ask::new() }.choose(&table(PRIORITY, HUB)).unwrap();
    let expected = [
        ("borealis-eu", Reason::Priority(2)),
        ("cirrus-de", Reason::Priority(3)),
        ("acme-eu", Reason::ConnectionDown),
    ];
    assert_eq!(routes(&choice), expected);
}

#[test]
fn the_domain_of_a_stand_in_counts_and_not_that_of_the_route_it_stands_for() {
    let route = |id| RouteId::new(id).unwrap();
    let flip = Override {
        id: OverrideId::from_u128(1),
        action: Action::Flip { from: route("acme-eu"), to: route("cirrus-de") },
        reason: "receipts drop".into(),
        created_at: Timestamp::from_millis(0),
        created_by: "ops".into(),
        expires_at: Timestamp::from_millis(1_767_225_600_000),
        reverted: None,
        scope: Scope::default(),
        starts_at: None,
    };
    let rule = "routes = [\"acme-eu\", \"borealis-eu\"]";
    let flipped = table(rule, &[("borealis", "hub"), ("cirrus", "hub")]).under(std::slice::from_ref(&flip));
    let choice = Ask::new().choose(&flipped).unwrap();
    assert_eq!(routes(&choice), [("cirrus-de", Reason::Flipped), ("borealis-eu", Reason::Priority(2))]);
    // A stand-in that shares a domain goes behind as any route does, and then says that.
    let flip =
        Override { action: Action::Flip { from: route("borealis-eu"), to: route("acme-two") }, ..flip };
    let second = "\n[[routes]]\nid = \"acme-two\"\nconnection = \"acme\"\n";
    let flipped = table(&format!("{PRIORITY}{second}"), &[]).under(&[flip]);
    let choice = Ask::new().choose(&flipped).unwrap();
    let expected = [
        ("acme-eu", Reason::Priority(1)),
        ("cirrus-de", Reason::Priority(3)),
        ("acme-two", Reason::SameFailureDomain),
    ];
    assert_eq!(routes(&choice), expected);
}

#[test]
fn what_has_no_price_and_what_was_used_just_now_stay_behind() {
    let least_cost = format!("strategy = \"least_cost\"\n{PRIORITY}");
    let choice = Ask::new().choose(&table(&least_cost, HUB)).unwrap();
    let expected =
        [("borealis-eu", Reason::Price(1)), ("acme-eu", Reason::Price(2)), ("cirrus-de", Reason::NoPrice)];
    assert_eq!(routes(&choice), expected);

    let weighted = "strategy = \"weighted\"\nroutes = [{ id = \"acme-eu\", weight = 1 }, { id = \"borealis-eu\", weight = 1 }, { id = \"cirrus-de\", weight = 1 }]";
    let ask = Ask { class: Class::Otp, used_just_now: Some("cirrus-de"), ..Ask::new() };
    let choice = ask.choose(&table(weighted, HUB)).unwrap();
    assert_eq!(routes(&choice).last(), Some(&("cirrus-de", Reason::UsedJustNow)));
    assert!(routes(&choice).iter().all(|(_, reason)| *reason != Reason::SameFailureDomain));
}
