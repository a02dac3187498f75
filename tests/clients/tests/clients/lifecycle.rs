//! From the CSR to the revoked certificate, as openssl sees it.

use std::time::Duration;

use kit::{Openssl, Stack, SubjectKey, has_ocsp_status, name};
use x509::{Certificate, Csr, Extension, ExtensionValue, KeyKind};

use crate::issued::Issued;

/// DESIGN §7: revocation visible.
pub const OCSP_LIMIT: Duration = Duration::from_secs(1);
pub const CRL_LIMIT: Duration = Duration::from_secs(2);

/// Issues, verifies, revokes, and sees the revocation where it should be in time.
pub fn holds(stack: &Stack, openssl: &Openssl) {
    let issued = Issued::new(stack, openssl, "www");
    let (good, text) = issued.verify(openssl, &["-purpose", "sslserver"]);
    assert!(good, "{text}");
    let (good, text) = issued.verify(openssl, &["-verify_hostname", "www.corp.example"]);
    assert!(good, "{text}");
    let (good, _) = issued.verify(openssl, &["-verify_hostname", "mail.corp.example"]);
    assert!(!good, "another host's");

    stack.eventually("the responder is there", Duration::from_secs(5), || {
        has_ocsp_status(&issued.ocsp(openssl, &[]), ": good")
    });
    // With a nonce, and without: the one that a cache may answer.
    for options in [&[][..], &["-no_nonce"], &["-sha256", "-no_nonce"]] {
        let text = issued.ocsp(openssl, options);
        assert!(has_ocsp_status(&text, ": good"), "{options:?}: {text}");
    }
    assert!(!issued.is_listed(openssl));

    issued.revoke(stack, "keyCompromise");
    for options in [&["-no_nonce"][..], &[]] {
        stack.eventually("OCSP says revoked", OCSP_LIMIT, || {
            has_ocsp_status(&issued.ocsp(openssl, options), ": revoked")
        });
    }
    stack.eventually("the CRL has the serial", CRL_LIMIT, || issued.is_listed(openssl));
    let text = issued.ocsp(openssl, &[]);
    assert!(text.contains("Reason: keyCompromise"), "{text}");
    let (good, text) = issued.verify(openssl, &["-crl_check", "-CRLfile", "now.crl"]);
    assert!(!good && text.contains("certificate revoked"), "{text}");
}

#[test]
fn openssl_agrees_from_the_csr_to_the_revocation() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    holds(&stack, &openssl);
}

#[test]
fn openssl_verifies_a_leaf_with_every_kind_of_key() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    for (n, key) in [
        "ec/ec_paramgen_curve:P-256",
        "ec/ec_paramgen_curve:P-384",
        "ec/ec_paramgen_curve:P-521",
        "ed25519",
        "rsa:2048",
        "rsa:3072",
        "rsa:4096",
    ]
    .iter()
    .enumerate()
    {
        let csr = openssl.request(&format!("key{n}"), key, "www.corp.example");
        let answer = stack.issue("tls-server-client", &csr);
        let issued = Issued::write(&openssl, &format!("key{n}"), &answer);
        let (good, text) = issued.verify(&openssl, &["-purpose", "sslserver"]);
        assert!(good, "{key}: {text}");
        let of_key = openssl.must(&["pkey", "-in", &format!("key{n}.key"), "-pubout"]);
        let of_leaf = openssl.must(&["x509", "-in", &issued.leaf, "-noout", "-pubkey"]);
        assert_eq!(of_key, of_leaf, "{key}");
    }
}

#[test]
fn openssl_verifies_a_leaf_with_an_ml_dsa_key_that_it_cannot_use_itself() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    for kind in [KeyKind::MlDsa44, KeyKind::MlDsa65, KeyKind::MlDsa87] {
        let names = ExtensionValue::SubjectAltName(vec![kit::dns("pq.corp.example")]);
        let request = SubjectKey::of(kind)
            .request(&name("CN=pq.corp.example"), vec![Extension::non_critical(names)]);
        let csr = Csr::parse(request.as_bytes()).unwrap().to_pem();
        let issued = Issued::write(&openssl, kind.as_str(), &stack.issue("tls-server", &csr));
        let leaf = Certificate::from_pem(&openssl.read(&issued.leaf)).unwrap();
        assert_eq!(leaf.tbs().public_key.kind(), kind);
        // openssl 3.0 knows no such key, so it verifies what it does know: the issuer's signature.
        openssl.write("tbs.der", leaf.tbs_der().as_bytes());
        openssl.write("signature.der", leaf.signature().as_bytes());
        let public = openssl.must(&["x509", "-in", &issued.between, "-noout", "-pubkey"]);
        openssl.write("issuer.pub", public);
        openssl.must(&[
            "dgst",
            "-sha256",
            "-verify",
            "issuer.pub",
            "-signature",
            "signature.der",
            "tbs.der",
        ]);
    }
}

#[test]
fn a_held_certificate_is_revoked_for_a_while() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let issued = Issued::new(&stack, &openssl, "www");
    issued.revoke(&stack, "certificateHold");
    stack.eventually("OCSP says on hold", OCSP_LIMIT, || {
        issued.ocsp(&openssl, &[]).contains("certificateHold")
    });
    stack.eventually("the CRL has it on hold", CRL_LIMIT, || {
        issued.crl(&openssl, "now.crl").contains("Certificate Hold")
    });
    issued.revoke(&stack, "removeFromCRL");
    stack.eventually("OCSP says good again", OCSP_LIMIT, || {
        has_ocsp_status(&issued.ocsp(&openssl, &[]), ": good")
    });
    stack.eventually("the CRL has it no more", CRL_LIMIT, || !issued.is_listed(&openssl));
}

#[test]
fn a_renewed_certificate_is_good_and_so_is_the_one_before() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let first = Issued::new(&stack, &openssl, "www");
    let csr = openssl.request("again", "rsa:2048", "www.corp.example");
    let path = format!("/api/v1/certificates/{}/renew", first.id);
    let response = stack.api().post(&path, &serde_json::json!({ "csr": csr }));
    assert_eq!(response.status, 201, "{}", response.text());
    let second = Issued::write(&openssl, "again", &response.json());
    assert_ne!(first.serial, second.serial);
    for issued in [&first, &second] {
        let (good, text) = issued.verify(&openssl, &["-verify_hostname", "www.corp.example"]);
        assert!(good, "{text}");
    }
}

#[test]
fn the_commands_of_the_start_screen_do_what_they_say() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    openssl.request("www", "ec/ec_paramgen_curve:P-256", "www.corp.example");
    let path = |file: &str| openssl.path(file).display().to_string();
    let (csr, out) = (path("www.csr"), path("cert.pem"));
    stack.must(&["cert", "issue", "--profile", "tls-server", "--csr", &csr, "--out", &out]);
    let root = stack.root().display().to_string();
    openssl.must(&["verify", "-CAfile", &root, "-untrusted", "cert.pem", "cert.pem"]);
    let serial = openssl.must(&["x509", "-in", "cert.pem", "-noout", "-serial"]);
    let serial = serial.trim().trim_start_matches("serial=").to_lowercase();
    stack.must(&["cert", "revoke", &serial]);
    let listed = stack.must(&["cert", "list", "--state", "revoked", "--json"]);
    assert!(listed.contains(&serial), "{listed}");
    stack.must(&["status"]);
    // A key that never leaves the machine, and a PKCS#12 file that openssl opens.
    let (key, p12) = (path("new.key"), path("new.p12"));
    let password = openssl.write("password", "a password\n").display().to_string();
    stack.must(&[
        "cert",
        "issue",
        "--profile",
        "tls-server",
        "--san",
        "dns:new.corp.example",
        "--new-key",
        "p-256",
        "--key-out",
        &key,
        "--out",
        &out,
        "--p12-out",
        &p12,
        "--p12-password-file",
        &password,
    ]);
    openssl.must(&["verify", "-CAfile", &root, "-untrusted", "cert.pem", "cert.pem"]);
    openssl.must(&["pkcs12", "-in", "new.p12", "-passin", "pass:a password", "-nodes", "-info"]);
}
