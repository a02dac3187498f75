//! Genesis to a revoked leaf, with openssl as the second opinion.

use std::fs;
use std::process::Command;

use signer_proto::{
    BuildCrl, CertIdHash, OcspItem, OcspItems, OcspNonce, OcspOutcome, OcspSubject, OcspSubjects,
    Revoke, SignOcsp,
};
use x509::{
    Certificate, Crl, CrlReason, OcspResponse, SignatureScheme, assemble_ocsp_response, pem,
};

use super::drafts::{self, DAY};
use super::workshop::{Workshop, certificate, label};

#[test]
fn a_leaf_is_issued_verified_revoked_and_seen_revoked_everywhere() {
    let workshop = Workshop::with_hierarchy();
    let (root, issuing) = (workshop.root.clone().unwrap(), workshop.issuing.clone().unwrap());
    let leaf = workshop.issue("www.corp.example");
    let issuer_key = workshop.public("issuing");
    assert_eq!(root.verify_by(&workshop.public("root")), Ok(()));
    assert_eq!(issuing.verify_by(&workshop.public("root")), Ok(()));
    assert_eq!(leaf.verify_by(&issuer_key), Ok(()));
    let responder_tbs =
        drafts::responder(workshop.mint("issuing"), &workshop.issuer(), &workshop.public("ocsp"));
    let signed = workshop.call(workshop.order(&responder_tbs)).unwrap();
    let responder = certificate(&responder_tbs, &signed);

    workshop.clock.pass(60);
    let change = workshop
        .call(Revoke {
            key: label("issuing"),
            serial: leaf.tbs().serial,
            reason: CrlReason::KeyCompromise,
            invalidity: None,
        })
        .unwrap();
    workshop.clock.pass(1);
    let crl = crl(&workshop);
    assert_eq!(crl.verify_by(&issuer_key), Ok(()));
    let entry = &crl.entries()[0];
    assert_eq!((entry.serial, entry.revoked_at), (leaf.tbs().serial, change.at));
    assert_eq!(entry.reason, Some(CrlReason::KeyCompromise));
    let ocsp = ocsp(&workshop, &leaf, &responder);

    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, text: String| fs::write(at(name), text).unwrap();
    write("root.pem", root.to_pem());
    write("issuing.pem", issuing.to_pem());
    write("leaf.pem", leaf.to_pem());
    write("crl.pem", pem::encode("X509 CRL", crl_der(&crl).as_slice()));
    fs::write(at("ocsp.der"), ocsp).unwrap();
    let attime = workshop.now().0.to_string();
    let chain = ["-CAfile", &at("root.pem"), "-untrusted", &at("issuing.pem")].map(str::to_owned);
    let verify = |extra: &[&str]| {
        let mut command = Command::new("openssl");
        command.args(["verify", "-attime", &attime]).args(&chain).args(extra);
        output(command.arg(at("leaf.pem")))
    };
    let Some(verified) = verify(&[]) else {
        let why = "SKIPPED: openssl: not installed";
        assert!(std::env::var_os("CHANCERY_NO_SKIP").is_none(), "{why}");
        eprintln!("{why}");
        return;
    };
    assert!(verified.ends_with("OK\n"), "{verified}");
    let revoked = verify(&["-crl_check", "-CRLfile", &at("crl.pem")]).unwrap();
    assert!(revoked.contains("certificate revoked"), "{revoked}");
    let status = output(
        Command::new("openssl")
            .args(["ocsp", "-respin", &at("ocsp.der"), "-issuer", &at("issuing.pem")])
            .args(["-cert", &at("leaf.pem"), "-CAfile", &at("root.pem")])
            .args(["-verify_other", &at("issuing.pem"), "-no_nonce"])
            .args(["-attime", &attime, "-validity_period", "999999999"]),
    )
    .unwrap();
    assert!(status.contains("Response verify OK"), "{status}");
    assert!(status.contains(": revoked"), "{status}");
}

fn crl(workshop: &Workshop) -> Crl {
    let built = workshop
        .call(BuildCrl {
            key: label("issuing"),
            shard: 0,
            next_update: workshop.now().plus_seconds(DAY),
        })
        .unwrap();
    assert_eq!(built.this_update, workshop.now());
    let der = Crl::assemble(&built.tbs, SignatureScheme::EcdsaP256Sha256, &built.signature);
    Crl::parse(der.as_bytes()).unwrap()
}

fn crl_der(crl: &Crl) -> Vec<u8> {
    Crl::assemble(crl.tbs_der(), crl.scheme(), crl.signature()).into_vec()
}

fn ocsp(workshop: &Workshop, leaf: &Certificate, responder: &Certificate) -> Vec<u8> {
    let subject = OcspSubject { hash: CertIdHash::Sha1, serial: leaf.tbs().serial };
    let signed = workshop
        .call(SignOcsp {
            responder: label("ocsp"),
            issuer: label("issuing"),
            next_update: workshop.now().plus_seconds(DAY),
            items: OcspItems(vec![OcspItem {
                subjects: OcspSubjects(vec![subject]),
                nonce: OcspNonce(vec![]),
            }]),
        })
        .unwrap();
    let [OcspOutcome::Signed { response_data, signature }] = signed.outcomes.0.as_slice() else {
        panic!("not signed: {:?}", signed.outcomes);
    };
    let scheme = SignatureScheme::EcdsaP256Sha256;
    let certs = [responder.der().clone()];
    let der = assemble_ocsp_response(response_data, scheme, signature, &certs);
    assert!(OcspResponse::parse(der.as_bytes()).is_ok());
    der.into_vec()
}

/// Runs a program; none if it is not installed.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&text).into_owned())
}
