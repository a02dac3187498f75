//! What stands for a certificate besides its bytes.

use signer_proto::{Digest, Evidence, EvidenceRecord, Refusal, Rule};
use x509::{Csr, CsrDer, PublicKey, sha256};

/// The number of [`Evidence::Request`] in the journal.
const KIND_REQUEST: u8 = 1;

/// Refuses evidence that does not hold, and the lack of a CSR where one is `required`.
///
/// All that is given is checked, also where none is required: it is recorded in the journal as
/// what stood for the certificate.
pub(crate) fn check(
    required: bool,
    subject_key: &PublicKey,
    evidence: &[Evidence],
) -> Result<Vec<EvidenceRecord>, Refusal> {
    if required && !evidence.iter().any(|Evidence::Request(_)| true) {
        return Err(Refusal::new(Rule::ProofOfPossessionRefused, "no CSR was given"));
    }
    let record = |Evidence::Request(csr): &Evidence| {
        check_request(subject_key, csr)?;
        let digest = Digest(sha256(csr.as_bytes()));
        Ok(EvidenceRecord { kind: KIND_REQUEST, digest })
    };
    evidence.iter().map(record).collect()
}

/// Refuses records among which none is of a CSR where one is `required`, and records of evidence
/// that nobody knows.
pub(crate) fn check_records(required: bool, records: &[EvidenceRecord]) -> Result<(), Refusal> {
    if let Some(unknown) = records.iter().find(|record| record.kind != KIND_REQUEST) {
        let detail = format!("evidence of kind {}", unknown.kind);
        return Err(Refusal::new(Rule::ProofOfPossessionRefused, detail));
    }
    if required && records.is_empty() {
        return Err(Refusal::new(Rule::ProofOfPossessionRefused, "no CSR is recorded"));
    }
    Ok(())
}

/// Refuses a CSR (RFC 2986) that is not strict, is for another key, or whose signature does not
/// verify.
fn check_request(subject_key: &PublicKey, csr: &CsrDer) -> Result<(), Refusal> {
    let refuse = |why: String| Refusal::new(Rule::ProofOfPossessionRefused, why);
    let csr = Csr::parse(csr.as_bytes()).map_err(|error| refuse(format!("CSR: {error}")))?;
    if csr.public_key() != subject_key {
        return Err(refuse("the CSR is for another key".to_owned()));
    }
    csr.verify_self_signature().map_err(|error| refuse(format!("CSR: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::*;
    use crate::sample_keys as keys;

    #[test]
    fn a_request_proves_possession_of_the_subjects_key() {
        let mut world =
            World::leaves_but("proof_of_possession = false", "proof_of_possession = true");
        assert_eq!(world.verdict(&server()), Err(Rule::ProofOfPossessionRefused));
        assert_eq!(world.verdict(&responder()), Ok(()));

        world.evidence = vec![request(keys::LEAF_REQUEST)];
        let der = server().der();
        let context = world.context();
        let admitted = world.policy.admit_certificate(&context, &der, &world.evidence).unwrap();
        assert_eq!(admitted.evidence().len(), 1);
        assert_eq!(admitted.evidence()[0].kind, 1);
    }

    #[test]
    fn refuses_a_request_for_another_key() {
        let mut world = World::leaves();
        world.evidence = vec![request(keys::LEAF_REQUEST), request(keys::P384_REQUEST)];
        assert_eq!(world.verdict(&server()), Err(Rule::ProofOfPossessionRefused));
    }

    #[test]
    fn refuses_a_request_whose_signature_does_not_verify() {
        let mut world = World::leaves();
        let Evidence::Request(csr) = request(keys::LEAF_REQUEST);
        let mut der = csr.into_vec();
        *der.last_mut().unwrap() ^= 1;
        world.evidence = vec![Evidence::Request(x509::CsrDer::from_vec(der))];
        assert_eq!(world.verdict(&server()), Err(Rule::ProofOfPossessionRefused));
    }
}
