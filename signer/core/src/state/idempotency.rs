//! Which idempotency key asked for which leaf: 21 octets each.

use signer_proto::IdempotencyKey;

use super::sharded::Sharded;

/// Positions by idempotency key. The leaf itself says what was asked.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyIndex {
    positions: Sharded<IdempotencyKey, [u8; 5]>,
}

impl IdempotencyIndex {
    /// Returns the position of the leaf that this key asked for.
    pub(crate) fn get(&self, key: &IdempotencyKey) -> Option<u64> {
        let [a, b, c, d, e] = self.positions.get(key)?;
        Some(u64::from_be_bytes([0, 0, 0, a, b, c, d, e]))
    }

    /// Remembers the position; the first one of a key stands.
    pub(crate) fn insert(&mut self, key: IdempotencyKey, position: u64) {
        let [_, _, _, packed @ ..] = position.to_be_bytes();
        if self.positions.get(&key).is_none() {
            self.positions.insert(key, packed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_position_stands() {
        let mut index = IdempotencyIndex::default();
        let key = IdempotencyKey([9; 16]);
        assert_eq!(index.get(&key), None);
        index.insert(key, 0x12_3456_789a);
        index.insert(key, 1);
        assert_eq!(index.get(&key), Some(0x12_3456_789a));
    }
}
