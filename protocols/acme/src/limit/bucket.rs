//! A leaky bucket for each key, without a clock of its own (GCRA).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Buckets of one shard; when there are more, those that are empty go.
const MOST: usize = 4_096;
/// Shards, so that clients seldom wait for each other.
const SHARDS: usize = 16;

/// Nanoseconds of a millisecond: a limit of millions a second is one, too.
const NANOS: u64 = 1_000_000;

/// When each key's bucket is empty again, in nanoseconds.
#[derive(Default)]
pub(super) struct Buckets([Mutex<HashMap<[u8; 16], u64>>; SHARDS]);

impl Buckets {
    /// Puts one into the bucket of a key that takes `most` in `seconds`; if it is full, gives the
    /// seconds until it takes another.
    pub(super) fn take(
        &self,
        key: [u8; 16],
        (most, seconds): (u32, u32),
        millis: u64,
    ) -> Result<(), u32> {
        let now = millis * NANOS;
        let capacity = u64::from(seconds) * 1_000 * NANOS;
        let one = (capacity / u64::from(most.max(1))).max(1);
        let shard = key.iter().fold(0_usize, |sum, octet| sum.wrapping_add(usize::from(*octet)));
        let shard = &self.0[shard % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= MOST {
            shard.retain(|_, empty| *empty > now);
        }
        let level = shard.entry(key).or_insert(now);
        let filled = (*level).max(now) + one;
        if filled > now + capacity.max(one) {
            let wait = (filled - now - capacity).div_ceil(1_000 * NANOS);
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        *level = filled;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_takes_as_many_as_it_says_however_many_that_is() {
        for (most, seconds) in [(1, 10), (500, 3_600), (20_000, 10), (250_000, 10)] {
            let buckets = Buckets::default();
            let take = |millis| buckets.take([1; 16], (most, seconds), millis);
            let at = 1_800_000_000_000;
            for number in 0..most {
                assert_eq!(take(at), Ok(()), "{number} of {most}");
            }
            // One place is free again after a part of the time, all of them after all of it.
            let part = (u64::from(seconds) * 1_000).div_ceil(u64::from(most));
            assert_eq!(take(at), Err(u32::try_from(part.div_ceil(1_000)).expect("seconds")));
            assert_eq!(take(at + part), Ok(()), "{most}");
            let after = at + part + u64::from(seconds) * 1_000;
            assert_eq!((0..most).filter(|_| take(after).is_ok()).count(), most as usize);
            assert!(take(after).is_err(), "{most}");
        }
    }
}
