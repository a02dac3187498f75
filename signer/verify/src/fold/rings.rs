//! Gaps, promotions, and journals of other rings.

use signer_proto::{FollowedRead, GapAccepted, InstanceId, Promoted, RingFollowed};
use signer_quorum::followed_genesis;
use x509::UnixTime;

use super::status::CrlLine;
use super::{Fold, Moment, Wrong};
use crate::fault::FaultKind;

/// What the leaves tell of rings.
#[derive(Default)]
pub(crate) struct Rings {
    prefixes: Vec<u8>,
    followed: Vec<(InstanceId, u64)>,
}

impl Rings {
    /// Returns whether other rings are followed.
    pub(crate) fn follows(&self) -> bool {
        !self.followed.is_empty()
    }
}

impl Fold {
    fn next_prefix(&mut self, prefix: u8) -> Result<(), Wrong> {
        let origin = self.origin.as_mut();
        let origin = origin.ok_or_else(|| Wrong(FaultKind::Genesis, "no genesis".to_owned()))?;
        let used = origin.serial_prefix == prefix || self.rings.prefixes.contains(&prefix);
        if used || !(0x01..=0x7f).contains(&prefix) {
            let why = format!("the serial prefix {prefix:02x} is not a fresh one");
            return Wrong::because(FaultKind::Rings, why);
        }
        self.rings.prefixes.push(origin.serial_prefix);
        origin.serial_prefix = prefix;
        Ok(())
    }

    pub(super) fn gap_accepted(&mut self, moment: Moment, gap: &GapAccepted) -> Result<(), Wrong> {
        self.next_prefix(gap.serial_prefix)?;
        let at = UnixTime(moment.at_ms.div_euclid(1000));
        for seen in &gap.crl_numbers.0 {
            let key = self.known(seen.key)?;
            let line = key.crl.get_or_insert(CrlLine { number: 0, this_update: at, covered: 0 });
            line.number = line.number.max(seen.number);
        }
        Ok(())
    }

    pub(super) fn promoted(&mut self, new: &Promoted) -> Result<(), Wrong> {
        self.next_prefix(new.serial_prefix)
    }

    pub(super) fn ring_followed(&mut self, ring: &RingFollowed) -> Result<(), Wrong> {
        let genesis = followed_genesis(&ring.genesis)
            .map_err(|refusal| Wrong(FaultKind::Rings, refusal.to_string()))?;
        let own = self.origin.as_ref().map(|origin| origin.instance);
        let again = self.rings.followed.iter().any(|(known, _)| *known == genesis.instance);
        if again || own == Some(genesis.instance) {
            return Wrong::because(FaultKind::Rings, "followed twice, or by itself");
        }
        self.rings.followed.push((genesis.instance, 0));
        Ok(())
    }

    pub(super) fn followed_read(&mut self, read: &FollowedRead) -> Result<(), Wrong> {
        let known = self.rings.followed.iter_mut().find(|(known, _)| *known == read.instance);
        match known {
            Some((_, size)) if read.size > *size => {
                *size = read.size;
                Ok(())
            }
            Some((_, size)) => {
                let why = format!("{} leaves after {size}", read.size);
                Wrong::because(FaultKind::Rings, why)
            }
            None => Wrong::because(FaultKind::Rings, "the ring is not followed"),
        }
    }
}
