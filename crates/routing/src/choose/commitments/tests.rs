//! Who goes first when a commitment is behind, and who never does.

use domain::commitment::{Pace, Unit};
use domain::money::Decimal;
use domain::plan::{Exclusion, Plan, Reason, Shortfall};
use domain::{Class, ConnectionId, Timestamp};

use crate::learning::{Beliefs, Destination, Recorded};
use crate::sample::{Ask, compile, table};
use crate::table::Table;
use crate::{HealthView, choose};

/// A commitment to one vendor is behind; perhaps its connection is down, or known to deliver little.
struct Standing {
    behind: &'static str,
    pace: Pace,
    is_down: bool,
    beliefs: Option<Beliefs>,
}

impl HealthView for Standing {
    fn is_down(&self, connection: &ConnectionId) -> bool {
        self.is_down && connection.as_str() == self.behind
    }

    fn pace(&self, connection: &ConnectionId) -> Option<&Pace> {
        (connection.as_str() == self.behind).then_some(&self.pace)
    }

    fn beliefs(&self) -> Option<&Beliefs> {
        self.beliefs.as_ref()
    }
}

fn behind(connection: &'static str, urgency: u16) -> Standing {
    let pace = Pace {
        unit: Unit::Messages,
        promised: Decimal::from(1000),
        carried: Decimal::from(450),
        due: Decimal::from(500),
        until: Timestamp::from_millis(1_796_083_200_000),
        urgency,
    };
    Standing { behind: connection, pace, is_down: false, beliefs: None }
}

/// In Germany acme takes 0.05 and borealis 0.04; cirrus has no price.
fn rule(terms: &str) -> Table {
    table(&format!(
        "[policy.commitments]\nworth_at_most = \"0.50\"\n[[policy.rules]]\nid = \"all\"\n\
         routes = [\"acme-eu\", \"borealis-eu\", \"cirrus-de\"]\n{terms}"
    ))
}

fn plan(table: &Table, ask: &Ask, standing: &Standing) -> Plan {
    ask.with(|facts| choose(facts, table, standing)).unwrap().plan
}

fn order(plan: &Plan) -> Vec<&str> {
    plan.routes.iter().map(|planned| planned.route.as_str()).collect()
}

#[test]
fn a_route_behind_pace_counts_as_cheaper_as_far_as_it_is_urgent_and_no_further() {
    let table = rule("strategy = \"least_cost\"");
    let of = |urgency| plan(&table, &Ask::new(), &behind("acme", urgency));
    // Half of 0.05 at the most: from 400 thousandths on a fifth is off.
    assert_eq!(order(&of(0)), ["borealis-eu", "acme-eu", "cirrus-de"]);
    assert_eq!(order(&of(399)), ["borealis-eu", "acme-eu", "cirrus-de"]);
    let even = of(400);
    assert_eq!(
        order(&even),
        ["acme-eu", "borealis-eu", "cirrus-de"],
        "equal prices keep the order of the rule"
    );
    let shadow = even.routes[0].shadow_price.as_ref().unwrap();
    assert_eq!(shadow.off.to_string(), "0.0100 EUR");
    assert_eq!(
        (even.routes[0].reason, even.routes[0].price.unwrap().to_string()),
        (Reason::Price(1), "0.05 EUR".to_owned())
    );
    assert!(even.routes[1].shadow_price.is_none());
    let sentence = &crate::explain::routes(&even)[0].sentence;
    assert_eq!(
        sentence,
        "in place 1 by price; a commitment to its vendor, 450 of 1000 messages by 2026-12-01 00:00 UTC, 50 behind pace: \
         counted as 0.01 EUR cheaper"
    );
    // The engine counts for itself, and nothing where it knows nothing.
    let mut adaptive = plan(&rule("strategy = \"adaptive\""), &Ask::new(), &behind("acme", 400));
    let place = adaptive.routes.iter().position(|planned| planned.shadow_price.is_some()).unwrap();
    let sentence = |plan: &Plan| crate::explain::routes(plan)[place].sentence.clone();
    assert!(sentence(&adaptive).ends_with(", 50 behind pace"), "{}", sentence(&adaptive));
    let flags = domain::plan::DrawFlags::default();
    adaptive.routes[place].drawn =
        Some(domain::plan::Drawn { table: 1, place: 1, share: 1, probe: 0, flags });
    assert!(sentence(&adaptive).ends_with("behind pace: the adaptive engine may count it as cheaper"));
    // The price that is not known is not lowered, and stays behind those that are.
    let of_cirrus = plan(&table, &Ask::new(), &behind("cirrus", 1000));
    assert_eq!(order(&of_cirrus), ["borealis-eu", "acme-eu", "cirrus-de"]);
    assert!(of_cirrus.routes.iter().all(|planned| planned.shadow_price.is_none()));
}

#[test]
fn all_segments_count_and_only_the_classes_that_are_named() {
    let table = rule("strategy = \"least_cost\"");
    let long = Ask { segments: 3, ..Ask::new() };
    let planned = plan(&table, &long, &behind("acme", 1000));
    assert_eq!(planned.routes[0].shadow_price.as_ref().unwrap().off.to_string(), "0.0750 EUR");
    let table = crate::sample::table(
        "[policy.commitments]\nworth_at_most = \"0.50\"\nclass = [\"marketing\"]\n[[policy.rules]]\nid = \"all\"\n\
         strategy = \"least_cost\"\nroutes = [\"acme-eu\", \"borealis-eu\"]",
    );
    assert_eq!(order(&plan(&table, &Ask::new(), &behind("acme", 1000))), ["borealis-eu", "acme-eu"]);
    let marketing = Ask { class: Class::Marketing, ..Ask::new() };
    assert_eq!(order(&plan(&table, &marketing, &behind("acme", 1000))), ["acme-eu", "borealis-eu"]);
}

#[test]
fn an_order_that_the_buyer_wrote_stays() {
    let priority = rule("strategy = \"priority\"");
    let planned = plan(&priority, &Ask::new(), &behind("cirrus", 1000));
    assert_eq!(order(&planned), ["acme-eu", "borealis-eu", "cirrus-de"]);
    assert!(planned.routes.iter().all(|planned| planned.shadow_price.is_none()));
    let pinned = table(
        "[policy.commitments]\nworth_at_most = \"1\"\n[[policy.pins]]\nid = \"own\"\napp = [\"shop\"]\n\
         route = \"borealis-eu\"\n[[policy.rules]]\nid = \"all\"\nstrategy = \"least_cost\"\n\
         routes = [\"acme-eu\", \"borealis-eu\"]",
    );
    assert_eq!(order(&plan(&pinned, &Ask::new(), &behind("acme", 1000))), ["borealis-eu", "acme-eu"]);
}

#[test]
fn a_commitment_buys_no_way_that_is_bad_or_down_or_too_dear() {
    let table = rule("strategy = \"least_cost\"");
    let down = Standing { is_down: true, ..behind("acme", 1000) };
    assert_eq!(order(&plan(&table, &Ask::new(), &down)), ["borealis-eu", "cirrus-de", "acme-eu"]);
    let dear = rule("strategy = \"least_cost\"\nmax_price = \"0.049\"");
    let planned = plan(&dear, &Ask::new(), &behind("acme", 1000));
    assert_eq!(order(&planned), ["borealis-eu"]);
    assert!(planned.left_out.iter().any(|left| left.because == Exclusion::PriceAboveMax));
    let floor = rule("strategy = \"quality_floor\"\nquality_floor = \"0.9\"");
    let shortfall = Shortfall { quality: 8000, floor: 9000, messages: 200 };
    let connection = ConnectionId::new("acme").unwrap();
    let recorded = [Recorded { connection, drawn: None, shortfall: Some(shortfall) }];
    let ask = Ask::new();
    let beliefs = ask.with(|facts| {
        Beliefs::recorded(facts.app, facts.class, Destination::new(facts.country, facts.operator), &recorded)
    });
    let below = Standing { beliefs: Some(beliefs), ..behind("acme", 1000) };
    let planned = plan(&floor, &ask, &below);
    assert_eq!(order(&planned), ["borealis-eu", "cirrus-de"]);
    assert!(planned.left_out.iter().any(|left| left.because == Exclusion::QualityFloor));
}

#[test]
fn what_commitments_are_worth_is_a_part_of_a_price() {
    let told = |commitments: &str| -> Vec<String> {
        let rule = "[[policy.rules]]\nid = \"all\"\nroutes = [\"acme-eu\"]\n";
        let text = format!("{}[policy]\ncommitments = {commitments}\n{rule}", crate::sample::ROUTES);
        compile(&text).err().into_iter().flatten().map(|problem| problem.to_string()).collect()
    };
    assert!(told(r#"{ worth_at_most = "0.1" }"#).is_empty());
    assert!(told(r#"{ worth_at_most = "1", class = ["otp"] }"#).is_empty());
    for wrong in ["0", "1.1", "10 %", "0.00001"] {
        let told = told(&format!("{{ worth_at_most = \"{wrong}\" }}"));
        assert!(told.len() == 1 && told[0].contains("policy.commitments.worth_at_most"), "{told:?}");
    }
    assert!(told(r#"{ class = ["otp"] }"#)[0].contains("policy.commitments"));
    assert_eq!(told(r#"{ worth_at_most = "2", class = [] }"#).len(), 2);
}
