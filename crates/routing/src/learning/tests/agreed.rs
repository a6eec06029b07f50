//! What is agreed with vendors has a say: how much a connection takes, and what a commitment is worth.

use domain::commitment::{Pace, Unit};
use domain::money::Decimal;

use super::*;

const WORTH: &str = "[policy.commitments]\nworth_at_most = \"0.5\"\nclass = [\"transactional\"]\n";

/// What is believed, and how commitments stand.
struct Standing<'a>(&'a Beliefs, &'a rustc_hash::FxHashMap<ConnectionId, Pace>);

impl HealthView for Standing<'_> {
    fn is_down(&self, _: &ConnectionId) -> bool {
        false
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(self.0)
    }

    fn pace(&self, connection: &ConnectionId) -> Option<&Pace> {
        self.1.get(connection)
    }
}

fn behind(world: &World, connection: &str, urgency: u16) -> rustc_hash::FxHashMap<ConnectionId, Pace> {
    let [promised, carried, due] = [1000, 100, 500].map(Decimal::from);
    let pace = Pace { unit: Unit::Messages, promised, carried, due, until: world.at(), urgency };
    [(ConnectionId::new(connection).unwrap(), pace)].into_iter().collect()
}

#[test]
fn a_connection_is_not_planned_more_for_than_it_takes() {
    let mut world = World::new();
    world.run(60, 20, |_| true);
    let before = world.run(20, 20, |_| true);
    assert!(before["cirrus-de"] > 300, "the cheapest has nearly all: {before:?}");
    // In segments; the messages of this world have one.
    let throughput = [(ConnectionId::new("cirrus").unwrap(), 5)];
    world.learner.agree(throughput.into_iter().collect());
    world.run(2, 20, |_| true);
    let after = world.run(40, 20, |_| true);
    assert!((150..=260).contains(&after["cirrus-de"]), "a quarter: {after:?}");
    // None is promised any more.
    world.learner.agree(rustc_hash::FxHashMap::default());
    world.run(2, 20, |_| true);
    let again = world.run(20, 20, |_| true);
    assert!(again["cirrus-de"] > 300, "{again:?}");
}

#[test]
fn a_vendor_behind_its_commitment_is_drawn_more_often_unless_it_is_in_trouble() {
    let rules = format!("{WORTH}{RULE}").replace(", \"cirrus-de\"", "");
    let mut world = World::of(table(&rules));
    world.run(120, 20, |_| true);
    let before = world.run(30, 20, |_| true);
    let share = |sent: &HashMap<String, u32>| sent.get("acme-eu").copied().unwrap_or(0);
    // Acme takes 0.05 and borealis 0.04.
    world.learner.favour(behind(&world, "acme", 1000));
    world.run(2, 20, |_| true);
    let favoured = world.run(30, 20, |_| true);
    assert!(share(&favoured) > 450 && share(&favoured) > share(&before), "{before:?} {favoured:?}");
    let paces = behind(&world, "acme", 1000);
    let choose = |class| {
        let ask = Ask { class, operator: Some("26201"), chance: 77 << 40, now: world.at(), ..Ask::new() };
        ask.with(|facts| choose(facts, &world.table, &Standing(&world.beliefs, &paces)).unwrap())
    };
    let choice = choose(Class::Transactional);
    let priced = choice.plan.routes.iter().find(|planned| planned.route.as_str() == "acme-eu").unwrap();
    // The plan says how far behind the vendor is, and not how much the engine takes off: that is the engine's.
    let shadow = priced.shadow_price.as_ref().unwrap();
    assert_eq!((shadow.pace.urgency, shadow.off.to_string().as_str()), (1000, "0 EUR"));
    // That of another class counts as it is.
    let otp = choose(Class::Otp);
    assert!(otp.plan.routes.iter().all(|planned| planned.shadow_price.is_none()));
    // What does not arrive is bought at no price.
    world.run(90, 20, |connection| connection != "acme");
    let troubled = world.run(30, 20, |connection| connection != "acme");
    assert!(share(&troubled) < 60, "{troubled:?}");
}
