//! What the evidence of a certificate points to in the leaves before it.

use std::sync::Arc;

use signer_proto::{CertificateSigned, EvidenceRecord, RevocationStatus};

use super::{Fold, LATENCY, Moment};
use crate::checks::Pointed;
use crate::fault::{FaultKind, Wrong};

/// The kinds of evidence (docs/wire/journal.md).
const RENEWAL: u8 = 3;
const VALIDATION: u8 = 4;

impl Fold {
    /// Holds renewals against the certificates that they name; the rest needs the names.
    pub(super) fn pointed(
        &mut self,
        moment: Moment,
        signed: &CertificateSigned,
    ) -> Result<Pointed, Wrong> {
        let records = &signed.evidence.0;
        for record in records.iter().filter(|record| record.kind == RENEWAL) {
            let renewed = renewed(record);
            self.was_in_force(moment, signed, renewed)?;
            self.renewals.push((moment.position, renewed));
        }
        let is_validated = records.iter().any(|record| record.kind == VALIDATION);
        Ok(Pointed {
            validations: is_validated.then(|| self.validations.clone()),
            renewals: Arc::clone(&self.names),
        })
    }

    /// A certificate of the same key that had not ended and was not revoked when its renewal was
    /// admitted.
    fn was_in_force(
        &mut self,
        moment: Moment,
        signed: &CertificateSigned,
        renewed: u64,
    ) -> Result<(), Wrong> {
        let key = self.known(signed.key)?;
        let wrong =
            |why: &str| Wrong(FaultKind::Evidence, format!("renews the leaf at {renewed}, {why}"));
        let slot = key.serials.binary_search_by_key(&renewed, |(position, _)| *position);
        let serial = slot.ok().and_then(|slot| key.serials.get(slot)).map(|(_, serial)| *serial);
        let serial = serial.ok_or_else(|| wrong("which is no certificate of this key"))?;
        let not_after = key.issued.get(&serial).copied();
        if not_after.is_none_or(|end| moment.at().seconds_since(end) > LATENCY) {
            return Err(wrong("whose certificate had ended"));
        }
        let latest = key.latest.get(&serial).and_then(|(latest, _)| key.changes.get(*latest));
        let was_revoked = latest.is_some_and(|change| {
            change.status != RevocationStatus::Released
                && moment.at().seconds_since(change.at) > LATENCY
        });
        if was_revoked { Err(wrong("whose certificate was revoked or on hold")) } else { Ok(()) }
    }
}

/// The last eight octets of the digest are the position of the certificate that was renewed.
fn renewed(record: &EvidenceRecord) -> u64 {
    record.digest.0.last_chunk::<8>().map_or(u64::MAX, |tail| u64::from_be_bytes(*tail))
}
