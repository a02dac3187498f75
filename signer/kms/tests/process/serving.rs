//! What whoever asks it sees.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use signer_proto::{Health, KeySpec, Rule};

use crate::place::{Place, REGION};

#[test]
fn a_key_in_the_service_signs_and_each_signature_has_its_intent() {
    let place = Place::new();
    let process = place.serve();
    let public = place.generate(KeySpec::P256).expect("generates");
    let sign = |name: &str| place.sign(&public, name).expect("signs").position;
    let positions = [sign("CN=one"), sign("CN=two")];
    assert_eq!(place.cloud.faults(REGION).calls("Sign", ""), 2);
    drop(process);
    let journal = place.program("journal").output().expect("it runs");
    let text = String::from_utf8(journal.stdout).expect("text");
    let intents = text.lines().filter(|line| line.contains("  SignIntended ")).count();
    assert_eq!(intents, 2, "{text}");
    assert!(positions[0] < positions[1]);
    // It knows its key again.
    let _process = place.serve();
    place.sign(&public, "CN=three").expect("signs");
}

#[test]
fn it_starts_without_the_service_says_so_and_serves_when_it_is_there() {
    let place = Place::new();
    let process = place.serve();
    let public = place.generate(KeySpec::P256).expect("generates");
    drop(process);
    place.cloud.faults(REGION).go_down(true);
    let _process = place.serve();
    let refused = place.sign(&public, "CN=x").expect_err("nothing answers");
    assert_eq!(refused.rule, Rule::DriverUnavailable, "{refused:?}");
    place.call("admin", &Health {}).expect("it answers all the same");
    place.cloud.faults(REGION).go_down(false);
    let start = Instant::now();
    while let Err(refused) = place.sign(&public, "CN=y") {
        assert_eq!(refused.rule, Rule::DriverUnavailable, "{refused:?}");
        assert!(start.elapsed() < Duration::from_secs(10), "it does not come back");
        thread::sleep(Duration::from_millis(20));
    }
    println!("the service was back: signed after {:?}", start.elapsed());
}

#[test]
fn releases_no_signature_of_a_service_that_lies() {
    let place = Place::new();
    let _process = place.serve();
    let public = place.generate(KeySpec::P256).expect("generates");
    place.cloud.faults(REGION).lie(true);
    let refused = place.sign(&public, "CN=x").expect_err("it does not verify");
    assert_eq!(refused.rule, Rule::SignatureFaulty, "{refused:?}");
    place.cloud.faults(REGION).lie(false);
    // The key is set aside until somebody has looked.
    let refused = place.sign(&public, "CN=x").expect_err("it is set aside");
    assert_eq!(refused.rule, Rule::SignatureFaulty, "{refused:?}");
}

#[test]
fn refuses_in_words_a_key_that_the_service_cannot_use() {
    let place = Place::new();
    let _process = place.serve();
    let refused = place.generate(KeySpec::Ed25519).expect_err("no CRL fits");
    assert_eq!(refused.rule, Rule::KeySpecRefused);
    assert!(refused.detail.contains("4,096 octets"), "{refused:?}");
    assert_eq!(place.cloud.keys(), []);
}

#[test]
fn refuses_to_start_with_a_secret_in_the_environment_or_a_faulty_configuration() {
    let place = Place::new();
    let said = |mut command: Command| {
        let output = command.output().expect("it runs");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let serve = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signer-kms"));
        place.serving(&mut command);
        command
    };
    let mut with_secret = serve();
    with_secret.env("AWS_SECRET_ACCESS_KEY", "x");
    assert!(said(with_secret).contains("AWS_SECRET_ACCESS_KEY is in the environment"));
    place.configure("region_of_doubt = \"x\"\n");
    assert!(said(serve()).contains("region_of_doubt"));
    std::fs::remove_file(place.at("kms.toml")).expect("it was there");
    assert!(said(serve()).contains("kms.toml"));
}
