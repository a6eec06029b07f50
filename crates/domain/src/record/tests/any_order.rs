//! Whatever happens in whatever order, some things stay true.

use proptest::option;
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Happens {
    Dispatch,
    Answer(u16, u8, Answer),
    Receipt(u16, u8, Option<Verdict>, Option<ErrorClass>),
    Decide(bool),
    Wake,
    Settle,
    Cancel,
    /// With so many segments, and times so many seconds from now.
    Replace(u8, Option<u64>, Option<u64>),
    Restored(Restored),
    Pass(u64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let answer = prop_oneof![
        3 => Just(accepted()),
        2 => Just(rejected()),
        3 => class().prop_map(|class| Answer::Rejected { code: "CODE".into(), class }),
        1 => Just(Answer::Unclear { code: "CODE".into() }),
        2 => Just(unknown(false)),
        1 => Just(unknown(true)),
        1 => Just(Answer::NotSent),
        1 => Just(Answer::Busy { code: "BUSY".into(), class: ErrorClass::Throttle }),
    ];
    let verdict = prop_oneof![
        Just(None),
        Just(Some(Verdict::Delivered)),
        Just(Some(Verdict::Undelivered)),
        Just(Some(Verdict::Expired)),
    ];
    prop_oneof![
        6 => Just(Happens::Dispatch),
        8 => (1..5_u16, 0..2_u8, answer).prop_map(|(a, p, answer)| Happens::Answer(a, p, answer)),
        4 => (1..5_u16, 0..2_u8, verdict, class())
            .prop_map(|(a, p, verdict, class)| Happens::Receipt(a, p, verdict, class)),
        6 => any::<bool>().prop_map(Happens::Decide),
        3 => Just(Happens::Wake),
        1 => Just(Happens::Settle),
        1 => Just(Happens::Cancel),
        2 => (1..3_u8, option::of(0..200_u64), option::of(0..200_u64))
            .prop_map(|(segments, due, end)| Happens::Replace(segments, due, end)),
        1 => Just(Happens::Restored(Restored::Resumed)),
        1 => Just(Happens::Restored(Restored::Withheld)),
        4 => (1..200_u64).prop_map(Happens::Pass),
        1 => Just(Happens::Pass(RECEIPT_HORIZON.as_secs())),
    ]
}

fn class() -> impl Strategy<Value = Option<ErrorClass>> {
    option::of(prop::sample::select(&ErrorClass::ALL[..]))
}

/// Only what a vendor has can be told of by a receipt.
fn was_taken(record: &Record, attempt: u16, part: u8) -> bool {
    record
        .attempt(attempt)
        .and_then(|attempt| attempt.parts.get(usize::from(part)))
        .is_some_and(|part| part.answer == Some(PartAnswer::Accepted))
}

fn input_of(record: &Record, happens: Happens, now: Timestamp) -> Option<Input> {
    Some(match happens {
        Happens::Dispatch => {
            let attempt = record.attempts.iter().find(|attempt| attempt.state == State::Queued)?;
            let target = target(attempt.route.as_str());
            let text_revision = record.text_revision;
            Input::Dispatch(Dispatch { attempt: attempt.number, target, text_revision, bind: 0, epoch: 1 })
        }
        Happens::Answer(attempt, part, answer) => Input::Answer { attempt, part, answer },
        Happens::Receipt(attempt, part, ..) if !was_taken(record, attempt, part) => return None,
        Happens::Receipt(attempt, part, verdict, class) => {
            let class = class.filter(|_| verdict != Some(Verdict::Delivered));
            Input::Receipt { attempt, part, receipt: ReceiptNews { verdict, word: "WORD".into(), class } }
        }
        Happens::Decide(_) if record.attempts.len() >= 4 => Input::Exhaust,
        Happens::Decide(true) => Input::Try(next("b")),
        Happens::Decide(false) => Input::Exhaust,
        Happens::Wake | Happens::Pass(_) => Input::Wake,
        Happens::Settle => Input::Settle,
        Happens::Cancel => Input::Cancel,
        Happens::Replace(segments, due, end) => {
            let from_now = |seconds| now.plus(Duration::from_secs(seconds));
            let text = NewText { text: "another".into(), encoding: Encoding::Gsm7, segments };
            let (send_at, expires_at) = (due.map(from_now), end.map(from_now));
            Input::Replace(Replacement { text: Some(text), send_at, expires_at, notify: None })
        }
        Happens::Restored(restored) => Input::Restored(restored),
    })
}

fn check(record: &Record, on_unknown: OnUnknown, now: Timestamp) -> Result<(), TestCaseError> {
    let queued = record.attempts.iter().filter(|attempt| attempt.state == State::Queued).count();
    prop_assert!(queued <= 1, "two attempts wait at once");
    let work = record.work();
    if record.closed {
        prop_assert!(!work.queued && !work.dispatched && !work.decide && record.retry_at.is_none());
    } else {
        prop_assert!(record.wake_at().is_some() || work.dispatched, "nothing will ever wake it");
    }
    if record.retry_at.is_some() {
        prop_assert!(record.cause.is_none(), "a route is waited for, and another asked for");
        let is_out = record.attempts.iter().any(|attempt| attempt.is_open() && !attempt.given_up);
        prop_assert!(!is_out, "a route is waited for beside an attempt that may have arrived");
    }
    if on_unknown == OnUnknown::Hold {
        let mut out = record.attempts.iter().filter(|attempt| attempt.counts()).rev();
        let (last, earlier) = (out.next(), out);
        let held = earlier
            .clone()
            .any(|attempt| attempt.parts.iter().any(|part| part.answer == Some(PartAnswer::Unknown)));
        prop_assert!(last.is_none() || !held, "sent again under hold");
    }
    if record.restored == Some(Restored::Withheld) {
        prop_assert!(!work.queued && !work.dispatched && !work.decide, "it would be sent again");
        prop_assert!(record.retry_at.is_none(), "it would be sent again");
    }
    if record.is_barred() {
        prop_assert!(!work.queued && !work.decide && record.retry_at.is_none(), "no vendor is asked again");
    }
    let mut woken = record.clone();
    if let Some(due) = woken.wake_at().filter(|due| *due <= now) {
        woken.apply(Input::Wake, now).unwrap();
        prop_assert!(woken.wake_at() != Some(due) || woken.cause.is_some(), "waking changes nothing");
    }
    Ok(())
}

/// What ends stays ended, nothing ends while something may still come of it, and nothing goes out beside what may have
/// arrived unless it says so. All of it by what is known at that step: a late answer or a second receipt may tell
/// afterwards that an attempt has not failed after all.
fn check_step(before: &Record, record: &Record) -> Result<(), TestCaseError> {
    for (index, attempt) in record.attempts.iter().enumerate() {
        let (earlier, _) = record.attempts.split_at(index);
        let was_out = before.attempt(attempt.number).is_some_and(|attempt| attempt.dispatched_at.is_some());
        let goes_out = attempt.dispatched_at.is_some() && !was_out;
        if goes_out && earlier.iter().any(Attempt::may_have_arrived) {
            prop_assert!(attempt.possible_duplicate, "sent twice unflagged");
        }
    }
    if before.closed {
        prop_assert!(record.closed, "opened again");
        prop_assert_eq!(before.attempts.len(), record.attempts.len(), "tried again once closed");
    }
    if before.status.is_final() {
        prop_assert!(record.status == before.status || record.status == Status::Delivered);
    } else if record.status.is_final() && record.status != Status::Delivered {
        let taken = record.attempts.iter().any(Attempt::is_open);
        prop_assert!(!taken || record.status == Status::Canceled, "final while an attempt is open");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn nothing_stalls_and_nothing_is_sent_twice_unsaid(
        script in prop::collection::vec(happens(), 1..40),
        on_unknown in prop_oneof![
            Just(OnUnknown::Hold), Just(OnUnknown::NextRoute), Just(OnUnknown::Resend)
        ],
        no_receipt in any::<bool>(),
        segments in 1..3_u8,
        scheduled in any::<bool>(),
        // With the longer one the horizon ends what is still valid.
        validity in prop_oneof![Just(600), Just(5 * RECEIPT_HORIZON.as_secs())],
    ) {
        let mut failover_on = vec![FailoverOn::Rejected, FailoverOn::Undelivered];
        // A table that asks for both does not compile.
        failover_on.extend((no_receipt && on_unknown != OnUnknown::Hold).then_some(FailoverOn::NoReceipt));
        let mut record = Case { on_unknown, failover_on, segments, scheduled, validity }.record();
        let mut now = START;
        for happens in script {
            if let Happens::Pass(seconds) = happens {
                now = now.plus(Duration::from_secs(seconds));
            }
            let Some(input) = input_of(&record, happens, now) else { continue };
            let before = record.clone();
            match record.apply(input, now) {
                Ok(_) => {
                    check(&record, on_unknown, now)?;
                    check_step(&before, &record)?;
                }
                Err(_) => prop_assert_eq!(&record, &before, "a refused step changed something"),
            }
        }
    }
}
