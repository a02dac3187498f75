//! Roots, proofs and tiles of what is durable.

use signer_log::merkle::Hash;
use signer_log::proof::{self, MakeError};
use signer_log::tile::Tile;
use signer_proto::{Digest, Refusal, Rule};

use crate::journal::JournalError;
use crate::keeper::Keeper;

impl Keeper {
    /// Returns the root of the tree of the first `size` leaves (RFC 9162 §2.1.1).
    pub(crate) fn root_at(&self, size: u64) -> Result<Digest, Refusal> {
        let tree = self.journal.tree();
        check_size(size, tree.size())?;
        proof::root_at(&tree, size).map(Digest).map_err(|error| unavailable(&error))
    }

    /// Proves that the leaf at `index` is in the tree of the first `size` leaves.
    pub(crate) fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, Refusal> {
        let tree = self.journal.tree();
        check_size(size, tree.size())?;
        proof::inclusion(&tree, index, size).map_err(refuse)
    }

    /// Proves that the tree of the first `old` leaves is the beginning of that of `new` leaves.
    pub(crate) fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Refusal> {
        let tree = self.journal.tree();
        check_size(new, tree.size())?;
        proof::consistency(&tree, old, new).map_err(refuse)
    }

    /// Returns a tile's content.
    pub(crate) fn tile(&self, tile: Tile) -> Result<Vec<u8>, Refusal> {
        let tree = self.journal.tree();
        match Tile::at(tile.level, tile.index, tree.size()) {
            Some(there) if (1..=there.width).contains(&tile.width) => {}
            _ => {
                let detail = format!("{tile} is not in a tree of {} leaves", tree.size());
                return Err(Refusal::new(Rule::PositionUnknown, detail));
            }
        }
        tree.tile(tile).map_err(|error| unavailable(&error))
    }
}

fn check_size(size: u64, there: u64) -> Result<(), Refusal> {
    if size <= there {
        return Ok(());
    }
    let detail = format!("{size} leaves are past the end at {there}");
    Err(Refusal::new(Rule::PositionUnknown, detail))
}

fn refuse(error: MakeError<JournalError>) -> Refusal {
    match error {
        MakeError::Asked(error) => Refusal::new(Rule::PositionUnknown, error.to_string()),
        MakeError::Nodes(error) => unavailable(&error),
    }
}

fn unavailable(error: &JournalError) -> Refusal {
    Refusal::new(Rule::JournalUnavailable, error.to_string())
}
