//! Prints what the checks of a subject's key cost, beside one signature verification:
//! `cargo run --release -p x509 --example key_check_rate`.

use std::hint::black_box;
use std::time::Instant;

use x509::{PublicKey, Signature, SignatureScheme};

const ROUNDS: u32 = 2_000;

fn main() {
    let message = include_bytes!("../testdata/keys/message.bin");
    let signature = include_bytes!("../testdata/keys/rsa-pkcs1-sha256.sig");
    let signature = Signature::from_vec(signature.to_vec());
    for (name, spki) in [
        ("rsa-2048", &include_bytes!("../testdata/keys/rsa-2048.spki")[..]),
        ("rsa-3072", include_bytes!("../testdata/keys/rsa-3072.spki")),
        ("rsa-4096", include_bytes!("../testdata/keys/rsa-4096.spki")),
        ("ed25519", include_bytes!("../testdata/keys/ed25519.spki")),
    ] {
        let key = PublicKey::parse(spki).expect("a key of the test data");
        let parse = micros(|| drop(black_box(PublicKey::parse(black_box(spki)))));
        let check = micros(|| assert!(black_box(&key).check_strength().is_ok()));
        println!("{name:9} parse {parse:7.1} µs, check_strength {check:7.1} µs");
        if name == "rsa-2048" {
            let scheme = SignatureScheme::RsaPkcs1Sha256;
            let verify = micros(|| assert!(key.verify(scheme, message, &signature).is_ok()));
            println!("{name:9} verify {verify:7.1} µs");
        }
    }
}

/// The mean time of one call in microseconds, after a first call that makes the tables.
fn micros(mut call: impl FnMut()) -> f64 {
    call();
    let start = Instant::now();
    for _ in 0..ROUNDS {
        call();
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
}
