//! CAs above and below one another, and one that somebody else signed.

use std::time::Duration;

use kit::{Openssl, Stack, http_get};

use crate::above;
use crate::issued::Issued;
use crate::key_move::journal;
use crate::one_server::issue_by;

/// Waits until the server knows that a CA issues.
pub fn await_active(stack: &Stack, name: &str) {
    stack.eventually("the server learns of the CA", Duration::from_secs(10), || {
        let issuer = stack.api().get(&format!("/api/v1/issuers/{name}"));
        issuer.status == 200 && issuer.json()["state"] == "active"
    });
}

/// Has a CA made and signed by the one above it, and waits until it issues.
fn make(stack: &Stack, name: &str, wish: &[&str]) {
    stack.must(&[&["ca", "create", name], wish].concat());
    stack.must(&["ca", "sign", name]);
    await_active(stack, name);
}

/// An intermediate CA that has room for one level below it, and names of its own.
const EMEA: [&str; 12] = [
    "--kind",
    "intermediate",
    "--parent",
    "root",
    "--subject",
    "CN=EMEA CA,O=Corp",
    "--key",
    "p-384",
    "--path-len",
    "1",
    "--constraints",
    "corp.example",
];

#[test]
fn an_issuing_ca_below_an_intermediate_below_the_root() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    make(&stack, "emea", &EMEA);
    let web = ["--kind", "issuing", "--parent", "emea", "--subject", "CN=EMEA Web CA,O=Corp"];
    let narrow = ["--constraints", "web.corp.example", "--key", "rsa-2048"];
    make(&stack, "emea-web", &[&web[..], &narrow].concat());
    let issued = issue_by(&stack, &openssl, "emea-web", "www.web.corp.example");
    let (good, text) = issued.verify(&openssl, &["-verify_hostname", "www.web.corp.example"]);
    assert!(good, "{text}");
    assert_eq!(openssl.read(&issued.between).matches("BEGIN CERTIFICATE").count(), 2);
    // What the name constraints of the path forbid, openssl refuses though the signer is not asked.
    let outside = issue_by_again(&stack, &openssl, "www.corp.example");
    if let Some(outside) = outside {
        let (good, text) = outside.verify(&openssl, &[]);
        assert!(!good && text.contains("permitted subtree violation"), "{text}");
    }
    // Every CA of the path has a CRL of its own.
    for ca in ["root", "emea", "emea-web"] {
        stack.eventually("its CRL is there", Duration::from_secs(10), || {
            let url = format!("{}/.well-known/pki/crl/{ca}.crl", stack.http());
            http_get(&url, &[]).status == 200
        });
    }
}

/// Asks for a leaf outside the constraints; none if it is refused already, as it may be.
fn issue_by_again(stack: &Stack, openssl: &Openssl, host: &str) -> Option<Issued> {
    let csr = openssl.request("outside", "ec/ec_paramgen_curve:P-256", host);
    let response = stack.api().order("by-emea-web", &csr);
    match response.status {
        201 => Some(Issued::write(openssl, "outside", &response.json())),
        status => {
            assert_eq!(status, 400, "{}", response.text());
            None
        }
    }
}

#[test]
fn a_subordinate_cannot_widen_what_is_above_it() {
    let stack = Stack::start();
    make(&stack, "emea", &EMEA);
    let before = acts(&stack);
    let cases = [
        ("wide", ["--constraints", "example"], "[constraints-widened]"),
        ("deep", ["--path-len", "1"], "[ca-request-malformed]"),
    ];
    for (name, more, rule) in cases {
        let fixed = ["ca", "create", name, "--kind", "issuing", "--parent", "emea", "--subject"];
        let subject = format!("CN={name},O=Corp");
        let created = stack.chancery(&[&fixed[..], &[subject.as_str()], &more].concat());
        let text = String::from_utf8_lossy(&created.stderr).into_owned();
        assert_eq!(created.status.code(), Some(3), "{name}: {text}");
        assert!(text.contains(rule), "{name}: {text}");
        // It does not even exist.
        let signed = stack.chancery(&["ca", "sign", name]);
        let text = String::from_utf8_lossy(&signed.stderr).into_owned();
        assert_eq!(signed.status.code(), Some(5), "{name}: {text}");
        assert!(text.contains("[not-found]"), "{name}: {text}");
    }
    assert_eq!(acts(&stack), before, "a key was made, or something signed with one of a CA");
}

/// Counts what the journal tells of keys that were made and of signatures by operators' leave.
fn acts(stack: &Stack) -> usize {
    let page = journal(stack, "default", 0);
    let entries = page["entries"].as_array().expect("entries");
    assert_eq!(page["size"], entries.len(), "more than a page");
    let names = entries.iter().map(|entry| entry["event"].as_str().expect("a type"));
    let acts = ["KeyGenerated", "AuthoritySigned", "RequestSigned", "PolicySet"];
    names.filter(|name| acts.contains(name)).count()
}

#[test]
fn a_ca_that_openssl_signed_is_imported_and_issues() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    above::make(&openssl);
    stack.must(&[
        "ca",
        "create",
        "corp",
        "--kind",
        "issuing",
        "--subject",
        "CN=Corp Issuing,O=Corp",
        "--key",
        "rsa-2048",
    ]);
    let csr = openssl.path("corp.csr").display().to_string();
    stack.must(&["ca", "csr", "corp", "--out", &csr]);
    openssl.must(&["req", "-in", "corp.csr", "-noout", "-verify"]);
    openssl.write("corp.pem", above::sign(&openssl, "corp.csr", "0x1122334455667788"));
    // Of another key: refused.
    openssl.must(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "x.key",
        "-out",
        "x.pem",
        "-subj",
        "/O=Corp/CN=Corp Issuing",
    ]);
    let path = |name: &str| openssl.path(name).display().to_string();
    let (corp, above, other) = (path("corp.pem"), path("above.pem"), path("x.pem"));
    let import = |file: &str| {
        stack.chancery(&["ca", "import", "corp", "--certificate", file, "--chain", &above])
    };
    assert!(!import(&other).status.success(), "a certificate of another key");
    // The server learns from the journal that the CSR was made.
    stack.eventually("it is imported", Duration::from_secs(10), || import(&corp).status.success());
    await_active(&stack, "corp");
    let issued = issue_by(&stack, &openssl, "corp", "www.corp.example");
    let (good, text) = issued.verify(&openssl, &["-verify_hostname", "www.corp.example"]);
    assert!(good, "{text}");
    assert_eq!(openssl.read(&issued.root), openssl.must(&["x509", "-in", "above.pem"]));
    // Its own responder, whose certificate is made in the background, and its own CRL.
    stack.eventually("OCSP says good", Duration::from_secs(5), || {
        kit::has_ocsp_status(&issued.ocsp(&openssl, &[]), ": good")
    });
    issued.revoke(&stack, "superseded");
    stack.eventually("its CRL has the serial", crate::lifecycle::CRL_LIMIT, || {
        issued.is_listed(&openssl)
    });
}

#[test]
fn a_renewed_ca_stands_above_old_leaves_and_new_ones() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    let before = Issued::new(&stack, &openssl, "before");
    stack.must(&["ca", "renew", "issuing", "--validity", "2000d"]);
    let old = openssl.read(&before.between);
    stack.eventually("the server has the new certificate", Duration::from_secs(10), || {
        !stack.must(&["ca", "show", "issuing", "--pem"]).starts_with(&old)
    });
    let after = Issued::new(&stack, &openssl, "after");
    assert_ne!(openssl.read(&after.between), old);
    for (leaf, path) in [(&before, &after), (&after, &before)] {
        let crossed = Issued {
            id: leaf.id.clone(),
            serial: leaf.serial.clone(),
            leaf: leaf.leaf.clone(),
            between: path.between.clone(),
            root: leaf.root.clone(),
        };
        let (good, text) = crossed.verify(&openssl, &[]);
        assert!(good, "{text}");
    }
}

#[test]
fn a_retired_ca_issues_no_more_and_its_status_goes_on() {
    let stack = Stack::start();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    make(
        &stack,
        "web",
        &["--kind", "issuing", "--parent", "root", "--subject", "CN=Web CA,O=Corp"],
    );
    let issued = issue_by(&stack, &openssl, "web", "www.corp.example");
    stack.must(&["ca", "retire", "web"]);
    let csr = openssl.request("late", "ec/ec_paramgen_curve:P-256", "late.corp.example");
    let response = stack.api().order("by-web", &csr);
    assert_eq!(response.status, 409, "{}", response.text());
    issued.revoke(&stack, "keyCompromise");
    stack.eventually("OCSP says revoked", crate::lifecycle::OCSP_LIMIT, || {
        kit::has_ocsp_status(&issued.ocsp(&openssl, &[]), ": revoked")
    });
}
