//! What a flip does to plans, and what it does not.

use domain::overrides::{Action, Override, Scope};
use domain::plan::{Exclusion, Reason};
use domain::{OverrideId, RouteId, Timestamp};
use proptest::prelude::*;

use crate::choose::Choice;
use crate::explain::routes as explained;
use crate::sample::{Ask, compile, table};
use crate::table::Table;

mod kinds;

const PRIORITY: &str = r#"
    [[policy.rules]]
    id = "all"
    routes = ["acme-eu", "borealis-eu", "cirrus-de"]
"#;

const WITHOUT_CIRRUS: &str = r#"
    [[policy.rules]]
    id = "all"
    routes = ["acme-eu", "borealis-eu"]
"#;

const LEAST_COST: &str = r#"
    [[policy.rules]]
    id = "all"
    strategy = "least_cost"
    routes = ["acme-eu", "borealis-eu"]
"#;

const WEIGHTED: &str = r#"
    [[policy.rules]]
    id = "all"
    strategy = "weighted"
    routes = [{ id = "acme-eu", weight = 60 }, { id = "borealis-eu", weight = 40 }]
"#;

fn flip(number: u8, from: &str, to: &str) -> Override {
    let route = |id| RouteId::new(id).unwrap();
    Override {
        id: OverrideId::from_u128(u128::from(number)),
        action: Action::Flip { from: route(from), to: route(to) },
        reason: "receipts drop".into(),
        created_at: Timestamp::from_millis(0),
        created_by: "ops".into(),
        expires_at: Timestamp::from_millis(1_767_225_600_000),
        reverted: None,
        scope: Scope::default(),
        starts_at: None,
    }
}

fn under(rules: &str, flips: &[(&str, &str)]) -> Table {
    let overrides: Vec<Override> =
        (1..).zip(flips).map(|(number, (from, to))| flip(number, from, to)).collect();
    table(rules).under(&overrides)
}

fn routes(choice: &Choice) -> Vec<(&str, Reason)> {
    choice.plan.routes.iter().map(|planned| (planned.route.as_str(), planned.reason)).collect()
}

fn left_out(choice: &Choice) -> Vec<(&str, Exclusion)> {
    choice.plan.left_out.iter().map(|route| (route.route.as_str(), route.because)).collect()
}

#[test]
fn the_stand_in_takes_the_place_also_where_the_rule_does_not_list_it() {
    let choice = Ask::new().choose(&under(WITHOUT_CIRRUS, &[("acme-eu", "cirrus-de")])).unwrap();
    assert_eq!(routes(&choice), [("cirrus-de", Reason::Flipped), ("borealis-eu", Reason::Priority(2))]);
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::Flipped)]);
    assert_eq!(choice.targets.first().unwrap().connection.as_str(), "cirrus");
}

#[test]
fn a_stand_in_that_is_listed_moves_up_and_never_down() {
    let up = Ask::new().choose(&under(PRIORITY, &[("acme-eu", "cirrus-de")])).unwrap();
    assert_eq!(routes(&up), [("cirrus-de", Reason::Flipped), ("borealis-eu", Reason::Priority(2))]);
    let stays = Ask::new().choose(&under(PRIORITY, &[("cirrus-de", "acme-eu")])).unwrap();
    assert_eq!(routes(&stays), [("acme-eu", Reason::Priority(1)), ("borealis-eu", Reason::Priority(2))]);
    assert_eq!(left_out(&stays), [("cirrus-de", Exclusion::Flipped)]);
}

#[test]
fn both_ends_say_so_in_plain_words() {
    let choice = Ask::new().choose(&under(WITHOUT_CIRRUS, &[("acme-eu", "cirrus-de")])).unwrap();
    let sentences: Vec<String> = explained(&choice.plan).into_iter().map(|route| route.sentence).collect();
    assert_eq!(
        sentences,
        [
            "stands in for acme-eu, flipped to it until 2026-01-01 00:00 UTC by ops: receipts drop",
            "the rule lists it in place 2",
            "left out: flipped to cirrus-de until 2026-01-01 00:00 UTC by ops: receipts drop",
        ]
    );
}

#[test]
fn a_stand_in_that_cannot_carry_the_message_leaves_it_to_the_rest_of_the_plan() {
    let austria = Ask { country: Some("AT"), ..Ask::new() };
    let choice = austria.choose(&under(WITHOUT_CIRRUS, &[("acme-eu", "cirrus-de")])).unwrap();
    assert_eq!(routes(&choice), [("borealis-eu", Reason::Priority(2))]);
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::Flipped), ("cirrus-de", Exclusion::Country)]);
    let listed = austria.choose(&under(PRIORITY, &[("acme-eu", "cirrus-de")])).unwrap();
    assert_eq!(left_out(&listed), [("acme-eu", Exclusion::Flipped), ("cirrus-de", Exclusion::Country)]);
    let only = "[[policy.rules]]\nid = \"all\"\nmax_price = \"0.06\"\nroutes = [\"acme-eu\"]";
    let choice = Ask::new().choose(&under(only, &[("acme-eu", "cirrus-de")])).unwrap();
    assert!(choice.plan.routes.is_empty());
    assert_eq!(left_out(&choice), [("acme-eu", Exclusion::Flipped), ("cirrus-de", Exclusion::PriceUnknown)]);
}

#[test]
fn a_flip_opens_no_way_that_was_closed() {
    let only = "[[policy.rules]]\nid = \"all\"\nroutes = [\"cirrus-de\"]";
    let austria = Ask { country: Some("AT"), ..Ask::new() };
    let choice = austria.choose(&under(only, &[("cirrus-de", "acme-eu")])).unwrap();
    assert_eq!(left_out(&choice), [("cirrus-de", Exclusion::Country)]);
    assert!(choice.plan.routes.is_empty() && choice.plan.flips.is_empty());
}

#[test]
fn a_place_by_price_is_kept_whatever_the_stand_in_costs() {
    let choice = Ask::new().choose(&under(LEAST_COST, &[("borealis-eu", "cirrus-de")])).unwrap();
    assert_eq!(routes(&choice), [("cirrus-de", Reason::Flipped), ("acme-eu", Reason::Price(2))]);
    assert_eq!(choice.plan.routes.first().unwrap().price, None);
}

#[test]
fn a_drawn_place_is_handed_on_and_nobody_else_moves() {
    let (before, after) = (table(WEIGHTED), under(WEIGHTED, &[("acme-eu", "cirrus-de")]));
    for number in 0..200 {
        let ask = Ask { to: format!("+4915{number:08}"), ..Ask::new() };
        let order = |table| -> Vec<String> {
            let planned = ask.choose(table).unwrap().plan.routes;
            planned.into_iter().map(|planned| planned.route.to_string()).collect()
        };
        let expected: Vec<String> =
            order(&before).iter().map(|route| route.replace("acme-eu", "cirrus-de")).collect();
        assert_eq!(order(&after), expected);
    }
}

#[test]
fn a_stand_in_goes_behind_like_any_other() {
    let flipped = under(WITHOUT_CIRRUS, &[("acme-eu", "cirrus-de")]);
    let down = Ask { down: &["cirrus"], ..Ask::new() }.choose(&flipped).unwrap();
    assert_eq!(routes(&down), [("borealis-eu", Reason::Priority(2)), ("cirrus-de", Reason::ConnectionDown)]);
}

#[test]
fn nothing_is_sent_again_on_a_route_that_is_flipped() {
    let flipped = under(PRIORITY, &[("acme-eu", "borealis-eu")]);
    let target = |id| Ask::new().with(|facts| flipped.target_for(&RouteId::new(id).unwrap(), facts));
    assert_eq!(target("acme-eu"), None);
    assert!(target("borealis-eu").is_some());
    let quotes = Ask::new().with(|facts| flipped.quotes(facts));
    assert_eq!(quotes.first().unwrap().excluded, Some(Exclusion::Flipped));
}

#[test]
fn flips_are_followed_to_their_end_and_a_circle_has_no_effect() {
    let chain = [("acme-eu", "borealis-eu"), ("borealis-eu", "cirrus-de")];
    let choice = Ask::new().choose(&under(WITHOUT_CIRRUS, &chain)).unwrap();
    assert_eq!(routes(&choice), [("cirrus-de", Reason::Flipped)]);
    let ends: Vec<&str> = choice.plan.flips.iter().map(|flip| flip.to.as_str()).collect();
    assert_eq!(ends, ["cirrus-de", "cirrus-de"]);
    let circle = under(PRIORITY, &[("acme-eu", "borealis-eu"), ("borealis-eu", "acme-eu")]);
    // By their scopes it depends on the message what is a circle, so the table has a version of its own.
    let choices = [circle, table(PRIORITY)].map(|table| Ask::new().choose(&table).unwrap());
    let [under, base] = choices.each_ref();
    assert_eq!((&under.plan.routes, &under.targets), (&base.plan.routes, &base.targets));
    assert!(under.plan.left_out.is_empty() && under.plan.flips.is_empty());
}

#[test]
fn a_version_stands_for_the_configuration_and_what_is_laid_over_it() {
    let base = table(PRIORITY);
    let one = flip(1, "acme-eu", "borealis-eu");
    let versions = [
        base.under(std::slice::from_ref(&one)).version(),
        base.under(&[flip(2, "acme-eu", "borealis-eu")]).version(),
        base.under(&[one.clone(), flip(2, "borealis-eu", "cirrus-de")]).version(),
        base.version(),
    ];
    for (at, version) in versions.iter().enumerate() {
        assert!(!versions[..at].contains(version), "{versions:?}");
    }
    assert_eq!(base.under(&[]).version(), base.version());
    assert_eq!(base.under(std::slice::from_ref(&one)).version(), versions[0]);
}

#[test]
fn an_override_of_routes_that_are_gone_or_of_two_channels_has_no_effect() {
    let rcs = "[[routes]]\nid = \"rcs\"\nconnection = \"acme\"\nchannel = \"rcs\"\n";
    let base = compile(&format!("{}{rcs}{PRIORITY}", crate::sample::ROUTES)).unwrap();
    for (from, to) in [("acme-eu", "gone"), ("gone", "acme-eu"), ("acme-eu", "rcs"), ("acme-eu", "acme-eu")] {
        let one = flip(1, from, to);
        assert!(!base.obeys(&one));
        let under = base.under(&[one]);
        assert_eq!(under.version(), base.version());
        assert_eq!(Ask::new().choose(&under), Ask::new().choose(&base));
    }
    assert!(base.obeys(&flip(1, "acme-eu", "cirrus-de")));
}

proptest! {
    /// Whatever is flipped where: no plan names a flipped route, none names one twice, and each names its reasons.
    #[test]
    fn no_plan_names_a_route_that_is_flipped(
        pairs in prop::collection::vec((0..3usize, 0..3usize), 0..3),
        rule in prop::sample::select(vec![PRIORITY, WITHOUT_CIRRUS, LEAST_COST, WEIGHTED]),
        country in prop::sample::select(vec![Some("DE"), Some("AT"), None]),
        number in 0..1_000_000u32,
    ) {
        let names = ["acme-eu", "borealis-eu", "cirrus-de"];
        let mut flips: Vec<(&str, &str)> = Vec::new();
        for (from, to) in pairs {
            // As they can be made: no route twice, and none to one that is flipped itself.
            let is_taken = flips.iter().any(|(other, _)| *other == names[from] || *other == names[to]);
            if from != to && !is_taken {
                flips.push((names[from], names[to]));
            }
        }
        let table = under(rule, &flips);
        let choice = Ask { country, to: format!("+4915{number:08}"), ..Ask::new() }.choose(&table).unwrap();
        let mut seen = Vec::new();
        for route in choice.plan.routes.iter().map(|planned| planned.route.as_str())
            .chain(choice.plan.left_out.iter().map(|route| route.route.as_str()))
        {
            prop_assert!(!seen.contains(&route), "{route} is named twice");
            seen.push(route);
        }
        for planned in &choice.plan.routes {
            prop_assert!(flips.iter().all(|(from, _)| *from != planned.route.as_str()));
        }
        for flip in &choice.plan.flips {
            prop_assert!(flips.iter().all(|(from, _)| *from != flip.to.as_str()));
        }
    }
}
