//! What the overrides beside a flip do to plans, and what scopes keep them from.

use domain::overrides::{Action, Maintenance, Otherwise, Override, Scope, Suspended};
use domain::plan::{Exclusion, Reason};
use domain::{Class, ConnectionId, RouteId, VendorId};

use super::{LEAST_COST, PRIORITY, WEIGHTED, flip, left_out, routes};
use crate::explain::{explain, routes as explained};
use crate::sample::{Ask, Down, table};
use crate::table::Table;

fn route(id: &str) -> RouteId {
    RouteId::new(id).unwrap()
}

fn does(number: u8, action: Action) -> Override {
    Override { action, ..flip(number, "acme-eu", "borealis-eu") }
}

fn suspend(number: u8, id: &str) -> Override {
    does(number, Action::Suspend(Suspended::Route(route(id))))
}

fn maintenance(number: u8, vendor: &str, otherwise: Otherwise) -> Override {
    let of = Maintenance { vendor: VendorId::new(vendor).unwrap(), connections: Vec::new(), otherwise };
    does(number, Action::Maintenance(of))
}

fn weight(number: u8, id: &str, weight: u32) -> Override {
    does(number, Action::Weight { route: route(id), weight })
}

/// Two of the three vendors are one company.
fn under(rules: &str, overrides: &[Override]) -> Table {
    let of = |connection, vendor| (ConnectionId::new(connection).unwrap(), VendorId::new(vendor).unwrap());
    table(rules)
        .of_vendors([of("acme", "acme"), of("borealis", "north"), of("cirrus", "north")])
        .under(overrides)
}

fn held(table: &Table, ask: &Ask) -> Vec<String> {
    ask.choose(table).unwrap().held.iter().map(|target| target.route.to_string()).collect()
}

#[test]
fn a_suspended_route_takes_nothing_and_says_why() {
    let table = under(PRIORITY, &[suspend(1, "acme-eu")]);
    let choice = Ask::new().choose(&table).unwrap();
    assert_eq!(routes(&choice), [("borealis-eu", Reason::Priority(2)), ("cirrus-de", Reason::Priority(3))]);
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::Suspended)]);
    let sentences: Vec<String> = explained(&choice.plan).into_iter().map(|route| route.sentence).collect();
    assert_eq!(
        sentences.last().unwrap(),
        "left out: suspended until 2026-01-01 00:00 UTC by ops: receipts drop"
    );
    assert_eq!(Ask::new().with(|facts| table.target_for(&route("acme-eu"), facts)), None);
}

#[test]
fn a_vendor_and_a_connection_are_all_their_routes() {
    let north = Suspended::Vendor(VendorId::new("north").unwrap());
    let choice = Ask::new().choose(&under(PRIORITY, &[does(1, Action::Suspend(north))])).unwrap();
    assert_eq!(routes(&choice), [("acme-eu", Reason::Priority(1))]);
    let sentence = explained(&choice.plan).pop().unwrap().sentence;
    assert!(sentence.starts_with("left out: suspended (vendor north) until "), "{sentence}");
    let acme = Suspended::Connection(ConnectionId::new("acme").unwrap());
    let choice = Ask::new().choose(&under(PRIORITY, &[does(1, Action::Suspend(acme))])).unwrap();
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::Suspended)]);
}

const PINNED: &str = r#"
    [[policy.pins]]
    id = "pin"
    app = ["shop"]
    route = "acme-eu"
"#;

#[test]
fn a_pin_stays_first_where_all_are_in_maintenance() {
    let both = ["acme", "north"].map(|vendor| maintenance(1, vendor, Otherwise::Use));
    let choice = Ask::new().choose(&under(&format!("{PINNED}{LEAST_COST}"), &both)).unwrap();
    // The pinned one is not the cheapest.
    let expected = ["acme-eu", "borealis-eu"].map(|route| (route, Reason::Maintenance));
    assert_eq!(routes(&choice), expected);
}

#[test]
fn a_stand_in_of_a_pinned_route_is_not_left_out_as_well() {
    let table = under(&format!("{PINNED}only = true\n{PRIORITY}"), &[flip(1, "acme-eu", "borealis-eu")]);
    let choice = Ask::new().choose(&table).unwrap();
    assert_eq!(routes(&choice), [("borealis-eu", Reason::Flipped)]);
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::Flipped), ("cirrus-de", Exclusion::Pinned)]);
}

#[test]
fn what_has_no_other_route_is_held_for_those_that_would_carry_it() {
    let all = [suspend(1, "acme-eu"), suspend(2, "borealis-eu"), suspend(3, "cirrus-de")];
    let table = under(PRIORITY, &all);
    let choice = Ask::new().choose(&table).unwrap();
    assert!(choice.plan.routes.is_empty() && choice.targets.is_empty());
    assert_eq!(held(&table, &Ask::new()), ["acme-eu", "borealis-eu", "cirrus-de"]);
    // The one to Germany only would not carry it in any case.
    let austria = Ask { country: Some("AT"), ..Ask::new() };
    assert_eq!(held(&table, &austria), ["acme-eu", "borealis-eu"]);
    let told = Ask::new().with(|facts| explain(facts, &table, &Down(&[])));
    assert!(told.summary.ends_with("in the listed order; it waits for what is left out"), "{}", told.summary);
}

#[test]
fn what_was_tried_goes_on_to_what_is_held_last() {
    let table = under(PRIORITY, &[suspend(1, "acme-eu")]);
    let choice = || Ask::new().choose(&table).unwrap();
    let next = |tried: &[&str]| {
        choice().first(|target| !tried.contains(&target.route.as_str())).map(|to| to.route.to_string())
    };
    assert_eq!(next(&[]).as_deref(), Some("borealis-eu"));
    assert_eq!(next(&["borealis-eu", "cirrus-de"]).as_deref(), Some("acme-eu"));
    assert_eq!(next(&["borealis-eu", "cirrus-de", "acme-eu"]), None);
}

#[test]
fn a_scope_keeps_the_others_where_they_are() {
    let scope = Scope {
        classes: vec![Class::Otp],
        operators: vec!["262-01".into()],
        prefixes: vec!["4915".into()],
        ..Scope::default()
    };
    for one in [suspend(1, "acme-eu"), flip(1, "acme-eu", "borealis-eu")] {
        let table = under(PRIORITY, &[Override { scope: scope.clone(), ..one }]);
        let inside = Ask { class: Class::Otp, operator: Some("26201"), ..Ask::new() };
        let outside = [
            Ask { class: Class::Transactional, ..inside.clone() },
            Ask { operator: Some("26202"), ..inside.clone() },
            Ask { operator: None, ..inside.clone() },
            Ask { to: "+4917112345678".to_owned(), ..inside.clone() },
        ];
        assert_eq!(inside.choose(&table).unwrap().plan.routes[0].route.as_str(), "borealis-eu");
        for ask in outside {
            assert_eq!(ask.choose(&table).unwrap().plan.routes[0].route.as_str(), "acme-eu", "{ask:?}");
        }
    }
}

#[test]
fn a_chain_is_followed_only_where_each_flip_holds() {
    let otp = Scope { classes: vec![Class::Otp], ..Scope::default() };
    let second = Override { scope: otp, ..flip(2, "borealis-eu", "cirrus-de") };
    let table = under(PRIORITY, &[flip(1, "acme-eu", "borealis-eu"), second]);
    let first = |class| Ask { class, ..Ask::new() }.choose(&table).unwrap().plan.routes[0].route.to_string();
    assert_eq!([first(Class::Otp), first(Class::Marketing)], ["cirrus-de", "borealis-eu"]);
}

#[test]
fn a_stand_in_that_is_suspended_leaves_it_to_the_rest_of_the_plan() {
    let table = under(PRIORITY, &[flip(1, "acme-eu", "borealis-eu"), suspend(2, "borealis-eu")]);
    let choice = Ask::new().choose(&table).unwrap();
    assert_eq!(routes(&choice), [("cirrus-de", Reason::Priority(3))]);
    assert_eq!(held(&table, &Ask::new()), ["borealis-eu"]);
}

#[test]
fn another_weight_moves_the_shares_and_none_takes_all() {
    let share = |table: &Table| {
        let first = |number: u32| {
            let ask = Ask { to: format!("+4915{number:08}"), ..Ask::new() };
            ask.choose(table).unwrap().plan.routes[0].route.as_str() == "acme-eu"
        };
        (0..2000).filter(|number| first(*number)).count()
    };
    assert!((1100..1300).contains(&share(&under(WEIGHTED, &[]))));
    // 10 of 50.
    assert!((320..480).contains(&share(&under(WEIGHTED, &[weight(1, "acme-eu", 10)]))));
    let none = under(WEIGHTED, &[weight(1, "acme-eu", 0)]);
    assert_eq!(share(&none), 0);
    let choice = Ask::new().choose(&none).unwrap();
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::WeightTaken)]);
    assert_eq!(held(&none, &Ask::new()), ["acme-eu"]);
    assert_eq!(
        explained(&choice.plan).pop().unwrap().sentence,
        "left out: given the weight 0 until 2026-01-01 00:00 UTC by ops: receipts drop"
    );
    assert!(!table(LEAST_COST).obeys(&weight(1, "acme-eu", 5)), "no rule draws it by weight");
}

#[test]
fn routes_in_maintenance_are_used_only_when_nothing_else_can_carry_it() {
    let table = under(PRIORITY, &[maintenance(1, "acme", Otherwise::Use)]);
    let choice = Ask::new().choose(&table).unwrap();
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::Maintenance)]);
    assert_eq!(choice.spare.len(), 1);
    let next = choice.first(|target| target.route.as_str() == "acme-eu").unwrap();
    assert_eq!(next.route.as_str(), "acme-eu", "when all others were tried");

    let others_down = Ask { down: &["borealis", "cirrus"], ..Ask::new() }.choose(&table).unwrap();
    let last = routes(&others_down).pop().unwrap();
    assert_eq!(last, ("acme-eu", Reason::Maintenance));

    let both = [maintenance(1, "acme", Otherwise::Use), maintenance(2, "north", Otherwise::Use)];
    let choice = Ask::new().choose(&under(PRIORITY, &both)).unwrap();
    let all = ["acme-eu", "borealis-eu", "cirrus-de"].map(|id| (id, Reason::Maintenance));
    assert_eq!(routes(&choice), all);
    let sentence = explained(&choice.plan).remove(0).sentence;
    assert_eq!(
        sentence,
        "no other route can carry it now; in maintenance (vendor acme) until 2026-01-01 00:00 UTC by ops: \
         receipts drop"
    );
}

#[test]
fn one_that_says_wait_is_not_used_at_all() {
    let both = [maintenance(1, "acme", Otherwise::Wait), maintenance(2, "north", Otherwise::Wait)];
    let table = under(PRIORITY, &both);
    let choice = Ask::new().choose(&table).unwrap();
    assert!(choice.targets.is_empty() && choice.spare.is_empty());
    assert_eq!(held(&table, &Ask::new()), ["acme-eu", "borealis-eu", "cirrus-de"]);
}
