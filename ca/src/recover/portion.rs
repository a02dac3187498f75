//! Consecutive leaves, sorted by what is to be done with them.

use std::collections::BTreeSet;

use signer_proto::{
    AuthoritySigned, CertificateSigned, Event, InventoryImported, JournalSlice, KeyAdopted,
    KeyGenerated, Leaf, RequestSigned, RevocationChanged, Wire,
};
use x509::UnixTime;

use super::{Reach, RecoverError};

/// A certificate that was signed so long ago and is not recorded will not be any more: whoever
/// asked for it is gone or has given up. In milliseconds.
const SETTLED_AFTER: i64 = 15_000;

/// A leaf that matters, with its place.
#[derive(Debug, Clone)]
pub(super) struct At<E> {
    pub(super) position: u64,
    pub(super) at: UnixTime,
    pub(super) event: E,
}

/// What changes issuers; at most one a portion, as its last.
#[derive(Debug, Clone)]
pub(super) enum Structural {
    Key(KeyGenerated),
    Request(RequestSigned),
    Authority(AuthoritySigned),
    Adopted(KeyAdopted),
    Inventory(InventoryImported),
}

/// Leaves up to `end`. All certificates may be recorded before all changes: a change of a
/// certificate always stands behind it.
#[derive(Debug)]
pub(super) struct Portion {
    pub(super) certificates: Vec<At<CertificateSigned>>,
    /// With whether this process made the change itself.
    pub(super) changes: Vec<(At<RevocationChanged>, bool)>,
    pub(super) structure: Option<At<Structural>>,
    /// Whether policies came into force: issuers under none cannot be used.
    pub(super) policies: bool,
    pub(super) end: u64,
}

impl Portion {
    /// Takes leaves from the front: up to the first that changes issuers, or, within
    /// [`Reach::Settled`], up to a certificate that may still be recorded by who asked for it.
    pub(super) fn take(
        slice: JournalSlice,
        recorded: &BTreeSet<u64>,
        reach: Reach,
        now_ms: u64,
    ) -> Result<Self, RecoverError> {
        let now_ms = i64::try_from(now_ms).unwrap_or(i64::MAX);
        let mut portion = Self {
            certificates: Vec::new(),
            changes: Vec::new(),
            structure: None,
            policies: false,
            end: slice.from,
        };
        for leaf in slice.leaves.0 {
            let position = portion.end;
            let leaf = Leaf::from_wire(&leaf.0)
                .map_err(|source| RecoverError::Leaf { position, source })?;
            let young = leaf.at_ms > now_ms.saturating_sub(SETTLED_AFTER);
            let ours = recorded.contains(&position);
            let at = leaf.at();
            match leaf.event {
                Event::CertificateSigned(_) if ours => {}
                Event::CertificateSigned(_) if young && reach == Reach::Settled => break,
                Event::CertificateSigned(event) => {
                    portion.certificates.push(At { position, at, event })
                }
                Event::RevocationChanged(event) => {
                    portion.changes.push((At { position, at, event }, ours))
                }
                Event::KeyGenerated(event) => {
                    portion.end_with(position, at, Structural::Key(event));
                    break;
                }
                Event::RequestSigned(event) => {
                    portion.end_with(position, at, Structural::Request(event));
                    break;
                }
                Event::AuthoritySigned(event) => {
                    portion.end_with(position, at, Structural::Authority(event));
                    break;
                }
                Event::KeyAdopted(event) => {
                    portion.end_with(position, at, Structural::Adopted(event));
                    break;
                }
                Event::InventoryImported(event) => {
                    portion.end_with(position, at, Structural::Inventory(event));
                    break;
                }
                Event::PolicySet(_) => portion.policies = true,
                Event::Genesis(_)
                | Event::Opened(_)
                | Event::UnlockAttempt(_)
                | Event::UnlockRotated(_)
                | Event::OperatorsSet(_)
                | Event::KeyStateSet(_)
                | Event::IssuanceFrozen(_)
                | Event::CeremonyRecorded(_)
                | Event::GapAccepted(_)
                | Event::Promoted(_)
                | Event::RingFollowed(_)
                | Event::FollowedRead(_)
                | Event::CrlSigned(_)
                | Event::OcspSigned(_)
                | Event::HandshakesSigned(_)
                | Event::SignIntended(_)
                | Event::AuditAnchored(_)
                | Event::ValidationRecorded(_)
                | Event::Refused(_) => {}
            }
            portion.end = position + 1;
        }
        Ok(portion)
    }

    fn end_with(&mut self, position: u64, at: UnixTime, event: Structural) {
        self.end = position + 1;
        self.structure = Some(At { position, at, event });
    }

    /// Says whether only the position moves.
    pub(super) fn is_idle(&self) -> bool {
        let nothing = self.certificates.is_empty() && self.changes.is_empty();
        nothing && self.structure.is_none() && !self.policies
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use signer_proto::{
        Digest, EvidenceRecords, IdempotencyKey, KeyId, LeafBytes, Leaves, Opened, Report,
        RevocationStatus, Version,
    };
    use x509::{CrlReason, Serial, Signature, SignatureScheme, TbsCertificateDer};

    const NOW: u64 = 1_700_000_000_000;

    fn certificate() -> Event {
        Event::from(CertificateSigned {
            key: KeyId([1; 16]),
            policy: Digest([2; 32]),
            profile: Digest([3; 32]),
            idempotency: IdempotencyKey([4; 16]),
            evidence: EvidenceRecords(vec![]),
            tbs: TbsCertificateDer::from_vec(vec![5]),
            scheme: SignatureScheme::Ed25519,
            signature: Signature::from_vec(vec![6]),
        })
    }

    fn change() -> Event {
        Event::from(RevocationChanged {
            key: KeyId([1; 16]),
            serial: Serial::from_unsigned(&[7]).expect("positive"),
            status: RevocationStatus::Revoked,
            reason: CrlReason::Superseded,
            invalidity: None,
        })
    }

    fn request() -> Event {
        Event::from(RequestSigned {
            key: KeyId([1; 16]),
            info: x509::CertificationRequestInfoDer::from_vec(vec![5]),
            scheme: SignatureScheme::Ed25519,
            signature: Signature::from_vec(vec![6]),
            warrant: signer_proto::Warrant::none(),
        })
    }

    fn opened() -> Event {
        Event::from(Opened { version: Version("1".into()), report: Report(String::new()), cut: 0 })
    }

    /// Takes leaves from position 10 on, each so many seconds old.
    fn take(leaves: &[(Event, i64)], recorded: &[u64], reach: Reach) -> Portion {
        let now = i64::try_from(NOW).expect("a time");
        let leaves = leaves.iter().map(|(event, age)| {
            let leaf = Leaf { at_ms: now - age * 1000, event: event.clone() };
            LeafBytes(leaf.to_wire())
        });
        let slice = JournalSlice { from: 10, size: 99, leaves: Leaves(leaves.collect()) };
        Portion::take(slice, &recorded.iter().copied().collect(), reach, NOW).expect("leaves")
    }

    #[test]
    fn a_young_certificate_of_somebody_stops_the_follower() {
        let leaves = [(opened(), 20), (certificate(), 16), (certificate(), 14), (change(), 1)];
        let settled = take(&leaves, &[], Reach::Settled);
        assert_eq!((settled.end, settled.certificates.len(), settled.changes.len()), (12, 1, 0));
        let everything = take(&leaves, &[], Reach::Everything);
        assert_eq!((everything.end, everything.certificates.len()), (14, 2));
    }

    #[test]
    fn what_this_process_recorded_is_passed_over() {
        let leaves = [(certificate(), 0), (change(), 0), (certificate(), 0)];
        let portion = take(&leaves, &[10, 11], Reach::Settled);
        assert_eq!((portion.end, portion.certificates.len()), (12, 0));
        // The change is held against the inventory all the same, and nothing is forgotten twice.
        assert!(matches!(portion.changes.as_slice(), [(at, true)] if at.position == 11));
    }

    #[test]
    fn what_changes_issuers_ends_a_portion() {
        let leaves = [(change(), 0), (request(), 0), (change(), 0)];
        let portion = take(&leaves, &[], Reach::Everything);
        assert_eq!((portion.end, portion.changes.len()), (12, 1));
        assert!(portion.structure.is_some() && !portion.is_idle());
    }

    #[test]
    fn a_leaf_of_another_time_is_an_error() {
        let slice =
            JournalSlice { from: 3, size: 4, leaves: Leaves(vec![LeafBytes(vec![1, 255])]) };
        let outcome = Portion::take(slice, &BTreeSet::new(), Reach::Everything, NOW);
        assert!(matches!(outcome, Err(RecoverError::Leaf { position: 3, .. })));
    }
}
