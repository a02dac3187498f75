//! Rings beside this one, and what became of this one: gaps, promotions, journals that are
//! followed.

use std::collections::BTreeMap;

use signer_proto::{
    Digest, FollowedRead, GapAccepted, Genesis, InstanceId, LeafBytes, Promoted, RingFollowed,
};
use signer_quorum::followed_genesis;
use x509::{UnixTime, sha256};

use super::key::CrlLine;
use super::{State, StateError};

/// Whether an octet may begin serials: positive, and of the same length always.
pub(crate) fn is_prefix(octet: u8) -> bool {
    (0x01..=0x7f).contains(&octet)
}

/// The end of the journal that was lost, and that operators accepted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The size of the checkpoint that showed the loss.
    pub(crate) seen: u64,
}

impl Gap {
    /// Returns whether a checkpoint of this size may be one of the lost end. Where that end began
    /// is not known: leaves were written since, before anybody noticed. So the running signer
    /// takes every other history up to the loss for the lost one; witnesses and verifiers do not.
    pub(crate) fn covers(&self, size: u64) -> bool {
        size <= self.seen
    }
}

/// A ring whose journal is followed.
#[derive(Debug, Clone)]
pub(crate) struct Followed {
    /// Its first leaf.
    pub(crate) genesis: Genesis,
    /// That leaf as it was hashed.
    pub(crate) leaf: LeafBytes,
    /// Its SHA-256.
    pub(crate) digest: Digest,
    /// How many leaves were here at the last count, and their root.
    pub(crate) read: Option<(u64, Digest)>,
}

/// What the leaves tell of rings.
#[derive(Debug, Default)]
pub(crate) struct Rings {
    /// Serial prefixes after that of genesis, the last one in force.
    prefixes: Vec<u8>,
    /// Where the last promotion stands.
    promoted: Option<u64>,
    gaps: Vec<Gap>,
    followed: BTreeMap<InstanceId, Followed>,
}

impl State {
    /// Returns the first octet of every serial; zero, which no serial has, before genesis.
    pub(crate) fn serial_prefix(&self) -> u8 {
        let first = self.ring().map_or(0, |ring| ring.genesis.serial_prefix);
        self.rings.prefixes.last().copied().unwrap_or(first)
    }

    /// Returns whether serials never began with an octet.
    pub(crate) fn is_fresh_prefix(&self, octet: u8) -> bool {
        let first = self.ring().map_or(0, |ring| ring.genesis.serial_prefix);
        is_prefix(octet) && octet != first && !self.rings.prefixes.contains(&octet)
    }

    /// Returns whether the last leaf is a promotion.
    pub(crate) fn ends_promoted(&self) -> bool {
        self.rings.promoted.is_some_and(|at| at + 1 == self.size())
    }

    /// Returns the ends of the journal that were lost.
    pub(crate) fn gaps(&self) -> &[Gap] {
        &self.rings.gaps
    }

    /// Returns the rings that are followed.
    pub(crate) fn followed(&self) -> &BTreeMap<InstanceId, Followed> {
        &self.rings.followed
    }

    pub(super) fn gap_accepted(
        &mut self,
        position: u64,
        at: UnixTime,
        gap: &GapAccepted,
    ) -> Result<(), StateError> {
        if !self.is_fresh_prefix(gap.serial_prefix) {
            return Err(StateError::Rings(position));
        }
        for seen in &gap.crl_numbers.0 {
            let key = self.known(position, seen.key)?;
            let line = key.crl.unwrap_or(CrlLine { number: 0, this_update: at, revocations: 0 });
            key.crl = Some(CrlLine { number: line.number.max(seen.number), ..line });
        }
        self.rings.prefixes.push(gap.serial_prefix);
        self.rings.gaps.push(Gap { seen: gap.seen_size });
        Ok(())
    }

    pub(super) fn promoted(&mut self, position: u64, new: &Promoted) -> Result<(), StateError> {
        if !self.is_fresh_prefix(new.serial_prefix) {
            return Err(StateError::Rings(position));
        }
        self.rings.prefixes.push(new.serial_prefix);
        self.rings.promoted = Some(position);
        Ok(())
    }

    pub(super) fn ring_followed(
        &mut self,
        position: u64,
        ring: &RingFollowed,
    ) -> Result<(), StateError> {
        let genesis = followed_genesis(&ring.genesis).map_err(|_| StateError::Rings(position))?;
        let digest = Digest(sha256(&ring.genesis.0));
        let (instance, own) = (genesis.instance, self.ring().map(|ring| ring.genesis.instance));
        let new = Followed { genesis, leaf: ring.genesis.clone(), digest, read: None };
        if own == Some(instance) || self.rings.followed.insert(instance, new).is_some() {
            return Err(StateError::Rings(position));
        }
        Ok(())
    }

    pub(super) fn followed_read(
        &mut self,
        position: u64,
        read: &FollowedRead,
    ) -> Result<(), StateError> {
        let followed = self.rings.followed.get_mut(&read.instance);
        let followed = followed.ok_or(StateError::Rings(position))?;
        if followed.read.is_some_and(|(size, _)| read.size <= size) {
            return Err(StateError::Rings(position));
        }
        followed.read = Some((read.size, read.root));
        Ok(())
    }
}
