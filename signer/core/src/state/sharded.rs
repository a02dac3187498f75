//! A map that grows without long pauses.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};

/// A map doubles by moving everything that it has; each of these moves a sixty-fourth.
const SHARDS: u64 = 64;

/// Many small maps that look like one. Empty it takes no memory.
#[derive(Debug)]
pub(super) struct Sharded<K, V> {
    shards: Vec<HashMap<K, V>>,
    /// Unknown outside, so that nobody can aim at one shard.
    hasher: RandomState,
}

impl<K, V> Default for Sharded<K, V> {
    fn default() -> Self {
        Self { shards: Vec::new(), hasher: RandomState::new() }
    }
}

impl<K: Hash + Eq, V: Copy> Sharded<K, V> {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.shards.get(self.shard(key))?.get(key).copied()
    }

    /// Sets the value of a key and returns the one before.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if self.shards.is_empty() {
            self.shards.resize_with(usize::try_from(SHARDS).unwrap_or(1), HashMap::new);
        }
        let shard = self.shard(&key);
        self.shards.get_mut(shard)?.insert(key, value)
    }

    fn shard(&self, key: &K) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_behaves_as_one_map() {
        let mut sharded = Sharded::default();
        let mut one = HashMap::new();
        for n in 0..10_000u32 {
            let (key, value) = (n * 7919 % 5000, n);
            assert_eq!(sharded.insert(key, value), one.insert(key, value));
        }
        for key in 0..6000 {
            assert_eq!(sharded.get(&key), one.get(&key).copied());
        }
    }

    #[test]
    fn no_shard_has_much_more_than_its_part() {
        let mut sharded = Sharded::default();
        for n in 0..64_000u32 {
            sharded.insert(n, ());
        }
        assert!(sharded.shards.iter().all(|shard| shard.len() < 1300));
    }
}
