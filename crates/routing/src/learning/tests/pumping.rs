//! Pumping is told as long as it lasts, and hides no trouble.

use super::*;

impl World {
    fn later(&mut self, after: i64, what: What) {
        let at = self.now + after;
        let news = News { at: Timestamp::from_millis(at), ..self.news(what) };
        self.receipts.insert((at, self.messages), news);
    }

    /// Seconds with so many messages that users wait for, and so many that nobody waits for, a quarter over each of two
    /// connections that are not the main one. All arrive.
    fn send(&mut self, seconds: u32, awaited: u32, pumped: u32) {
        for _ in 0..seconds {
            let second = self.now;
            for nth in 0..awaited + pumped {
                self.messages += 1;
                self.now = second + i64::from(nth * 1000 / (awaited + pumped));
                let connection = ["acme", "acme", "borealis", "cirrus"][nth as usize % 4];
                let connection = ConnectionId::new(connection).unwrap();
                self.hear(What::Wanted { allowed: Vendors::ALL });
                let (segments, answer) = (1, Answer::Accepted);
                let told =
                    What::Answered { connection: connection.clone(), segments, answer, is_test: false };
                self.hear(told);
                let sent_at = self.at();
                let receipt = What::Receipt { connection: connection.clone(), sent_at, delivered: true };
                self.later(2000, receipt);
                // Numbers that look like chance, and are the same each time.
                let random = (self.messages as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
                if nth < awaited && !random.is_multiple_of(4) {
                    let of = Some((connection, sent_at));
                    self.later(5000, What::Conversion { of, converted: true });
                }
            }
            self.now = second + 1000;
            while let Some(entry) = self.receipts.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let news = entry.remove();
                self.learner.hear(&news);
            }
            self.tick();
        }
    }
}

#[test]
fn pumping_is_told_as_long_as_it_lasts_also_after_a_restart() {
    let mut world = World::new();
    world.send(200, 16, 0);
    assert_eq!(world.kinds(), []);
    world.send(150, 16, 48);
    assert_eq!(world.kinds(), [(Kind::Pumping, Stage::Raised)], "{:?}", world.turned);
    let raised = world.turned[0].verdict.clone();
    assert_eq!(raised.scope.to_string(), "all routes to 26201");
    assert_eq!(world.beliefs.verdicts(), [raised]);
    let saved = world.learner.save(world.at());
    world.learner = Learner::restore(&saved, Arc::clone(&world.table), world.at()).unwrap();
    world.send(30, 16, 48);
    assert_eq!((world.kinds().len(), world.learner.open().len()), (1, 1), "{:?}", world.turned);
    world.send(90, 16, 0);
    let end = [(Kind::Pumping, Stage::Raised), (Kind::Pumping, Stage::Recovered)];
    assert_eq!(world.kinds(), end, "{:?}", world.turned);
    assert!(world.learner.open().is_empty());
}
