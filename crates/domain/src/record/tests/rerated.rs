//! What an attempt costs after all stands beside what it was rated at, and changes nothing else.

use super::*;
use crate::attempt::Rerated;

fn tariff(amount: &str) -> Tariff {
    let amount = crate::money::parse_amount(amount).unwrap();
    Tariff::from(Price { amount, currency: crate::Currency::EUR })
}

fn rerated(amount: &str) -> Rerated {
    let rate_card = "acme".parse().unwrap();
    Rerated { price: tariff(amount), rate_card, version: 8, at: at(100) }
}

#[test]
fn a_corrected_cost_is_the_cost_and_the_first_one_is_kept() {
    let mut record = Case { segments: 2, ..Case::default() }.record();
    let priced = Target { price: Some(tariff("0.0450")), ..target("a") };
    let dispatch = Dispatch { attempt: 1, target: priced, text_revision: 0, bind: 0, epoch: 1 };
    record.apply(Input::Dispatch(dispatch), at(1)).unwrap();
    (0..2).for_each(|part| drop(part_answer(&mut record, (1, part), accepted())));
    (0..2).for_each(|part| drop(part_receipt(&mut record, (1, part), Some(Verdict::Delivered))));
    assert!(record.closed);
    let before = record.clone();

    let effects = record.apply(Input::Rerate(vec![(1, rerated("0.0400"))]), at(100)).unwrap();
    assert_eq!(effects, Effects::default());
    let shown = |price: Option<Price>| price.unwrap().to_string();
    assert_eq!(shown(record.cost()), "0.0800 EUR");
    assert_eq!(shown(record.attempts[0].first_cost()), "0.0900 EUR");
    let stored = minicbor::to_vec(&record).unwrap();
    assert_eq!(minicbor::decode::<Record>(&stored).unwrap(), record);

    // The same once more changes nothing, another one takes its place.
    let once = record.clone();
    record.apply(Input::Rerate(vec![(1, rerated("0.0400"))]), at(200)).unwrap();
    assert_eq!(record, once);
    record.apply(Input::Rerate(vec![(1, rerated("0.0500"))]), at(200)).unwrap();
    assert_eq!(shown(record.cost()), "0.1000 EUR");
    record.attempts[0].rerated = None;
    assert_eq!(record, before);
}

#[test]
fn of_several_attempts_all_are_corrected_or_none() {
    let mut record = Case::default().record();
    let before = record.clone();
    let both = vec![(1, rerated("0.0400")), (2, rerated("0.0400"))];
    assert_eq!(record.apply(Input::Rerate(both), at(1)), Err(Refusal::NoSuchAttempt));
    assert_eq!(record, before);
}
