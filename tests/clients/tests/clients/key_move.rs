//! An issuing CA gets a new key in another ring: `chancery key move`.

use std::time::Duration;

use clouds::AwsCloud;
use kit::{Database, Openssl, Stack, Tokens};
use serde_json::Value;

use crate::above;
use crate::issued::Issued;
use crate::kms::Given;
use crate::one_server::{check, issue_by, with_far, with_far_over};

/// Moves `issuing` to `far`, with more options.
fn move_it(stack: &Stack, more: &[&str]) -> std::process::Output {
    stack.chancery(&[&["key", "move", "issuing", "--to", "far"], more].concat())
}

fn states(stack: &Stack, more: &[&str]) -> Vec<String> {
    let output = move_it(stack, &[more, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = answer["steps"].as_array().expect("steps");
    steps.iter().map(|step| step["state"].as_str().expect("a state").to_owned()).collect()
}

/// What jobs of the server and handshakes write, whoever does something or not.
const BY_THEMSELVES: [&str; 6] = [
    "AuditAnchored",
    "CrlSigned",
    "FollowedRead",
    "HandshakesSigned",
    "OcspSigned",
    "SignIntended",
];

const RINGS: [&str; 2] = ["default", "far"];

/// Reads up to a thousand leaves of a ring's journal from a position on.
pub fn journal(stack: &Stack, ring: &str, from: u64) -> Value {
    let path = format!("/api/v1/journal/entries?ring={ring}&from={from}&limit=1000");
    stack.api().get(&path).json()
}

/// How long the journals of both rings are.
fn sizes(stack: &Stack) -> [u64; 2] {
    RINGS.map(|ring| journal(stack, ring, 0)["size"].as_u64().expect("a size"))
}

/// What both rings' journals say that somebody had done since they were so long.
fn done_since(stack: &Stack, sizes: [u64; 2]) -> Vec<String> {
    let mut done = Vec::new();
    for (ring, from) in RINGS.into_iter().zip(sizes) {
        let page = journal(stack, ring, from);
        let entries = page["entries"].as_array().expect("entries");
        assert_eq!(page["size"], from + entries.len() as u64, "{ring}: more than a page");
        let types = entries.iter().map(|entry| entry["event"].as_str().expect("a type"));
        done.extend(types.filter(|name| !BY_THEMSELVES.contains(name)).map(str::to_owned));
    }
    done
}

#[test]
fn an_issuing_ca_moves_to_another_ring_and_the_old_one_drains() {
    let mut stack = with_far();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    // A profile that names the CA, and one that means the newest.
    let named = issue_by(&stack, &openssl, "issuing", "before.corp.example");
    let free = Issued::new(&stack, &openssl, "free");
    check(&stack, &openssl, &named, "good");
    // What operators narrowed is narrow in the new ring too.
    stack.must(&["policy", "names", "issuing", "--names", "corp.example"]);

    let before = sizes(&stack);
    let planned = states(&stack, &["--dry-run"]);
    assert_eq!(planned[..7], ["to do"; 7].map(str::to_owned), "{planned:?}");
    assert_eq!(done_since(&stack, before), [""; 0], "a dry run did something");
    assert!(!stack.must(&["ca", "list"]).contains("issuing-far"));

    // Nobody of the far ring approves: the wish is there, and the key is not.
    let waits = move_it(&stack, &[]);
    assert_eq!(waits.status.code(), Some(7), "{}", String::from_utf8_lossy(&waits.stderr));
    let far = stack.operator_beside("far");
    assert_eq!(states(&stack, &["--status"])[..3], ["done", "to do", "to do"].map(str::to_owned));
    // The far signer is away: the next run says so, and the one after goes on.
    stack.kill_signer_beside("far");
    let away = move_it(&stack, &["--operator-key", &far]);
    assert_eq!(away.status.code(), Some(4), "{}", String::from_utf8_lossy(&away.stderr));
    stack.start_signer_beside("far");
    let moved = move_it(&stack, &["--operator-key", &far]);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let done = states(&stack, &["--status"]);
    assert_eq!(done[..7], ["done"; 7].map(str::to_owned), "{done:?}");
    assert_eq!(done[7], "waits");
    // The journals tell of a run that does something, or the two that do nothing prove nothing.
    let told = done_since(&stack, before);
    for name in ["KeyGenerated", "AuthoritySigned", "PolicySet"] {
        assert!(told.iter().any(|done| done == name), "{name}: {told:?}");
    }

    // Both profiles issue by the new key now.
    let after = [
        issue_by(&stack, &openssl, "issuing", "named.corp.example"),
        Issued::new(&stack, &openssl, "after"),
    ];
    for issued in &after {
        assert_ne!(openssl.read(&issued.between), openssl.read(&named.between));
        check(&stack, &openssl, issued, "good");
    }
    // CRL and OCSP of both agree, also about what is revoked after the move.
    for issued in [&named, &after[0]] {
        check(&stack, &openssl, issued, "good");
        issued.revoke(&stack, "superseded");
        check(&stack, &openssl, issued, "revoked");
    }
    check(&stack, &openssl, &free, "good");

    // The new key has the old one's policy, and the old one signs no leaf any more.
    let policy = stack.must(&["policy", "show", "issuing-far", "--ring", "far"]);
    assert!(policy.contains("corp.example") && !policy.contains("dns = [\"any\"]"), "{policy}");
    let closed = stack.must(&["policy", "show", "issuing"]);
    assert!(closed.contains("subject_key_kinds = []"), "{closed}");
    let list = stack.must(&["ca", "list"]);
    let row = |name: &str| {
        let found = list.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("{list}")).to_owned()
    };
    assert!(row("issuing").contains("draining") && row("issuing-far").contains("active"), "{list}");
    // A second run finds everything done.
    let before = sizes(&stack);
    assert!(move_it(&stack, &["--operator-key", &far]).status.success());
    assert_eq!(done_since(&stack, before), [""; 0]);
    stack.must(&["reconcile"]);
    assert_eq!(move_it(&stack, &["--status"]).status.code(), Some(0));
}

/// Moves `issuing` out of files into whatever the far ring keeps its keys in; both issuers' CRL and
/// OCSP agree with openssl. Gives the host's certificate by the new key.
fn moves_out_of_files(stack: &Stack, openssl: &Openssl) -> Issued {
    let old = issue_by(stack, openssl, "issuing", "before.corp.example");
    check(stack, openssl, &old, "good");
    let operator = stack.operator_beside("far");
    // What the signer reaches its keys by may not be there yet: then it says so, and goes on when asked
    // again.
    stack.eventually("it is moved", Duration::from_secs(20), || {
        let moved = move_it(stack, &["--operator-key", &operator]);
        let told = String::from_utf8_lossy(&moved.stderr).into_owned();
        assert!(moved.status.success() || told.contains("driver-unavailable"), "{told}");
        moved.status.success()
    });
    let new = issue_by(stack, openssl, "issuing", "after.corp.example");
    assert_ne!(openssl.read(&new.between), openssl.read(&old.between));
    for issued in [&old, &new] {
        check(stack, openssl, issued, "good");
        issued.revoke(stack, "superseded");
        check(stack, openssl, issued, "revoked");
    }
    let keys = stack.must(&["key", "list", "--ring", "far"]);
    assert!(keys.contains("issuing-far") && keys.contains("issuing-far.ocsp"), "{keys}");
    new
}

/// Asks for a certificate by `issuing`, while its key may be out of reach.
fn order(stack: &Stack, openssl: &Openssl, host: &str) -> (u16, Option<String>) {
    let csr = openssl.request(host, "ec/ec_paramgen_curve:P-256", host);
    let answer = stack.api().order("by-issuing", &csr);
    let rule = (answer.status != 201).then(|| answer.json()["rule"].to_string());
    (answer.status, rule)
}

#[test]
fn an_issuing_ca_moves_from_files_into_a_token() {
    let Some(tokens) = Tokens::faulty(&["far"]) else { return };
    tokens.give_to(kit::signer_user(None));
    let config = tokens.config().display().to_string();
    let stack = with_far_over(
        Stack::start_apart(Database::Sqlite, &["--driver", "file"]),
        &["--driver", "pkcs11", "--driver-config", &config],
    );
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    moves_out_of_files(&stack, &openssl);
    // The new key is in the token and nowhere else.
    tokens.order("far", "gone");
    let away = order(&stack, &openssl, "away.corp.example");
    assert_eq!(away, (503, Some("\"signer-unavailable\"".to_owned())));
    tokens.order("far", "");
    stack.eventually("issuing again", Duration::from_secs(10), || {
        order(&stack, &openssl, "back.corp.example").0 == 201
    });
}

#[test]
fn an_issuing_ca_moves_from_files_into_aws() {
    const REGION: &str = "eu-central-1";
    let cloud = AwsCloud::start(&[REGION]);
    let given = Given::of_aws(&cloud);
    let stack = with_far_over(
        Stack::start_apart(Database::Sqlite, &["--driver", "file"]),
        &["--driver", "kms", "--driver-config", &given.config()],
    );
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    assert_eq!(cloud.keys().len(), 0);
    moves_out_of_files(&stack, &openssl);
    // The issuing CA's and its responder's.
    let keys = cloud.keys();
    assert_eq!(keys.len(), 2, "{keys:?}");
    let mut labels: Vec<_> = keys.iter().map(|(.., tags)| &tags["chancery-label"]).collect();
    labels.sort();
    assert_eq!(labels, ["issuing-far", "issuing-far.ocsp"]);
    cloud.faults(REGION).go_down(true);
    let away = order(&stack, &openssl, "away.corp.example");
    assert_eq!(away, (503, Some("\"signer-unavailable\"".to_owned())));
    cloud.faults(REGION).go_down(false);
    stack.eventually("issuing again", Duration::from_secs(15), || {
        order(&stack, &openssl, "back.corp.example").0 == 201
    });
}

#[test]
fn refuses_moves_that_are_none() {
    let stack = with_far();
    for (arguments, code) in [
        (&["key", "move", "root", "--to", "far"][..], 3),
        (&["key", "move", "nobody", "--to", "far"], 5),
        (&["key", "move", "issuing", "--to", "elsewhere"], 3),
        (&["key", "move", "issuing", "--to", "far", "--name", "issuing"], 3),
        (&["key", "move", "issuing", "--to", "far", "--name", "root"], 3),
        (&["key", "move", "issuing", "--to", "far", "--ring", "far"], 2),
    ] {
        let output = stack.chancery(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
    }
    let issuers = stack.api().get("/api/v1/issuers").json();
    assert_eq!(issuers["items"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_ca_that_somebody_else_signed_moves_by_files() {
    let stack = with_far();
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    above::make(&openssl);
    let sign =
        |csr: &str, serial: &str| above::sign(&openssl, csr, serial) + &openssl.read("above.pem");
    let path = |name: &str| openssl.path(name).display().to_string();
    stack.must(&[
        "ca",
        "create",
        "corp",
        "--kind",
        "issuing",
        "--subject",
        "CN=Corp Issuing,O=Corp",
    ]);
    stack.must(&["ca", "csr", "corp", "--out", &path("corp.csr")]);
    openssl.write("corp.pem", sign("corp.csr", "0x1122334455667788"));
    stack.must(&["ca", "import", "corp", "--certificate", &path("corp.pem")]);
    let old = issue_by(&stack, &openssl, "corp", "old.corp.example");

    let exchange = path("exchange");
    let far = stack.operator_beside("far");
    let fixed = ["key", "move", "corp", "--to", "far", "--operator-key", &far];
    let unnamed = stack.chancery(&fixed);
    assert_eq!(unnamed.status.code(), Some(2), "{}", String::from_utf8_lossy(&unnamed.stderr));
    let arguments = [&fixed[..], &["--exchange", &exchange]].concat();
    for _ in 0..2 {
        let waits = stack.chancery(&arguments);
        assert_eq!(waits.status.code(), Some(7), "{}", String::from_utf8_lossy(&waits.stderr));
    }
    let request = std::fs::read_to_string(openssl.path("exchange/corp-far.request"));
    assert!(request.expect("a request").starts_with("Chancery CA request v1"));
    openssl.write("exchange/corp-far.pem", sign("exchange/corp-far.csr", "0x1122334455667789"));
    let moved = stack.chancery(&arguments);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let new = issue_by(&stack, &openssl, "corp", "new.corp.example");
    for issued in [&old, &new] {
        assert_eq!(openssl.read(&issued.root), openssl.must(&["x509", "-in", "above.pem"]));
        check(&stack, &openssl, issued, "good");
    }
    assert_ne!(openssl.read(&old.between), openssl.read(&new.between));
}
