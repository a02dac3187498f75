//! A client that lost patience asks again while its first request is under way: the second waits
//! for the first instead of getting a certificate of its own.

use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};

use super::Idempotency;

/// Keys share turns by their hash; so many that strangers seldom wait for each other.
const TURNS: usize = 1_024;

/// Who comes first.
pub(crate) struct Turns {
    hasher: RandomState,
    turns: Vec<Mutex<()>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { hasher: RandomState::new(), turns: (0..TURNS).map(|_| Mutex::new(())).collect() }
    }
}

impl Turns {
    /// Waits for the key's turn; a request without a key does not wait.
    pub(crate) async fn take(&self, wanted: Option<&Idempotency>) -> Option<MutexGuard<'_, ()>> {
        let wanted = wanted?;
        let hash = self.hasher.hash_one((wanted.token, &wanted.key));
        let turn = usize::try_from(hash % TURNS as u64).unwrap_or(0);
        Some(self.turns[turn].lock().await)
    }
}
