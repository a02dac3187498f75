//! What is Google's own: digests and data, checksums, one scheme a key.

use clouds::GoogleCloud;
use keystore::{AdoptSource, DriverError, KeyDriver as _, KeyIdentity, KeyLocation, KnownKey};
use signer_proto::{KeySpec, Purpose};
use x509::SignatureScheme as S;

use crate::given::{driver, generate, key, ocsp, proves_itself, sign};

#[test]
fn every_algorithm_signs_messages_of_any_length() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config("[google.labels]\nteam = \"pki\"\n"));
    for (number, spec, scheme) in [
        (1, KeySpec::P256, S::EcdsaP256Sha256),
        (2, KeySpec::P384, S::EcdsaP384Sha384),
        (3, KeySpec::Rsa2048, S::RsaPkcs1Sha256),
        (4, KeySpec::MlDsa44, S::MlDsa44),
        (5, KeySpec::MlDsa65, S::MlDsa65),
        (6, KeySpec::MlDsa87, S::MlDsa87),
    ] {
        let key = key(number, spec);
        let public = generate(&driver, &key);
        proves_itself(&driver, &key, &public, scheme);
    }
    for (name, state, labels) in cloud.versions() {
        assert_eq!(state, "ENABLED", "{name}");
        assert_eq!(labels["team"], "pki");
    }
}

#[test]
fn a_key_signs_with_the_one_scheme_that_it_was_made_for() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config("rsa_padding = \"pss\"\n"));
    let key = key(1, KeySpec::Rsa2048);
    let public = generate(&driver, &key);
    proves_itself(&driver, &key, &public, S::RsaPssSha256);
    let before = cloud.faults().calls("asymmetricSign", "");
    for scheme in [S::RsaPkcs1Sha256, S::RsaPssSha384, S::RsaPssSha512] {
        let refused = sign(&driver, &key, scheme, b"abc");
        assert!(matches!(refused, Err(DriverError::SchemeMismatch)), "{scheme}: {refused:?}");
    }
    assert_eq!(cloud.faults().calls("asymmetricSign", ""), before);
}

#[test]
fn pure_ml_dsa_and_ed25519_take_65536_octets_and_no_more() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config(""));
    let name = cloud.make("adopted", "PQ_SIGN_ML_DSA_65", false);
    let adopted = ocsp(1, KeySpec::MlDsa65);
    let place = KeyLocation::new(&name).expect("a location");
    let pinned = cloud.public_key(&name);
    let adopter = driver.adopter().expect("it adopts");
    adopter.adopt(&adopted, AdoptSource::Location(&place), &pinned).expect("adopts");
    let made = ocsp(2, KeySpec::Ed25519);
    generate(&driver, &made);
    let message = vec![1; 65_537];
    for (key, scheme) in [(&adopted, S::MlDsa65), (&made, S::Ed25519)] {
        let public = driver.public_key(key).expect("it is there");
        let public = x509::PublicKey::parse(public.as_bytes()).expect("a public key");
        let signature = sign(&driver, key, scheme, &message[1..]).expect("it is short enough");
        assert_eq!(public.verify(scheme, &message[1..], &signature), Ok(()));
        match sign(&driver, key, scheme, &message) {
            Err(DriverError::MessageTooLong { most }) => assert_eq!(most, 65_536),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn refuses_in_words_what_the_service_cannot_do() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config(""));
    let scep = KeyIdentity { purpose: Purpose::Scep, ..key(1, KeySpec::Rsa2048) };
    for (key, word) in [
        (key(1, KeySpec::Ed25519), "CRL"),
        (key(2, KeySpec::P521), "no P-521"),
        (scep, "PKCS#1 v1.5"),
    ] {
        match driver.generate(&key) {
            Err(DriverError::LocationUnusable { why, .. }) => assert!(why.contains(word), "{why}"),
            other => panic!("{key:?}: {other:?}"),
        }
    }
    assert_eq!(cloud.versions(), []);
}

#[test]
fn adopts_a_version_and_says_whether_it_was_imported() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config(""));
    let adopter = driver.adopter().expect("it adopts");
    for (number, imported) in [(1, false), (2, true)] {
        let name = cloud.make(&format!("k{number}"), "EC_SIGN_P256_SHA256", imported);
        let place = KeyLocation::new(&name).expect("a location");
        let pinned = cloud.public_key(&name);
        let key = key(number, KeySpec::P256);
        let adopted = adopter.adopt(&key, AdoptSource::Location(&place), &pinned).expect("adopts");
        assert_eq!(adopted.could_have_left, imported);
        let public = x509::PublicKey::parse(pinned.as_bytes()).expect("a public key");
        proves_itself(&driver, &key, &public, S::EcdsaP256Sha256);
    }
}

#[test]
fn takes_no_answer_that_was_damaged_on_its_way() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config("[timeouts]\ncall_ms = 400\n"));
    let key = key(1, KeySpec::P256);
    generate(&driver, &key);
    cloud.faults().damage(true);
    match sign(&driver, &key, S::EcdsaP256Sha256, b"abc") {
        Err(DriverError::Unavailable(why)) => assert!(why.contains("damaged"), "{why}"),
        other => panic!("{other:?}"),
    }
    cloud.faults().damage(false);
    let start = std::time::Instant::now();
    while sign(&driver, &key, S::EcdsaP256Sha256, b"abc").is_err() {
        assert!(start.elapsed().as_secs() < 5);
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn never_signs_with_a_key_that_is_not_the_pinned_one() {
    let cloud = GoogleCloud::start();
    let key = key(1, KeySpec::P256);
    let pinned = generate(&driver(&cloud.config("")), &key).spki().clone();
    let name = cloud.versions().remove(0).0;
    cloud.exchange(&name);
    let driver = driver(&cloud.config(""));
    driver.attach(vec![KnownKey { identity: key.clone(), public: pinned, location: None }]);
    match sign(&driver, &key, S::EcdsaP256Sha256, b"abc") {
        Err(DriverError::PublicKeyDiffers { location }) => assert_eq!(location, name),
        other => panic!("{other:?}"),
    }
    assert_eq!(cloud.faults().calls("asymmetricSign", ""), 0);
}

#[test]
fn a_key_that_is_destroyed_is_gone() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config(""));
    let key = key(1, KeySpec::P256);
    generate(&driver, &key);
    let destroyer = driver.destroyer().expect("it destroys");
    destroyer.destroy(&key).expect("destroys");
    assert_eq!(cloud.versions().remove(0).1, "DESTROY_SCHEDULED");
    assert!(matches!(driver.public_key(&key), Err(DriverError::KeyMissing(_))));
    destroyer.destroy(&key).expect("it is destroyed already");
    match driver.generate(&key) {
        Err(DriverError::KeyExists(_)) => {}
        other => panic!("{other:?}"),
    }
}
