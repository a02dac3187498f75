//! Signed TLS handshakes on their way to the journal: one leaf for many.
//!
//! A handshake does not wait for its leaf: clients come by the thousand, and what is signed is of
//! no use to anybody after the handshake. A crash loses what was signed in its last second.

use std::collections::HashMap;

use signer_log::merkle::CompactRange;
use signer_log::segment::leaf_hash;
use signer_proto::{Digest, HandshakesSigned, KeyId};

/// How long a handshake waits for its leaf at most, but for [`crate::keeper::TICK`].
const WINDOW_MS: i64 = 750;
/// How many handshakes one leaf is for at most.
const MOST: u64 = 4096;

/// Handshakes of one key that wait.
#[derive(Debug)]
struct Batch {
    opened_ms: i64,
    /// The tree over their contents.
    tree: CompactRange,
}

/// What waits for its leaf.
#[derive(Debug, Default)]
pub(crate) struct Handshakes {
    batches: HashMap<KeyId, Batch>,
    ended: bool,
}

/// The signer is ending, and what is signed now would not be journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ended;

impl Handshakes {
    /// Notes a signed content at an uptime; returns the leaf to write at once, if it fills one.
    pub(crate) fn note(
        &mut self,
        now_ms: i64,
        key: KeyId,
        content: &[u8],
    ) -> Result<Option<HandshakesSigned>, Ended> {
        if self.ended {
            return Err(Ended);
        }
        let batch = self
            .batches
            .entry(key)
            .or_insert_with(|| Batch { opened_ms: now_ms, tree: CompactRange::default() });
        batch.tree.append(leaf_hash(content));
        if batch.tree.size() < MOST {
            return Ok(None);
        }
        Ok(self.batches.remove(&key).map(|batch| batch.into_leaf(key)))
    }

    /// Returns the leaves of the batches that waited long enough.
    pub(crate) fn due(&mut self, now_ms: i64) -> Vec<HandshakesSigned> {
        let is_due = |batch: &Batch| now_ms.saturating_sub(batch.opened_ms) >= WINDOW_MS;
        let due = self.batches.extract_if(|_, batch| is_due(batch));
        due.map(|(key, batch)| batch.into_leaf(key)).collect()
    }

    /// Returns the leaves of all that waits.
    pub(crate) fn take(&mut self) -> Vec<HandshakesSigned> {
        self.batches.drain().map(|(key, batch)| batch.into_leaf(key)).collect()
    }

    /// Returns the leaves of all that waits, and takes nothing more.
    pub(crate) fn end(&mut self) -> Vec<HandshakesSigned> {
        self.ended = true;
        self.take()
    }

    /// Returns whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

impl Batch {
    fn into_leaf(self, key: KeyId) -> HandshakesSigned {
        let count = u32::try_from(self.tree.size()).unwrap_or(u32::MAX);
        HandshakesSigned { key, count, root: Digest(self.tree.root()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signer_log::merkle;

    const KEY: KeyId = KeyId([1; 16]);
    const OTHER: KeyId = KeyId([2; 16]);

    #[test]
    fn a_flood_is_a_leaf_for_each_window_and_every_handshake_is_counted() {
        let mut handshakes = Handshakes::default();
        let mut leaves = Vec::new();
        for n in 0..10_000i64 {
            leaves.extend(handshakes.note(n, KEY, &n.to_be_bytes()).unwrap());
            if n % 250 == 0 {
                leaves.extend(handshakes.due(n));
            }
        }
        assert!(leaves.len() <= 14, "{}", leaves.len());
        leaves.extend(handshakes.end());
        assert_eq!(leaves.iter().map(|leaf| leaf.count).sum::<u32>(), 10_000);
        assert!(handshakes.is_empty());
    }

    #[test]
    fn a_full_batch_does_not_wait() {
        let mut handshakes = Handshakes::default();
        let contents: Vec<[u8; 8]> = (0..4096u64).map(u64::to_be_bytes).collect();
        let mut leaf = None;
        for content in &contents {
            assert_eq!(leaf, None);
            leaf = handshakes.note(0, KEY, content).unwrap();
        }
        let root = merkle::root(&contents);
        assert_eq!(leaf, Some(HandshakesSigned { key: KEY, count: 4096, root }));
        assert!(handshakes.is_empty());
    }

    #[test]
    fn keys_have_leaves_of_their_own() {
        let mut handshakes = Handshakes::default();
        handshakes.note(0, KEY, b"a").unwrap();
        handshakes.note(600, OTHER, b"b").unwrap();
        assert_eq!(handshakes.due(749), []);
        let due = handshakes.due(750);
        assert_eq!(due, [HandshakesSigned { key: KEY, count: 1, root: merkle::root([b"a"]) }]);
        assert!(!handshakes.is_empty());
    }

    #[test]
    fn refuses_to_take_what_would_have_no_leaf() {
        let mut handshakes = Handshakes::default();
        handshakes.note(0, KEY, b"a").unwrap();
        assert_eq!(handshakes.end().len(), 1);
        assert_eq!(handshakes.note(1, KEY, b"b"), Err(Ended));
        assert!(handshakes.is_empty());
    }
}
