//! Rates and pauses over time, with the clock as an argument.

use super::*;

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// How many submits leave in the second that begins at `from`, tried every millisecond.
fn sent_in_a_second(throttle: &mut Throttle, from: Instant) -> u32 {
    (0..1000).map(|ms| u32::from(throttle.take(from + millis(ms)).is_ok())).sum()
}

#[tokio::test(start_paused = true)]
async fn the_agreed_throughput_is_kept_with_a_small_burst() {
    let start = Instant::now();
    let mut throttle = Throttle::new(Some(100.0), start);
    let first = sent_in_a_second(&mut throttle, start);
    assert!((100..=110).contains(&first), "{first}");
    let second = sent_in_a_second(&mut throttle, start + millis(1000));
    assert!((99..=101).contains(&second), "{second}");
}

#[tokio::test(start_paused = true)]
async fn a_slow_rate_says_when_the_next_submit_may_leave() {
    let start = Instant::now();
    let mut throttle = Throttle::new(Some(0.5), start);
    assert_eq!(throttle.take(start), Ok(()));
    assert_eq!(throttle.take(start), Err(start + Duration::from_secs(2)));
    assert_eq!(throttle.take(start + Duration::from_secs(2)), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_complaint_halves_the_rate_once_and_it_recovers_evenly() {
    let start = Instant::now();
    let mut throttle = Throttle::new(Some(100.0), start);
    let later = start + millis(10);
    throttle.slow_down(start, later);
    throttle.slow_down(start, later + millis(1));
    assert!((throttle.rate(later) - 50.0).abs() < 0.1);
    assert!((throttle.rate(later + millis(2000)) - 80.0).abs() < 0.1);
    let recovered = throttle.slowed_until(later).unwrap();
    assert!((3333..=3334).contains(&(recovered - later).as_millis()));
    assert_eq!(throttle.slowed_until(recovered), None);
    throttle.slow_down(later + millis(1), later + millis(2));
    assert!((throttle.rate(later + millis(2)) - 25.0).abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn a_vendor_that_always_complains_is_still_sent_a_little() {
    let mut now = Instant::now();
    let mut throttle = Throttle::new(Some(160.0), now);
    for _ in 0..20 {
        let sent = now;
        now += millis(1);
        throttle.slow_down(sent, now);
        now += millis(1);
    }
    assert!((throttle.rate(now) - 10.0).abs() < 0.5);
}

#[tokio::test(start_paused = true)]
async fn without_an_agreement_the_rate_of_the_complaint_is_the_measure() {
    let start = Instant::now();
    let mut throttle = Throttle::new(None, start);
    assert_eq!(sent_in_a_second(&mut throttle, start), 1000);
    let complaint = start + millis(1500);
    throttle.slow_down(complaint, complaint);
    assert!((throttle.rate(complaint) - 500.0).abs() < 1.0);
    let forgotten = complaint + Duration::from_secs(90);
    assert_eq!(throttle.look(forgotten), Ok(()));
    assert!(throttle.rate(forgotten).is_infinite());
}

#[tokio::test(start_paused = true)]
async fn a_token_given_back_can_be_taken_again() {
    let start = Instant::now();
    let mut throttle = Throttle::new(Some(1.0), start);
    assert!(throttle.take(start).is_ok());
    throttle.give_back(1);
    assert!(throttle.take(start).is_ok());
    assert!(throttle.take(start).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_pauses_a_second_then_twice_as_long_up_to_some_seconds() {
    let mut now = Instant::now();
    let mut pause = Pause::new();
    for seconds in [1, 2, 4, 8, 8, 8] {
        pause.queue_full(now, now + millis(1));
        pause.queue_full(now, now + millis(2));
        let until = now + millis(1) + Duration::from_secs(seconds);
        assert_eq!(pause.until(now + millis(2)), Some(until));
        assert_eq!(pause.until(until), None);
        now = until;
    }
    pause.accepted(now);
    pause.queue_full(now, now);
    assert_eq!(pause.until(now), Some(now + PAUSE_FIRST));
}
