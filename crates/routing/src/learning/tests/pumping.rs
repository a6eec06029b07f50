//! A verdict of pumping is about no arm: it stays open though none is in trouble.

use super::*;

/// A second of codes, so many of which somebody waits for; those are entered five seconds later.
fn second(world: &mut World, awaited: u32, others: u32) {
    let connection = ConnectionId::new("cirrus").unwrap();
    let begin = world.now;
    for nth in 0..awaited + others {
        world.messages += 1;
        world.now = begin + i64::from(nth * 1000 / (awaited + others));
        let sent_at = world.at();
        let otp = |at: i64, news: News| News { at: Timestamp::from_millis(at), class: Class::Otp, ..news };
        let answered = What::Answered {
            connection: connection.clone(),
            answer: Answer::Accepted,
            segments: 1,
            is_test: false,
        };
        for what in [What::Wanted { allowed: Vendors::ALL }, answered] {
            let news = otp(world.now, world.news(what));
            world.learner.hear(&news);
        }
        let receipt = What::Receipt { connection: connection.clone(), sent_at, delivered: true };
        let news = otp(world.now + 2000, world.news(receipt));
        world.receipts.insert((world.now + 2000, world.messages), news);
        if nth < awaited && nth % 4 != 0 {
            let of = Some((connection.clone(), sent_at));
            let news = otp(world.now + 5000, world.news(What::Conversion { of, converted: true }));
            world.receipts.insert((world.now + 5000, world.messages), news);
        }
    }
    world.now = begin + 1000;
    while let Some(entry) = world.receipts.first_entry().filter(|entry| entry.key().0 <= world.now) {
        let news = entry.remove();
        world.learner.hear(&news);
    }
    world.tick();
}

#[test]
fn it_stays_open_until_no_more_is_asked_for_than_usual() {
    let mut world = World::new();
    for _ in 0..200 {
        second(&mut world, 8, 0);
    }
    assert_eq!(world.kinds(), []);
    for _ in 0..90 {
        second(&mut world, 8, 30);
    }
    assert_eq!(world.kinds(), [(Kind::Pumping, Stage::Raised)], "{:?}", world.turned);
    let [open] = world.beliefs.verdicts() else { panic!("{:?}", world.beliefs.verdicts()) };
    assert_eq!(open.scope.to_string(), "all routes to 26201");
    for _ in 0..60 {
        second(&mut world, 8, 0);
    }
    let expected = [(Kind::Pumping, Stage::Raised), (Kind::Pumping, Stage::Recovered)];
    assert_eq!(world.kinds(), expected, "{:?}", world.turned);
}
