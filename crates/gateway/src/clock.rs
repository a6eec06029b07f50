//! The system's clock, as the pipeline may see it: never going back.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this is where the system's clocks are turned into the injected one"
)]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use domain::Timestamp;
use parking_lot::Mutex;
use pipeline::Clock;

/// The wall clock as it stood at an anchor, moved on by the monotonic clock.
///
/// Deadlines are taken from it, so a wall clock that is set back must not hold them up. A wall clock that ran ahead is
/// followed at once; one that is behind is waited for.
pub struct SystemClock {
    anchor: Mutex<Anchor>,
}

struct Anchor {
    wall: Timestamp,
    at: Instant,
}

/// How far the wall clock may be ahead before it is followed: below this it is the two clocks' ordinary drift.
const FOLLOWED: Duration = Duration::from_millis(500);

impl Default for SystemClock {
    fn default() -> Self {
        Self { anchor: Mutex::new(Anchor { wall: wall_clock(), at: Instant::now() }) }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let wall = wall_clock();
        let mut anchor = self.anchor.lock();
        let steady = anchor.wall.plus(anchor.at.elapsed());
        if wall.since(steady) < FOLLOWED {
            return steady;
        }
        *anchor = Anchor { wall, at: Instant::now() };
        wall
    }
}

fn wall_clock() -> Timestamp {
    // A clock before 1970 is one that was never set.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(0).plus(since)
}
