//! Certificates and requests that were signed.

use std::sync::Arc;

use signer_proto::{
    AuthoritySigned, CertificateSigned, IdempotencyKey, KeyId, KeyState, Purpose, RequestSigned,
};
use x509::{Serial, TbsCertificate, TbsCertificateDer};

use super::glance::glance;
use super::key::{Key, Signer};
use super::{Fold, Moment};
use crate::checks::{Check, Subject};
use crate::fault::{FaultKind, Wrong};

/// Octets of a minted serial: prefix, randomness, tag.
const SERIAL_LENGTH: usize = 19;

impl Fold {
    pub(super) fn certificate(
        &mut self,
        moment: Moment,
        signed: &CertificateSigned,
    ) -> Result<Check, Wrong> {
        let key = self.issuing(moment, signed.key, Purpose::CertAndCrl)?;
        key.ruling_named(signed.policy)?;
        let pointed = self.pointed(moment, signed)?;
        let subject = self.issued(moment, signed.key, signed.idempotency, &signed.tbs)?;
        let signer = self.signer(signed.key)?;
        Ok(Check::Certificate { signer, subject, pointed, signed: signed.clone() })
    }

    pub(super) fn ca_certificate(
        &mut self,
        moment: Moment,
        signed: &AuthoritySigned,
    ) -> Result<Check, Wrong> {
        let key = self.issuing(moment, signed.key, Purpose::CaCertAndCrl)?;
        key.ruling_named(signed.policy)?;
        let subject = self.issued(moment, signed.key, signed.idempotency, &signed.tbs)?;
        let own = TbsCertificate::parse(signed.tbs.as_bytes()).map(|tbs| tbs.public_key);
        let key = self.known(signed.key)?;
        key.root |= own.is_ok_and(|own| own == *key.public);
        let signer = self.signer(signed.key)?;
        Ok(Check::Authority { signer, subject, signed: signed.clone() })
    }

    pub(super) fn request(
        &mut self,
        moment: Moment,
        signed: &RequestSigned,
    ) -> Result<Check, Wrong> {
        let key = self.known_for(signed.key, Purpose::is_authority)?;
        key.is_in(&[KeyState::PreActive, KeyState::Active])?;
        key.signs(moment)?;
        Ok(Check::Request { signer: self.signer(signed.key)?, signed: signed.clone() })
    }

    /// Returns a key that may sign certificates now.
    fn issuing(&mut self, moment: Moment, id: KeyId, purpose: Purpose) -> Result<&Key, Wrong> {
        self.known_for(id, |found| found == purpose)?;
        let slot = self.by_id.get(&id).and_then(|slot| self.keys.get(*slot));
        let key = slot.ok_or_else(|| Wrong(FaultKind::KeyUnknown, id.to_string()))?;
        self.may_issue(key)?;
        key.signs(moment)?;
        Ok(key)
    }

    fn signer(&mut self, id: KeyId) -> Result<Signer, Wrong> {
        let ring = Arc::clone(&self.ring_keys);
        Ok(self.known(id)?.signer(&ring))
    }

    /// One certificate for a serial, and one use of an idempotency key, within the budget.
    fn issued(
        &mut self,
        moment: Moment,
        id: KeyId,
        idempotency: IdempotencyKey,
        tbs: &TbsCertificateDer,
    ) -> Result<Subject, Wrong> {
        let (serial, not_after) = glance(tbs.as_bytes())
            .ok_or_else(|| Wrong(FaultKind::TbsMalformed, "no TBSCertificate".to_owned()))?;
        self.is_minted_here(&serial)?;
        if !self.idempotency.insert(idempotency) {
            let why = format!("{idempotency} is used twice");
            return Wrong::because(FaultKind::Idempotency, why);
        }
        let key = self.known(id)?;
        if key.issued.insert(serial, not_after).is_some() {
            let why = format!("{serial} of {} has two certificates", key.label);
            return Wrong::because(FaultKind::Serial, why);
        }
        key.serials.push((moment.position, serial));
        let Some(budget) = key.ruling()?.policy.budget() else {
            return Ok(Subject { serial, not_after, position: moment.position, at: moment.at() });
        };
        if let Some(why) = key.budgets.over(moment.at_ms, tbs.as_bytes(), &budget) {
            return Wrong::because(FaultKind::Budget, why);
        }
        let issued = u64::try_from(key.issued.len()).unwrap_or(u64::MAX);
        if budget.total.is_some_and(|total| issued > total) {
            let why = format!("{issued} certificates of {}", budget.total.unwrap_or_default());
            return Wrong::because(FaultKind::Budget, why);
        }
        Ok(Subject { serial, not_after, position: moment.position, at: moment.at() })
    }

    /// The tag of a serial is the signer's secret; its prefix and length are not.
    fn is_minted_here(&self, serial: &Serial) -> Result<(), Wrong> {
        let prefix = self.origin.as_ref().map(|origin| origin.serial_prefix);
        let octets = serial.as_bytes();
        if octets.len() == SERIAL_LENGTH && octets.first().copied() == prefix {
            return Ok(());
        }
        Wrong::because(FaultKind::Serial, format!("{serial} was not minted by this ring"))
    }
}
