//! Files of decisions: what is written is read again, and what is wrong is named.

use std::time::Duration;

use domain::attempt::{PartAnswer, Verdict};
use domain::commitment::{Pace, Unit};
use domain::message::{Channel, Class, Message};
use domain::plan::{Capped, DrawFlags, Drawn, Shortfall};
use domain::{AppId, Encoding, ErrorClass, MessageId, Price, Recipient, status::StatusSet};
use pipeline::App;
use pipeline::replay::{Answered, Believed, Done, Fate, LeftAside, Leg};
use proptest::prelude::*;

use super::*;

fn known(apps: &[&str]) -> Known {
    let app = |id: &&str| (id.parse::<AppId>().unwrap(), App::new(StatusSet::NONE));
    Known {
        apps: apps.iter().map(app).collect(),
        default_class: Class::Transactional,
        operator: Box::new(|to| to.as_str().starts_with("+4915").then(|| "26201".parse().unwrap())),
        now: Timestamp::from_millis(1_770_000_000_000),
    }
}

/// What a file comes to, and its problems.
fn read(text: &[u8], known: &Known) -> (Vec<Read>, Result<Whole, Problems>) {
    let mut input = text;
    let mut items = Items::new(&mut input, known);
    let mut all = Vec::new();
    while let Some(item) = items.read_item().unwrap() {
        all.push(item);
    }
    (all, items.finish())
}

fn decisions(text: &str) -> Vec<Decision> {
    let (items, whole) = read(text.as_bytes(), &known(&["shop"]));
    whole.unwrap();
    let decision = |item| match item {
        Read::Decision(decision) => *decision,
        Read::Aside(why) => panic!("it is left aside: {why:?}"),
    };
    items.into_iter().map(decision).collect()
}

fn problems(text: &str, apps: &[&str]) -> Vec<String> {
    let (_, whole) = read(text.as_bytes(), &known(apps));
    whole.unwrap_err().told.into_iter().map(|(line, problem)| format!("{line}: {problem}")).collect()
}

fn price() -> impl Strategy<Value = Price> {
    (0u32..1_000_000, 0u32..=12, prop_oneof!["EUR", "USD"]).prop_map(|(amount, places, currency)| Price {
        amount: domain::money::Decimal::new(i64::from(amount), places),
        currency: currency.parse().unwrap(),
    })
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9-]{0,8}"
}

fn at() -> impl Strategy<Value = Timestamp> {
    (0i64..4_000_000_000_000).prop_map(Timestamp::from_millis)
}

fn answers() -> impl Strategy<Value = Box<[PartAnswer]>> {
    let one = prop_oneof![
        Just(PartAnswer::Accepted),
        Just(PartAnswer::Rejected),
        Just(PartAnswer::Unknown),
        Just(PartAnswer::Busy),
        Just(PartAnswer::NotSent),
    ];
    proptest::collection::vec(one, 1..4).prop_map(Into::into)
}

fn millis() -> impl Strategy<Value = Duration> {
    (0u64..100_000_000).prop_map(Duration::from_millis)
}

fn fate() -> impl Strategy<Value = Fate> {
    let verdict = prop_oneof![Just(Verdict::Delivered), Just(Verdict::Undelivered), Just(Verdict::Expired)];
    let receipts = proptest::collection::vec(proptest::option::of(verdict), 0..3);
    let class = proptest::sample::select(ErrorClass::ALL.to_vec());
    let classes = proptest::collection::vec(proptest::option::of(class), 0..3);
    let late = proptest::option::of((answers(), millis()));
    let answered = (answers(), millis(), late, receipts, millis(), classes, any::<bool>()).prop_map(
        |(parts, after, late, receipts, receipt_after, classes, is_assumed)| {
            Fate::Answered(Answered {
                parts,
                after,
                late,
                receipts: receipts.into(),
                receipt_after,
                classes: classes.into(),
                is_assumed,
            })
        },
    );
    prop_oneof![Just(Fate::NoSlot), answered]
}

fn believed() -> impl Strategy<Value = Believed> {
    let flags = proptest::sample::subsequence(
        vec![DrawFlags::PROBE, DrawFlags::FALLBACK, DrawFlags::THROTTLED, DrawFlags::SHUT],
        0..=4,
    );
    let flags = flags.prop_map(|flags| flags.into_iter().fold(DrawFlags::default(), DrawFlags::with));
    let drawn = (any::<u64>(), any::<u8>(), any::<u16>(), any::<u16>(), flags)
        .prop_map(|(table, place, share, probe, flags)| Drawn { table, place, share, probe, flags });
    let shortfall = (any::<u16>(), any::<u16>(), any::<u32>())
        .prop_map(|(quality, floor, messages)| Shortfall { quality, floor, messages });
    (name(), proptest::option::of(drawn), proptest::option::of(shortfall))
        .prop_map(|(route, drawn, shortfall)| Believed { route: route.parse().unwrap(), drawn, shortfall })
}

fn pace() -> impl Strategy<Value = Pace> {
    let unit = prop_oneof![
        Just(Unit::Messages),
        Just(Unit::Segments),
        price().prop_map(|price| Unit::Spend(price.currency)),
    ];
    (unit, price(), price(), price(), at(), 0..=1000u16).prop_map(
        |(unit, promised, carried, due, until, urgency)| Pace {
            unit,
            promised: promised.amount,
            carried: carried.amount,
            due: due.amount,
            until,
            urgency,
        },
    )
}

fn done() -> impl Strategy<Value = Done> {
    use pipeline::replay::Refusal;
    let leg = (name(), name(), at(), 1u16..=20, proptest::option::of(price()), 0u16..20, 0u16..20).prop_map(
        |(route, connection, asked_at, segments, cost, taken, unpriced)| Leg {
            route: route.parse().unwrap(),
            connection: connection.parse().unwrap(),
            asked_at,
            segments,
            cost,
            taken,
            unpriced,
        },
    );
    prop_oneof![
        Just(Done::Refused(Refusal::NoRule)),
        Just(Done::Refused(Refusal::NoRoute(Vec::new()))),
        proptest::collection::vec(leg, 0..3).prop_map(Done::Sent),
    ]
}

/// As an honest file says it: an attempt is made within the weeks after its message was accepted.
fn made_after(accepted: Timestamp, mut done: Done) -> Done {
    if let Done::Sent(legs) = &mut done {
        for leg in legs {
            let millis = leg.asked_at.as_millis().unsigned_abs() % 3_000_000_000;
            leg.asked_at = accepted.plus(Duration::from_millis(millis));
        }
    }
    done
}

prop_compose! {
    fn message()(
        id in any::<u128>(),
        app in name(),
        created_at in at(),
        from in proptest::option::of(prop_oneof!["SHOP", "72345", "\\+4915112345678"]),
        class in proptest::sample::select(Class::ALL.to_vec()),
        ucs2 in any::<bool>(),
        segments in 1u8..=20,
        country in proptest::option::of(prop_oneof!["DE", "GB"]),
        operator in proptest::option::of(Just("26202".to_owned())),
        later in proptest::option::of(1u64..1_000_000),
        expires_at in at(),
        max_price in proptest::option::of(price()),
        has_link in any::<bool>(),
        no_probe in any::<bool>(),
    ) -> Message {
        Message {
            id: MessageId::from_u128(id),
            app: app.parse().unwrap(),
            created_at,
            to: Recipient::from_e164("+4915112345678").unwrap(),
            from: from.map(|from| from.parse().unwrap()),
            channel: Channel::Sms,
            class,
            text: Box::default(),
            encoding: if ucs2 { Encoding::Ucs2 } else { Encoding::Gsm7 },
            segments,
            country: country.map(|country| country.parse().unwrap()),
            operator: operator.map(String::into_boxed_str),
            reference: None,
            metadata: None,
            send_at: later.map(|later| created_at.plus(Duration::from_millis(later))),
            expires_at,
            max_price,
            callback_url: None,
            notify: StatusSet::NONE,
            by_smpp: None,
            operator_source: None,
            operator_known_at: None,
            has_link,
            no_probe,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_of_a_decision_is_what_is_read(
        message in message(),
        done in done(),
        fates in proptest::collection::vec((name(), fate()), 0..3),
        down in proptest::collection::vec(name(), 0..3),
        capped in proptest::collection::vec((name(), any::<u32>(), any::<u32>(), at()), 0..3),
        believed in proptest::collection::vec(believed(), 0..3),
        paces in proptest::collection::vec((name(), pace()), 0..3),
        probed_just_now in any::<bool>(),
    ) {
        let done = made_after(message.created_at, done);
        let decision = Decision {
            message,
            done,
            fates: fates.into_iter().map(|(route, fate)| (route.parse().unwrap(), fate)).collect(),
            down: down.into_iter().map(|route| route.parse().unwrap()).collect(),
            capped: capped
                .into_iter()
                .map(|(cap, count, limit, until)| Capped { cap: cap.parse().unwrap(), count, limit, until })
                .collect(),
            believed,
            paces: paces.into_iter().map(|(route, pace)| (route.parse().unwrap(), pace)).collect(),
            probed_just_now,
        };
        let mut text = Vec::new();
        put(&mut text, &Line::of(&decision));
        let (read, whole) = read(&text, &known(&[]));
        prop_assert!(whole.is_ok(), "{whole:?} {}", String::from_utf8_lossy(&text));
        prop_assert_eq!(read, vec![Read::Decision(Box::new(decision))]);
    }
}

#[test]
fn what_a_line_does_not_say_is_found_out_as_for_a_new_message() {
    let found = decisions(
        r#"{"to":"+4915112345678","class":"marketing","app":"news","at":"2026-03-01T09:00:00Z","text":"Hi: https://example.com"}
{"to":"+447700900123","segments":2}

{"to":"+4915112345679","segments":1,"operator":null,"country":null,"outcomes":[{"route":"acme","answers":["rejected"],"classes":["fail_over"]}]}
"#,
    );
    let [first, second, third] = found.as_slice() else { panic!("{found:?}") };
    let message = &first.message;
    assert_eq!((message.app.as_str(), message.class, message.segments), ("news", Class::Marketing, 1));
    assert_eq!((message.operator.as_deref(), message.has_link), (Some("26201"), true));
    assert_eq!(message.country.map(|country| country.to_string()).as_deref(), Some("DE"));
    assert_eq!(first.done, Done::Planned);
    // The only app, the default class, the instant of the line above.
    let message = &second.message;
    assert_eq!((message.app.as_str(), message.class, message.segments), ("shop", Class::Transactional, 2));
    assert_eq!(message.created_at, first.message.created_at);
    assert_ne!(message.id, first.message.id);
    assert_eq!(message.operator, None);
    // Said to be unknown.
    assert_eq!((third.message.operator.clone(), third.message.country), (None, None));
    let [(route, Fate::Answered(answered))] = third.fates.as_slice() else { panic!("{:?}", third.fates) };
    assert_eq!((route.as_str(), &*answered.parts), ("acme", &[PartAnswer::Rejected][..]));
    assert_eq!(&*answered.classes, &[Some(ErrorClass::FailOver)]);
}

#[test]
fn every_bad_line_is_named_with_all_that_is_wrong_with_it() {
    let text = "{\"to\":\"+4915112345678\",\"segments\":1,\"at\":\"2026-03-01T09:00:00Z\"}
{\"to\":\"12\",\"operator\":\"ACME\",\"country\":\"Germany\"}
{\"to\":\"+4915112345678\",\"segmnts\":1}
not json
{\"to\":\"+4915112345678\",\"segments\":21}
{\"to\":\"+4915112345678\",\"segments\":1,\"at\":\"2026-02-01T09:00:00Z\"}
{\"to\":\"+4915112345678\",\"segments\":1} {}
{\"to\":\"+4915112345678\",\"segments\":1,\"outcomes\":[{\"route\":\"acme\"}]}
{\"to\":\"+4915112345678\",\"segments\":1,\"outcomes\":[{\"route\":\"acme\",\"answers\":[\"lost\"]}]}
";
    insta::assert_snapshot!(problems(text, &["shop", "news"]).join("\n"));
    let long = format!("{{\"to\":\"{}\"}}\n{{\"segments\":1}}", "1".repeat(70_000));
    assert_eq!(problems(&long, &["shop"]), ["1: is longer than 64 KiB", "2: to: is missing"]);
    let far = r#"{"to":"+4915112345678","segments":1,"at":"2026-03-01T09:00:00Z","send_at":"2027-03-01T09:00:00Z",
        "attempts":[{"route":"acme","connection":"acme","asked_at":"2025-03-01T09:00:00Z"}]}"#;
    let days = "is more than 42 days from `at`";
    let both = [format!("1: send_at: {days}"), format!("1: attempts[0].asked_at: {days}")];
    assert_eq!(problems(&far.replace('\n', ""), &["shop"]), both);
    let many = "{}\n".repeat(150);
    let (_, whole) = read(many.as_bytes(), &known(&["shop"]));
    let problems = whole.unwrap_err();
    assert_eq!((problems.told.len(), problems.more), (100, 200));
    assert_eq!(problems.to_string(), "100 problems in the file, and 200 more that are not told");
}

#[test]
fn an_export_that_was_cut_off_or_edited_is_refused() {
    let (since, until) = (Timestamp::from_millis(1000), Timestamp::from_millis(2000));
    let mut whole = Vec::new();
    put(&mut whole, &Head::new(since, until));
    let id = MessageId::from_u128(1);
    put(&mut whole, &Line::aside(id, Timestamp::from_millis(1500), LeftAside::Canceled));
    let cut = whole.clone();
    put(
        &mut whole,
        &End { lines: 1, damaged: 2, days_left_out: vec!["2026-03-01".to_owned()], ..End::new() },
    );
    let (items, found) = read(&whole, &known(&[]));
    assert_eq!(items, [Read::Aside(LeftAside::Canceled)]);
    let found = found.unwrap();
    assert_eq!((found.period.since, found.period.until, found.period.is_said), (since, until, true));
    assert_eq!((found.damaged, found.days_left_out), (2, vec!["2026-03-01".to_owned()]));

    let told = |text: &[u8]| read(text, &known(&[])).1.unwrap_err().to_string();
    assert!(told(&cut).starts_with("line 3: the line is missing that ends an export"), "{}", told(&cut));
    let mut edited = cut;
    put(&mut edited, &End { lines: 7, ..End::new() });
    assert!(told(&edited).starts_with("line 3: says that there are 7 lines"), "{}", told(&edited));
    whole.extend(b"{\"segments\":1}\n");
    assert_eq!(told(&whole), "line 4: stands behind the line that ends the export");
    assert_eq!(told(b"\n\n"), "line 1: there is nothing in the file");
    assert_eq!(
        told(b"{\"decisions\":2,\"since\":\"2026-03-01T00:00:00Z\",\"until\":\"2026-03-02T00:00:00Z\"}"),
        "line 1: decisions: 2 is a form that this version does not know"
    );
    assert_eq!(told(b"\xff"), "line 1: is not UTF-8 from byte 1 on");
}
