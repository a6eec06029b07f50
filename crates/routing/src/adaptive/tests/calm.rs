//! An arm of which little is known yet, and nothing is wrong with it, until something is.

use std::collections::BTreeMap;

use super::settings;
use crate::adaptive::feed::FeedKind;
use crate::adaptive::{Answer, Cell, Engine, Kind, Stage, Verdict};

/// One vendor and its receipts; nobody reports conversions.
pub(super) struct Line {
    pub(super) engine: Engine,
    pub(super) now: u64,
    number: u64,
    /// By when the vendor knows of it: the operator, when it was sent, and whether it arrived.
    pub(super) known: BTreeMap<(u64, u64), (usize, u64, bool)>,
    told: Vec<Verdict>,
    /// Every so many seconds receipts are sent, but not at the instants that are left out, in seconds.
    every: u64,
    left_out: Vec<u64>,
    /// A message is delivered after so many seconds at least, and within three more.
    takes: u64,
}

impl Line {
    pub(super) fn new(every: u64, left_out: &[u64], takes: u64) -> Self {
        let mut settings = settings(1);
        settings.vendors[0].per_second = f64::INFINITY;
        let engine = Engine::new(settings, 1);
        let (known, told) = (BTreeMap::new(), Vec::new());
        Self { engine, now: 0, number: 0, known, told, every, left_out: left_out.to_vec(), takes }
    }

    /// Seconds with so many messages, each second, to an operator. One in fifty is never heard of again; without a
    /// loss, some are refused, which takes longer than to deliver the others.
    pub(super) fn run(&mut self, seconds: u64, operator: usize, messages: u64, is_lost: bool) {
        for _ in 0..seconds {
            self.second(&[(operator, messages, is_lost)]);
        }
    }

    fn second(&mut self, operators: &[(usize, u64, bool)]) {
        self.now += 1000;
        for (operator, messages, is_lost) in operators {
            for _ in 0..*messages {
                self.send(*operator, *is_lost);
            }
        }
        let second = self.now / 1000;
        if second.is_multiple_of(self.every) && !self.left_out.contains(&second) {
            while let Some(entry) = self.known.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (operator, sent_at, is_delivered) = entry.remove();
                self.engine.receipt(self.now, 0, operator, sent_at, is_delivered);
            }
        }
        self.engine.tick(self.now);
        self.told.extend(self.engine.verdicts());
    }

    fn send(&mut self, operator: usize, is_lost: bool) {
        self.number += 1;
        // Numbers that look like chance, and are the same each time.
        let mut random = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        random ^= random >> 29;
        let cell = Cell { operator, class: 1, reports_conversion: false };
        self.engine.submitted(self.now, 0, cell, Answer::Accepted);
        let (fate, noise) = (random % 100, random / 100);
        let after = match fate {
            _ if is_lost => return,
            0..2 => return,
            2..18 => 15_000 + noise % 20_000,
            _ => self.takes * 1000 + noise % 3000,
        };
        self.known.insert((self.now + after, self.number), (operator, self.now, fate >= 18));
    }

    pub(super) fn raised(&self) -> Vec<&Verdict> {
        self.told.iter().filter(|verdict| verdict.stage == Stage::Raised).collect()
    }

    /// Everything is lost from now on; how many seconds it takes until that is told.
    pub(super) fn told_after(&mut self, messages: u64) -> u64 {
        let began = self.now;
        self.run(600, 0, messages, true);
        let verdict = self.told.iter().find(|verdict| verdict.stage == Stage::Raised);
        let verdict = verdict.expect("it is told");
        assert_eq!(verdict.kind, Kind::SilentDrop, "{:?}", self.told);
        (verdict.at - began) / 1000
    }
}

#[test]
fn what_is_refused_after_the_first_flush_is_no_loss() {
    // The first flush is of messages that were sent when nothing was known of the arm, the second one of those of them
    // that were refused.
    let mut line = Line::new(60, &[], 1);
    line.run(40, 0, 1, false);
    line.run(15, 0, 40, false);
    line.run(100, 0, 1, false);
    assert_eq!(line.raised(), Vec::<&Verdict>::new());
    let told_after = line.told_after(20);
    assert!(told_after <= 600, "{told_after}");
}

#[test]
fn an_unknown_feed_may_leave_out_its_second_flush() {
    let mut line = Line::new(60, &[120], 1);
    line.run(200, 0, 20, false);
    assert_eq!(line.raised(), Vec::<&Verdict>::new());
    let told_after = line.told_after(20);
    assert!(told_after <= 600, "{told_after}");
}

#[test]
fn much_traffic_on_an_arm_whose_delay_is_little_known_is_no_loss() {
    let mut line = Line::new(1, &[], 20);
    line.run(120, 0, 1, false);
    line.run(60, 0, 100, false);
    assert_eq!(line.raised(), Vec::<&Verdict>::new());
    let told_after = line.told_after(100);
    assert!(told_after <= 30, "{told_after}");
}

#[test]
fn a_loss_on_one_arm_does_not_keep_the_feed_of_the_others_from_being_known() {
    let mut line = Line::new(1, &[], 1);
    for _ in 0..200 {
        line.second(&[(0, 1, false), (1, 5, false)]);
    }
    for _ in 0..100 {
        line.second(&[(0, 1, false), (1, 5, true)]);
    }
    assert_eq!(line.engine.state.vendors[0].feed.kind(), FeedKind::Smooth);
    line.every = 8;
    for _ in 0..600 {
        line.second(&[(0, 1, false), (1, 1, true)]);
    }
    assert_eq!(line.engine.state.vendors[0].feed.kind(), FeedKind::Flushed);
    let raised = line.raised();
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!((raised[0].scope.vendor, raised[0].scope.operator), (Some(0), Some(1)));
}

#[test]
fn when_a_feed_says_nothing_at_all_that_is_told_once_and_of_the_vendor() {
    let mut line = Line::new(30, &[], 1);
    let run = |line: &mut Line, seconds: u64| {
        for second in 0..seconds {
            let few = u64::from(second % 8 == 0);
            line.second(&[(0, 20, false), (1, few, false), (2, few, false), (3, few, false)]);
        }
    };
    run(&mut line, 1000);
    assert_eq!(line.raised(), Vec::<&Verdict>::new());
    line.every = u64::MAX;
    run(&mut line, 600);
    let raised = line.raised();
    assert_eq!(raised.len(), 1, "{raised:?}");
    assert_eq!((raised[0].scope.vendor, raised[0].scope.operator), (Some(0), None));
    assert!(raised[0].at <= 1_150_000, "{raised:?}");
}
