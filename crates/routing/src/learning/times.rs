//! The engine's clock, which stands still while nobody listens.
//!
//! Between two runs of the process no receipt is heard. Were that time counted, every message of before would look lost
//! at the start; so the engine's time goes on where it stopped once the first vendor speaks again.

use domain::Timestamp;

use crate::adaptive::Millis;

/// Spans that are remembered: messages of earlier ones are long settled.
const REMEMBERED: usize = 16;

/// From when on by the wall clock the engine's clock is so far behind it, in milliseconds, the latest last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Times(pub(super) Vec<(i64, i64)>);

impl Times {
    pub(super) fn engine(&self, wall: Timestamp) -> Millis {
        let wall = wall.as_millis();
        let behind = self.0.iter().rev().find(|(from, _)| *from <= wall).map_or(0, |(_, behind)| *behind);
        Millis::try_from(wall - behind).unwrap_or(0)
    }

    pub(super) fn wall(&self, engine: Millis) -> Timestamp {
        let engine = i64::try_from(engine).unwrap_or(i64::MAX);
        let behind = self.0.iter().rev().find(|(from, behind)| from - behind <= engine);
        Timestamp::from_millis(engine.saturating_add(behind.map_or(0, |(_, behind)| *behind)))
    }

    /// The engine's clock, which stood at `engine`, goes on.
    pub(super) fn go_on(&mut self, wall: Timestamp, engine: Millis) {
        let engine = i64::try_from(engine).unwrap_or(i64::MAX);
        let behind = wall.as_millis().saturating_sub(engine).max(0);
        self.0.push((wall.as_millis(), behind));
        let old = self.0.len().saturating_sub(REMEMBERED);
        self.0.drain(..old);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on_where_it_stopped() {
        let at = Timestamp::from_millis;
        let mut times = Times::default();
        assert_eq!(times.engine(at(5000)), 5000);
        times.go_on(at(60_000), 5000);
        assert_eq!((times.engine(at(4000)), times.engine(at(61_000))), (4000, 6000));
        times.go_on(at(100_000), 10_000);
        assert_eq!((times.engine(at(62_000)), times.engine(at(100_500))), (7000, 10_500));
        for wall in [4000, 61_000, 64_000, 100_000, 200_000] {
            assert_eq!(times.wall(times.engine(at(wall))), at(wall));
        }
    }
}
