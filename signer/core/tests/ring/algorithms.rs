//! Every algorithm signs leaves, CRLs and OCSP responses.

use signer_proto::{
    BuildCrl, CertIdHash, KeySpec, OcspItem, OcspItems, OcspNonce, OcspOutcome, OcspSubject,
    OcspSubjects, Purpose, SignOcsp,
};
use x509::{Crl, SignatureScheme};

use super::drafts::{self, DAY};
use super::workshop::{Workshop, certificate, label};

fn scheme_in(policy: &str, scheme: SignatureScheme) -> String {
    policy.replace("ecdsa-p256-sha256", scheme.as_str())
}

fn signs_everything(spec: KeySpec, scheme: SignatureScheme) {
    let workshop = Workshop::new();
    workshop.generate("issuing", Purpose::CertAndCrl, spec);
    workshop.generate("ocsp", Purpose::Ocsp, spec);
    workshop.set_policy("issuing", scheme_in(&drafts::issuing_policy(), scheme));
    workshop.set_policy("ocsp", scheme_in(&drafts::responder_policy(), scheme));
    let issuing = workshop.public("issuing");

    let mut tbs = workshop.leaf("a.corp.example");
    tbs.signature = scheme;
    let signed = workshop.call(workshop.order(&tbs)).unwrap();
    assert_eq!(certificate(&tbs, &signed).verify_by(&issuing), Ok(()), "{scheme}");

    let next_update = workshop.now().plus_seconds(DAY);
    let built = workshop.call(BuildCrl { key: label("issuing"), shard: 0, next_update }).unwrap();
    let crl = Crl::assemble(&built.tbs, scheme, &built.signature);
    assert_eq!(Crl::parse(crl.as_bytes()).unwrap().verify_by(&issuing), Ok(()), "{scheme}");

    let subject = OcspSubject { hash: CertIdHash::Sha256, serial: tbs.serial };
    let item = OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(vec![1; 128]) };
    let signed = workshop
        .call(SignOcsp {
            responder: label("ocsp"),
            issuer: label("issuing"),
            next_update,
            items: OcspItems(vec![item]),
        })
        .unwrap();
    let [OcspOutcome::Signed { response_data, signature }] = signed.outcomes.0.as_slice() else {
        panic!("{scheme}: {:?}", signed.outcomes);
    };
    let verdict = workshop.public("ocsp").verify(scheme, response_data.as_bytes(), signature);
    assert_eq!(verdict, Ok(()), "{scheme}");
}

#[test]
fn elliptic_curves_sign_everything() {
    signs_everything(KeySpec::P256, SignatureScheme::EcdsaP256Sha256);
    signs_everything(KeySpec::P384, SignatureScheme::EcdsaP384Sha384);
    signs_everything(KeySpec::Ed25519, SignatureScheme::Ed25519);
}

#[test]
fn rsa_signs_everything_in_both_paddings() {
    signs_everything(KeySpec::Rsa2048, SignatureScheme::RsaPkcs1Sha256);
    signs_everything(KeySpec::Rsa3072, SignatureScheme::RsaPssSha384);
}

#[test]
fn ml_dsa_signs_everything() {
    signs_everything(KeySpec::MlDsa44, SignatureScheme::MlDsa44);
    signs_everything(KeySpec::MlDsa65, SignatureScheme::MlDsa65);
    signs_everything(KeySpec::MlDsa87, SignatureScheme::MlDsa87);
}
