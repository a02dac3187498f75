//! The system's clock, which a test may set.

use std::sync::atomic::{AtomicI64, Ordering};

use signer::{Clock, SystemClock};
use x509::UnixTime;

/// Runs like the system's clock, apart from it by what the test set.
#[derive(Debug)]
pub struct KitClock {
    wall: AtomicI64,
    uptime: AtomicI64,
    /// Whether the signer looks at it.
    counts: bool,
}

impl KitClock {
    pub(crate) fn new(counts: bool) -> Self {
        Self { wall: AtomicI64::new(0), uptime: AtomicI64::new(0), counts }
    }

    /// Lets time pass at once, by the wall and by the uptime.
    ///
    /// # Panics
    /// As [`Self::set_wall_by`].
    pub fn pass(&self, seconds: i64) {
        self.set_wall_by(seconds);
        self.uptime.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Sets the wall clock forward or back, as an attacker would; the uptime goes on as it was.
    ///
    /// # Panics
    /// If the signer is another process, which has the system's clock.
    pub fn set_wall_by(&self, seconds: i64) {
        assert!(self.counts, "another process's clock: start with Ring::inside");
        self.wall.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        UnixTime(self.wall_ms().div_euclid(1000))
    }
}

impl Clock for KitClock {
    fn wall_ms(&self) -> i64 {
        SystemClock.wall_ms() + self.wall.load(Ordering::SeqCst)
    }

    fn uptime_ms(&self) -> i64 {
        SystemClock.uptime_ms() + self.uptime.load(Ordering::SeqCst)
    }
}
