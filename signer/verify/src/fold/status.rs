//! What became of certificates, and what relying parties were told.

use std::sync::Arc;

use signer_proto::{
    CrlSigned, HandshakesSigned, KeyState, OcspSigned, Purpose, RevocationChanged, RevocationStatus,
};
use x509::{CrlReason, Serial, UnixTime};

use super::key::Key;
use super::{Fold, LATENCY, Moment};
use crate::checks::{Check, CrlGround};
use crate::fault::{FaultKind, Wrong};

/// A certificate goes on hold and off again at most so often.
const MOST_RELEASES: u32 = 64;

/// One change of a revocation set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) serial: Serial,
    pub(crate) status: RevocationStatus,
    pub(crate) reason: CrlReason,
    pub(crate) at: UnixTime,
    pub(crate) invalidity: Option<UnixTime>,
    pub(crate) not_after: UnixTime,
    /// The next change of the same serial.
    pub(crate) superseded_by: Option<usize>,
}

/// A CRL, as far as the next one depends on it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CrlLine {
    pub(crate) number: u64,
    pub(crate) this_update: UnixTime,
    pub(crate) covered: usize,
}

impl Fold {
    pub(super) fn revocation(
        &mut self,
        moment: Moment,
        changed: &RevocationChanged,
    ) -> Result<(), Wrong> {
        let key = self.known_for(changed.key, Purpose::is_authority)?;
        let wrong = |why: String| Err(Wrong(FaultKind::Revocation, why));
        let serial = changed.serial;
        let Some(not_after) = key.issued.get(&serial).copied() else {
            return wrong(format!("{serial} of {} was never issued", key.label));
        };
        let (latest, releases) = match key.latest.get(&serial) {
            Some((latest, releases)) => (Some(*latest), *releases),
            None => (None, 0),
        };
        let before = latest.and_then(|latest| key.changes.get(latest)).map(|c| c.status);
        if !follows(before, changed.status) {
            return wrong(format!("{serial} becomes {} after {before:?}", changed.status));
        }
        check_fields(moment, changed)?;
        if changed.status == RevocationStatus::Held {
            if !key.says(moment, signer_policy::KeyPolicy::allows_hold) {
                return wrong(format!("the policy of {} does not say hold", key.label));
            }
            if releases >= MOST_RELEASES {
                return wrong(format!("{serial} was released {releases} times"));
            }
        }
        let index = key.changes.len();
        let changes = Arc::make_mut(&mut key.changes);
        if let Some(before) = latest.and_then(|latest| changes.get_mut(latest)) {
            before.superseded_by = Some(index);
        }
        changes.push(Change {
            serial,
            status: changed.status,
            reason: changed.reason,
            at: moment.at(),
            invalidity: changed.invalidity,
            not_after,
            superseded_by: None,
        });
        let releases = releases + u32::from(changed.status == RevocationStatus::Released);
        key.latest.insert(serial, (index, releases));
        Ok(())
    }

    pub(super) fn crl(&mut self, moment: Moment, signed: &CrlSigned) -> Result<Check, Wrong> {
        let ring = Arc::clone(&self.ring_keys);
        let key = self.known_for(signed.key, Purpose::is_authority)?;
        let wrong = |why: String| Err(Wrong(FaultKind::CrlOrder, why));
        if key.state == KeyState::Destroyed {
            return Wrong::because(FaultKind::KeyState, format!("{} is destroyed", key.label));
        }
        key.signs(moment)?;
        let previous = key.crl;
        let number = previous.map_or(0, |line| line.number);
        if signed.shard != 0 || Some(signed.number) != number.checked_add(1) {
            return wrong(format!(
                "number {} of shard {} after {number}",
                signed.number, signed.shard
            ));
        }
        if !moment.follows(signed.this_update)
            || previous.is_some_and(|line| signed.this_update < line.this_update)
        {
            return wrong(format!("thisUpdate {}, leaf {}", signed.this_update, moment.at()));
        }
        let covered = covered(key, signed.revocations, signed.this_update)
            .map_err(|why| Wrong(FaultKind::CrlOrder, why))?;
        let policy = &key.ruling()?.policy;
        let last = previous.map(|line| line.this_update);
        policy
            .admit_crl(signed.this_update, last, signed.next_update)
            .map_err(|refusal| Wrong(FaultKind::PolicyRefused, refusal.to_string()))?;
        key.crl = Some(CrlLine { number: signed.number, this_update: signed.this_update, covered });
        let ground = CrlGround { changes: Arc::clone(&key.changes), covered, previous };
        Ok(Check::Crl { signer: key.signer(&ring), ground, signed: signed.clone() })
    }

    pub(super) fn ocsp(&mut self, moment: Moment, signed: &OcspSigned) -> Result<(), Wrong> {
        let wrong = |why: String| Wrong(FaultKind::Ocsp, why);
        if self.rings.follows() && !self.by_id.contains_key(&signed.issuer) {
            // The issuer is in the journal of a ring that is followed.
            let responder = self.known_for(signed.responder, |purpose| purpose == Purpose::Ocsp)?;
            responder.signs(moment)?;
            return responder.is_in(&[KeyState::Active, KeyState::Suspended]);
        }
        let issuer = self.known_for(signed.issuer, |purpose| purpose == Purpose::CertAndCrl)?;
        issuer.is_whole()?;
        covered(issuer, signed.revocations, signed.this_update).map_err(wrong)?;
        let issuer = issuer.label.clone();
        let responder = self.known_for(signed.responder, |purpose| purpose == Purpose::Ocsp)?;
        responder.is_in(&[KeyState::Active, KeyState::Suspended])?;
        responder.signs(moment)?;
        if signed.count == 0 || !moment.follows(signed.this_update) {
            let why = format!("{} responses of {}", signed.count, signed.this_update);
            return Err(wrong(why));
        }
        responder
            .ruling()?
            .policy
            .admit_ocsp(&issuer, signed.this_update, signed.next_update)
            .map_err(|refusal| Wrong(FaultKind::PolicyRefused, refusal.to_string()))?;
        Ok(())
    }

    /// What was signed is known by a root alone: key, policy and number are what can be held.
    pub(super) fn handshakes(
        &mut self,
        moment: Moment,
        signed: &HandshakesSigned,
    ) -> Result<(), Wrong> {
        let key = self.known_for(signed.key, |purpose| purpose == Purpose::Tls)?;
        key.ruling()?;
        key.signs(moment)?;
        if (1..=MOST_HANDSHAKES).contains(&signed.count) {
            return Ok(());
        }
        Wrong::because(FaultKind::Handshakes, format!("{} handshakes of one leaf", signed.count))
    }
}

/// How many handshakes one leaf is for at most (docs/WIRE.md).
const MOST_HANDSHAKES: u32 = 4096;

/// Revoked never changes, and only what is held is released.
fn follows(before: Option<RevocationStatus>, next: RevocationStatus) -> bool {
    use RevocationStatus::{Held, Released, Revoked};
    match (before, next) {
        (Some(Revoked), _) => false,
        (_, Revoked) | (None | Some(Released), Held) | (Some(Held), Released) => true,
        (Some(Held), Held) | (None | Some(Released), Released) => false,
    }
}

fn check_fields(moment: Moment, changed: &RevocationChanged) -> Result<(), Wrong> {
    let special = match changed.reason {
        CrlReason::CertificateHold => Some(RevocationStatus::Held),
        CrlReason::RemoveFromCrl => Some(RevocationStatus::Released),
        _ => None,
    };
    let fits = special.unwrap_or(RevocationStatus::Revoked) == changed.status;
    let since_fits = changed.invalidity.is_none_or(|since| {
        let latest = moment.at().plus_seconds(super::LIFT);
        changed.status == RevocationStatus::Revoked && since.0 >= 0 && since <= latest
    });
    if fits && since_fits {
        return Ok(());
    }
    let why = format!("{} because of {}, {:?}", changed.status, changed.reason, changed.invalidity);
    Wrong::because(FaultKind::Revocation, why)
}

/// What is said at a time covers every change that was durable some time before.
fn covered(key: &Key, said: u64, this_update: UnixTime) -> Result<usize, String> {
    let there = key.changes.len();
    let covered = usize::try_from(said).ok().filter(|covered| *covered <= there);
    let covered =
        covered.ok_or_else(|| format!("{said} changes of {}, there are {there}", key.label))?;
    match key.changes.get(covered) {
        Some(missed) if this_update.seconds_since(missed.at) > LATENCY => Err(format!(
            "{} of {there} changes of {} at {this_update}: {} is missing",
            covered, key.label, missed.serial
        )),
        _ => Ok(covered),
    }
}
