//! Rings beside each other, with the real programs: one that follows another, one that stands by
//! for another, one that lost the end of its journal. Two of three operators approve.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_client::{CallError, ClientOptions, SignerClient, Sockets};
use signer_proto::{
    CertIdHash, KeyLabel, OcspItem, OcspItems, OcspNonce, OcspOutcome, OcspSubject, OcspSubjects,
    Rule, SignOcsp, SignedOcsp,
};
use x509::{CertStatus, Certificate, ResponseData, Serial};

use super::{Place, READY, Running, is_ready, keygen, sign_waiting};

const PEOPLE: [&str; 3] = ["ann", "bob", "cyd"];

fn program(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_BIN_EXE_chancery")).with_file_name(name))
}

/// Makes the keys of three operators; nothing where a tool is missing.
fn people(place: &Place) -> Option<()> {
    PEOPLE.iter().try_for_each(|name| keygen(place, name))
}

/// Makes a ring without a server in `NAME/ring`, with three operators, two of whom must approve.
fn ring(place: &Place, name: &str) {
    fs::create_dir_all(place.at(name).join("run")).expect("made");
    let unlock = place.at(name).join("unlock.key");
    fs::write(&unlock, [7; 32]).expect("written");
    fs::set_permissions(&unlock, fs::Permissions::from_mode(0o600)).expect("set");
    let me = rustix::process::getuid().as_raw().to_string();
    let mut init = program("signer-file");
    init.arg("init").arg("--ring").arg(place.at(name).join("ring"));
    init.arg("--unlock-credential").arg(&unlock);
    init.args(["--server-uid", &me, "--admin-uid", &me, "--threshold", "2"]);
    for person in PEOPLE {
        init.arg("--operator").arg(place.at(&format!("{person}.pub")));
    }
    let made = init.output().expect("it runs");
    assert!(made.status.success(), "{made:?}");
}

/// Serves the ring in `NAME/ring`; without the credential it stays locked.
fn serve(place: &Place, name: &str, unlocked: bool) -> Running {
    let log = place.at(name).join("log");
    let file = fs::File::create(&log).expect("a log");
    let mut serve = program("signer-file");
    serve.arg("serve").arg("--ring").arg(place.at(name).join("ring"));
    serve.arg("--run").arg(place.at(name).join("run"));
    if unlocked {
        serve.arg("--unlock-credential").arg(place.at(name).join("unlock.key"));
    }
    serve.stdin(Stdio::null()).stdout(file.try_clone().expect("a log")).stderr(file);
    let mut running = Running(serve.spawn().expect("it starts"));
    let start = Instant::now();
    while !fs::read_to_string(&log).unwrap_or_default().contains("ready") {
        let ended = running.0.try_wait().expect("a child");
        let told = fs::read_to_string(&log).unwrap_or_default();
        assert!(ended.is_none() && start.elapsed() < READY, "{ended:?} {told}");
        std::thread::sleep(Duration::from_millis(20));
    }
    running
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status().expect("cp runs");
    assert!(copied.success());
}

/// Runs a command with the approvals of two operators.
fn approved<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--operator-key", "ann", "--operator-key", "bob"]].concat()
}

fn leaves(place: &Place, name: &str) -> u64 {
    place.json(name, &["ring", "show"])["leaves"].as_u64().expect("a number")
}

const RESPONDER: &str = r#"
version = 1
purpose = "ocsp"
signature = "ecdsa-p256-sha256"
issuer_key = "issuing"
issuer_ring = "RING"
max_behind = "1h"
issuer = "ISSUER"
max_next_update = "8d"
"#;

/// Asks the responder of a ring about a serial of the CA that it speaks for.
fn ask(place: &Place, name: &str, serial: Serial) -> Result<SignedOcsp, CallError> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = i64::try_from(now.expect("after 1970").as_secs()).expect("a time");
    let subject = OcspSubject { hash: CertIdHash::Sha256, serial };
    let item = OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(vec![]) };
    let call = SignOcsp {
        responder: KeyLabel::new("away").expect("a label"),
        issuer: KeyLabel::new("issuing").expect("a label"),
        next_update: x509::UnixTime(now + 3600),
        items: OcspItems(vec![item]),
    };
    let sockets = Sockets::of_server(&place.at(name).join("run"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        SignerClient::connect(sockets, ClientOptions::default()).sign_ocsp(&call).await
    })
}

/// Returns the status that the responder of a ring signs.
fn status(place: &Place, name: &str, serial: Serial) -> CertStatus {
    let signed = ask(place, name, serial).expect("it is signed");
    let [OcspOutcome::Signed { response_data, .. }] = &signed.outcomes.0[..] else {
        panic!("{signed:?}");
    };
    let data = ResponseData::parse(response_data.as_bytes()).expect("strict");
    data.responses[0].status
}

fn rule_of(refused: Result<SignedOcsp, CallError>) -> Rule {
    match refused.expect_err("it is refused") {
        CallError::Refused(refusal) => refusal.rule,
        other => panic!("{other}"),
    }
}

#[test]
fn a_ring_follows_an_issuing_one_and_tells_the_status_of_its_certificates() {
    let Some(place) = Place::new() else { return };
    if people(&place).is_none() {
        return;
    }
    let up = place.up("data", &["--names", "corp.example"], is_ready);
    let issue =
        ["cert", "issue", "--profile", "tls-server", "--new-key", "p-256", "--key-out", "k"];
    let issue = [&issue[..], &["--san", "dns:www.corp.example", "--out", "c.pem"]].concat();
    let issued = place.json("data", &issue);
    let pem = fs::read_to_string(place.at("c.pem")).expect("the certificate");
    let first = pem.split_inclusive("-----END CERTIFICATE-----\n").next().expect("the first");
    let certificate = Certificate::from_pem(first).expect("strict");
    let serial = certificate.tbs().serial;

    ring(&place, "away");
    let signer = serve(&place, "away", true);
    let there = place.json("data", &["ring", "show"]);
    let courier = ["ring", "courier", "--from", "data"];
    place.fails("away", &courier, 5, "does not follow");
    let wrong = "ab".repeat(32);
    let follow = ["ring", "follow", "--from", "data", "--genesis"];
    place.fails("away", &[&follow[..], &[&wrong]].concat(), 3, "--genesis");
    let genesis = there["genesis"].as_str().expect("a digest");
    let follow = [&follow[..], &[genesis]].concat();
    let before = leaves(&place, "away");
    place.fails("away", &follow, 7, "it needs 2 operators and 0 approved");
    // One signature from a stick, then two.
    let travels = [&follow[..], &["--approvals", "stick"]].concat();
    place.fails("away", &travels, 7, "0 of 2 signed");
    assert_eq!(sign_waiting(&place, "stick", "ann"), 1);
    place.fails("away", &travels, 7, "1 of 2 signed");
    assert_eq!(leaves(&place, "away"), before, "nothing was written");
    sign_waiting(&place, "stick", "cyd");
    let followed = place.json("away", &travels);
    assert_eq!(followed["instance"], there["instance"]);
    place.fails("away", &approved(&follow), 3, "followed already");

    let key = ["key", "generate", "away", "--purpose", "ocsp", "--algorithm", "p-256"];
    assert_eq!(place.json("away", &approved(&key))["state"], "pre-active");
    let policy = RESPONDER
        .replace("RING", there["instance"].as_str().expect("an instance"))
        .replace("ISSUER", &STANDARD.encode(certificate.tbs().issuer.der().as_bytes()));
    fs::write(place.at("policy.toml"), policy).expect("written");
    place.ok("away", &approved(&["policy", "set", "away", "--file", "policy.toml"]));
    assert_eq!(rule_of(ask(&place, "away", serial)), Rule::FollowedBehind, "nothing came yet");

    let brought = place.json("away", &courier);
    assert_eq!(brought["leaves"].as_u64(), Some(leaves(&place, "data")));
    assert!(matches!(status(&place, "away", serial), CertStatus::Good));

    // What comes by the API is the same, and nobody believes the server either.
    place.ok("data", &["cert", "revoke", issued["serial"].as_str().expect("a serial")]);
    assert!(matches!(status(&place, "away", serial), CertStatus::Good), "as of the last courier");
    let token = place.json("data", &["token", "create", "courier", "--role", "auditor"]);
    fs::write(place.at("token"), token["token"].as_str().expect("a token")).expect("written");
    let url = format!("https://127.0.0.1:{}", place.ports[0]);
    let api = ["ring", "courier", "--from-url", &url, "--from-ca-file", "data/root.pem"];
    place.fails("away", &api, 2, "--from-token-file");
    let api = [&api[..], &["--from-token-file", "token"]].concat();
    place.fails("away", &[&api[..], &["--from-ring", "none"]].concat(), 3, "ring-unknown");
    // The server's newest checkpoint may be two seconds old.
    let start = Instant::now();
    while !matches!(status(&place, "away", serial), CertStatus::Revoked { .. }) {
        assert!(start.elapsed() < Duration::from_secs(20), "the news do not come");
        std::thread::sleep(Duration::from_millis(200));
        place.ok("away", &api);
    }
    signer.end();
    up.end();
}

#[test]
fn operators_promote_a_standby_that_a_courier_kept_up_to_date() {
    let Some(place) = Place::new() else { return };
    if people(&place).is_none() {
        return;
    }
    ring(&place, "one");
    fs::create_dir_all(place.at("two/run")).expect("made");
    copy(&place.at("one/ring"), &place.at("two/ring"));
    copy(&place.at("one/unlock.key"), &place.at("two/unlock.key"));
    fs::write(place.at("two/ring/standby"), b"").expect("written");
    let one = serve(&place, "one", true);
    let two = serve(&place, "two", false);
    let freeze = ["freeze", "--reason", "a drill"];
    place.ok("one", &[&freeze[..], &["--operator-key", "cyd"]].concat());
    let brought = place.json("two", &["ring", "courier", "--from", "one"]);
    assert_eq!(brought["leaves"].as_u64(), Some(leaves(&place, "one")));
    assert_eq!(place.json("two", &["operators", "list"])["frozen"], "a drill");
    let unfreeze = approved(&["unfreeze", "--reason", "over"]);
    place.fails("two", &unfreeze, 3, "standby");
    place.fails("two", &["unlock", "--credential-file", "two/unlock.key"], 3, "standby");

    // The one before is gone for good.
    one.end();
    fs::remove_dir_all(place.at("one")).expect("removed");
    let before = place.json("two", &["ring", "show"]);
    let promote = ["ring", "promote", "--fence", "its disk is in this drawer"];
    place.fails("two", &[&promote[..], &["--operator-key", "ann"]].concat(), 7, "1 approved");
    let used = before["serial_prefix"].as_str().expect("a prefix");
    let again = [&promote[..], &["--serial-prefix", used]].concat();
    place.fails("two", &approved(&again), 2, "was used before");
    place.fails("two", &[&promote[..], &["--approvals", "stick"]].concat(), 7, "0 of 2 signed");
    sign_waiting(&place, "stick", "bob");
    sign_waiting(&place, "stick", "cyd");
    assert_eq!(place.json("two", &["ring", "show"]), before, "nothing was done");
    let promoted = place.json("two", &[&promote[..], &["--approvals", "stick"]].concat());
    assert_ne!(promoted["serial_prefix"], before["serial_prefix"]);
    assert!(!place.at("two/ring/standby").exists());
    place.ok("two", &["unlock", "--credential-file", "two/unlock.key"]);
    place.ok("two", &unfreeze);
    place.fails("two", &approved(&promote), 3, "no standby");
    two.end();
}

#[test]
fn operators_accept_a_lost_end_and_nothing_is_signed_before() {
    let Some(place) = Place::new() else { return };
    if people(&place).is_none() {
        return;
    }
    ring(&place, "one");
    let signer = serve(&place, "one", true);
    let key = ["key", "generate", "issuing", "--purpose", "cert+crl", "--algorithm", "p-256"];
    place.ok("one", &approved(&key));
    signer.end();
    copy(&place.at("one/ring"), &place.at("older"));
    let signer = serve(&place, "one", true);
    let freeze = ["freeze", "--reason", "a drill", "--operator-key", "ann"];
    place.ok("one", &freeze);
    place.ok("one", &["ring", "checkpoint", "--out", "seen"]);
    let shown = place.json("one", &["ring", "show-checkpoint", "seen"]);
    assert_eq!(shown["leaves"].as_u64(), Some(leaves(&place, "one")));
    let accept = ["ring", "accept-gap", "--seen", "seen"];
    place.fails("one", &accept, 3, "nobody showed");
    signer.end();
    fs::remove_dir_all(place.at("one/ring")).expect("removed");
    copy(&place.at("older"), &place.at("one/ring"));

    let signer = serve(&place, "one", true);
    place.fails("one", &["ring", "show-checkpoint", "seen"], 6, "is not the one");
    place.fails("one", &freeze, 3, "state-rolled-back");
    let before = place.json("one", &["ring", "show"]);
    assert_eq!(before["signer"], "rolled-back");
    // The key has no policy yet, and signed no CRL: nobody has to say where its numbers go on.
    let few = [&accept[..], &["--operator-key", "bob"]].concat();
    place.fails("one", &few, 7, "1 approved");
    let floor = [&accept[..], &["--crl", "issuing=9"]].concat();
    let accepted = place.json("one", &approved(&floor));
    assert_ne!(accepted["serial_prefix"], before["serial_prefix"]);
    assert_eq!(place.json("one", &["ring", "show"])["signer"], "ready");
    place.ok("one", &freeze);
    place.fails("one", &approved(&floor), 3, "nobody showed");
    // What is lost stops nothing when it is shown again.
    place.fails("one", &["ring", "show-checkpoint", "seen"], 3, "proof-refused");
    signer.end();
}
