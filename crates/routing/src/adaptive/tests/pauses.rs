//! What stops, and is nobody's fault: the process, an application, a kind of message.

use super::calm::Line;
use super::{play, request, settings, share};
use crate::adaptive::{Answer, Engine, Stage};

#[test]
fn what_was_told_between_a_save_and_a_crash_is_not_missed_after_it() {
    let mut line = Line::new(1, &[], 5);
    line.run(300, 0, 20, false);
    let (saved, at) = (line.engine.save(), line.now);
    line.run(10, 0, 20, false);
    // What was under way then is told to nobody, or of messages that the engine of before does not know.
    line.known.clear();
    line.engine = Engine::restore(line.engine.settings().clone(), at, &saved).unwrap();
    line.now = at;
    line.run(120, 0, 20, false);
    assert!(line.raised().is_empty(), "{:?}", line.raised());
    assert!(line.told_after(20) <= 30);
}

#[test]
fn an_application_that_stops_and_reports_no_more_is_no_lie_of_a_vendor() {
    let mut engine = Engine::new(settings(2), 7);
    let mut sent: Vec<(u64, usize, u64)> = Vec::new();
    for second in 1..=400_u64 {
        let (now, goes_on) = (second * 1000, second <= 300);
        for (at, vendor, number) in sent.extract_if(.., |(at, ..)| *at + 2000 <= now) {
            engine.receipt(now, vendor, 0, at, true);
            if goes_on && number % 2 == 0 {
                engine.conversion(now, vendor, 0, at);
            }
        }
        engine.tick(now);
        for number in 0..if goes_on { 40 } else { 0 } {
            let request = request(0, 0, 0b11, 0);
            let pick = engine.choose(now, &request).unwrap();
            engine.submitted(now, pick.vendor, request.cell, Answer::Accepted);
            sent.push((now, pick.vendor, number));
        }
    }
    let told = engine.verdicts();
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn a_cheap_message_that_came_once_is_not_waited_for_to_probe() {
    let mut engine = Engine::new(settings(2), 7);
    play(&mut engine, 1..200, |_, number| number != 3);
    play(&mut engine, 200..230, |vendor, number| vendor != 0 && number != 3);
    let cheap = request(0, 1, 0b11, 0);
    let pick = engine.choose(230_000, &cheap).unwrap();
    engine.submitted(230_000, pick.vendor, cheap.cell, Answer::Accepted);
    play(&mut engine, 231..260, |vendor, number| vendor != 0 && number != 3);
    let back = play(&mut engine, 260..460, |_, number| number != 3);
    assert!(share(&back[3000..], 0) > 0.4, "{}", share(&back[3000..], 0));
    assert!(engine.verdicts().iter().any(|verdict| verdict.stage == Stage::Recovered));
}
