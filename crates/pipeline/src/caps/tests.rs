//! What a count lets pass, and what it remembers.

use super::*;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000 + millis)
}

/// How many messages of one segment leave, asked for each millisecond of a time.
fn leave(counter: &Counter, millis: std::ops::Range<i64>, limit: u32) -> usize {
    millis.filter(|&millis| counter.take(at(millis), 1, limit).is_some()).count()
}

#[test]
fn a_period_counts_up_to_its_limit_and_the_next_begins_anew() {
    let counter = Counter::new(Period::Minute);
    assert_eq!(leave(&counter, 0..60_000, 100), 100);
    assert_eq!(counter.count(at(59_999)).1, 100);
    assert_eq!(counter.count(at(60_000)).1, 0);
    assert_eq!(leave(&counter, 60_000..60_030, 100), 30);
    let place = counter.count(at(60_030)).0;
    counter.give_back(place, 10, 100);
    assert_eq!(counter.count(at(60_030)).1, 20);
    // Of the minute before it is none of this one's.
    counter.give_back(place - 1, 10, 100);
    assert_eq!(counter.count(at(60_030)).1, 20);
}

#[test]
fn a_second_is_spread_with_a_small_burst() {
    let counter = Counter::new(Period::Second);
    assert_eq!(leave(&counter, 0..1, 200), 1);
    let burst = (0..1000).filter(|_| counter.take(at(0), 1, 200).is_some()).count();
    assert_eq!(burst, 19, "a tenth of a second's worth");
    assert_eq!(leave(&counter, 1000..6000, 200), 1019);
    let slow = Counter::new(Period::Second);
    assert_eq!(leave(&slow, 0..10_000, 1), 10);
}

#[test]
fn a_long_message_is_spread_too_and_goes_when_nothing_else_was_counted() {
    let counter = Counter::new(Period::Second);
    assert!(counter.take(at(0), 10, 5).is_some());
    assert!(counter.take(at(1500), 1, 5).is_none());
    assert!(counter.take(at(2000), 1, 5).is_some());
    let counter = Counter::new(Period::Day);
    assert!(counter.take(at(0), 10, 5).is_some());
    assert!(counter.take(at(1), 1, 5).is_none());
}

#[test]
fn a_clock_that_steps_back_gives_nothing_twice_and_one_that_was_wrong_blocks_nothing() {
    let counter = Counter::new(Period::Minute);
    assert_eq!(leave(&counter, 60_000..60_010, 10), 10);
    assert!(counter.take(at(59_000), 1, 10).is_none(), "the next minute had begun already");
    assert!(counter.take(at(-600_000), 1, 10).is_some());
    let second = Counter::new(Period::Second);
    assert!(second.take(at(86_400_000), 1, 10).is_some());
    assert!(second.take(at(0), 1, 10).is_some());
}

#[test]
fn what_was_written_is_read_as_it_was() {
    let counter = Counter::new(Period::Day);
    assert!(counter.take(at(5), 7, 10).is_some());
    let caps = Caps::default();
    let id: CapId = "a".parse().unwrap();
    let mut all = FxHashMap::default();
    all.insert((id, Period::Day), Arc::new(counter));
    caps.counters.store(Arc::new(all));
    let unsaved = caps.unsaved();
    let (counted, ..) = unsaved.first().unwrap();
    assert_eq!((counted.count, counted.since), (7, at(0)));
    let again = Counter::of(counted).unwrap();
    assert_eq!(again.count(at(6)), caps.counters.load().values().next().unwrap().count(at(6)));
    assert!(Counter::of(&Counted { period: 5, ..counted.clone() }).is_none());
}
