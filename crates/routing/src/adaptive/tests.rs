//! From feedback to verdicts and choices, by the engine as a whole.

use proptest::prelude::*;

use super::*;

mod calm;
mod pauses;
mod pumping;

fn settings(vendors: usize) -> Settings {
    Settings {
        vendors: vec![Vendor { per_second: 50.0, ..Vendor::default() }; vendors],
        classes: vec![
            Class { value: 400.0, deadline: 30.0, min_success: 0.8 },
            Class { value: 80.0, deadline: 3600.0, min_success: 0.5 },
        ],
        prices: vec![(0..vendors).map(|vendor| 10.0 + 30.0 * vendor as f64).collect(); 4],
        tuning: Tuning::default(),
    }
}

fn request(operator: usize, class: usize, allowed: u128, excluded: u128) -> Request {
    Request {
        cell: Cell { operator, class, reports_conversion: class == 0 },
        allowed: Vendors(allowed),
        excluded: Vendors(excluded),
        no_probe: false,
    }
}

/// Seconds of traffic to operator 0; vendors deliver what `delivers` says, and users act on half of it.
fn play(
    engine: &mut Engine,
    seconds: std::ops::Range<u64>,
    delivers: impl Fn(usize, u64) -> bool,
) -> Vec<usize> {
    let (mut chosen, mut end) = (Vec::new(), 0);
    let mut sent: Vec<(u64, usize, bool, u64)> = Vec::new();
    for second in seconds {
        let now = second * 1000;
        for (at, vendor, delivered, number) in sent.extract_if(.., |(at, ..)| *at + 3000 <= now) {
            if delivered {
                engine.receipt(now, vendor, 0, at, true);
                if number % 2 == 0 {
                    engine.conversion(now, vendor, 0, at);
                }
            }
        }
        engine.tick(now);
        for number in 0..20_u64 {
            let request = request(0, 0, 0b11, 0);
            let pick = engine.choose(now, &request).unwrap();
            engine.submitted(now, pick.vendor, request.cell, Answer::Accepted);
            sent.push((now, pick.vendor, delivers(pick.vendor, number), number));
            chosen.push(pick.vendor);
            end = now + 900;
        }
    }
    for (at, vendor, delivered, number) in sent {
        if delivered {
            engine.receipt(end, vendor, 0, at, true);
            if number % 2 == 0 {
                engine.conversion(end, vendor, 0, at);
            }
        }
    }
    chosen
}

fn share(chosen: &[usize], vendor: usize) -> f64 {
    chosen.iter().filter(|of| **of == vendor).count() as f64 / chosen.len() as f64
}

/// The probes of an idle arm by class, when so many of forty messages a second are worth less.
fn idle_probes(cheap: u64) -> [usize; 2] {
    let (mut engine, mut probes) = (Engine::new(settings(2), 7), [0, 0]);
    for second in 1..3000_u64 {
        let now = second * 1000;
        engine.tick(now);
        for number in 0..40 {
            let class = usize::from(number < cheap);
            let request = request(0, class, 0b11, 0);
            let pick = engine.choose(now, &request).unwrap();
            engine.submitted(now, pick.vendor, request.cell, Answer::Accepted);
            engine.receipt(now, pick.vendor, 0, now, true);
            if class == 0 && number % 2 == 0 {
                engine.conversion(now, pick.vendor, 0, now);
            }
            if second > 300 && pick.vendor == 1 && pick.flags.probe {
                probes[class] += 1;
            }
        }
    }
    probes
}

#[test]
fn messages_worth_less_carry_the_probes_of_idle_arms_where_there_are_enough() {
    let [dear, cheap] = idle_probes(20);
    assert!(dear == 0 && cheap > 5, "{dear} and {cheap}");
    let [dear, cheap] = idle_probes(2);
    assert!(dear > 5, "{dear} and {cheap}");
}

#[test]
fn a_silent_drop_is_told_and_traffic_moves_and_returns() {
    let mut engine = Engine::new(settings(2), 7);
    let well = play(&mut engine, 1..200, |_, number| number != 3);
    assert!(share(&well[2000..], 0) > 0.6, "the cheaper of two alike is preferred: {}", share(&well, 0));
    engine.verdicts();
    let dropped = play(&mut engine, 200..260, |vendor, number| vendor != 0 && number != 3);
    let told = engine.verdicts();
    let first = told.iter().find(|verdict| verdict.stage == Stage::Raised).unwrap();
    assert!(first.at <= 220_000, "{first:?}");
    assert_eq!(first.scope.vendor, Some(0), "{told:?}");
    let drop = told.iter().find(|verdict| verdict.kind == Kind::SilentDrop).unwrap();
    assert!(drop.proof.after < 0.2 && drop.proof.before > 0.8, "{told:?}");
    assert!(drop.proof.threshold > 3.0, "{told:?}");
    assert!(share(&dropped[600..], 0) < 0.1, "{}", share(&dropped[600..], 0));
    let sentence = engine.snapshot(0, 0).unwrap().sentence(|at| at.to_string());
    assert!(sentence.contains("LLR"), "{sentence}");
    let back = play(&mut engine, 260..460, |_, number| number != 3);
    assert!(share(&back[3000..], 0) > 0.4, "{}", share(&back[3000..], 0));
    assert!(engine.verdicts().iter().any(|verdict| verdict.stage == Stage::Recovered));
}

#[test]
fn a_restored_engine_decides_as_the_one_that_was_saved() {
    let mut engine = Engine::new(settings(2), 3);
    play(&mut engine, 1..150, |vendor, number| vendor == 1 || number % 3 != 0);
    engine.tick(150_000);
    engine.verdicts();
    let mut other = Engine::restore(settings(2), 150_000, &engine.save()).unwrap();
    let one = play(&mut engine, 151..220, |_, number| number % 5 != 0);
    let two = play(&mut other, 151..220, |_, number| number % 5 != 0);
    assert_eq!(one, two);
    assert_eq!(engine.verdicts(), other.verdicts());
}

#[test]
fn what_is_no_saved_state_is_refused() {
    assert!(Engine::restore(settings(2), 0, b"nonsense").is_err());
}

#[test]
fn every_circuit_open_still_gives_an_answer() {
    let mut engine = Engine::new(settings(2), 1);
    let request = request(0, 0, 0b11, 0);
    for vendor in [0, 1] {
        for at in 0..3 {
            engine.choose(at, &request);
            engine.submitted(at, vendor, request.cell, Answer::Failed);
        }
    }
    let pick = engine.choose(100, &request).unwrap();
    assert!(pick.flags.last_resort);
    assert_eq!(engine.verdicts().len(), 2, "an outage of each");
}

#[derive(Clone, Debug)]
enum Step {
    Choose(usize, usize, u128, u128),
    Answer(usize, usize, Answer),
    Receipt(usize, usize, u64, bool),
    Conversion(usize, usize, u64),
    Tick(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        4 => Just(Answer::Accepted), 1 => Just(Answer::Failed), 1 => Just(Answer::Throttled), 1 => Just(Answer::Rejected)
    ];
    prop_oneof![
        (0..5_usize, 0..3_usize, 0..32_u128, 0..32_u128).prop_map(|(o, c, a, e)| Step::Choose(o, c, a, e)),
        (0..6_usize, 0..5_usize, answer).prop_map(|(v, o, a)| Step::Answer(v, o, a)),
        (0..6_usize, 0..5_usize, 0..400_000_u64, any::<bool>())
            .prop_map(|(v, o, t, d)| Step::Receipt(v, o, t, d)),
        (0..6_usize, 0..5_usize, 0..400_000_u64).prop_map(|(v, o, t)| Step::Conversion(v, o, t)),
        (0..5000_u64).prop_map(Step::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn never_outside_the_mask_and_always_an_answer(steps in prop::collection::vec(step(), 1..300), seed: u64) {
        let mut engine = Engine::new(settings(5), seed);
        let mut now = 0;
        for step in steps {
            match step {
                Step::Choose(operator, class, allowed, excluded) => {
                    let request = request(operator, class.min(1), allowed, excluded);
                    let pick = engine.choose(now, &request);
                    let left = allowed & !excluded;
                    prop_assert_eq!(pick.is_some(), left != 0);
                    if let Some(pick) = pick {
                        prop_assert!(left >> pick.vendor & 1 == 1);
                        prop_assert!(pick.propensity > 0.0 && pick.propensity <= 1.001);
                    }
                }
                Step::Answer(vendor, operator, answer) => {
                    let cell = Cell { operator, class: 0, reports_conversion: true };
                    engine.submitted(now, vendor, cell, answer);
                }
                Step::Receipt(vendor, operator, at, delivered) => engine.receipt(now, vendor, operator, at, delivered),
                Step::Conversion(vendor, operator, at) => engine.conversion(now, vendor, operator, at),
                Step::Tick(ahead) => {
                    now += ahead;
                    engine.tick(now);
                }
            }
        }
    }
}
