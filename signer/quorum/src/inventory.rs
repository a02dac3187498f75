//! What is still to come of an inventory that operators approved by its digest.

use signer_proto::{Digest, InventoryChunk, InventoryDigest, OldCertificate, Refusal, Rule, Wire};
use x509::{CrlReason, Serial, UnixTime, sha256};

/// How far an inventory has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inventory {
    missing: u64,
    next: Option<Digest>,
    last: Option<Serial>,
}

impl Inventory {
    /// Begins, with nothing of it here; none if no inventory is so.
    #[must_use]
    pub fn begin(approved: &InventoryDigest) -> Option<Self> {
        let InventoryDigest { certificates: missing, first: next } = *approved;
        ((missing == 0) == next.is_none()).then_some(Self { missing, next, last: None })
    }

    /// Returns how many certificates are still to come.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.missing
    }

    /// Takes a chunk; gives what is still to come after it.
    ///
    /// # Errors
    /// `adoption-refused` for a chunk that is not the next one.
    pub fn take(&self, chunk: &InventoryChunk, now: UnixTime) -> Result<Self, Refusal> {
        let refuse = |why: &str| Err(Refusal::new(Rule::AdoptionRefused, why));
        let certificates = &chunk.certificates.0;
        if self.next != Some(Digest(sha256(&chunk.to_wire()))) {
            return refuse("it is not the next part of the inventory that was approved");
        }
        let ascends = certificates.is_sorted_by(|one, next| one.serial < next.serial);
        let first = certificates.first().map(|first| first.serial);
        if !ascends || first.is_none() || first <= self.last {
            return refuse("its serials do not ascend");
        }
        let count = u64::try_from(certificates.len()).unwrap_or(u64::MAX);
        let missing = self.missing.checked_sub(count);
        let Some(missing) = missing.filter(|left| (*left == 0) == chunk.next.is_none()) else {
            return refuse("the inventory has another number of certificates");
        };
        if !certificates.iter().all(|old| can_be(old, now)) {
            return refuse("a revocation in it cannot have been");
        }
        let last = certificates.last().map(|last| last.serial);
        Ok(Self { missing, next: chunk.next, last })
    }
}

/// RFC 5280 §5.3.1: removeFromCRL revokes nothing, and what is on hold has no invalidity date.
fn can_be(old: &OldCertificate, now: UnixTime) -> bool {
    let was = |time: UnixTime| time.0 >= 0 && time <= now;
    old.revoked.is_none_or(|revoked| {
        let held = revoked.reason == CrlReason::CertificateHold;
        was(revoked.at)
            && revoked.reason != CrlReason::RemoveFromCrl
            && revoked.invalidity.is_none_or(|since| !held && was(since))
    })
}
