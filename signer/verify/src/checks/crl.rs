//! CRLs: the leaf has no bytes, so they are built again from its fields and the changes that it
//! covers, and digest and signature are compared.

use signer_proto::{CrlSigned, Digest, RevocationStatus};
use x509::{CrlReason, RevokedEntry, TbsCertListFields, encode_tbs_cert_list, sha256};

use super::{CrlGround, same_scheme, verify};
use crate::fault::{FaultKind, Wrong};
use crate::fold::{Change, Signer};

pub(super) fn crl(signer: &Signer, ground: &CrlGround, signed: &CrlSigned) -> Result<(), Wrong> {
    let wrong = |why: String| Wrong(FaultKind::CrlBytes, why);
    let policy = signer.policy.as_deref();
    let issuer = policy.and_then(|policy| policy.issuer());
    let (policy, issuer) = policy
        .zip(issuer)
        .ok_or_else(|| wrong(format!("the policy of {} names no issuer", signer.label)))?;
    same_scheme(signed.scheme, policy.scheme())?;
    let authority_key_id = signer.public.key_identifier();
    let fields = TbsCertListFields {
        scheme: signed.scheme,
        issuer,
        this_update: signed.this_update,
        next_update: signed.next_update,
        authority_key_id: &authority_key_id,
        crl_number: signed.number,
        idp: None,
    };
    let tbs =
        encode_tbs_cert_list(&fields, entries(ground)).map_err(|error| wrong(error.to_string()))?;
    let digest = Digest(sha256(tbs.as_bytes()));
    if digest != signed.tbs_digest {
        let why = format!("number {} is {digest}, not {}", signed.number, signed.tbs_digest);
        return Err(wrong(why));
    }
    verify(signer, signed.scheme, tbs.as_bytes(), &signed.signature)
}

/// Returns what was revoked or held when the CRL was built, in the order of the changes.
fn entries(ground: &CrlGround) -> impl Iterator<Item = RevokedEntry> + Clone {
    let CrlGround { changes, covered, previous } = ground;
    let stands = move |(_, change): &(usize, &Change)| {
        let latest = change.superseded_by.is_none_or(|next| next >= *covered);
        latest && change.status != RevocationStatus::Released
    };
    // RFC 5280 §3.3: an entry stays until it was on one CRL issued beyond the certificate's
    // validity.
    let stays = move |(index, change): &(usize, &Change)| {
        !previous.is_some_and(|line| *index < line.covered && change.not_after < line.this_update)
    };
    changes.iter().take(*covered).enumerate().filter(stands).filter(stays).map(|(_, change)| {
        RevokedEntry {
            serial: change.serial,
            revoked_at: change.at,
            // RFC 5280 §5.3.1: unspecified is told by absence.
            reason: (change.reason != CrlReason::Unspecified).then_some(change.reason),
            invalidity: change.invalidity,
        }
    })
}
