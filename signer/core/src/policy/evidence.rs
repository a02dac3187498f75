//! What stands for a certificate besides its bytes.

use signer_proto::{Digest, Evidence, EvidenceRecord, Refusal, Rule};
use x509::{Csr, CsrDer, PublicKey, sha256};

/// The number of [`Evidence::Request`] in the journal.
const KIND_REQUEST: u8 = 1;

/// Refuses evidence that does not hold, and the lack of a CSR where one is `required`.
///
/// All that is given is checked, also where none is required: it is recorded in the journal as
/// what stood for the certificate.
pub(super) fn check(
    required: bool,
    subject_key: &PublicKey,
    evidence: &[Evidence],
) -> Result<Vec<EvidenceRecord>, Refusal> {
    if required && !evidence.iter().any(|Evidence::Request(_)| true) {
        return Err(Refusal::new(
            Rule::ProofOfPossessionRefused,
            "no CSR was given",
        ));
    }
    let record = |Evidence::Request(csr): &Evidence| {
        check_request(subject_key, csr)?;
        let digest = Digest(sha256(csr.as_bytes()));
        Ok(EvidenceRecord {
            kind: KIND_REQUEST,
            digest,
        })
    };
    evidence.iter().map(record).collect()
}

/// Refuses a CSR (RFC 2986) that is not strict, is for another key, or whose signature does not
/// verify.
fn check_request(subject_key: &PublicKey, csr: &CsrDer) -> Result<(), Refusal> {
    let refuse = |why: String| Refusal::new(Rule::ProofOfPossessionRefused, why);
    let csr = Csr::parse(csr.as_bytes()).map_err(|error| refuse(format!("CSR: {error}")))?;
    if csr.public_key() != subject_key {
        return Err(refuse("the CSR is for another key".to_owned()));
    }
    csr.verify_self_signature()
        .map_err(|error| refuse(format!("CSR: {error}")))
}
