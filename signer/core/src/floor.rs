//! The clock floor: which times the signer believes.
//!
//! The newest leaf is the floor: the signer's time never goes below it, whatever the system
//! says. While it runs, the uptime bounds how far the wall clock may move ahead.

use signer_proto::{Refusal, Rule};

/// How far the clock may stand before the newest leaf and still be lifted to it.
const LIFT_MS: i64 = 5_000;
/// How far the clock may move ahead of the uptime while the signer runs.
const AHEAD_MS: i64 = 30 * 86_400 * 1000;

/// The newest time that was written, and an anchor between wall clock and uptime.
#[derive(Debug)]
pub(crate) struct Floor {
    newest_ms: i64,
    anchor_wall_ms: i64,
    anchor_uptime_ms: i64,
}

impl Floor {
    /// Anchors at the start of the process, when the newest leaf was written at `newest_ms`.
    pub(crate) fn new(newest_ms: i64, wall_ms: i64, uptime_ms: i64) -> Self {
        Self { newest_ms, anchor_wall_ms: wall_ms.max(newest_ms), anchor_uptime_ms: uptime_ms }
    }

    /// Returns the time to act by: the wall clock, lifted to the floor by five seconds at most.
    pub(crate) fn read(&self, wall_ms: i64, uptime_ms: i64) -> Result<i64, Refusal> {
        if wall_ms.saturating_add(LIFT_MS) < self.newest_ms {
            return Err(Refusal::new(
                Rule::ClockBehind,
                format!(
                    "the clock stands {} ms before the newest leaf",
                    self.newest_ms.saturating_sub(wall_ms)
                ),
            ));
        }
        let ahead = wall_ms.saturating_sub(self.expected(uptime_ms));
        if ahead > AHEAD_MS {
            return Err(Refusal::new(
                Rule::ClockAhead,
                format!("the clock moved {} s ahead of the uptime", ahead / 1000),
            ));
        }
        Ok(wall_ms.max(self.newest_ms))
    }

    /// Returns the time to write by, even when the clock is not believed: then the uptime counts
    /// on from the anchor, so that a clock that jumped does not become the floor.
    pub(crate) fn stamp(&mut self, wall_ms: i64, uptime_ms: i64) -> i64 {
        let believed = match self.read(wall_ms, uptime_ms) {
            Ok(ms) => ms,
            Err(refusal) if refusal.rule == Rule::ClockBehind => self.newest_ms,
            Err(_) => self.expected(uptime_ms).max(self.newest_ms),
        };
        self.newest_ms = believed;
        believed
    }

    fn expected(&self, uptime_ms: i64) -> i64 {
        self.anchor_wall_ms.saturating_add(uptime_ms.saturating_sub(self.anchor_uptime_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: i64 = 1_700_000_000_000;
    const DAY: i64 = 86_400_000;

    #[test]
    fn small_steps_back_are_lifted_and_large_ones_refused() {
        let floor = Floor::new(T, T, 0);
        assert_eq!(floor.read(T + 7, 7), Ok(T + 7));
        assert_eq!(floor.read(T - 5_000, 7), Ok(T));
        assert_eq!(
            floor.read(T - 5_001, 7).map_err(|refusal| refusal.rule),
            Err(Rule::ClockBehind)
        );
    }

    #[test]
    fn refuses_a_jump_ahead_and_does_not_write_it_down() {
        let mut floor = Floor::new(T, T, 0);
        assert_eq!(floor.read(T + 30 * DAY, 0), Ok(T + 30 * DAY));
        assert_eq!(
            floor.read(T + 30 * DAY + 1, 0).map_err(|refusal| refusal.rule),
            Err(Rule::ClockAhead)
        );
        assert_eq!(floor.stamp(T + 40 * DAY, 1000), T + 1000);
        assert_eq!(floor.read(T + 2000, 2000), Ok(T + 2000));
    }

    #[test]
    fn time_that_really_passed_is_no_jump() {
        let floor = Floor::new(T, T, 0);
        assert_eq!(floor.read(T + 400 * DAY, 400 * DAY), Ok(T + 400 * DAY));
    }

    #[test]
    fn stamps_never_go_backwards() {
        let mut floor = Floor::new(T, T, 0);
        let mut last = 0;
        for (wall, uptime) in [(T + 5, 5), (T + 3, 6), (T - DAY, 7), (T + 9, 9)] {
            let stamp = floor.stamp(wall, uptime);
            assert!(stamp >= last && stamp >= T);
            last = stamp;
        }
        assert_eq!(last, T + 9);
    }
}
