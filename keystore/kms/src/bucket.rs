//! A local limit below the account's quota, with a part that issuance leaves alone.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use keystore::Urgency;

/// How much may be asked of the service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Quota {
    /// Calls a second, over time.
    pub(crate) per_second: u32,
    /// Calls at once after a silence.
    pub(crate) burst: u32,
    /// Of these, how many only status and handshakes may use.
    pub(crate) reserved: u32,
}

/// A token bucket. Issuance takes a token only while more than the reserve is there, so that a
/// CRL or an OCSP response finds one however much is issued.
pub(crate) struct Bucket {
    quota: Quota,
    level: Mutex<Level>,
}

struct Level {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    /// Makes a full bucket.
    pub(crate) fn new(quota: Quota, now: Instant) -> Self {
        Self { quota, level: Mutex::new(Level { tokens: f64::from(quota.burst), at: now }) }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// How long it takes at least until there is one.
    pub(crate) fn take(&self, urgency: Urgency, now: Instant) -> Result<(), Duration> {
        let mut level = self.level.lock().unwrap_or_else(PoisonError::into_inner);
        let rate = f64::from(self.quota.per_second);
        let passed = now.saturating_duration_since(level.at).as_secs_f64();
        level.tokens = (level.tokens + passed * rate).min(f64::from(self.quota.burst));
        level.at = level.at.max(now);
        let floor = match urgency {
            Urgency::Issuance => f64::from(self.quota.reserved),
            Urgency::Status => 0.0,
        };
        let missing = floor + 1.0 - level.tokens;
        if missing > 0.0 {
            return Err(Duration::from_secs_f64((missing / rate).min(3600.0)));
        }
        level.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { per_second: 10, burst: 5, reserved: 2 };

    #[test]
    fn issuance_leaves_the_reserve_to_status() {
        let start = Instant::now();
        let bucket = Bucket::new(QUOTA, start);
        for _ in 0..3 {
            assert_eq!(bucket.take(Urgency::Issuance, start), Ok(()));
        }
        let wait = bucket.take(Urgency::Issuance, start).unwrap_err();
        assert_eq!(wait.as_millis(), 100);
        for _ in 0..2 {
            assert_eq!(bucket.take(Urgency::Status, start), Ok(()));
        }
        assert_eq!(bucket.take(Urgency::Status, start).unwrap_err().as_millis(), 100);
        assert_eq!(bucket.take(Urgency::Issuance, start).unwrap_err().as_millis(), 300);
    }

    #[test]
    fn the_bucket_fills_with_time_and_never_overflows() {
        let start = Instant::now();
        let bucket = Bucket::new(QUOTA, start);
        while bucket.take(Urgency::Status, start).is_ok() {}
        let later = start + Duration::from_millis(101);
        assert_eq!(bucket.take(Urgency::Status, later), Ok(()));
        assert!(bucket.take(Urgency::Status, later).is_err());
        let much_later = start + Duration::from_secs(3600);
        let taken = (0..100).filter(|_| bucket.take(Urgency::Status, much_later).is_ok()).count();
        assert_eq!(taken, 5);
        // A clock that is read out of order neither fills nor breaks it.
        assert!(bucket.take(Urgency::Status, start).is_err());
    }

    #[test]
    fn status_is_served_while_issuance_asks_without_pause() {
        let start = Instant::now();
        let bucket = Bucket::new(QUOTA, start);
        let (mut issued, mut status) = (0, 0);
        for millisecond in 0..10_000 {
            let now = start + Duration::from_millis(millisecond);
            issued += u32::from(bucket.take(Urgency::Issuance, now).is_ok());
            if millisecond % 500 == 0 {
                status += u32::from(bucket.take(Urgency::Status, now).is_ok());
            }
        }
        assert_eq!(status, 20);
        assert!((75..=105).contains(&issued), "{issued}");
    }
}
