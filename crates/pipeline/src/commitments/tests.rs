//! What sums up to what was promised, and what is written of it.

use super::*;

const EUR: Currency = Currency::EUR;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn name(text: &str) -> ConnectionId {
    text.parse().unwrap()
}

fn commitments(all: &[(&str, &[&str], Unit, i64)]) -> Commitments {
    let agreed = |(vendor, connections, unit, promised): &(&str, &[&str], Unit, i64)| Agreed {
        vendor: vendor.parse().unwrap(),
        connections: connections.iter().map(|text| name(text)).collect(),
        commitments: vec![Commitment {
            period: Period::Month,
            unit: *unit,
            promised: Decimal::from(*promised),
            starts: None,
            ends: None,
            elsewhere: Vec::new(),
        }],
    };
    let commitments =
        Commitments { agreements: ArcSwap::default(), sums: Mutex::default(), paces: ArcSwap::default() };
    let agreements = Agreements { vendors: all.iter().map(agreed).collect(), ..Agreements::default() };
    commitments.agree(agreements, at("2026-11-15T00:00:00Z"));
    commitments
}

fn carry(of: &Commitments, connection: &str, when: &str, currency: Option<Currency>, messages: u64) {
    let spend = if currency.is_some() { Decimal::new(5, 2) * Decimal::from(messages) } else { Decimal::ZERO };
    let added = Sum { messages, segments: 2 * messages, spend, is_unsaved: true };
    let mut sums = of.sums.lock();
    let vendor = sums.owners[&name(connection)].clone();
    sums.add(&vendor, (day(at(when)), currency), added);
}

#[test]
fn all_connections_of_a_vendor_count_from_the_first_day_to_the_last() {
    let of = commitments(&[
        ("acme", &["acme-1", "acme-2"], Unit::Messages, 1000),
        ("borealis", &["borealis"], Unit::Spend(EUR), 1000),
        ("cirrus", &["cirrus"], Unit::Segments, 1000),
    ]);
    let usd = "USD".parse().unwrap();
    for (when, messages) in
        [("2026-10-31T23:59:59.999Z", 1), ("2026-11-01T00:00:00Z", 20), ("2026-11-30T23:59:59.999Z", 300)]
    {
        carry(&of, "acme-1", when, Some(EUR), messages);
        carry(&of, "acme-2", when, None, messages);
        carry(&of, "borealis", when, Some(EUR), messages);
        carry(&of, "borealis", when, Some(usd), messages);
        carry(&of, "cirrus", when, Some(usd), messages);
    }
    carry(&of, "acme-1", "2026-12-01T00:00:00Z", Some(EUR), 4000);
    let carried =
        |now| of.standing(at(now)).iter().map(|one| one.pace.carried.to_string()).collect::<Vec<_>>();
    assert_eq!(carried("2026-11-15T00:00:00Z"), ["640", "16.00", "640"]);
    assert_eq!(carried("2026-12-15T00:00:00Z"), ["4000", "0", "0"]);
}

#[test]
fn a_vendor_keeps_what_it_carried_by_connections_that_it_has_no_more() {
    let of = commitments(&[("acme", &["acme-1"], Unit::Messages, 1000)]);
    let now = at("2026-11-15T00:00:00Z");
    carry(&of, "acme-1", "2026-11-02T00:00:00Z", None, 7);
    let mut agreed = of.agreements().vendors.clone();
    agreed[0].connections = vec![name("acme-2")];
    of.agree(Agreements { vendors: agreed, ..Agreements::default() }, now);
    carry(&of, "acme-2", "2026-11-03T00:00:00Z", None, 20);
    // An answer that came late.
    carry(&of, "acme-1", "2026-11-03T00:00:00Z", None, 300);
    assert_eq!(of.standing(now)[0].pace.carried, Decimal::from(327));
    assert!(of.unsaved().iter().all(|one| one.vendor.as_str() == "acme"));
}

#[test]
fn decisions_hear_of_the_most_urgent_promise_of_a_vendor_and_of_none_that_is_on_pace() {
    let of = commitments(&[
        ("acme", &["acme-1", "acme-2"], Unit::Messages, 1000),
        ("acme", &["acme-1", "acme-2"], Unit::Segments, 1000),
        ("borealis", &["borealis"], Unit::Messages, 1000),
    ]);
    carry(&of, "acme-2", "2026-11-02T00:00:00Z", Some(EUR), 450);
    carry(&of, "borealis", "2026-11-02T00:00:00Z", Some(EUR), 500);
    of.look(at("2026-11-16T00:00:00Z"));
    let paces = of.paces();
    assert_eq!(paces.len(), 2);
    let pace = paces[&name("acme-1")];
    assert_eq!((pace, pace.unit, pace.behind()), (paces[&name("acme-2")], Unit::Messages, Decimal::from(50)));
}

#[test]
fn each_sum_is_written_until_it_was() {
    let of = commitments(&[("acme", &["acme"], Unit::Messages, 1000)]);
    carry(&of, "acme", "2026-11-02T00:00:00Z", Some(EUR), 1);
    carry(&of, "acme", "2026-11-02T12:00:00Z", Some(EUR), 2);
    carry(&of, "acme", "2026-11-03T00:00:00Z", None, 4);
    let first = of.unsaved();
    let told: Vec<_> = first.iter().map(|one| (one.messages, one.segments, one.spend.to_string())).collect();
    assert_eq!(told, [(3, 6, "0.15".to_owned()), (4, 8, "0".to_owned())]);
    assert_eq!(of.unsaved(), []);
    of.keep_unsaved(first.clone());
    carry(&of, "acme", "2026-11-02T13:00:00Z", Some(EUR), 1);
    let again = of.unsaved();
    assert_eq!((again.len(), again[0].messages, &again[1]), (2, 4, &first[1]));
}
