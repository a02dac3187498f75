//! A clock that a test moves by hand.

use std::sync::atomic::{AtomicI64, Ordering};

use signer::Clock;

/// Wall clock and uptime, in milliseconds.
pub struct HandClock {
    wall: AtomicI64,
    uptime: AtomicI64,
}

impl HandClock {
    /// Starts at 2026-11-23T00:00:00Z, an hour after boot.
    pub fn new() -> Self {
        Self { wall: AtomicI64::new(1_795_392_000_000), uptime: AtomicI64::new(3_600_000) }
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: i64) {
        self.set_wall_by(seconds);
        self.uptime.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Sets the wall clock forward or back; the uptime goes on as it was.
    pub fn set_wall_by(&self, seconds: i64) {
        self.wall.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn wall_ms(&self) -> i64 {
        self.wall.load(Ordering::SeqCst)
    }

    fn uptime_ms(&self) -> i64 {
        self.uptime.load(Ordering::SeqCst)
    }
}
