//! A leaky bucket for each key, without a clock of its own (GCRA).

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Buckets of one shard; when there are more, those that are empty go.
const MOST: usize = 4_096;
/// Shards, so that clients seldom wait for each other.
const SHARDS: usize = 16;

/// When each key's bucket is empty again, in milliseconds.
#[derive(Default)]
pub(super) struct Buckets([Mutex<HashMap<[u8; 16], u64>>; SHARDS]);

impl Buckets {
    /// Puts one into the bucket of a key that takes `most` in `seconds`; if it is full, gives the
    /// seconds until it takes another.
    pub(super) fn take(
        &self,
        key: [u8; 16],
        (most, seconds): (u32, u32),
        now: u64,
    ) -> Result<(), u32> {
        let capacity = u64::from(seconds) * 1_000;
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
            let wait = (filled - now - capacity).div_ceil(1_000);
            return Err(u32::try_from(wait).unwrap_or(u32::MAX));
        }
        *level = filled;
        Ok(())
    }
}
