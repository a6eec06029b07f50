//! Each strategy and each reason to leave a route out or put it behind; then what holds for all of them.

use std::collections::BTreeMap;

use domain::plan::{Exclusion, Reason};
use domain::{Channel, Class};
use proptest::prelude::{Strategy, prop, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::sample::{Ask, table};

const PRIORITY: &str = r#"
    [[policy.rules]]
    id = "all"
    routes = ["cirrus-de", "acme-eu", "borealis-eu"]
"#;

const LEAST_COST: &str = r#"
    [[policy.rules]]
    id = "all"
    strategy = "least_cost"
    routes = ["cirrus-de", "acme-eu", "borealis-eu"]
"#;

const WEIGHTED: &str = r#"
    [[policy.rules]]
    id = "all"
    strategy = "weighted"
    routes = [{ id = "acme-eu", weight = 60 }, { id = "borealis-eu", weight = 30 }, { id = "cirrus-de", weight = 10 }]
"#;

fn routes(choice: &Choice) -> Vec<(&str, Reason)> {
    choice.plan.routes.iter().map(|planned| (planned.route.as_str(), planned.reason)).collect()
}

fn left_out(choice: &Choice) -> Vec<(&str, Exclusion)> {
    choice.plan.left_out.iter().map(|route| (route.route.as_str(), route.because)).collect()
}

/// Beside the sample's: a card in dollars, one per message with surcharges, and their routes.
const CURRENCIES: &str = r#"
    [[routes]]
    id = "dollars"
    connection = "acme"
    rate_card = "dollars"
    [[routes]]
    id = "whole"
    connection = "borealis"
    rate_card = "whole"
    [[rate_cards]]
    id = "dollars"
    currency = "USD"
    prices = [{ country = "DE", price = "0.045" }, { country = "AT", price = "closed" }]
    [[rate_cards]]
    id = "whole"
    currency = "EUR"
    per = "message"
    prices = [{ country = "DE", price = "0.08" }]
    surcharges = [
        { name = "carrier_fee", country = "DE", price = "0.01", per = "message" },
        { name = "carrier_fee", mcc = "262", mnc = "01", price = "0.02", per = "message" },
        { name = "lookup", price = "0.001" },
    ]
    [[exchange_rates]]
    from = "EUR"
    to = "USD"
    rate = "1.25"
    effective_from = "2025-12-01"
    [[policy.rules]]
    id = "all"
    strategy = "least_cost"
    routes = ["acme-eu", "borealis-eu", "dollars", "whole"]
"#;

#[test]
fn least_cost_compares_whole_messages_across_currencies() {
    let table = table(CURRENCIES);
    let order = |segments, operator| {
        let choice = Ask { segments, operator, ..Ask::new() }.choose(&table).unwrap();
        choice.plan.routes.iter().map(|route| route.route.to_string()).collect::<Vec<_>>()
    };
    // 0.045 USD is 0.036 EUR.
    assert_eq!(order(1, None), ["dollars", "borealis-eu", "acme-eu", "whole"]);
    // The whole: 0.08 and 0.01 for the message, 0.001 for each segment.
    assert_eq!(order(4, None), ["whole", "dollars", "borealis-eu", "acme-eu"]);
    assert_eq!(order(3, None), ["whole", "dollars", "borealis-eu", "acme-eu"]);
    assert_eq!(order(3, Some("26201")), ["whole", "dollars", "borealis-eu", "acme-eu"]);
    let choice = Ask { operator: Some("26201"), ..Ask::new() }.choose(&table).unwrap();
    let whole = choice.targets.iter().find(|target| target.route.as_str() == "whole").unwrap();
    assert_eq!(whole.price.unwrap().times(3).to_string(), "0.103 EUR");
}

#[test]
fn a_limit_holds_in_any_currency_that_has_a_rate() {
    let table = table(CURRENCIES);
    let ask = Ask { max_price: Some(("0.036", "EUR")), ..Ask::new() };
    let planned = ask.choose(&table).unwrap();
    assert_eq!(routes(&planned), [("dollars", Reason::Price(1))]);
    let cheaper = Ask { max_price: Some(("0.0359", "EUR")), ..ask.clone() }.choose(&table).unwrap();
    assert!(cheaper.plan.routes.is_empty());
    let pounds = Ask { max_price: Some(("1", "GBP")), ..ask }.choose(&table).unwrap();
    assert!(left_out(&pounds).iter().all(|(_, because)| *because == Exclusion::CurrencyDiffers));
}

#[test]
fn before_the_first_rate_what_cannot_be_compared_stands_behind() {
    let later = table(&CURRENCIES.replace("2025-12-01", "2026-12-01"));
    let choice = Ask::new().choose(&later).unwrap();
    assert_eq!(routes(&choice).last(), Some(&("dollars", Reason::NoPrice)));
}

#[test]
fn a_closed_destination_is_no_price() {
    let choice = Ask { country: Some("AT"), ..Ask::new() }.choose(&table(CURRENCIES)).unwrap();
    assert_eq!(left_out(&choice), [("dollars", Exclusion::Closed)]);
    assert_eq!(routes(&choice).last(), Some(&("whole", Reason::NoPrice)));
}

#[test]
fn priority_is_the_listed_order() {
    let choice = Ask::new().choose(&table(PRIORITY)).unwrap();
    let expected = [
        ("cirrus-de", Reason::Priority(1)),
        ("acme-eu", Reason::Priority(2)),
        ("borealis-eu", Reason::Priority(3)),
    ];
    assert_eq!(routes(&choice), expected);
    assert_eq!((choice.plan.table, choice.plan.rule.as_str()), (7, "all"));
    let targets: Vec<_> = choice.targets.iter().map(|target| target.connection.as_str()).collect();
    assert_eq!(targets, ["cirrus", "acme", "borealis"]);
    assert_eq!(choice.validity, Duration::from_secs(24 * 3600));
}

#[test]
fn a_route_that_does_not_go_there_is_left_out() {
    let austria = Ask { country: Some("AT"), ..Ask::new() };
    let choice = austria.choose(&table(PRIORITY)).unwrap();
    assert_eq!(left_out(&choice), [("cirrus-de", Exclusion::Country)]);
    assert_eq!(routes(&choice), [("acme-eu", Reason::Priority(2)), ("borealis-eu", Reason::Priority(3))]);
    let nowhere = Ask { country: None, ..Ask::new() };
    assert_eq!(left_out(&nowhere.choose(&table(PRIORITY)).unwrap()), [("cirrus-de", Exclusion::Country)]);
}

#[test]
fn a_route_of_another_channel_is_left_out() {
    let choice = Ask { channel: Channel::Rcs, ..Ask::new() }.choose(&table(PRIORITY)).unwrap();
    assert!(choice.plan.routes.is_empty());
    assert!(choice.plan.left_out.iter().all(|route| route.because == Exclusion::Channel));
}

#[test]
fn least_cost_is_by_price_and_no_price_stands_behind() {
    let germany = Ask::new().choose(&table(LEAST_COST)).unwrap();
    let expected =
        [("borealis-eu", Reason::Price(1)), ("acme-eu", Reason::Price(2)), ("cirrus-de", Reason::NoPrice)];
    assert_eq!(routes(&germany), expected);
    let austria = Ask { country: Some("AT"), ..Ask::new() }.choose(&table(LEAST_COST)).unwrap();
    assert_eq!(routes(&austria), [("acme-eu", Reason::Price(1)), ("borealis-eu", Reason::Price(2))]);
    let unpriced = Ask { country: Some("FR"), ..Ask::new() }.choose(&table(LEAST_COST)).unwrap();
    assert_eq!(routes(&unpriced), [("acme-eu", Reason::NoPrice), ("borealis-eu", Reason::NoPrice)]);
}

#[test]
fn a_rules_limit_is_for_one_segment() {
    let table = table(&PRIORITY.replace("routes", "max_price = \"0.045\"\nroutes"));
    let choice = Ask { segments: 3, ..Ask::new() }.choose(&table).unwrap();
    assert_eq!(routes(&choice), [("borealis-eu", Reason::Priority(3))]);
    let expected = [("cirrus-de", Exclusion::PriceUnknown), ("acme-eu", Exclusion::PriceAboveMax)];
    assert_eq!(left_out(&choice), expected);
}

#[test]
fn a_messages_limit_is_for_all_its_segments() {
    let two = Ask { segments: 2, max_price: Some(("0.08", "EUR")), ..Ask::new() };
    let choice = two.choose(&table(PRIORITY)).unwrap();
    assert_eq!(routes(&choice), [("borealis-eu", Reason::Priority(3))]);
    let dollars = Ask { max_price: Some(("9", "USD")), ..two }.choose(&table(PRIORITY)).unwrap();
    let expected = [
        ("cirrus-de", Exclusion::PriceUnknown),
        ("acme-eu", Exclusion::CurrencyDiffers),
        ("borealis-eu", Exclusion::CurrencyDiffers),
    ];
    assert_eq!(left_out(&dollars), expected);
}

#[test]
fn a_default_sender_stands_in_and_never_replaces_one_that_is_allowed() {
    let with = |senders: &str| {
        let toml = format!(
            "[[routes]]\nid = \"r\"\nconnection = \"acme\"\nsenders = {senders}\n[[policy.rules]]\nid = \"all\"\nroutes = [\"r\"]"
        );
        crate::sample::compile(&toml).unwrap()
    };
    let sender = |table: &Table, from| {
        let choice = Ask { from, ..Ask::new() }.choose(table).unwrap();
        match choice.targets.first() {
            Some(target) => Ok(target.sender.as_ref().map(ToString::to_string)),
            None => Err(choice.plan.left_out.first().unwrap().because),
        }
    };
    let shop = Ok(Some("SHOP".to_owned()));
    let open = with("{}");
    assert_eq!(sender(&open, None), Ok(None));
    assert_eq!(sender(&open, Some("72345")), Ok(Some("72345".to_owned())));
    let numeric = with("{ allow = [\"numeric\"] }");
    assert_eq!(sender(&numeric, None), Ok(None));
    assert_eq!(sender(&numeric, Some("+4915112345678")), Ok(Some("+4915112345678".to_owned())));
    assert_eq!(sender(&numeric, Some("BANK")), Err(Exclusion::Sender));
    let both = with("{ default = \"SHOP\", allow = [\"numeric\"] }");
    assert_eq!(sender(&both, None), shop);
    assert_eq!(sender(&both, Some("+4915112345678")), Ok(Some("+4915112345678".to_owned())));
    assert_eq!(sender(&both, Some("BANK")), shop);
    let only = with("{ default = \"SHOP\", allow = [] }");
    assert_eq!(sender(&only, Some("+4915112345678")), shop);
    assert_eq!(sender(&with("{ default = \"SHOP\" }"), Some("BANK")), Ok(Some("BANK".to_owned())));
}

#[test]
fn a_connection_that_is_down_goes_behind_where_the_rule_fails_over_on_it() {
    let down = Ask { down: &["cirrus"], ..Ask::new() };
    let expected = [
        ("acme-eu", Reason::Priority(2)),
        ("borealis-eu", Reason::Priority(3)),
        ("cirrus-de", Reason::ConnectionDown),
    ];
    assert_eq!(routes(&down.choose(&table(PRIORITY)).unwrap()), expected);
    let stays = table(&PRIORITY.replace("routes", "failover = { on = [\"rejected\"] }\nroutes"));
    assert_eq!(routes(&down.choose(&stays).unwrap()).first(), Some(&("cirrus-de", Reason::Priority(1))));
}

#[test]
fn where_all_are_down_the_order_stands() {
    let down = Ask { down: &["acme", "borealis", "cirrus"], ..Ask::new() };
    let up = Ask::new();
    let table = table(PRIORITY);
    assert_eq!(down.choose(&table), up.choose(&table));
}

#[test]
fn a_repeated_password_avoids_the_last_route() {
    let table = table(WEIGHTED);
    let first = Ask { class: Class::Otp, ..Ask::new() };
    let order = |ask: &Ask| -> Vec<String> {
        ask.choose(&table).unwrap().plan.routes.iter().map(|planned| planned.route.to_string()).collect()
    };
    let drawn = order(&first);
    for used in ["acme-eu", "borealis-eu", "cirrus-de"] {
        let again = Ask { used_just_now: Some(used), ..first.clone() };
        let mut expected: Vec<_> = drawn.iter().filter(|route| *route != used).cloned().collect();
        expected.push(used.to_owned());
        assert_eq!(order(&again), expected);
        let last = again.choose(&table).unwrap().plan.routes.pop().unwrap();
        assert_eq!(last.reason, Reason::UsedJustNow);
        assert_eq!(order(&Ask { class: Class::Marketing, ..again }), drawn);
    }
    let both = Ask { used_just_now: Some("acme-eu"), down: &["borealis"], ..first };
    assert_eq!(order(&both), ["cirrus-de", "acme-eu", "borealis-eu"]);
}

#[test]
fn a_route_without_weight_is_left_out_and_shares_are_of_those_that_are_not() {
    let rule = WEIGHTED.replace("weight = 30", "weight = 0");
    let choice = Ask { country: Some("AT"), ..Ask::new() }.choose(&table(&rule)).unwrap();
    assert_eq!(routes(&choice), [("acme-eu", Reason::Weight(1000))]);
    assert_eq!(left_out(&choice), [("borealis-eu", Exclusion::NoWeight), ("cirrus-de", Exclusion::Country)]);
}

const RECIPIENTS: u32 = 20_000;

/// For each recipient the routes in their order.
fn draws(rule: &str) -> Vec<Vec<String>> {
    let table = table(rule);
    let draw = |number: u32| {
        let choice = Ask { to: format!("+4915{number:08}"), ..Ask::new() }.choose(&table).unwrap();
        choice.plan.routes.iter().map(|planned| planned.route.to_string()).collect()
    };
    (0..RECIPIENTS).map(draw).collect()
}

fn shares<'a>(routes: impl Iterator<Item = &'a String>) -> BTreeMap<&'a str, f64> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut all = 0;
    for route in routes {
        *counts.entry(route).or_default() += 1;
        all += 1;
    }
    counts.into_iter().map(|(route, count)| (route, f64::from(count) / f64::from(all))).collect()
}

#[test]
fn shares_follow_the_weights_in_every_place() {
    let draws = draws(WEIGHTED);
    let first = shares(draws.iter().filter_map(|order| order.first()));
    for (route, share) in [("acme-eu", 0.6), ("borealis-eu", 0.3), ("cirrus-de", 0.1)] {
        assert!((first[route] - share).abs() < 0.02, "{route}: {}", first[route]);
    }
    // Behind the first, the others stand in the proportion of their own weights: an outage spreads by weight.
    let behind_acme = draws.iter().filter(|order| order.first().is_some_and(|route| route == "acme-eu"));
    let second = shares(behind_acme.filter_map(|order| order.get(1)));
    assert!((second["borealis-eu"] - 0.75).abs() < 0.02, "{second:?}");
}

#[test]
fn a_changed_weight_moves_only_the_share_that_has_to_move() {
    let before = draws(WEIGHTED);
    let after = draws(&WEIGHTED.replace("weight = 30", "weight = 60"));
    let mut moved = 0;
    for (before, after) in before.iter().zip(&after) {
        let others = |order: &[String]| {
            order.iter().filter(|route| *route != "borealis-eu").cloned().collect::<Vec<_>>()
        };
        assert_eq!(others(before), others(after));
        if before.first() != after.first() {
            assert_eq!(after.first().unwrap(), "borealis-eu");
            moved += 1;
        }
    }
    // From 30 of 100 to 60 of 130.
    let share = f64::from(moved) / f64::from(RECIPIENTS);
    assert!((share - (60.0 / 130.0 - 0.3)).abs() < 0.02, "{share}");
}

#[test]
fn rules_draw_independently_of_each_other() {
    let other = WEIGHTED.replace("\"all\"", "\"other\"");
    let (one, other) = (draws(WEIGHTED), draws(&other));
    let same = one.iter().zip(&other).filter(|(one, other)| one.first() == other.first()).count();
    let share = same as f64 / f64::from(RECIPIENTS);
    assert!((share - (0.36 + 0.09 + 0.01)).abs() < 0.02, "{share}");
}

fn asks() -> impl Strategy<Value = Ask> {
    let countries = prop::sample::select(vec![None, Some("DE"), Some("AT"), Some("FR")]);
    let limits =
        prop::sample::select(vec![None, Some(("0.04", "EUR")), Some(("0.1", "EUR")), Some(("1", "USD"))]);
    let used = prop::sample::select(vec![None, Some("acme-eu"), Some("cirrus-de")]);
    let down = prop::sample::select(vec![&[][..], &["acme"], &["acme", "borealis"], &["cirrus"]]);
    let classes = prop::sample::select(Class::ALL.to_vec());
    (countries, limits, used, down, classes, 0..1_000_000u32, 1..4u8).prop_map(
        |(country, max_price, used_just_now, down, class, number, segments)| Ask {
            country,
            max_price,
            used_just_now,
            down,
            class,
            to: format!("+4915{number:08}"),
            segments,
            ..Ask::new()
        },
    )
}

proptest! {
    #[test]
    fn a_plan_is_the_same_each_time_and_holds_each_route_once(
        ask in asks(),
        rule in prop::sample::select(vec![PRIORITY, LEAST_COST, WEIGHTED]),
    ) {
        let table = table(rule);
        let choice = ask.choose(&table).unwrap();
        prop_assert_eq!(&choice, &ask.choose(&table).unwrap());

        let planned: Vec<_> = choice.plan.routes.iter().map(|route| &route.route).collect();
        let targets: Vec<_> = choice.targets.iter().map(|target| &target.route).collect();
        prop_assert_eq!(&planned, &targets);

        let mut all: Vec<_> = planned.into_iter().chain(choice.plan.left_out.iter().map(|route| &route.route)).collect();
        all.sort();
        let listed: Vec<_> = all.iter().map(|route| route.as_str()).collect();
        prop_assert_eq!(listed, ["acme-eu", "borealis-eu", "cirrus-de"]);

        for quote in ask.with(|facts| table.quotes(facts)) {
            let is_planned = choice.plan.routes.iter().any(|route| route.route == quote.route);
            prop_assert_eq!(quote.excluded.is_none(), is_planned, "{:?}", quote);
            let target = ask.with(|facts| table.target_for(&quote.route, facts));
            let planned = choice.targets.iter().find(|target| target.route == quote.route);
            prop_assert_eq!(target.as_ref(), planned);
        }
    }

    #[test]
    fn no_route_that_is_up_stands_behind_one_that_is_down(ask in asks()) {
        let choice = ask.choose(&table(PRIORITY)).unwrap();
        let down = choice.targets.iter().map(|target| ask.down.contains(&target.connection.as_str()));
        prop_assert!(down.is_sorted());
    }
}
