//! Proofs of possession that prove nothing.

use kit::{Draft, ISSUING, Plan, Ring, SubjectKey, name};
use signer_proto::{Evidence, EvidenceList, Rule, SignCertificate, Socket};
use x509::{Csr, CsrDer, Signature};

/// A ring that demands a proof. Its honest request after an attack would lack one: each test ends
/// with the proof itself.
fn demanding() -> Ring {
    let from = "proof_of_possession = false";
    Ring::start_with(Plan::default().issuing_but(from, "proof_of_possession = true"))
}

fn order(ring: &Ring, draft: &Draft, evidence: Vec<CsrDer>) -> SignCertificate {
    let evidence = evidence.into_iter().map(Evidence::Request).collect();
    SignCertificate { evidence: EvidenceList(evidence), ..ring.order(draft) }
}

fn leaf_of(ring: &Ring, key: &SubjectKey) -> Draft {
    let mut draft = ring.leaf();
    draft.rekey(key.public());
    draft
}

fn request(key: &SubjectKey) -> CsrDer {
    key.request(&name("CN=www.corp.example"), Vec::new())
}

/// Holds that evidence is refused where it is demanded, and where it only comes along.
fn refused(evidence: impl Fn(&SubjectKey) -> Vec<CsrDer>) {
    let key = SubjectKey::new();
    let ring = Ring::start();
    let call = order(&ring, &leaf_of(&ring, &key), evidence(&key));
    ring.attack(Socket::Issue, &call).assert_refused(Rule::ProofOfPossessionRefused);

    let ring = demanding();
    let signs = ring.counts.signs();
    let call = order(&ring, &leaf_of(&ring, &key), evidence(&key));
    assert_eq!(ring.call(&call).unwrap_err().rule, Rule::ProofOfPossessionRefused);
    assert_eq!(ring.counts.signs(), signs);
    let honest = order(&ring, &leaf_of(&ring, &key), vec![request(&key)]);
    ring.call(&honest).unwrap();
}

#[test]
fn refuses_no_proof_where_one_is_demanded() {
    let ring = demanding();
    let key = SubjectKey::new();
    let signs = ring.counts.signs();
    let call = order(&ring, &leaf_of(&ring, &key), Vec::new());
    assert_eq!(ring.call(&call).unwrap_err().rule, Rule::ProofOfPossessionRefused);
    assert_eq!(ring.counts.signs(), signs);
    ring.await_refused(Rule::ProofOfPossessionRefused, 1);
    ring.call(&order(&ring, &leaf_of(&ring, &key), vec![request(&key)])).unwrap();
}

#[test]
fn refuses_the_proof_of_another_key() {
    refused(|_| vec![request(&SubjectKey::new())]);
}

#[test]
fn refuses_a_proof_whose_signature_is_bent() {
    refused(|key| {
        let honest = Csr::parse(request(key).as_bytes()).unwrap();
        let (scheme, signature) = key.sign(b"something else");
        vec![Csr::assemble(honest.info_der(), scheme, &signature)]
    });
}

#[test]
fn refuses_a_proof_signed_by_somebody_else() {
    refused(|key| {
        let honest = Csr::parse(request(key).as_bytes()).unwrap();
        let (scheme, signature) = SubjectKey::new().sign(honest.info_der().as_bytes());
        vec![Csr::assemble(honest.info_der(), scheme, &signature)]
    });
}

#[test]
fn refuses_a_proof_without_a_signature() {
    refused(|key| {
        let honest = Csr::parse(request(key).as_bytes()).unwrap();
        let nothing = Signature::from_vec(Vec::new());
        vec![Csr::assemble(honest.info_der(), honest.scheme(), &nothing)]
    });
}

#[test]
fn refuses_a_proof_that_is_no_csr() {
    refused(|_| vec![CsrDer::from_vec(vec![0x30, 0])]);
}

#[test]
fn refuses_a_proof_with_octets_behind_it() {
    refused(|key| vec![CsrDer::from_vec([request(key).as_bytes(), &[0]].concat())]);
}

#[test]
fn refuses_a_good_proof_beside_a_bad_one() {
    refused(|key| vec![request(key), request(&SubjectKey::new())]);
}

#[test]
fn the_proof_is_in_the_journal_by_its_digest() {
    let ring = demanding();
    let key = SubjectKey::new();
    let proof = request(&key);
    ring.call(&order(&ring, &leaf_of(&ring, &key), vec![proof.clone()])).unwrap();
    let ledger = ring.ledger();
    let (_, signed) = ledger.certificates().next().unwrap();
    assert_eq!(signed.evidence.0[0].digest.0, x509::sha256(proof.as_bytes()));
    assert_eq!(signed.key, ring.describe(ISSUING).id);
}
