//! What is refused, with its place; which rule a message finds.

use domain::content::Features;
use domain::{Channel, Class};
use proptest::prelude::*;

use crate::sample::{Ask, ROUTES, compile};
use crate::table::Table;

/// The problems of these rules after the sample's routes, as `path: message`.
fn problems(rules: &str) -> Vec<String> {
    let problems = compile(&format!("{ROUTES}{rules}")).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

/// The problems of one rule that is otherwise right.
fn rule_problems(keys: &str) -> Vec<String> {
    let routes = if keys.contains("routes =") { "" } else { "routes = [\"acme-eu\"]" };
    problems(&format!("[[policy.rules]]\nid = \"r\"\n{routes}\n{keys}\n"))
}

#[test]
fn the_smallest_and_the_largest_settings_compile() {
    assert_eq!(compile("").unwrap().default_class(), Class::Transactional);
    let table = compile(
        r#"
        [[routes]]
        id = "acme-de"
        connection = "acme"
        channel = "sms"
        countries = ["DE", "AT"]
        rate_card = "acme"
        senders = { default = "SHOP", allow = ["alphanumeric", "numeric"] }
        [[rate_cards]]
        id = "acme"
        currency = "EUR"
        prices = [{ mcc = "262", mnc = "01", price = "0.0450" }, { country = "FR", price = "0.0520", effective_from = "2026-01-01" }]
        [policy]
        default_class = "marketing"
        [[policy.rules]]
        id = "otp-de"
        match = { channel = "sms", class = ["otp"], country = ["DE"], operator = ["262-01"], app = ["shop"], sender = ["SHOP"], recipient_prefix = ["+4915"] }
        strategy = "weighted"
        routes = [{ id = "acme-de", weight = 70 }]
        on_unknown = "next_route"
        failover = { on = ["rejected", "busy", "unavailable", "undelivered", "no_receipt"], wait_at_most = "3s", no_receipt_after = "45s", max_attempts = 3 }
        max_price = "0.10"
        validity = "10m"
        "#,
    )
    .unwrap();
    assert_eq!(table.default_class(), Class::Marketing);
    let ask = Ask { class: Class::Otp, from: Some("SHOP"), operator: Some("26201"), ..Ask::new() };
    let choice = ask.choose(&table).unwrap();
    assert_eq!(choice.validity.as_secs(), 600);
    assert_eq!(choice.plan.terms.no_receipt_after().unwrap().as_secs(), 45);
    assert_eq!(ask.with(|facts| table.validity(facts)), Some(choice.validity));
    for other in [
        Ask { class: Class::Marketing, ..ask.clone() },
        Ask { channel: Channel::Rcs, ..ask.clone() },
        Ask { country: Some("AT"), ..ask.clone() },
        Ask { operator: None, ..ask.clone() },
        Ask { operator: Some("26202"), ..ask.clone() },
        Ask { app: "bank", ..ask.clone() },
        Ask { from: None, ..ask.clone() },
        Ask { to: "+4916012345678".to_owned(), ..ask },
    ] {
        assert!(other.choose(&table).is_err(), "{other:?}");
    }
}

#[test]
fn absent_terms_are_the_documented_ones() {
    let table = crate::sample::table("[[policy.rules]]\nid = \"r\"\nroutes = [\"acme-eu\"]");
    let terms = Ask::new().choose(&table).unwrap().plan.terms;
    assert_eq!((terms.wait_at_most_ms, terms.no_receipt_after_ms, terms.max_attempts), (3000, None, 3));
    let table = crate::sample::table(
        "[[policy.rules]]\nid = \"r\"\nroutes = [\"acme-eu\"]\nfailover = { on = [\"no_receipt\"] }",
    );
    let terms = Ask::new().choose(&table).unwrap().plan.terms;
    assert_eq!(
        (terms.wait_at_most_ms, terms.no_receipt_after_ms, terms.max_attempts),
        (3000, Some(45_000), 3)
    );
}

#[test]
fn all_problems_are_told_at_once() {
    let found = problems(
        r#"
        [[routes]]
        id = "acme-eu"
        connection = "akme"
        countries = ["UK", "de"]
        rate_card = "akme"
        senders = { default = "A SENDER THAT IS TOO LONG" }

        [[rate_cards]]
        id = "dupes"
        currency = "euro"
        prices = [{ country = "DE", price = "1" }, { country = "DE", price = "2" }, { country = "FR", price = "free" }]

        [[rate_cards]]
        id = "both"
        currency = "EUR"
        file = "x.csv"
        prices = [{ country = "DE", price = "1" }]

        [[policy.rules]]
        id = "one"
        match = { country = [], app = ["shopp"], operator = ["262"], recipient_prefix = ["x"], sender = [""] }
        routes = ["acme-eu", "acme-ue", "acme-eu"]
        max_price = "1,0"
        validity = "0s"

        [[policy.rules]]
        id = "one"
        routes = []
        "#,
    );
    let expected = [
        "rate_cards[2].currency: `euro` is not a currency: expected three capital letters of ISO 4217, such as EUR",
        "rate_cards[2].prices[1]: rate_cards[2].prices[0] has a price for the same place and time",
        "rate_cards[2].prices[2].price: `free` is not an amount of money: expected a plain decimal such as 0.0450",
        "rate_cards[3].prices: a card has a file or prices, not both",
        "routes[3].id: `acme-eu` is the id of routes[0] already",
        "routes[3].connection: no connection is called `akme`: did you mean `acme`?",
        "routes[3].countries[0]: `UK` is not a country code of ISO 3166: did you mean `GB`?",
        "routes[3].countries[1]: `de` is not a country code of ISO 3166: did you mean `DE`?",
        "routes[3].rate_card: no rate card is called `akme`: did you mean `acme`?",
        "routes[3].senders.default: `A SENDER THAT IS TOO LONG` is not a sender: expected a number such as +4915112345678, a short code of 3 to 8 digits, or 1 to 11 letters, digits and signs of the GSM alphabet",
        "policy.rules[1].id: `one` is the id of policy.rules[0] already",
        "policy.rules[0].match.country: an empty list admits nothing: leave it out to admit everything",
        "policy.rules[0].match.operator[0]: `262` is not an operator: expected MCC and MNC, such as 262-01 or 26201",
        "policy.rules[0].match.app[0]: no app is called `shopp`: did you mean `shop`?",
        "policy.rules[0].match.sender[0]: `` is not a sender: expected a number such as +4915112345678, a short code of 3 to 8 digits, or 1 to 11 letters, digits and signs of the GSM alphabet",
        "policy.rules[0].match.recipient_prefix[0]: `x` is not the beginning of a number: expected digits in international form, such as +4915",
        "policy.rules[0].routes[1]: no route is called `acme-ue`: did you mean `acme-eu`?",
        "policy.rules[0].routes[2]: `acme-eu` is listed already",
        "policy.rules[0].max_price: `1,0` is not an amount of money: expected a plain decimal such as 0.0450",
        "policy.rules[0].validity: a message needs some time to be tried in",
        "policy.rules[1].routes: the rule lists no routes",
    ];
    assert_eq!(found, expected);
}

#[test]
fn hold_and_failover_on_a_missing_receipt_exclude_each_other() {
    let found = rule_problems("on_unknown = \"hold\"\nfailover = { on = [\"no_receipt\"] }");
    assert_eq!(
        found,
        [
            "policy.rules[0].on_unknown: `hold` promises at most one delivery, which failover on `no_receipt` would break"
        ]
    );
}

#[test]
fn what_would_be_silently_ignored_is_refused() {
    for (keys, place) in [
        ("failover = { no_receipt_after = \"45s\" }", "policy.rules[0].failover.no_receipt_after"),
        ("failover = { max_attempts = 0 }", "policy.rules[0].failover.max_attempts"),
        ("failover = { wait_at_most = \"100d\" }", "policy.rules[0].failover.wait_at_most"),
        (
            "failover = { on = [\"no_receipt\"], no_receipt_after = \"0s\" }",
            "policy.rules[0].failover.no_receipt_after",
        ),
        ("routes = [{ id = \"acme-eu\", weight = 5 }]", "policy.rules[0].routes[0].weight"),
        ("strategy = \"weighted\"", "policy.rules[0].routes[0]"),
        ("strategy = \"weighted\"\nroutes = [{ id = \"acme-eu\", weight = 0 }]", "policy.rules[0].routes"),
        ("strategy = \"quality_floor\"", "policy.rules[0].strategy"),
        ("quality_floor = \"1.5\"", "policy.rules[0].quality_floor"),
        ("quality_floor = \"90%\"", "policy.rules[0].quality_floor"),
        (
            "strategy = \"adaptive\"\nroutes = [{ id = \"acme-eu\", weight = 5 }]",
            "policy.rules[0].routes[0].weight",
        ),
        ("[policy.adaptive]\notp = { value = \"0\" }", "policy.adaptive.otp.value"),
        ("[policy.adaptive]\notp = { value = \"dear\" }", "policy.adaptive.otp.value"),
        (
            "[policy.adaptive]\nmarketing = { value = \"1\", within = \"0s\" }",
            "policy.adaptive.marketing.within",
        ),
        ("[policy.adaptive]\ncurrency = \"euro\"", "policy.adaptive.currency"),
        ("match = { channel = \"rcs\" }", "policy.rules[0].routes[0]"),
        ("match = { class = [] }", "policy.rules[0].match.class"),
    ] {
        let found = rule_problems(keys);
        assert_eq!(found.len(), 1, "{keys}: {found:?}");
        assert!(found.iter().all(|problem| problem.starts_with(&format!("{place}: "))), "{keys}: {found:?}");
    }
}

#[test]
fn a_rule_may_have_a_message_tried_for_a_week_and_no_longer() {
    let week =
        crate::sample::table("[[policy.rules]]\nid = \"r\"\nroutes = [\"acme-eu\"]\nvalidity = \"7d\"");
    assert_eq!(Ask::new().choose(&week).unwrap().validity.as_secs(), 7 * 86_400);
    let found = rule_problems("validity = \"30d\"");
    assert_eq!(found, ["policy.rules[0].validity: at most 7 days: nothing is heard of a message for longer"]);
}

#[test]
fn prices_in_two_currencies_cannot_be_compared() {
    let found = problems(
        r#"
        [[routes]]
        id = "dollars"
        connection = "acme"
        rate_card = "dollars"
        [[rate_cards]]
        id = "dollars"
        currency = "USD"
        prices = [{ country = "DE", price = "0.05" }]
        [[policy.rules]]
        id = "r"
        strategy = "least_cost"
        routes = ["cirrus-de", "acme-eu", "dollars"]
        "#,
    );
    assert_eq!(
        found,
        [
            "policy.rules[0].routes[2]: `least_cost` compares prices, and `dollars` is priced in USD where `acme-eu` is in EUR: [[exchange_rates]] has no rate between them"
        ]
    );
}

#[test]
fn unknown_keys_and_odd_forms_are_refused_by_name() {
    let refused = |toml: &str| toml::from_str::<crate::Settings>(toml).unwrap_err().to_string();
    for (toml, expected) in [
        ("[policy]\nrule = []", "unknown field `rule`"),
        ("[[routes]]\nid = \"r\"\nconnection = \"c\"\nsender = {}", "unknown field `sender`"),
        ("[[policy.rules]]\nid = \"r\"\nroutes = [5]", "the id of a route, or { id = \"…\", weight = … }"),
        ("[[policy.rules]]\nid = \"r\"\nroutes = [{ id = \"a\", wait = 5 }]", "unknown field `wait`"),
        ("[[policy.rules]]\nid = \"r\"\nroutes = []\nstrategy = \"cheap\"", "unknown variant `cheap`"),
    ] {
        assert!(refused(toml).contains(expected), "{}", refused(toml));
    }
}

#[test]
fn the_schema_asks_for_no_more_than_the_reader_does() {
    let schema = serde_json::to_value(schemars::schema_for!(crate::Settings)).unwrap();
    let required = |name: &str| schema["$defs"][name]["required"].clone();
    assert_eq!(required("Route"), serde_json::json!(["id", "connection"]));
    assert_eq!(required("RateCard"), serde_json::json!(["id", "currency"]));
    assert_eq!(required("PriceEntry"), serde_json::json!(["price"]));
    assert_eq!(required("Rule"), serde_json::json!(["id", "routes"]));
    assert_eq!(required("Match"), serde_json::Value::Null);
}

/// Some rules over few values, so that they overlap in every way.
fn rules() -> impl Strategy<Value = Vec<String>> {
    fn some(key: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = Option<String>> {
        let picked = prop::sample::subsequence(values, 1..=2);
        let list = picked.prop_map(move |picked| format!("{key} = {picked:?}"));
        prop::option::weighted(0.3, list)
    }
    let rule = (
        some("class", &["otp", "transactional", "marketing"]),
        some("country", &["DE", "AT", "FR"]),
        some("operator", &["262-01", "262-02", "232-01"]),
        some("app", &["shop", "bank"]),
        some("sender", &["SHOP", "72345", "+4915112345678"]),
        some("recipient_prefix", &["4", "+49", "491", "4915", "43", "+4915112"]),
        some("sender_kind", &["alphanumeric", "numeric", "short_code"]),
        some("encoding", &["gsm7", "ucs2"]),
        prop::option::weighted(0.2, any::<bool>().prop_map(|has_link| format!("has_link = {has_link}"))),
    );
    let text = rule.prop_map(|(a, b, c, d, e, f, g, h, i)| {
        [a, b, c, d, e, f, g, h, i].into_iter().flatten().collect::<Vec<_>>().join(", ")
    });
    prop::collection::vec(text, 0..30)
}

fn asks() -> impl Strategy<Value = Ask> {
    let classes = prop::sample::select(Class::ALL.to_vec());
    let countries = prop::sample::select(vec![None, Some("DE"), Some("AT"), Some("FR"), Some("US")]);
    let operators = prop::sample::select(vec![None, Some("26201"), Some("26202"), Some("23201"), Some("?")]);
    let apps = prop::sample::select(vec!["shop", "bank"]);
    let senders = prop::sample::select(vec![None, Some("SHOP"), Some("72345"), Some("4915112345678")]);
    let recipients = prop::sample::select(vec![
        "+4915112345678",
        "+4916012345678",
        "+436601234567",
        "+3361234567",
        "+491",
    ]);
    let texts = prop::sample::select(vec!["hello", "grüße ж", "see bit.ly/3xY", "ж bit.ly/3xY"]);
    (classes, countries, operators, apps, senders, recipients, texts).prop_map(
        |(class, country, operator, app, from, to, text)| Ask {
            features: Features::of(text),
            class,
            country,
            operator,
            app,
            from,
            to: to.to_owned(),
            ..Ask::new()
        },
    )
}

#[test]
fn every_wrong_pin_is_named_and_one_that_nothing_reaches_is_warned_of() {
    let pins = r#"
        [[policy.pins]]
        id = "a"
        route = "acme-eu"
        [[policy.pins]]
        id = "a"
        recipient_prefix = ["x"]
        operator = []
        app = ["shopp"]
        route = "acme-ue"
    "#;
    assert_eq!(
        problems(pins),
        [
            "policy.pins[1].id: `a` is the id of policy.pins[0] already",
            "policy.pins[0]: a pin of every message would leave the rules nothing: give recipient_prefix, operator or app",
            "policy.pins[1].operator: an empty list admits nothing: leave it out to admit everything",
            "policy.pins[1].app[0]: no app is called `shopp`: did you mean `shop`?",
            "policy.pins[1].recipient_prefix[0]: `x` is not the beginning of a number: expected digits in international form, such as +4915",
            "policy.pins[1].route: no route is called `acme-ue`: did you mean `acme-eu`?",
        ]
    );
    let pin = |id: &str, prefix: &str| {
        format!("[[policy.pins]]\nid = \"{id}\"\nrecipient_prefix = [\"{prefix}\"]\nroute = \"acme-eu\"\n")
    };
    let table = compile(&format!("{ROUTES}{}{}", pin("wide", "49"), pin("narrow", "+4915"))).unwrap();
    let told: Vec<String> = table.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "policy.pins[1]: nothing reaches the pin `narrow`: `wide` above it takes all its messages (to numbers with +49)"
        ]
    );
}

#[test]
fn every_wrong_cap_is_named() {
    let caps = r#"
        [[caps]]
        id = "a"
        limit = 0
        per = "day"
        [[caps]]
        id = "a"
        connection = "acme"
        route = "acme-eu"
        limit = 5
        per = "hour"
        [[caps]]
        id = "b"
        route = "acme-ue"
        sender_kind = []
        class = []
        limit = 5
        per = "second"
    "#;
    let problems = compile(&format!("{ROUTES}{caps}")).unwrap_err();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "caps[1].id: `a` is the id of caps[0] already",
            "caps[0]: a cap is of a connection or of a route: give one of both",
            "caps[0].limit: a limit of 0 lets nothing pass: suspend the route instead",
            "caps[1]: a cap is of a connection or of a route: give one of both",
            "caps[2].route: no route is called `acme-ue`: did you mean `acme-eu`?",
            "caps[2].sender_kind: an empty list admits nothing: leave it out to admit everything",
            "caps[2].class: an empty list admits nothing: leave it out to admit everything",
        ]
    );
}

proptest! {
    #[test]
    fn the_index_finds_what_asking_every_rule_finds(rules in rules(), asks in prop::collection::vec(asks(), 50)) {
        let mut toml = ROUTES.to_owned();
        for (at, matches) in rules.iter().enumerate() {
            toml += &format!("[[policy.rules]]\nid = \"r{at}\"\nmatch = {{ {matches} }}\nroutes = [\"acme-eu\"]\n");
        }
        let table: Table = compile(&toml).unwrap();
        for ask in asks {
            ask.with(|facts| {
                let request = table.request(facts);
                let scanned = table.rules.iter().find(|rule| rule.conditions.hold(&request));
                let found = table.rule(&request);
                prop_assert_eq!(found.map(|rule| &rule.id), scanned.map(|rule| &rule.id));
                Ok(())
            })?;
        }
    }
}
