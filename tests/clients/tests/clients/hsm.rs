//! A ring whose keys are in a PKCS#11 token: what works over files works over it, and what happens to
//! an HSM happens to nobody else.

use std::fs;
use std::time::{Duration, Instant};

use kit::{Database, Openssl, PIN, Stack, Tokens, http_get};
use x509::{Certificate, Crl, KeyKind};

use crate::hierarchy::await_active;
use crate::issued::Issued;
use crate::lifecycle;
use crate::one_server::issue_by;
use crate::outage::pid_of;

/// Starts everything over tokens.
fn stack_over(tokens: &Tokens) -> Stack {
    tokens.give_to(kit::signer_user(None));
    let config = tokens.config().display().to_string();
    Stack::start_with(Database::Sqlite, &["--driver", "pkcs11", "--driver-config", &config])
}

#[test]
fn openssl_agrees_with_what_a_token_signed() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let stack = stack_over(&tokens);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    lifecycle::holds(&stack, &openssl);
    let told = stack.must(&["doctor", "--hsm"]);
    for word in ["token one", "ready", "SoftHSM", "never extractable yes", "CKM_ECDSA"] {
        assert!(told.contains(word), "{word} in {told}");
    }
    assert!(!told.contains(PIN));
    let rates = stack.must(&["doctor", "--hsm", "--rates"]);
    assert!(rates.contains("token one: rsa-3072: "), "{rates}");
}

/// openssl 3.0 reads no ML-DSA: what is signed so is verified here.
#[test]
fn an_ml_dsa_key_in_a_token_signs_leaves_and_crls() {
    let Some(tokens) = Tokens::kryoptic(&["one"]) else { return };
    let stack = stack_over(&tokens);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    let fixed = ["ca", "create", "pq", "--kind", "issuing", "--parent", "root"];
    stack.must(&[&fixed[..], &["--subject", "CN=PQ CA", "--key", "ml-dsa-65"]].concat());
    stack.must(&["ca", "sign", "pq"]);
    await_active(&stack, "pq");
    let issued = issue_by(&stack, &openssl, "pq", "www.corp.example");
    let read = |file: &str| Certificate::from_pem(&openssl.read(file)).expect("a certificate");
    let (leaf, issuer) = (read(&issued.leaf), read(&issued.between));
    let key = &issuer.tbs().public_key;
    assert_eq!(key.kind(), KeyKind::MlDsa65);
    assert_eq!(leaf.verify_by(key), Ok(()));
    assert_eq!(issuer.verify_by(&read(&issued.root).tbs().public_key), Ok(()));
    issued.revoke(&stack, "keyCompromise");
    let url = format!("{}/.well-known/pki/crl/pq.crl", stack.http());
    stack.eventually("the CRL has the serial", Duration::from_secs(10), || {
        let answer = http_get(&url, &[]);
        let Ok(crl) = Crl::parse(&answer.body) else { return false };
        assert_eq!(crl.verify_by(key), Ok(()));
        crl.entries().iter().any(|entry| entry.serial == leaf.tbs().serial)
    });
    let told = stack.must(&["doctor", "--hsm"]);
    assert!(told.contains("allowed mechanisms CKM_ML_DSA"), "{told}");
}

/// An HSM is pulled while everything runs, and put back: nothing is restarted.
#[test]
fn a_token_that_is_pulled_out_is_waited_for() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    let stack = stack_over(&tokens);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    let issued = Issued::new(&stack, &openssl, "before");
    let csr = openssl.request("late", "ec/ec_paramgen_curve:P-256", "late.corp.example");
    let mut api = stack.api();
    assert_eq!(api.get("/readyz").status, 200);
    let signer = pid_of(&stack, "signer-pkcs11").expect("it runs");
    tokens.order("one", "gone");
    let ready = || http_get(&format!("{}/readyz", stack.http()), &[]);
    stack.eventually("it is not ready", Duration::from_secs(10), || ready().status == 503);
    let body = String::from_utf8(ready().body).expect("JSON");
    assert!(body.contains("\"signer\":\"keys-unreachable\""), "{body}");
    let refused = api.order("tls-server", &csr);
    assert_eq!(refused.status, 503, "{}", refused.text());
    let seconds: u64 = refused.header("retry-after").expect("Retry-After").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    let doctor = stack.chancery(&["doctor", "--hsm"]);
    let told = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert_eq!(doctor.status.code(), Some(6), "{told}");
    assert!(told.contains("is in no slot"), "{told}");
    // What needs no key goes on.
    assert_eq!(http_get(&issued.crl_url(&openssl), &[]).status, 200);
    let begun = Instant::now();
    tokens.order("one", "");
    stack.eventually("it is ready again", Duration::from_secs(10), || ready().status == 200);
    println!("ready {} ms after the token was put back", begun.elapsed().as_millis());
    let answer = api.order("tls-server", &csr);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (good, text) = Issued::write(&openssl, "late", &answer.json()).verify(&openssl, &[]);
    assert!(good, "{text}");
    assert_eq!(pid_of(&stack, "signer-pkcs11"), Some(signer), "the signer was restarted");
}

/// Everything is started while the HSM is away, and serves when it is there.
#[test]
fn all_starts_without_the_token() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    tokens.give_to(kit::signer_user(None));
    let config = tokens.config().display().to_string();
    let arguments = ["--driver", "pkcs11", "--driver-config", &config];
    let mut stack = Stack::start_apart(Database::Sqlite, &arguments);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    stack.kill_server();
    stack.kill_signer();
    tokens.order("one", "gone");
    stack.start_signer();
    stack.start_server();
    let ready = || http_get(&format!("{}/readyz", stack.http()), &[]);
    let answer = ready();
    assert_eq!(answer.status, 503);
    let body = String::from_utf8(answer.body).expect("JSON");
    assert!(body.contains("\"signer\":\"keys-unreachable\""), "{body}");
    tokens.order("one", "");
    stack.eventually("it is ready", Duration::from_secs(10), || ready().status == 200);
    let issued = Issued::new(&stack, &openssl, "after");
    let (good, text) = issued.verify(&openssl, &[]);
    assert!(good, "{text}");
}

/// SoftHSM2 writes its token anew at each login: a helper that is killed meanwhile leaves half of it, and
/// all keys are lost. Whatever becomes of the signer, its helpers end by themselves.
#[test]
fn a_token_outlives_signers_that_are_killed_while_they_log_in() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let probe = || {
        let mut command = std::process::Command::new(kit::program("signer-pkcs11"));
        command.args(["probe", "--seconds", "0", "--driver-config"]).arg(tokens.config());
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command
    };
    for round in 0..100 {
        let mut signer = probe().spawn().expect("it starts");
        std::thread::sleep(Duration::from_micros(500 * (round % 50)));
        signer.kill().expect("it is killed");
        signer.wait().expect("it is gone");
    }
    assert!(probe().status().expect("it runs").success(), "the token is lost");
}

/// A token that lies: its signature never leaves, and its key signs no more.
#[test]
fn a_token_that_lies_quarantines_its_key() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    let stack = stack_over(&tokens);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    let csr = openssl.request("lie", "ec/ec_paramgen_curve:P-256", "lie.corp.example");
    let mut api = stack.api();
    let before = api.list("/api/v1/certificates").len();
    tokens.order("one", "lie");
    let refused = api.order("tls-server", &csr);
    assert!(refused.status >= 500, "{}", refused.text());
    tokens.order("one", "");
    let still = api.order("tls-server", &csr);
    assert!(still.status >= 500, "honest again, and set aside: {}", still.text());
    assert_eq!(api.list("/api/v1/certificates").len(), before);
}

/// The PIN is in the helper's memory and in its file. Nowhere else: not in the server, not on disk
/// where the server can read, not even in the signer.
#[test]
fn the_pin_is_in_the_helper_alone() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    if kit::uid() != 0 {
        kit::skip("root", "reading another process' memory");
        return;
    }
    let stack = stack_over(&tokens);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else { return };
    let _ = Issued::new(&stack, &openssl, "www");
    for (program, has_it) in [("chancery-server", false), ("signer-pkcs11", false)] {
        let pid = pid_of(&stack, program).expect("it runs");
        assert_eq!(memory_has(pid.as_raw_pid(), PIN.as_bytes()), has_it, "{program}");
    }
    let helpers = helpers_of(&tokens);
    assert_eq!(helpers.len(), 2, "a forker and a helper: {helpers:?}");
    let found = helpers.iter().filter(|pid| memory_has(**pid, PIN.as_bytes())).count();
    // That it is found there says that this test can see.
    assert_eq!(found, 1);
    assert!(!disk_has(&stack.data(), PIN.as_bytes()));
}

/// The processes that were started with this configuration, or for it.
fn helpers_of(tokens: &Tokens) -> Vec<i32> {
    let folder = tokens.dir().display().to_string();
    let all = fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
    pids.filter(|pid| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        let first = command.split('\0').next().unwrap_or_default();
        if !first.ends_with("p11-module") {
            return false;
        }
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let ours = String::from_utf8_lossy(&environment).contains(&folder);
        ours || command.contains("forker") && parent_of_one(*pid, &folder)
    })
    .collect()
}

/// The forker has no environment: it is known by its child.
fn parent_of_one(pid: i32, folder: &str) -> bool {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    children.unwrap_or_default().split_whitespace().any(|child| {
        let environment = fs::read(format!("/proc/{child}/environ")).unwrap_or_default();
        String::from_utf8_lossy(&environment).contains(folder)
    })
}

/// Looks through the whole readable memory of a process.
fn memory_has(pid: i32, needle: &[u8]) -> bool {
    use std::os::unix::fs::FileExt as _;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
    let memory = fs::File::open(format!("/proc/{pid}/mem")).expect("its memory");
    maps.lines().any(|line| {
        let mut fields = line.split_whitespace();
        let range = fields.next().and_then(|range| range.split_once('-')).expect("a range");
        let at = |text| u64::from_str_radix(text, 16).expect("an address");
        let (begin, end) = (at(range.0), at(range.1));
        if !fields.next().is_some_and(|rights| rights.starts_with('r')) {
            return false;
        }
        let mut octets = vec![0; usize::try_from(end - begin).expect("it fits")];
        // Some ranges cannot be read, not even by root: secret memory, and the kernel's own.
        let length = memory.read_at(&mut octets, begin).unwrap_or(0);
        octets[..length].windows(needle.len()).any(|window| window == needle)
    })
}

fn disk_has(directory: &std::path::Path, needle: &[u8]) -> bool {
    fs::read_dir(directory).expect("a directory").flatten().any(|entry| {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => disk_has(&path, needle),
            Ok(kind) if kind.is_file() => {
                let octets = fs::read(&path).expect("root reads it");
                octets.windows(needle.len()).any(|window| window == needle)
            }
            _ => false,
        }
    })
}
