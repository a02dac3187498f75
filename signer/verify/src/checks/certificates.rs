//! Certificates: the policy of that moment over every one of them, and the signature.

use signer_policy::{AdmitContext, Admitted, KeyPolicy, admit_request};
use signer_proto::{AuthoritySigned, CertificateSigned, Refusal, RequestSigned, Rule};
use x509::UnixTime;

use super::{Pointed, Subject, same_scheme, verify};
use crate::fault::{FaultKind, Wrong};
use crate::fold::{LATENCY, LIFT, Signer};

pub(super) fn certificate(
    signer: &Signer,
    (subject, pointed): (&Subject, &Pointed),
    signed: &CertificateSigned,
) -> Result<(), Wrong> {
    let tbs = signed.tbs.as_bytes();
    let records = &signed.evidence.0;
    let admitted = admit(signer, subject, |policy, context| {
        policy.readmit_certificate(context, tbs, records)
    })?;
    if let Some(names) = admitted.certificate() {
        pointed.renewals.note(subject.position, names);
        let max_age = signer.policy.as_ref().and_then(|policy| policy.validation_max_age());
        if let Some(validations) = &pointed.validations {
            let moment = (subject.position, subject.at);
            validations.check(moment, max_age.unwrap_or(0), names)?;
        }
    }
    same_scheme(signed.scheme, admitted.scheme())?;
    verify(signer, signed.scheme, tbs, &signed.signature)
}

pub(super) fn authority(
    signer: &Signer,
    subject: &Subject,
    signed: &AuthoritySigned,
) -> Result<(), Wrong> {
    let tbs = signed.tbs.as_bytes();
    let admitted = admit(signer, subject, |policy, context| policy.admit_authority(context, tbs))?;
    same_scheme(signed.scheme, admitted.scheme())?;
    verify(signer, signed.scheme, tbs, &signed.signature)
}

pub(super) fn request(signer: &Signer, signed: &RequestSigned) -> Result<(), Wrong> {
    let info = signed.info.as_bytes();
    let admitted = admit_request(signer.purpose, &signer.public, info).map_err(refused)?;
    same_scheme(signed.scheme, admitted.scheme())?;
    verify(signer, signed.scheme, info, &signed.signature)
}

/// Admits again, by the clock of the leaf. The signer admitted a little earlier than it wrote: so
/// where a rule of time is broken, every second of that while is tried.
fn admit<'a>(
    signer: &Signer,
    subject: &Subject,
    admit: impl Fn(&KeyPolicy, &AdmitContext<'_>) -> Result<Admitted<'a>, Refusal>,
) -> Result<Admitted<'a>, Wrong> {
    let policy = signer
        .policy
        .as_deref()
        .ok_or_else(|| Wrong(FaultKind::KeyState, format!("{} has no policy yet", signer.label)))?;
    let at = |now: UnixTime| {
        let context = AdmitContext {
            now,
            key: &signer.label,
            public_key: &signer.public,
            ring: &signer.ring,
        };
        admit(policy, &context)
    };
    let admitted = at(subject.at).or_else(|refusal| {
        let depends_on_time = matches!(
            refusal.rule,
            Rule::ValidityInverted | Rule::BackdatedTooFar | Rule::NotYetTooFar
        );
        let mut seconds = (-LATENCY..=LIFT).rev().filter(|_| depends_on_time);
        seconds.find_map(|by| at(subject.at.plus_seconds(by)).ok()).ok_or(refusal)
    });
    let admitted = admitted.map_err(refused)?;
    let is_same = admitted
        .certificate()
        .is_some_and(|tbs| tbs.serial == subject.serial && tbs.not_after == subject.not_after);
    if is_same {
        return Ok(admitted);
    }
    Wrong::because(FaultKind::TbsMalformed, "the strict reading has another serial or end")
}

fn refused(refusal: Refusal) -> Wrong {
    Wrong(FaultKind::PolicyRefused, refusal.to_string())
}
