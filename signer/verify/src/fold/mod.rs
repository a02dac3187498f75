//! What the leaves say, one after another: a fold that shares nothing with the signer's.
//!
//! The fold holds each leaf against everything before it and gives the [`Check`] that takes time
//! (signatures, policy, CRL bytes) to whoever runs checks.

mod adoption;
mod approved;
mod authority;
mod budget;
mod certificates;
mod evidence;
mod glance;
mod key;
mod refusals;
mod rings;
mod status;
mod unlock;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use signer_log::merkle::Hash;
use signer_log::note::NoteKey;
use signer_policy::RingKeys;
use signer_proto::{
    AuditAnchored, Digest, Event, IdempotencyKey, InstanceId, KeyId, KeyLabel, Leaf, Purpose,
    SignIntended, Wire,
};
use signer_quorum::Quorum;
use x509::UnixTime;

use crate::checks::{Check, Renewals, Validations};
use crate::fault::{FaultKind, Wrong};
use crate::history::History;
use key::Key;
use refusals::Floods;

pub(crate) use key::Signer;
pub(crate) use status::{Change, CrlLine};

/// How much earlier than its leaf an act may have been admitted, in seconds. A call waits 30 s at
/// most; a disk that stood still or a machine that slept may add to it.
pub(crate) const LATENCY: i64 = 300;
/// How much later than its leaf an act may have been admitted: a clock that was set back between
/// the two, which the signer follows only so far.
pub(crate) const LIFT: i64 = 5;

/// What genesis fixed.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) instance: InstanceId,
    pub(crate) serial_prefix: u8,
    pub(crate) log_key: NoteKey,
}

/// Everything that the leaves up to now say.
#[derive(Default)]
pub(crate) struct Fold {
    pub(crate) origin: Option<Origin>,
    pub(crate) rings: rings::Rings,
    /// The tree over the leaves that were taken.
    pub(crate) history: History,
    quorum: Option<Quorum>,
    keys: Vec<Key>,
    by_id: HashMap<KeyId, usize>,
    labels: HashSet<KeyLabel>,
    ring_keys: Arc<RingKeys>,
    idempotency: HashSet<IdempotencyKey>,
    floods: Floods,
    validations: Validations,
    /// Takes the names of all certificates.
    pub(crate) names: Arc<Renewals>,
    /// Which certificate renews which.
    pub(crate) renewals: Vec<(u64, u64)>,
    /// The unlock file in force, from the first rotation on.
    unlock: Option<Digest>,
    /// A rotation that was intended and not settled.
    rotating: Option<Digest>,
    /// The newest anchor of the server's audit log.
    anchor: Option<AuditAnchored>,
    /// The open intents of each key whose driver demands them.
    intents: HashMap<KeyId, HashSet<Digest>>,
    newest_ms: Option<i64>,
    /// How many leaves of each type there are.
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// Where and when a leaf was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) position: u64,
    pub(crate) at_ms: i64,
}

impl Moment {
    /// Returns the time in whole seconds.
    pub(crate) fn at(self) -> UnixTime {
        UnixTime(self.at_ms.div_euclid(1000))
    }

    /// Returns whether an act that says it was admitted at `time` can have this leaf.
    fn follows(self, time: UnixTime) -> bool {
        let later = self.at().seconds_since(time);
        (-LIFT..=LATENCY).contains(&later)
    }
}

impl Fold {
    /// Takes an encoded leaf; gives what else there is to check of it.
    pub(crate) fn take(
        &mut self,
        position: u64,
        octets: &[u8],
        hash: Hash,
    ) -> Result<Option<Check>, Wrong> {
        let leaf = read(octets)?;
        let moment = Moment { position, at_ms: leaf.at_ms };
        if self.newest_ms.is_some_and(|newest| leaf.at_ms < newest) {
            let why = format!("{} ms after {} ms", leaf.at_ms, self.newest_ms.unwrap_or(0));
            return Wrong::because(FaultKind::TimeBackwards, why);
        }
        if (position == 0) != matches!(leaf.event, Event::Genesis(_)) {
            let why = format!("{} at {position}", leaf.event.name());
            return Wrong::because(FaultKind::Genesis, why);
        }
        let name = leaf.event.name();
        self.paired(&leaf.event)?;
        let decision = self.approved(moment, &leaf.event)?;
        let check = self.event(moment, (octets, &leaf.event))?;
        self.take_up(moment, &leaf.event, decision.as_ref())?;
        self.history.push(hash);
        self.newest_ms = Some(leaf.at_ms);
        *self.counts.entry(name).or_default() += 1;
        Ok(check)
    }

    fn event(
        &mut self,
        moment: Moment,
        (octets, event): (&[u8], &Event),
    ) -> Result<Option<Check>, Wrong> {
        match event {
            Event::Genesis(genesis) => self.genesis(genesis, octets).map(|()| None),
            Event::Opened(_) => {
                self.floods.forget();
                Ok(None)
            }
            Event::UnlockAttempt(_) | Event::CeremonyRecorded(_) => Ok(None),
            Event::ValidationRecorded(recorded) => {
                self.validations.add(moment.position, moment.at(), recorded);
                Ok(None)
            }
            Event::UnlockRotated(rotated) => self.unlock_rotated(rotated).map(|()| None),
            Event::KeyGenerated(generated) => self.key_generated(generated).map(|()| None),
            Event::KeyAdopted(adopted) => self.key_adopted(adopted).map(|()| None),
            Event::InventoryImported(imported) => {
                self.inventory_imported(moment, imported).map(|()| None)
            }
            Event::PolicySet(set) => self.policy_set(moment, set).map(|()| None),
            Event::OperatorsSet(set) => self.operators_set(set).map(|()| None),
            Event::KeyStateSet(set) => self.key_state_set(set).map(|()| None),
            Event::IssuanceFrozen(change) => self.issuance_frozen(change).map(|()| None),
            Event::CertificateSigned(signed) => self.certificate(moment, signed).map(Some),
            Event::AuthoritySigned(signed) => self.ca_certificate(moment, signed).map(Some),
            Event::RequestSigned(signed) => self.request(moment, signed).map(Some),
            Event::RevocationChanged(changed) => self.revocation(moment, changed).map(|()| None),
            Event::CrlSigned(signed) => self.crl(moment, signed).map(Some),
            Event::OcspSigned(signed) => self.ocsp(moment, signed).map(|()| None),
            Event::HandshakesSigned(signed) => self.handshakes(moment, signed).map(|()| None),
            Event::SignIntended(intended) => self.intended(intended).map(|()| None),
            Event::AuditAnchored(anchored) => self.anchor(anchored).map(|()| None),
            Event::GapAccepted(gap) => self.gap_accepted(moment, gap).map(|()| None),
            Event::Promoted(new) => self.promoted(new).map(|()| None),
            Event::RingFollowed(ring) => self.ring_followed(ring).map(|()| None),
            Event::FollowedRead(read) => self.followed_read(read).map(|()| None),
            Event::Refused(refused) => self.floods.count(moment, refused).map(|()| None),
        }
    }

    fn intended(&mut self, intended: &SignIntended) -> Result<(), Wrong> {
        self.known(intended.key)?;
        self.intents.entry(intended.key).or_default().insert(intended.tbs_digest);
        Ok(())
    }

    /// Of a key whose driver demands intents no single signature is without one.
    fn paired(&mut self, event: &Event) -> Result<(), Wrong> {
        let digest = |bytes: &[u8]| Digest(x509::sha256(bytes));
        let (key, bytes) = match event {
            Event::CertificateSigned(signed) => (signed.key, digest(signed.tbs.as_bytes())),
            Event::AuthoritySigned(signed) => (signed.key, digest(signed.tbs.as_bytes())),
            Event::RequestSigned(signed) => (signed.key, digest(signed.info.as_bytes())),
            Event::CrlSigned(signed) => (signed.key, signed.tbs_digest),
            _ => return Ok(()),
        };
        let was_intended = self.intents.get_mut(&key).is_none_or(|open| open.remove(&bytes));
        if was_intended {
            Ok(())
        } else {
            Wrong::because(FaultKind::Intent, format!("a signature of {key}"))
        }
    }

    /// Anchors of the server's audit log go on from each other.
    fn anchor(&mut self, anchored: &AuditAnchored) -> Result<(), Wrong> {
        let none = (0, Digest([0; 32]));
        let (through, digest) = self.anchor.map_or(none, |before| (before.through, before.digest));
        if anchored.through <= through || anchored.previous != digest {
            let why = format!("{} after {through}", anchored.through);
            return Wrong::because(FaultKind::Anchor, why);
        }
        self.anchor = Some(*anchored);
        Ok(())
    }

    fn known(&mut self, id: KeyId) -> Result<&mut Key, Wrong> {
        let slot = self.by_id.get(&id).copied();
        slot.and_then(|slot| self.keys.get_mut(slot))
            .ok_or_else(|| Wrong(FaultKind::KeyUnknown, format!("no key {id} was generated")))
    }

    fn known_for(
        &mut self,
        id: KeyId,
        fits: impl FnOnce(Purpose) -> bool,
    ) -> Result<&mut Key, Wrong> {
        let key = self.known(id)?;
        if fits(key.purpose) {
            return Ok(key);
        }
        let why = format!("{} is a key for {}", key.label, key.purpose);
        Wrong::because(FaultKind::KeyUnknown, why)
    }
}

/// Reads a leaf and demands that its octets are the ones that a signer writes.
fn read(octets: &[u8]) -> Result<Leaf, Wrong> {
    let leaf = Leaf::from_wire(octets).map_err(|error| {
        let kind = match error {
            signer_proto::WireError::UnknownValue("leaf type") => FaultKind::LeafUnknown,
            _ => FaultKind::LeafMalformed,
        };
        Wrong(kind, error.to_string())
    })?;
    if leaf.to_wire() != octets {
        return Wrong::because(FaultKind::LeafMalformed, "another encoding of the same leaf");
    }
    Ok(leaf)
}
