//! Who carries probes: never a message that is to be none, and test numbers before others.

use std::sync::Arc;

use domain::plan::{Plan, Probing};
use domain::{Class, MessageId};

use super::{RULE, World, is_probe, priced, recorded};
use crate::choose::{Choice, chance, choose};
use crate::learning::{Answer, Beliefs, Destination, What};
use crate::sample::Ask;
use crate::table::Table;

const TEST_NUMBER: &str = "+491700000001";

fn with_test_numbers() -> String {
    format!("[policy.adaptive]\ntest_numbers = [\"{TEST_NUMBER}\"]\n{RULE}")
}

/// A world in which one route was found to lose what it takes, so that it gets nothing but probes.
fn in_trouble(rules: &str) -> World {
    let mut world = World::of(priced(rules));
    world.run(120, 20, |_| true);
    world.run(30, 20, |connection| connection != "cirrus");
    let open: Vec<_> = world.beliefs.verdicts().iter().map(|verdict| verdict.scope.to_string()).collect();
    assert_eq!(open, ["cirrus to 26201"], "{:?}", world.turned);
    world
}

fn asked(world: &World, id: u128) -> Ask {
    let chance = chance(MessageId::from_u128(id << 9));
    Ask { operator: Some("26201"), chance, now: world.at(), ..Ask::new() }
}

/// The plan that the record and the table alone lead to.
fn made_again(ask: &Ask, choice: &Choice, table: &Table) -> Plan {
    let app = domain::AppId::new("shop").unwrap();
    let to = Destination::new(Some("DE".parse().unwrap()), Some("26201"));
    let beliefs = Beliefs::recorded(&app, Class::Transactional, to, &recorded(choice));
    let told = choice.plan.probing == Some(Probing::ProbedJustNow);
    let ask = Ask { probed_just_now: told, ..ask.clone() };
    ask.with(|facts| choose(facts, table, &super::Minds(&beliefs)).unwrap().plan)
}

/// How many of a thousand messages are probes; each is decided on again by its record.
fn probes(world: &World, change: impl Fn(Ask) -> Ask, probing: Option<Probing>) -> usize {
    let mut count = 0;
    for id in 1..=1000 {
        let ask = change(asked(world, id));
        let choice = ask.with(|facts| choose(facts, &world.table, &super::Minds(&world.beliefs)).unwrap());
        assert_eq!(choice.plan.probing, probing);
        assert_eq!(made_again(&ask, &choice, &world.table), choice.plan);
        count += usize::from(is_probe(&choice));
    }
    count
}

#[test]
fn a_message_that_is_to_be_none_is_no_probe() {
    let mut world = in_trouble(&with_test_numbers());
    let usual = probes(&world, |ask| ask, None);
    assert!((3..100).contains(&usual), "{usual}");
    let refused = |ask| Ask { no_probe: true, ..ask };
    assert_eq!(probes(&world, refused, Some(Probing::Message)), 0);
    let to_own = |ask| Ask { no_probe: true, to: TEST_NUMBER.to_owned(), ..ask };
    assert_eq!(probes(&world, to_own, Some(Probing::Message)), 0);
    let again = |ask| Ask { probed_just_now: true, ..ask };
    assert_eq!(probes(&world, again, Some(Probing::ProbedJustNow)), 0);
    let rule = with_test_numbers().replace("strategy", "probes = false\nstrategy");
    world.table = Arc::new(priced(&rule));
    assert_eq!(probes(&world, |ask| ask, Some(Probing::Rule)), 0);
}

#[test]
fn a_message_to_a_test_number_is_a_probe_one_after_another() {
    let world = in_trouble(&with_test_numbers());
    let to_own = |ask| Ask { probed_just_now: true, to: TEST_NUMBER.to_owned(), ..ask };
    assert_eq!(probes(&world, to_own, Some(Probing::TestNumber)), 1000);
    let choice = asked(&world, 1);
    let choice = Ask { to: TEST_NUMBER.to_owned(), ..choice };
    let sentence = choice.with(|facts| {
        let explained = crate::explain::explain(facts, &world.table, &super::Minds(&world.beliefs));
        explained.routes[0].sentence.clone()
    });
    assert!(sentence.contains("; this one is to learn; its recipient is a test number"), "{sentence}");
}

#[test]
fn with_test_numbers_less_is_asked_of_other_traffic() {
    let others = |every: Option<u128>| {
        let mut world = in_trouble(&with_test_numbers());
        world.to_test_number = every.map(|every| (TEST_NUMBER, every));
        // Until the first of them have counted.
        world.run(60, 20, |connection| connection != "cirrus");
        world.probes = 0;
        world.run(300, 20, |connection| connection != "cirrus");
        world.probes
    };
    let (without, with) = (others(None), others(Some(20)));
    assert!(without >= 20, "{without}");
    assert!(with * 3 < without, "{with} against {without}");
}

#[test]
fn what_is_wrong_with_test_numbers_and_probes_is_told() {
    let problems = crate::sample::compile(&format!(
        "{}[policy.adaptive]\ntest_numbers = [\"+4915112345678\", \"0151\", \"+4915112345678\"]\n\
         [[policy.rules]]\nid = \"all\"\nprobes = false\nroutes = [\"acme-eu\"]\n",
        crate::sample::ROUTES
    ))
    .unwrap_err();
    let told: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let told = told.join("\n");
    for expected in [
        "policy.adaptive.test_numbers[1]: `0151` is not a number in international form, such as +4915112345678",
        "policy.adaptive.test_numbers[2]: `+4915112345678` is listed twice",
        "policy.rules[0].probes: only `adaptive` sends probes: leave it out",
    ] {
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn where_nothing_may_be_a_probe_a_circuit_closes_again() {
    let mut world = World::of(priced(&RULE.replace("strategy", "probes = false\nstrategy")));
    world.run(60, 20, |_| true);
    let cirrus = domain::ConnectionId::new("cirrus").unwrap();
    for _ in 0..3 {
        let (connection, segments, answer) = (cirrus.clone(), 1, Answer::Failed);
        world.hear(What::Answered { connection, segments, answer, is_test: false });
    }
    world.tick();
    let during = world.run(1, 20, |_| true);
    assert!(!during.contains_key("cirrus-de"), "{during:?}");
    world.run(30, 20, |_| true);
    let after = world.run(30, 20, |_| true);
    assert!(super::share(&after, "cirrus-de") > 0.4, "{after:?}");
    assert_eq!(world.probes, 0);
}
