//! Clock and randomness, as arguments.

use rustix::time::{ClockId, clock_gettime};

/// Tells the time twice: by the wall, which may be set, and by the uptime, which may not.
pub trait Clock: Send + Sync {
    /// Returns milliseconds since 1970 as the system believes.
    fn wall_ms(&self) -> i64;
    /// Returns milliseconds since boot, sleep included; never goes backwards.
    fn uptime_ms(&self) -> i64;
}

/// The clock of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall_ms(&self) -> i64 {
        milliseconds(ClockId::Realtime)
    }

    fn uptime_ms(&self) -> i64 {
        milliseconds(ClockId::Boottime)
    }
}

fn milliseconds(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec.saturating_mul(1000).saturating_add(now.tv_nsec / 1_000_000)
}

/// The system's random source gave nothing. Unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random octets")]
pub struct NoEntropy;

/// Gives random octets fit for serials and identities.
pub trait Entropy: Send + Sync {
    /// Fills `out`.
    ///
    /// # Errors
    /// [`NoEntropy`]; `out` must then not be used.
    fn fill(&self, out: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The random source of the cryptographic library, seeded by the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) -> Result<(), NoEntropy> {
        aws_lc_rs::rand::fill(out).map_err(|_| NoEntropy)
    }
}
