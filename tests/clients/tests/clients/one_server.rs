//! One server, two rings: the root in one, an issuing CA in the other.

use std::time::Duration;

use kit::{Database, Openssl, Stack, http_get};
use serde_json::Value;

use crate::issued::Issued;

/// Starts a stack with a ring `far` beside the first.
pub fn with_far() -> Stack {
    with_far_over(Stack::start_apart(Database::Sqlite, &[]), &[])
}

/// Adds a ring `far` with a driver of its own to a stack that was started apart.
pub fn with_far_over(mut stack: Stack, driver: &[&str]) -> Stack {
    stack.kill_server();
    stack.add_ring_over("far", driver);
    stack.start_server();
    stack
}

/// Has an issuing CA made whose key is in `far`, below the root of the first ring.
pub fn make_far(stack: &Stack, name: &str) {
    let subject = format!("CN={name} CA,O=Corp");
    let wish = ["--kind", "issuing", "--parent", "root", "--subject", &subject, "--ring", "far"];
    stack.must(&[&["ca", "create", name], &wish[..]].concat());
    stack.must(&["ca", "sign", name, "--operator-key", &stack.operator_beside("far")]);
}

/// Has a leaf issued by a CA, through a profile of its own.
pub fn issue_by(stack: &Stack, openssl: &Openssl, issuer: &str, host: &str) -> Issued {
    let name = format!("by-{issuer}");
    if !stack.chancery(&["profile", "show", &name]).status.success() {
        let profile = stack.must(&["profile", "show", "tls-server"]);
        let named = format!("version = 1\nissuer = \"{issuer}\"\n");
        let profile = profile.replace("version = 1\n", &named);
        let file = openssl.write(&format!("{issuer}.toml"), profile).display().to_string();
        stack.must(&["profile", "create", &name, "--file", &file]);
    }
    let csr = openssl.request(host, "ec/ec_paramgen_curve:P-256", host);
    Issued::write(openssl, host, &stack.issue(&name, &csr))
}

/// Checks by openssl that a certificate verifies, and that OCSP and CRL say the same of it.
pub fn check(stack: &Stack, openssl: &Openssl, issued: &Issued, status: &str) {
    let (good, text) = issued.verify(openssl, &[]);
    assert!(good, "{text}");
    stack.eventually("OCSP says it", Duration::from_secs(10), || {
        kit::has_ocsp_status(&issued.ocsp(openssl, &[]), &format!(": {status}"))
    });
    stack.eventually("the CRL says it", Duration::from_secs(20), || {
        issued.is_listed(openssl) == (status == "revoked")
    });
}

fn ready(stack: &Stack) -> (u16, Value) {
    let answer = http_get(&format!("{}/readyz", stack.http()), &[]);
    (answer.status, serde_json::from_slice(&answer.body).expect("JSON"))
}

#[test]
fn a_root_in_one_ring_and_an_issuing_ca_in_another_by_one_server() {
    let mut stack = with_far();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    make_far(&stack, "web");
    let listed = stack.must(&["ca", "list"]);
    let row = listed.lines().find(|line| line.starts_with("web ")).expect("the CA");
    assert!(row.contains(" far "), "{listed}");
    assert!(stack.must(&["ca", "show", "web"]).contains("far"));
    assert!(stack.must(&["key", "list", "--ring", "far"]).contains("web.ocsp"));
    assert!(!stack.must(&["key", "list"]).contains("web.ocsp"));

    let (far, near) = (
        issue_by(&stack, &openssl, "web", "far.corp.example"),
        issue_by(&stack, &openssl, "issuing", "near.corp.example"),
    );
    for issued in [&far, &near] {
        check(&stack, &openssl, issued, "good");
        issued.revoke(&stack, "superseded");
        check(&stack, &openssl, issued, "revoked");
    }
    let size = |log: &str| {
        let url = format!("{}/.well-known/pki/log/{log}/checkpoint", stack.http());
        let note = http_get(&url, &[]);
        assert_eq!(note.status, 200, "{log}");
        let text = String::from_utf8(note.body).expect("text");
        text.lines().next().expect("an origin").to_owned()
    };
    assert_ne!(size("default"), size("far"));
    let absent = http_get(&format!("{}/.well-known/pki/log/none/checkpoint", stack.http()), &[]);
    assert_eq!(absent.status, 404);

    // A new certificate for the same key, from the ring of the root.
    let before = stack.must(&["ca", "show", "web", "--pem"]);
    stack.must(&[
        "ca",
        "renew",
        "web",
        "--validity",
        "1000d",
        "--operator-key",
        &stack.operator_beside("far"),
    ]);
    assert_ne!(stack.must(&["ca", "show", "web", "--pem"]), before);
    let again = issue_by(&stack, &openssl, "web", "again.corp.example");
    check(&stack, &openssl, &again, "good");

    // One ring away: the other goes on, and the doctor says which.
    stack.kill_signer_beside("far");
    let csr = openssl.request("late", "ec/ec_paramgen_curve:P-256", "late.corp.example");
    let refused = stack.api().order("by-web", &csr);
    assert_eq!(
        (refused.status, refused.json()["rule"].as_str()),
        (503, Some("signer-unavailable"))
    );
    issue_by(&stack, &openssl, "issuing", "on.corp.example");
    stack.eventually("readyz tells", Duration::from_secs(10), || {
        let (status, body) = ready(&stack);
        let states: Vec<_> = body["rings"]
            .as_array()
            .expect("rings")
            .iter()
            .map(|ring| (ring["name"].as_str().unwrap_or_default(), ring["signer"] == "ready"))
            .collect();
        status == 200 && states == [("default", true), ("far", false)]
    });
    let doctor = stack.chancery(&["doctor"]);
    assert_eq!(doctor.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&doctor.stdout).contains("far: unavailable"));
    stack.start_signer_beside("far");
    stack.eventually("issuing again", Duration::from_secs(10), || {
        stack.api().order("by-web", &csr).status == 201
    });
    let compared = stack.must(&["reconcile", "--json"]);
    assert!(compared.contains("\"far\""), "{compared}");
}

#[test]
fn up_keeps_the_rings_that_its_configuration_names() {
    let mut stack = with_far();
    make_far(&stack, "web");
    stack.kill_server();
    stack.kill_signer();
    stack.up();
    assert!(stack.server_config().contains("[[ring]]"), "{}", stack.server_config());
    let (_, body) = ready(&stack);
    assert_eq!(body["rings"].as_array().map(Vec::len), Some(2), "{body}");
}
