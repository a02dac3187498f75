//! Certificates and requests that were signed.

use signer_proto::{
    AuthoritySigned, CertificateSigned, IdempotencyKey, KeyId, Purpose, RequestSigned,
};
use x509::{Serial, TbsCertificateDer};

use super::glance::glance;
use super::{Fold, Moment};
use crate::checks::{Check, Subject};
use crate::fault::{FaultKind, Wrong};

/// Octets of a minted serial: prefix, randomness, tag.
const SERIAL_LENGTH: usize = 19;

impl Fold {
    pub(super) fn certificate(
        &mut self,
        moment: Moment,
        signed: CertificateSigned,
    ) -> Result<Check, Wrong> {
        let key = self.known_for(signed.key, |purpose| purpose == Purpose::CertAndCrl)?;
        key.ruling_named(signed.policy)?;
        let subject = self.issued(moment, signed.key, signed.idempotency, &signed.tbs)?;
        let ring = std::sync::Arc::clone(&self.ring_keys);
        let signer = self.known(signed.key)?.signer(&ring);
        Ok(Check::Certificate { signer, subject, signed })
    }

    pub(super) fn ca_certificate(
        &mut self,
        moment: Moment,
        signed: AuthoritySigned,
    ) -> Result<Check, Wrong> {
        self.approved(&signed.warrant)?;
        let key = self.known_for(signed.key, |purpose| purpose == Purpose::CaCertAndCrl)?;
        key.ruling_named(signed.policy)?;
        let subject = self.issued(moment, signed.key, signed.idempotency, &signed.tbs)?;
        let ring = std::sync::Arc::clone(&self.ring_keys);
        let signer = self.known(signed.key)?.signer(&ring);
        Ok(Check::Authority { signer, subject, signed })
    }

    pub(super) fn request(&mut self, signed: RequestSigned) -> Result<Check, Wrong> {
        self.approved(&signed.warrant)?;
        let ring = std::sync::Arc::clone(&self.ring_keys);
        let key = self.known_for(signed.key, Purpose::is_authority)?;
        Ok(Check::Request { signer: key.signer(&ring), signed })
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
        let (hour, day) = key.budgets.count(moment.at_ms);
        if let Some(budget) = key.ruling()?.policy.budget()
            && (hour > budget.per_hour || day > budget.per_day)
        {
            let why = format!(
                "{hour} certificates within the hour of {}, {day} within the day of {}",
                budget.per_hour, budget.per_day
            );
            return Wrong::because(FaultKind::Budget, why);
        }
        Ok(Subject { serial, not_after, at: moment.at() })
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
