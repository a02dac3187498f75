//! The one real clock of the server.

use std::time::{SystemTime, UNIX_EPOCH};

use model::Clock;

/// Reads the operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_millis(&self) -> u64 {
        // A clock before 1970 is as wrong as one that stands there.
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stands_after_this_was_written() {
        assert!(SystemClock.now().0 > 1_700_000_000);
    }
}
