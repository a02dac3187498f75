//! CRLs, built from the signer's own revocation set.
//!
//! The bytes follow from the fields of the journal's leaf and the set up to the change that it
//! names, so a verifier of the journal builds them again.

use signer_proto::{Refusal, Rule};
use x509::{
    CrlReason, Name, PublicKey, RevokedEntry, SignatureScheme, TbsCertListDer, TbsCertListFields,
    UnixTime, encode_tbs_cert_list,
};

use crate::state::{Change, CrlLine, Snapshot};

/// What a CRL says besides its entries.
pub(crate) struct CrlHead<'a> {
    /// The algorithm that stands in it.
    pub(crate) scheme: SignatureScheme,
    /// The issuer's name.
    pub(crate) issuer: &'a Name,
    /// The issuer's key.
    pub(crate) issuer_key: &'a PublicKey,
    /// The CRL number.
    pub(crate) number: u64,
    /// thisUpdate.
    pub(crate) this_update: UnixTime,
    /// nextUpdate.
    pub(crate) next_update: UnixTime,
}

/// Encodes the CRL over a snapshot of the revocation set; `previous` is the CRL before.
pub(crate) fn build(
    head: &CrlHead<'_>,
    snapshot: &Snapshot,
    previous: Option<CrlLine>,
) -> Result<TbsCertListDer, Refusal> {
    let authority_key_id = head.issuer_key.key_identifier();
    let fields = TbsCertListFields {
        scheme: head.scheme,
        issuer: head.issuer,
        this_update: head.this_update,
        next_update: head.next_update,
        authority_key_id: &authority_key_id,
        crl_number: head.number,
        idp: None,
    };
    let entries = snapshot
        .standing()
        .filter(|(index, change)| !has_left(previous, *index, change))
        .map(|(_, change)| entry(change));
    encode_tbs_cert_list(&fields, entries)
        .map_err(|error| Refusal::new(Rule::StateCorrupt, error.to_string()))
}

/// RFC 5280 §3.3: an entry stays until it was on one CRL issued beyond the certificate's
/// validity. The CRL before was, if it covered the change and came after notAfter: it dropped
/// the entry only if the one before it was already.
fn has_left(previous: Option<CrlLine>, index: u64, change: &Change) -> bool {
    previous.is_some_and(|line| index < line.revocations && change.not_after < line.this_update)
}

fn entry(change: &Change) -> RevokedEntry {
    RevokedEntry {
        serial: change.serial,
        revoked_at: change.at,
        // RFC 5280 §5.3.1: unspecified is told by absence.
        reason: (change.reason != CrlReason::Unspecified).then_some(change.reason),
        invalidity: change.invalidity,
    }
}
