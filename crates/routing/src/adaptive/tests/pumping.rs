//! Codes that nobody waits for are no vendor's fault; receipts that lie still are.

use std::collections::BTreeMap;

use super::{request, settings};
use crate::adaptive::verdict::Incidents;
use crate::adaptive::{Answer, Engine, Kind, Scope, Stage, Verdict};

/// Three vendors, two operators. Users wait for codes, and somebody has others sent to operator 0.
struct World {
    engine: Engine,
    now: u64,
    number: u64,
    /// What comes back, by when: the vendor, the operator, when it was sent, and whether it is a conversion.
    coming: BTreeMap<(u64, u64, bool), (usize, usize, u64)>,
    told: Vec<Verdict>,
    /// Of so many messages, how many go to each vendor, whatever the engine says.
    carries: Option<[u64; 3]>,
    /// Of ten messages that a vendor lies about, how many never arrive.
    lost_of_ten: u64,
}

/// Messages a second to each operator that users wait for.
const HONEST: u64 = 8;

impl World {
    fn new(seed: u64) -> Self {
        let mut settings = settings(3);
        settings.vendors.iter_mut().for_each(|vendor| vendor.per_second = f64::INFINITY);
        let engine = Engine::new(settings, seed);
        let (coming, told) = (BTreeMap::new(), Vec::new());
        Self { engine, now: 0, number: 0, coming, told, carries: None, lost_of_ten: 10 }
    }

    /// Seconds with so many codes more that nobody waits for; `honest` more that somebody does; what the vendors that
    /// lie take never arrives. Returns, for each operator, the part of honest messages that each vendor got.
    fn run(
        &mut self,
        seconds: u64,
        pumped: u64,
        honest: u64,
        lies: impl Fn(usize, usize) -> bool,
    ) -> [[f64; 3]; 2] {
        let mut sent = [[0_u32; 3]; 2];
        for _ in 0..seconds {
            self.now += 1000;
            for (operator, sent) in sent.iter_mut().enumerate() {
                let (pumped, honest) = if operator == 0 { (pumped, honest) } else { (0, 0) };
                for nth in 0..HONEST + honest + pumped {
                    let vendor = self.send(operator, nth < HONEST + honest, &lies);
                    sent[vendor] += u32::from(nth < HONEST + honest);
                }
            }
            while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let (at, _, is_conversion) = *entry.key();
                let (vendor, operator, sent_at) = entry.remove();
                if is_conversion {
                    self.engine.conversion(at, vendor, operator, sent_at);
                } else {
                    self.engine.receipt(at, vendor, operator, sent_at, true);
                }
            }
            self.engine.tick(self.now);
            self.told.extend(self.engine.verdicts());
        }
        sent.map(|of| of.map(|count| f64::from(count) / f64::from(of.iter().sum::<u32>())))
    }

    fn send(&mut self, operator: usize, is_awaited: bool, lies: impl Fn(usize, usize) -> bool) -> usize {
        self.number += 1;
        // Numbers that look like chance, and are the same each time.
        let mut random = self.number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        random ^= random >> 29;
        let request = request(operator, 0, 0b111, 0);
        let mut pick = self.engine.choose(self.now, &request).unwrap();
        if let Some([first, second, third]) = self.carries {
            let nth = random / 31 % (first + second + third);
            pick.vendor = usize::from(nth >= first) + usize::from(nth >= first + second);
        }
        let lies = lies(pick.vendor, operator) && random / 1_000_003 % 10 < self.lost_of_ten;
        self.engine.submitted(self.now, pick.vendor, request.cell, Answer::Accepted);
        if random % 100 < 92 {
            let at = self.now + 1000 + random / 100 % 4000;
            self.coming.insert((at, self.number, false), (pick.vendor, operator, self.now));
            if is_awaited && random / 7919 % 100 < 80 && !lies {
                let at = self.now + 4000 + random / 104_729 % 20_000;
                self.coming.insert((at, self.number, true), (pick.vendor, operator, self.now));
            }
        }
        pick.vendor
    }

    fn kinds(&self) -> Vec<(Kind, Stage)> {
        self.told.iter().map(|verdict| (verdict.kind, verdict.stage)).collect()
    }
}

#[test]
fn codes_that_nobody_waits_for_are_no_vendors_fault() {
    for (seed, pumped) in [(1, 12), (2, 30), (3, 80), (4, 30), (5, 200)] {
        let mut world = World::new(seed);
        let before = world.run(300, 0, 0, |_, _| false);
        assert_eq!(world.told, [], "{seed}");
        let during = world.run(240, pumped, 0, |_, _| false);
        assert_eq!(world.kinds(), [(Kind::Pumping, Stage::Raised)], "{seed}: {:?}", world.told);
        let verdict = &world.told[0];
        assert_eq!((verdict.scope.vendor, verdict.scope.operator), (None, Some(0)));
        assert!(verdict.at < 390_000, "{verdict:?}");
        assert!(verdict.proof.after < 0.75 * verdict.proof.before, "{verdict:?}");
        let after = world.run(240, 0, 0, |_, _| false);
        let end = [(Kind::Pumping, Stage::Raised), (Kind::Pumping, Stage::Recovered)];
        assert_eq!(world.kinds(), end, "{seed}: {:?}", world.told);
        // The cheapest keeps what it had, here and elsewhere, while it lasts and after.
        for shares in [during, after] {
            for (operator, before) in before.iter().enumerate() {
                assert!(shares[operator][0] > before[0] - 0.12, "{seed}: {before:?} then {shares:?}");
            }
        }
    }
}

#[test]
fn a_flood_that_comes_at_once_is_no_lie_in_its_first_seconds() {
    // So much is sent at once that a usual delay of conversions which is a little too short would look like a fall.
    for (from, pumped) in [(6_000_018, 80), (11_000_033, 80), (8_000_024, 200), (10_000_030, 200)] {
        let mut world = World::new(from / 1_000_003);
        world.number = from;
        world.run(300, 0, 0, |_, _| false);
        world.run(60, pumped, 0, |_, _| false);
        assert_eq!(world.kinds(), [(Kind::Pumping, Stage::Raised)], "{from}: {:?}", world.told);
    }
}

#[test]
fn receipts_that_lie_are_found_also_while_more_is_asked_for() {
    let lies = |vendor, operator| vendor == 0 && operator == 0;
    // As ever, with twice as many users, and while it is pumped.
    for (pumped, honest) in [(0, 0), (0, 8), (30, 0)] {
        let mut world = World::new(8);
        world.run(300, 0, 0, |_, _| false);
        if pumped > 0 {
            world.run(200, pumped, honest, |_, _| false);
        }
        world.run(240, pumped, honest, lies);
        let lie = world.told.iter().find(|verdict| verdict.kind == Kind::FakeReceipts);
        let lie = lie.unwrap_or_else(|| panic!("{pumped} {honest}: {:?}", world.told));
        assert_eq!((lie.scope.vendor, lie.scope.operator), (Some(0), Some(0)));
        let settled = world.run(60, pumped, honest, lies);
        assert!(settled[0][0] < 0.15, "{settled:?}");
    }
}

#[test]
fn what_one_vendor_lacks_while_more_users_come_is_its_own() {
    let mut world = World::new(8);
    // The others carry something, too: the first one takes no more than so much.
    world.carries = Some([8, 4, 4]);
    world.run(300, 0, 0, |_, _| false);
    // Twice as many users, and of what the first one takes six in ten never arrive, to all of whom it says so.
    world.lost_of_ten = 6;
    world.run(150, 0, 8, |vendor, operator| vendor == 0 && operator == 0);
    let kinds: Vec<_> = world.kinds();
    assert!(kinds.contains(&(Kind::FakeReceipts, Stage::Raised)), "{:?}", world.told);
    assert!(!kinds.iter().any(|(kind, _)| *kind == Kind::Pumping), "{:?}", world.told);
}

#[test]
fn what_lasts_an_hour_is_how_it_is_and_nobody_is_blamed_then() {
    let mut world = World::new(2);
    let before = world.run(300, 0, 0, |_, _| false);
    world.run(3640, 30, 0, |_, _| false);
    let after = world.run(240, 30, 0, |_, _| false);
    world.told.retain(|verdict| verdict.scope.operator == Some(0));
    let end = [(Kind::Pumping, Stage::Raised), (Kind::Pumping, Stage::Recovered)];
    assert_eq!(world.kinds(), end, "{:?}", world.told);
    assert!(after[0][0] > before[0][0] - 0.15, "{before:?} {after:?}");
}

#[test]
fn a_trouble_is_no_part_of_pumping() {
    let pumped = Scope { vendor: None, operator: Some(0) };
    let arm = Scope { vendor: Some(1), operator: Some(0) };
    let mut incidents = Incidents::default();
    incidents.raise(pumped, Kind::Pumping, 0);
    assert!(!incidents.join(arm, 1000, false));
    incidents.raise(pumped, Kind::OperatorWide, 1000);
    assert!(incidents.join(arm, 2000, false), "that of its operator it belongs to");
    assert_eq!(incidents.close(pumped, 3000), Some(Kind::OperatorWide));
    assert_eq!(incidents.close(pumped, 3000), None);
    assert_eq!(incidents.close_pumping(pumped, 3000), Some(Kind::Pumping));
}
