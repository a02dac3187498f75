//! What evidence points to: leaves of this signer's own journal.

use signer_policy::{Facts, IssuedCertificate, Validation};
use signer_proto::{Event, KeyId, Leaf, Refusal, RevocationStatus};

use crate::keeper::Keeper;
use crate::state::glance;

/// The journal, as the key that is asked to sign may know it.
pub(super) struct OwnJournal<'k> {
    pub(super) keeper: &'k Keeper,
    pub(super) key: KeyId,
}

impl OwnJournal<'_> {
    /// Reads a leaf; none if there is none yet.
    fn leaf(&self, position: u64) -> Result<Option<Leaf>, Refusal> {
        if position >= self.keeper.journal.size() {
            return Ok(None);
        }
        self.keeper.leaf_at(position).map(Some)
    }
}

impl Facts for OwnJournal<'_> {
    fn issued(&self, position: u64) -> Result<Option<IssuedCertificate>, Refusal> {
        let Some(Leaf { event: Event::CertificateSigned(signed), .. }) = self.leaf(position)?
        else {
            return Ok(None);
        };
        let live = self.keeper.live();
        let Some(key) = live.state.key_by_id(self.key).filter(|_| signed.key == self.key) else {
            return Ok(None);
        };
        // The index has to know it too: a certificate is in force if both say so.
        let serial = glance(signed.tbs.as_bytes()).map(|(serial, _)| serial);
        let Some(serial) = serial.filter(|serial| {
            key.issued.get(serial).is_some_and(|issued| issued.position == position)
        }) else {
            return Ok(None);
        };
        let status = key.revocations.latest(&serial).map(|change| change.status);
        let revoked = !matches!(status, None | Some(RevocationStatus::Released));
        Ok(Some(IssuedCertificate { tbs: signed.tbs, revoked }))
    }

    fn validation(&self, position: u64) -> Result<Option<Validation>, Refusal> {
        let at_hand = self.keeper.live().state.validations().get(position).cloned();
        if at_hand.is_some() {
            return Ok(at_hand);
        }
        let leaf = self.leaf(position)?;
        Ok(leaf.and_then(|leaf| {
            let at = leaf.at();
            match leaf.event {
                Event::ValidationRecorded(recorded) => Some(Validation { recorded, at }),
                _ => None,
            }
        }))
    }
}
