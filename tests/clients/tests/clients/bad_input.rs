//! Bad input gets a clear error, and nothing is lost.

use kit::der::bend;
use kit::{Api, Ledger, Openssl, Stack, SubjectKey, name};
use signer_proto::{ReadJournal, Socket};
use x509::{Csr, Extension, ExtensionValue, pem};

fn csr(names: Vec<x509::GeneralName>) -> Vec<u8> {
    let names = ExtensionValue::SubjectAltName(names);
    let key = SubjectKey::new();
    key.request(&name("CN=www.corp.example"), vec![Extension::non_critical(names)]).into_vec()
}

fn honest() -> Vec<u8> {
    csr(vec![kit::dns("www.corp.example")])
}

fn to_pem(der: &[u8]) -> String {
    pem::encode("CERTIFICATE REQUEST", der)
}

/// Reads the signer's journal by a socket that admits whoever runs the tests.
fn ledger(stack: &Stack) -> Ledger {
    let path = stack.run_dir().join(format!("{}.sock", Socket::Admin));
    let mut peer = kit::RawPeer::connect(&path).unwrap();
    let slice = peer.call(&ReadJournal { from: 0, limit: 4096 }).unwrap();
    Ledger::new(0, slice.leaves.0.into_iter().map(|leaf| leaf.0).collect())
}

/// Tells whether the signer ever signed a certificate with this text in it.
fn is_signed(stack: &Stack, text: &str) -> bool {
    let ledger = ledger(stack);
    let holds = |tbs: &[u8]| tbs.windows(text.len()).any(|window| window == text.as_bytes());
    ledger.certificates().any(|(_, signed)| holds(signed.tbs.as_bytes()))
}

/// Holds that an order is refused with 400 and a rule, and that nothing was signed for it.
fn refused(api: &mut Api, csr: &str, rule: &str) {
    let response = api.order("tls-server", csr);
    assert_eq!(response.status, 400, "{rule}: {}", response.text());
    assert_eq!(response.header("content-type"), Some("application/problem+json"));
    assert_eq!(response.rule(), rule, "{}", response.text());
    let problem = response.json();
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{problem}");
}

#[test]
fn a_csr_that_is_not_sound_is_refused_by_name() {
    let stack = Stack::start();
    let mut api = stack.api();
    let good = honest();
    // BER: the outermost SEQUENCE with an indefinite length.
    let ber = [&[0x30, 0x80], &good[4..], &[0, 0]].concat();
    let mut signature = good.clone();
    *signature.last_mut().unwrap() ^= 1;
    let names = bend(&good, |node| {
        // Another common name than the one that was signed.
        *node.at(&[0, 1, 0, 0, 1]).content() = b"www.evil.example".to_vec();
    });
    assert!(good.len() > 260 && good[1] == 0x82);
    for (what, der, rule) in [
        ("BER", ber.as_slice(), "csr-not-der"),
        ("cut", &good[..good.len() - 7], "csr-not-der"),
        ("cut to nothing", &[], "csr-malformed"),
        ("with octets behind it", &[&good[..], &[0]].concat(), "csr-trailing-octets"),
        ("a bent signature", &signature, "csr-signature"),
        ("a bent name", &names, "csr-signature"),
    ] {
        eprintln!("{what}");
        refused(&mut api, &to_pem(der), rule);
    }
    for text in ["", "hello", "-----BEGIN CERTIFICATE REQUEST-----\n!!!\n"] {
        let response = api.order("tls-server", text);
        assert_eq!(response.status, 400, "{}", response.text());
        assert!(response.rule().starts_with("csr"), "{}", response.text());
    }
    assert!(!is_signed(&stack, "corp.example"), "something was signed");
    assert_eq!(api.order("tls-server", &to_pem(&good)).status, 201);
}

#[test]
fn a_weak_key_is_refused_by_name() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let mut api = stack.api();
    let weak = openssl.request("weak", "rsa:1024", "www.corp.example");
    refused(&mut api, &weak, "weak-key");
    openssl.must(&["genrsa", "-3", "-out", "e3.key", "2048"]);
    openssl.must(&[
        "req",
        "-new",
        "-key",
        "e3.key",
        "-subj",
        "/CN=www.corp.example",
        "-out",
        "e3.csr",
    ]);
    refused(&mut api, &openssl.read("e3.csr"), "weak-key");
    openssl.must(&["ecparam", "-name", "secp256k1", "-genkey", "-noout", "-out", "k1.key"]);
    openssl.must(&[
        "req",
        "-new",
        "-key",
        "k1.key",
        "-subj",
        "/CN=www.corp.example",
        "-out",
        "k1.csr",
    ]);
    let response = api.order("tls-server", &openssl.read("k1.csr"));
    assert_eq!(response.status, 400, "{}", response.text());
    // SHA-1 in the CSR's own signature.
    openssl.must(&["genrsa", "-out", "rsa.key", "2048"]);
    openssl.must(&[
        "req",
        "-new",
        "-sha1",
        "-key",
        "rsa.key",
        "-subj",
        "/CN=www.corp.example",
        "-out",
        "sha1.csr",
    ]);
    let response = api.order("tls-server", &openssl.read("sha1.csr"));
    assert_eq!(response.status, 400, "{}", response.text());
}

#[test]
fn a_name_that_the_profile_forbids_is_refused_by_name() {
    let stack = Stack::start();
    let mut api = stack.api();
    for (names, rule) in [
        (vec![kit::email("a@corp.example")], "san-not-admitted"),
        (vec![kit::dns("www.corp.example"), kit::email("a@corp.example")], "san-not-admitted"),
    ] {
        refused(&mut api, &to_pem(&csr(names)), rule);
    }
    let response = api.order("no-such-profile", &to_pem(&honest()));
    assert_eq!(response.status, 400, "{}", response.text());
    assert!(response.rule().contains("profile"), "{}", response.text());
}

#[test]
fn a_name_outside_what_the_signer_certifies_is_refused_by_the_signers_rule() {
    let stack = Stack::start_with(kit::Database::Sqlite, &["--names", "corp.example"]);
    let mut api = stack.api();
    let evil = csr(vec![kit::dns("www.corp.example"), kit::dns("www.evil.example")]);
    refused(&mut api, &to_pem(&evil), "name-not-permitted");
    let after = ledger(&stack);
    assert!(!is_signed(&stack, "evil.example"), "it was signed");
    let refusals = after.refusals();
    assert!(
        refusals.iter().any(|refused| refused.rule.as_str() == "name-not-permitted"),
        "the signer wrote it down: {refusals:?}"
    );
    assert_eq!(api.order("tls-server", &to_pem(&honest())).status, 201);
}

#[test]
fn requests_that_are_no_orders_are_refused_by_name() {
    let stack = Stack::start();
    let mut api = stack.api();
    let json = [("content-type", "application/json")];
    let path = "/api/v1/certificates";
    for (body, status) in [
        (&b"{"[..], 400),
        (b"[]", 400),
        (b"{\"profile\":\"tls-server\"}", 400),
        (b"{\"profile\":\"tls-server\",\"csr\":\"x\",\"surplus\":1}", 400),
        (&[b' '; 300 * 1024], 413),
        (&[0xff, 0xfe], 400),
    ] {
        let response = api.ask("POST", path, &json, Some(body));
        assert_eq!(response.status, status, "{}", response.text());
        assert!(!response.rule().is_empty(), "{}", response.text());
    }
    let response = api.ask("POST", path, &[("content-type", "text/plain")], Some(b"{}"));
    assert_eq!(response.status, 415, "{}", response.text());
    for token in ["", "chancery_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "x"] {
        let response = api.with_token(token).order("tls-server", &to_pem(&honest()));
        assert_eq!(response.status, 401, "{}", response.text());
    }
    let missing = api.get("/api/v1/certificates/01a20aac-9707-7c53-86cc-983cd879b809");
    assert_eq!((missing.status, missing.rule().as_str()), (404, "not-found"));
}

#[test]
fn a_retry_with_another_body_is_refused_by_name() {
    let stack = Stack::start();
    let mut api = stack.api();
    let order = |csr: &[u8]| serde_json::json!({ "profile": "tls-server", "csr": to_pem(csr) });
    let key = [("idempotency-key", "order-1")];
    let first = api.post_with("/api/v1/certificates", &order(&honest()), &key);
    assert_eq!(first.status, 201);
    let second = api.post_with("/api/v1/certificates", &order(&honest()), &key);
    assert_eq!((second.status, second.rule().as_str()), (422, "idempotency-conflict"));
}

#[test]
fn what_is_asked_for_in_a_csr_is_never_authority() {
    let stack = Stack::start();
    let mut api = stack.api();
    let constraints = x509::BasicConstraints { ca: true, path_len: None };
    let usage = x509::KeyUsage::KEY_CERT_SIGN.union(x509::KeyUsage::CRL_SIGN);
    let extensions = vec![
        Extension::critical(ExtensionValue::BasicConstraints(constraints)),
        Extension::critical(ExtensionValue::KeyUsage(usage)),
        Extension::non_critical(ExtensionValue::SubjectAltName(vec![kit::dns("www.corp.example")])),
        Extension::non_critical(ExtensionValue::ExtendedKeyUsage(vec![
            x509::oids::EKU_OCSP_SIGNING,
            x509::oids::EKU_ANY,
        ])),
    ];
    let request = SubjectKey::new().request(&name("CN=www.corp.example"), extensions);
    let csr = Csr::parse(request.as_bytes()).unwrap().to_pem();
    let response = api.order("tls-server", &csr);
    if response.status == 201 {
        let answer = response.json();
        let leaf = x509::Certificate::from_pem(answer["certificate"].as_str().unwrap()).unwrap();
        let extensions = &leaf.tbs().extensions;
        assert!(extensions.basic_constraints().is_none_or(|constraints| !constraints.ca));
        assert_eq!(extensions.key_usage(), Some(x509::KeyUsage::DIGITAL_SIGNATURE));
        assert_eq!(extensions.extended_key_usage(), Some(&[x509::oids::EKU_SERVER_AUTH][..]));
    } else {
        assert_eq!(response.status, 400, "{}", response.text());
    }
    // Profiles whose certificates make authority or speak for it are not to be had by an order.
    for profile in ["sub-ca", "ocsp-responder"] {
        let response = api.order(profile, &to_pem(&honest()));
        assert_eq!(response.status, 400, "{profile}: {}", response.text());
    }
}
