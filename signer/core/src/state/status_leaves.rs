//! The leaves by which certificates change their status, and CRLs say so.

use signer_proto::{CrlSigned, RevocationChanged, RevocationStatus};
use x509::UnixTime;

use super::State;
use super::error::StateError;
use super::key::CrlLine;
use super::revocations::Change;

impl State {
    pub(super) fn revocation(
        &mut self,
        position: u64,
        at_ms: i64,
        changed: &RevocationChanged,
    ) -> Result<(), StateError> {
        let key = self.known(position, changed.key)?;
        let issued = key.issued.get(&changed.serial).ok_or(StateError::Revocation(position))?;
        let before = key.revocations.latest(&changed.serial).map(|c| c.status);
        if !follows(before, changed.status) {
            return Err(StateError::Revocation(position));
        }
        key.revocations.push(Change {
            serial: changed.serial,
            status: changed.status,
            reason: changed.reason,
            at: UnixTime(at_ms.div_euclid(1000)),
            invalidity: changed.invalidity,
            position,
            not_after: issued.not_after,
        });
        Ok(())
    }

    pub(super) fn crl(&mut self, position: u64, signed: &CrlSigned) -> Result<(), StateError> {
        let key = self.known(position, signed.key)?;
        let (number, this_update) =
            key.crl.map_or((0, signed.this_update), |line| (line.number, line.this_update));
        if Some(signed.number) != number.checked_add(1)
            || signed.this_update < this_update
            || signed.revocations > key.revocations.len()
        {
            return Err(StateError::Crl(position));
        }
        key.crl = Some(CrlLine {
            number: signed.number,
            this_update: signed.this_update,
            revocations: signed.revocations,
        });
        Ok(())
    }
}

/// Returns whether a status may follow another: revoked never changes, and only what is held is
/// released.
pub(crate) fn follows(before: Option<RevocationStatus>, next: RevocationStatus) -> bool {
    use RevocationStatus::{Held, Released, Revoked};
    match next {
        Revoked => before != Some(Revoked),
        Held => matches!(before, None | Some(Released)),
        Released => before == Some(Held),
    }
}
