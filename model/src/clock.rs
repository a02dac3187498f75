//! The clock as an argument.

use x509::UnixTime;

/// Tells the time; the one real clock is made in the mains and tests bring their own.
pub trait Clock: Send + Sync {
    /// Gives the milliseconds since 1970-01-01T00:00:00Z.
    fn unix_millis(&self) -> u64;

    /// Gives the same time in whole seconds.
    fn now(&self) -> UnixTime {
        UnixTime(i64::try_from(self.unix_millis() / 1000).unwrap_or(i64::MAX))
    }
}

impl<C: Clock + ?Sized> Clock for &C {
    fn unix_millis(&self) -> u64 {
        (**self).unix_millis()
    }
}

impl<C: Clock + ?Sized> Clock for std::sync::Arc<C> {
    fn unix_millis(&self) -> u64 {
        (**self).unix_millis()
    }
}
