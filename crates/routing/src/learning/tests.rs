//! What the learner makes of a small world, and what of it outlives a pause.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use domain::plan::{DrawFlags, Probing};
use domain::verdict::Kind;
use domain::{Class, ConnectionId, MessageId, Timestamp, VerdictId};

use super::*;
use crate::choose::{Choice, HealthView, chance, choose};
use crate::sample::{Ask, ROUTES, compile, table};
use crate::table::Table;

mod probes;
mod pumping;

const RULE: &str = r#"
    [[policy.rules]]
    id = "all"
    strategy = "adaptive"
    routes = ["acme-eu", "borealis-eu", "cirrus-de"]
"#;

/// What the sample leaves without a price has one here, and is by far the cheapest.
const UNPRICED: &str = "countries = [\"DE\"]";
const PRICED: &str = "countries = [\"DE\"]\nrate_card = \"cirrus\"";
const CIRRUS: &str = r#"
    [[rate_cards]]
    id = "cirrus"
    currency = "EUR"
    prices = [{ country = "DE", price = "0.0001" }]
"#;

/// The table of these rules.
fn priced(rules: &str) -> Table {
    compile(&format!("{}{CIRRUS}{rules}", ROUTES.replace(UNPRICED, PRICED))).unwrap()
}

struct Minds<'a>(&'a Beliefs);

impl HealthView for Minds<'_> {
    fn is_down(&self, _: &ConnectionId) -> bool {
        false
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(self.0)
    }
}

/// What is believed while these connections are down.
struct Half<'a>(&'a Beliefs, &'static [&'static str]);

impl HealthView for Half<'_> {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.1.contains(&connection.as_str())
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        Some(self.0)
    }
}

/// A gateway in small: messages are chosen for, sent and answered, and the learner hears of all of it.
struct World {
    table: Arc<Table>,
    learner: Learner,
    beliefs: Beliefs,
    now: i64,
    messages: u128,
    /// Receipts on their way, by when they come.
    receipts: BTreeMap<(i64, u128), News>,
    turned: Vec<Turned>,
    /// Every so-many-th message goes there.
    to_test_number: Option<(&'static str, u128)>,
    /// How many other messages were probes.
    probes: u32,
}

impl World {
    fn new() -> Self {
        Self::of(priced(RULE))
    }

    fn of(table: Table) -> Self {
        let table = Arc::new(table);
        let now = 1_767_225_600_000;
        let mut learner = Learner::new(Arc::clone(&table), Timestamp::from_millis(now), 7);
        let beliefs = learner.publish().unwrap();
        Self {
            table,
            learner,
            beliefs,
            now,
            messages: 0,
            receipts: BTreeMap::new(),
            turned: Vec::new(),
            to_test_number: None,
            probes: 0,
        }
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    fn choose(&self, class: Class, id: u128) -> Choice {
        let chance = chance(MessageId::from_u128(id));
        let mut ask = Ask { class, operator: Some("26201"), chance, now: self.at(), ..Ask::new() };
        let own = self.to_test_number.filter(|(_, every)| self.messages.is_multiple_of(*every));
        if let Some((number, _)) = own {
            ask.to = number.to_owned();
        }
        ask.with(|facts| choose(facts, &self.table, &Minds(&self.beliefs)).unwrap())
    }

    /// So many messages a second for so long; `arrives` says of a connection whether its messages do. Returns how many
    /// each route got.
    fn run(&mut self, seconds: u32, rate: u32, arrives: impl Fn(&str) -> bool) -> HashMap<String, u32> {
        let mut sent = HashMap::new();
        for _ in 0..seconds {
            for _ in 0..rate {
                self.messages += 1;
                self.now += i64::from(1000 / rate);
                let choice = self.choose(Class::Transactional, self.messages << 7);
                let target = choice.targets.first().unwrap();
                *sent.entry(target.route.to_string()).or_default() += 1;
                let is_test = choice.plan.probing == Some(Probing::TestNumber);
                self.probes += u32::from(is_probe(&choice) && !is_test);
                self.hear(What::Wanted { allowed: choice.drawn_from });
                let connection = target.connection.clone();
                self.hear(What::Answered {
                    connection: connection.clone(),
                    segments: 1,
                    answer: Answer::Accepted,
                    is_test: is_test && is_probe(&choice),
                });
                if arrives(connection.as_str()) {
                    let what = What::Receipt { connection, sent_at: self.at(), delivered: true };
                    let comes_at = self.now + 1000 + (self.messages as i64 * 7919) % 3000;
                    let news = News { at: Timestamp::from_millis(comes_at), ..self.news(what) };
                    self.receipts.insert((comes_at, self.messages), news);
                }
                while let Some(entry) = self.receipts.first_entry().filter(|entry| entry.key().0 <= self.now)
                {
                    let news = entry.remove();
                    self.learner.hear(&news);
                }
            }
            self.tick();
        }
        sent
    }

    fn tick(&mut self) {
        let mut ids = self.messages << 64;
        let new_id = || {
            ids += 1;
            VerdictId::from_u128(ids)
        };
        self.turned.extend(self.learner.tick(Timestamp::from_millis(self.now), new_id));
        if let Some(beliefs) = self.learner.publish() {
            self.beliefs = beliefs;
        }
    }

    fn hear(&mut self, what: What) {
        let news = self.news(what);
        self.learner.hear(&news);
    }

    fn news(&self, what: What) -> News {
        News {
            at: self.at(),
            app: domain::AppId::new("shop").unwrap(),
            class: Class::Transactional,
            to: Destination::new(Some("DE".parse().unwrap()), Some("26201")),
            what,
        }
    }

    fn kinds(&self) -> Vec<(Kind, Stage)> {
        self.turned.iter().map(|turned| (turned.verdict.kind, turned.stage)).collect()
    }
}

fn is_probe(choice: &Choice) -> bool {
    let first = choice.plan.routes.first().and_then(|planned| planned.drawn);
    first.is_some_and(|drawn| drawn.flags.contains(DrawFlags::PROBE))
}

/// What the record of a decision says of its routes.
fn recorded(choice: &Choice) -> Vec<Recorded> {
    let routes = choice.plan.routes.iter().zip(&choice.targets);
    let recorded = routes.map(|(planned, target)| Recorded {
        connection: target.connection.clone(),
        drawn: planned.drawn,
        shortfall: None,
    });
    recorded.collect()
}

/// The part of all that a route got.
fn share(sent: &HashMap<String, u32>, route: &str) -> f64 {
    f64::from(sent.get(route).copied().unwrap_or(0)) / f64::from(sent.values().sum::<u32>())
}

#[test]
fn traffic_leaves_a_silent_drop_and_comes_back() {
    let mut world = World::new();
    let before = world.run(120, 20, |_| true);
    // It is the cheapest.
    assert!(share(&before, "cirrus-de") > 0.4, "{before:?}");
    assert_eq!(world.kinds(), []);
    world.run(20, 20, |connection| connection != "cirrus");
    let during = world.run(30, 20, |connection| connection != "cirrus");
    assert!(share(&during, "cirrus-de") < 0.1, "{during:?}");
    let first = world.turned.first().unwrap();
    assert_eq!((first.verdict.kind, first.stage), (Kind::SilentDrop, Stage::Raised));
    assert_eq!(first.verdict.scope.to_string(), "cirrus to 26201");
    assert_eq!(world.beliefs.verdicts().len(), 1);
    assert!(first.verdict.proof.ratio > first.verdict.proof.threshold, "{first:?}");
    world.run(240, 20, |_| true);
    let after = world.run(30, 20, |_| true);
    assert!(share(&after, "cirrus-de") > 0.4, "{after:?}");
    assert_eq!(world.turned.last().map(|turned| turned.stage), Some(Stage::Recovered), "{:?}", world.kinds());
    assert!(world.beliefs.verdicts().is_empty());
}

#[test]
fn a_trouble_that_comes_back_soon_is_listed_again() {
    let mut world = World::new();
    world.run(120, 20, |_| true);
    world.run(20, 20, |connection| connection != "cirrus");
    world.run(120, 20, |_| true);
    assert_eq!(world.kinds(), [(Kind::SilentDrop, Stage::Raised), (Kind::SilentDrop, Stage::Recovered)]);
    world.run(30, 20, |connection| connection != "cirrus");
    assert_eq!(world.beliefs.verdicts().len(), 1, "{:?}", world.kinds());
    assert_ne!(world.beliefs.verdicts()[0].id, world.turned[0].verdict.id);
    world.run(240, 20, |_| true);
    assert!(world.beliefs.verdicts().is_empty(), "{:?}", world.kinds());
}

#[test]
fn what_was_learned_goes_on_after_a_pause_that_nobody_heard_of() {
    let mut world = World::new();
    world.run(100, 20, |_| true);
    world.run(20, 20, |connection| connection != "cirrus");
    let raised = world.turned.clone();
    assert_eq!(raised.len(), 1, "{:?}", world.kinds());
    let saved = world.learner.save(world.at());
    world.now += 600_000;
    world.learner = Learner::restore(&saved, Arc::clone(&world.table), world.at()).unwrap();
    world.beliefs = world.learner.publish().unwrap();
    assert_eq!(world.beliefs.verdicts().len(), 1);
    let stood = world.learner.at;
    // Nobody speaks for a while, and that is nobody's fault; what applications send and say moves no clock.
    for _ in 0..30 {
        world.now += 1000;
        world.hear(What::Wanted { allowed: Vendors::ALL });
        let what = What::Conversion { of: None, converted: false };
        let news = News { class: Class::Marketing, ..world.news(what) };
        world.learner.hear(&news);
        world.tick();
    }
    assert_eq!(world.learner.at, stood);
    let after = world.run(20, 20, |connection| connection != "cirrus");
    assert!(share(&after, "cirrus-de") < 0.1, "{after:?}");
    assert_eq!(world.turned, raised, "no verdict came of the pause");
    // It moved by the twenty seconds, and by the receipts that were on their way, not by the ten minutes.
    let moved = world.learner.at - stood;
    assert!((19_000..26_000).contains(&moved), "{moved}");
    world.run(240, 20, |_| true);
    let recovered = world.turned.last().unwrap();
    assert_eq!((recovered.stage, recovered.verdict.id), (Stage::Recovered, raised[0].verdict.id));
}

#[test]
fn a_price_that_is_not_known_draws_no_more_than_the_dearest_one() {
    let mut world = World::of(table(RULE));
    world.run(120, 20, |_| true);
    let sent = world.run(60, 20, |_| true);
    // Of three that deliver alike the one of 0.04 is the best; 0.05 and no price are not told apart.
    assert!(share(&sent, "borealis-eu") > 0.8, "{sent:?}");
    assert!(share(&sent, "cirrus-de") < 0.1, "{sent:?}");
}

#[test]
fn what_does_not_fit_is_not_taken_up() {
    let world = World::new();
    let saved = world.learner.save(world.at());
    let restore = |saved: &[u8], at| Learner::restore(saved, Arc::clone(&world.table), at).map(|_| ());
    assert!(restore(&saved, world.at()).is_ok());
    let later = world.at().plus(std::time::Duration::from_secs(90_000));
    let reasons = [
        (restore(&saved, later), "it is from 2026-01-01T00:00:00.000Z, more than a day ago"),
        (restore(b"", world.at()), "it cannot be read"),
        (restore(&saved[..saved.len() - 1], world.at()), "it cannot be read"),
    ];
    for (result, expected) in reasons {
        let reason = result.unwrap_err().to_string();
        assert!(reason.starts_with(expected), "{reason}");
    }
    let mut other = saved;
    other[1] = 7;
    let reason = restore(&other, world.at()).unwrap_err().to_string();
    assert_eq!(reason, "it is of format 7, and this program reads format 1");
}

#[test]
fn a_draw_is_made_again_from_what_the_plan_keeps() {
    let mut world = World::new();
    world.run(30, 20, |connection| connection != "acme");
    // The cheapest takes no more for a moment.
    let connection = ConnectionId::new("cirrus").unwrap();
    for _ in 0..20 {
        world.now += 50;
        let answer = Answer::Throttled;
        world.hear(What::Answered { connection: connection.clone(), segments: 1, answer, is_test: false });
    }
    world.tick();
    let mut throttled = 0;
    let mut first = std::collections::HashSet::new();
    for id in 0..300_u128 {
        let id = id << 9;
        let choice = world.choose(Class::Transactional, id);
        let recorded = recorded(&choice);
        let shares = recorded.iter().filter_map(|one| one.drawn);
        let sum: u32 = shares.map(|drawn| u32::from(drawn.share) + u32::from(drawn.probe)).sum();
        assert_eq!(sum, u32::from(u16::MAX));
        let app = domain::AppId::new("shop").unwrap();
        let to = Destination::new(Some("DE".parse().unwrap()), Some("26201"));
        let beliefs = Beliefs::recorded(&app, Class::Transactional, to, &recorded);
        let ask = Ask {
            operator: Some("26201"),
            chance: chance(MessageId::from_u128(id)),
            now: world.at(),
            ..Ask::new()
        };
        let again = ask.with(|facts| choose(facts, &world.table, &Minds(&beliefs)).unwrap());
        assert_eq!(again.plan, choice.plan);
        first.insert(choice.targets[0].route.clone());
        let flags = choice.plan.routes[0].drawn.unwrap().flags;
        throttled += usize::from(flags.contains(DrawFlags::THROTTLED));
    }
    assert!(throttled > 10, "{throttled}");
    assert!(first.len() > 1, "{first:?}");
}

#[test]
fn a_floor_leaves_out_what_is_known_to_be_below_it_and_says_by_how_much() {
    let mut world = World::new();
    let floor = |routes: &str, floor: &str| {
        let rule = format!(
            "[[policy.rules]]\nid = \"all\"\nstrategy = \"quality_floor\"\nquality_floor = \"{floor}\"\nroutes = [{routes}]"
        );
        Arc::new(table(&rule))
    };
    // A route after the other gets everything, and half of what goes over the cheapest is lost.
    for (routes, lost) in [("\"borealis-eu\"", true), ("\"acme-eu\"", false)] {
        world.table = floor(routes, "0.5");
        let sent = std::cell::Cell::new(0);
        world.run(60, 20, |_| {
            sent.set(sent.get() + 1);
            !(lost && sent.get() % 2 == 0)
        });
    }
    world.table = floor("\"acme-eu\", \"borealis-eu\", \"cirrus-de\"", "0.9");
    let plan = world.choose(Class::Transactional, 1).plan;
    assert_eq!(plan.routes[0].route.as_str(), "acme-eu");
    // Nothing was ever sent there, so nothing is held against it.
    assert_eq!(plan.routes[1].route.as_str(), "cirrus-de");
    let left_out = &plan.left_out[0];
    assert_eq!(
        (left_out.route.as_str(), left_out.because),
        ("borealis-eu", domain::plan::Exclusion::QualityFloor)
    );
    let shortfall = left_out.shortfall.unwrap();
    assert!(shortfall.floor == 9000 && shortfall.quality < 9000 && shortfall.messages > 50, "{shortfall:?}");
    let sentence = crate::explain::routes(&plan).pop().unwrap().sentence;
    assert!(sentence.contains(&shortfall.to_string()), "{sentence}");
    // Where all are below, none is left out: a message is never stopped by it.
    world.table = floor("\"borealis-eu\"", "0.99");
    let plan = world.choose(Class::Transactional, 1).plan;
    assert_eq!((plan.routes.len(), plan.left_out.len()), (1, 0));
    // Nor is one that is up, for another that is good and down.
    let of = |table: &Table, down: &'static [&'static str]| {
        let ask = Ask { operator: Some("26201"), now: world.at(), ..Ask::new() };
        let plan = ask.with(|facts| choose(facts, table, &Half(&world.beliefs, down)).unwrap().plan);
        plan.routes.iter().map(|planned| planned.route.to_string()).collect::<Vec<_>>()
    };
    let both = floor("\"acme-eu\", \"borealis-eu\"", "0.9");
    assert_eq!(of(&both, &[]), ["acme-eu"]);
    assert_eq!(of(&both, &["acme"]), ["borealis-eu", "acme-eu"]);
    assert_eq!(of(&both, &["borealis"]), ["acme-eu"]);
    assert_eq!(of(&both, &["acme", "borealis"]), ["borealis-eu", "acme-eu"]);
    // A rule that does not leave what is down waits for it.
    let patient = "strategy = \"quality_floor\"\nfailover = { on = [\"rejected\"] }\nquality_floor = \"0.9\"";
    let patient =
        format!("[[policy.rules]]\nid = \"all\"\n{patient}\nroutes = [\"acme-eu\", \"borealis-eu\"]");
    assert_eq!(of(&table(&patient), &["acme"]), ["acme-eu"]);
    // What a pin puts first is no reason to leave the message without another.
    let pin = "[[policy.pins]]\nid = \"pin\"\napp = [\"shop\"]\nroute = \"acme-eu\"\n";
    let rule =
        "strategy = \"quality_floor\"\nquality_floor = \"0.9\"\nroutes = [\"acme-eu\", \"borealis-eu\"]";
    let pinned = table(&format!("{pin}[[policy.rules]]\nid = \"all\"\n{rule}"));
    assert_eq!(of(&pinned, &[]), ["acme-eu", "borealis-eu"]);
}

mod agreed;

#[test]
fn what_is_below_the_floor_gets_another_chance_after_some_minutes() {
    let mut world = World::new();
    let sent = std::cell::Cell::new(0);
    let loses = |connection: &str| {
        sent.set(sent.get() + 1);
        connection != "borealis" || sent.get() % 2 == 0
    };
    let rule = |routes: &str| {
        let rule = format!(
            "[[policy.rules]]\nid = \"all\"\nstrategy = \"quality_floor\"\nquality_floor = \"0.9\"\nroutes = [{routes}]"
        );
        Arc::new(table(&rule))
    };
    world.table = rule("\"borealis-eu\"");
    world.run(60, 20, loses);
    world.table = rule("\"acme-eu\", \"borealis-eu\"");
    let left_out = |world: &World| world.choose(Class::Transactional, 1).plan.left_out.len();
    world.run(240, 2, loses);
    assert_eq!(left_out(&world), 1);
    let before = world.run(60, 2, loses);
    assert!(!before.contains_key("borealis-eu"), "{before:?}");
    let after = world.run(900, 2, loses);
    let chances = after.get("borealis-eu").copied().unwrap_or(0);
    assert!((1..60).contains(&chances), "{after:?}");
}
