//! Secrets in answers, in the journal, in files, in what is printed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kit::{CREDENTIAL, Plan, Ring, frame};
use signer_proto::{
    Describe, Health, Kind, Plaintext, ReadPolicy, Seal, SealContext, Socket, Unlock, Wire,
};
use zeroize::Zeroizing;

const SEALED: &[u8] = b"canary-of-a-sealed-value-77b1";
const GUESS: &[u8] = b"canary-of-a-wrong-credential-0f3d-and-long-enough";
/// How a P-256 private key begins in PKCS#8 (RFC 5958) and in RFC 5915.
const PKCS8: &[u8] = b"\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
const EC_PRIVATE: &[u8] = b"\x02\x01\x01\x04\x20";

fn holds(octets: &[u8], secret: &[u8]) -> bool {
    octets.windows(secret.len()).any(|window| window == secret)
}

/// Every form in which a careless hand would leave it.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let listed: Vec<String> = secret.iter().map(u8::to_string).collect();
    vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
        listed.join(", ").into_bytes(),
        secret.iter().rev().copied().collect(),
    ]
}

fn secrets() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [CREDENTIAL.as_slice(), SEALED, GUESS].map(forms).concat();
    all.extend([PKCS8.to_vec(), EC_PRIVATE.to_vec()]);
    all
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let kind = fs::symlink_metadata(&path).unwrap();
        if kind.is_dir() {
            found.extend(files(&path));
        } else if kind.is_file() {
            found.push(path);
        }
    }
    found
}

fn secret(octets: &[u8]) -> Plaintext {
    Plaintext(Zeroizing::new(octets.to_vec()))
}

/// Asks with any body, and returns all octets that come back.
fn raw(ring: &Ring, socket: Socket, kind: Kind, body: &[u8]) -> Vec<u8> {
    let mut peer = ring.peer(socket);
    peer.write(&frame(kind, 7, body)).unwrap();
    match peer.read_answer(kind, 7) {
        kit::Answered::Answer(octets) => octets,
        kit::Answered::Refused(refusal) => refusal.to_wire(),
        kit::Answered::Closed => Vec::new(),
    }
}

/// Uses secrets every way that there is, right and wrong, and returns all answers.
fn busy(ring: &Ring) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    let mut ask = |socket, kind, body: &[u8]| answers.push(raw(ring, socket, kind, body));
    let seal = Seal { context: SealContext(b"row".to_vec()), plaintext: secret(SEALED) };
    let sealed = seal.to_wire();
    ask(Socket::Issue, Kind::Seal, &sealed);
    // Cut, so that the decoder has something to complain about; and where it does not belong.
    ask(Socket::Issue, Kind::Seal, &sealed[..sealed.len() - 1]);
    ask(Socket::Status, Kind::Seal, &sealed);
    ask(Socket::Issue, Kind::Unseal, &sealed);
    let guess = Unlock { passphrase: secret(GUESS) };
    let guess = guess.to_wire();
    ask(Socket::Admin, Kind::Unlock, &guess);
    ask(Socket::Admin, Kind::Unlock, &guess[..guess.len() - 1]);
    ask(Socket::Issue, Kind::Unlock, &guess);
    ask(Socket::Va, Kind::Health, &Health.to_wire());
    ask(Socket::Va, Kind::Describe, &Describe.to_wire());
    let policy = ReadPolicy { key: kit::label(kit::ISSUING) };
    ask(Socket::Va, Kind::ReadPolicy, &policy.to_wire());
    answers
}

#[test]
fn no_secret_is_in_any_answer_or_in_the_journal() {
    let locked = Ring::locked(Plan::default());
    let ring = Ring::start();
    let mut octets = busy(&locked);
    octets.extend(busy(&ring));
    let _ = ring.issue();
    octets.extend(ring.ledger().leaves.into_iter().map(|(_, leaf)| leaf));
    octets.extend(locked.ledger().leaves.into_iter().map(|(_, leaf)| leaf));
    assert!(octets.iter().map(Vec::len).sum::<usize>() > 10_000);
    for secret in secrets() {
        let found = octets.iter().any(|octets| holds(octets, &secret));
        assert!(!found, "{:?}", String::from_utf8_lossy(&secret));
    }
}

#[test]
fn no_secret_is_in_any_file_of_the_ring() {
    let mut ring = Ring::start();
    let _ = busy(&ring);
    let _ = ring.issue();
    ring.stop();
    let files = files(ring.dir());
    assert!(files.iter().any(|path| path.extension().is_some_and(|kind| kind == "key")));
    assert!(files.iter().any(|path| path.extension().is_some_and(|kind| kind == "seg")));
    for path in files {
        let octets = fs::read(&path).unwrap();
        for secret in secrets() {
            assert!(!holds(&octets, &secret), "{}", path.display());
        }
    }
}

#[test]
fn nobody_else_may_read_a_file_of_the_ring() {
    let ring = Ring::start();
    let _ = ring.issue();
    assert_eq!(fs::metadata(ring.ring_dir()).unwrap().mode() & 0o7777, 0o700);
    for path in files(&ring.ring_dir()) {
        let mode = fs::metadata(&path).unwrap().mode() & 0o777;
        assert_eq!(mode & 0o077, 0, "{}: {mode:o}", path.display());
    }
    for socket in Socket::ALL {
        let mode = fs::metadata(ring.socket(*socket)).unwrap().mode() & 0o777;
        assert_eq!(mode, 0o660, "{socket}: {mode:o}");
    }
}

#[test]
fn debug_output_of_what_holds_a_secret_does_not_show_it() {
    let shown = format!("{:?} {:?}", secret(SEALED), Unlock { passphrase: secret(GUESS) });
    for secret in secrets() {
        assert!(!holds(shown.as_bytes(), &secret), "{shown}");
    }
}
