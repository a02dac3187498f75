//! What is AWS' own: message types, names, regions, limits.

use clouds::AwsCloud;
use keystore::{AdoptSource, Adopted, DriverError, KeyDriver as _, KeyLocation, KnownKey};
use signer_proto::{KeySpec, Purpose};
use x509::{PublicKey, SignatureScheme};

use crate::given::{self, driver, generate, key, ocsp, proves_itself, sign};

const HOME: &str = "eu-central-1";
const AWAY: &str = "eu-west-1";

fn location(text: &str) -> KeyLocation {
    KeyLocation::new(text).expect("a location")
}

#[test]
fn every_algorithm_signs_messages_of_any_length() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(""));
    let specs = [
        KeySpec::P256,
        KeySpec::P384,
        KeySpec::P521,
        KeySpec::Rsa2048,
        KeySpec::MlDsa44,
        KeySpec::MlDsa65,
        KeySpec::MlDsa87,
    ];
    for (number, spec) in (0..).zip(specs) {
        let key = key(number, spec);
        let public = generate(&driver, &key);
        let kind = spec.kind().expect("an asymmetric key");
        for scheme in SignatureScheme::ALL.into_iter().filter(|scheme| scheme.fits(kind)) {
            proves_itself(&driver, &key, &public, scheme);
        }
    }
}

#[test]
fn ed25519_signs_up_to_4096_octets_and_is_refused_beyond() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(""));
    let key = ocsp(1, KeySpec::Ed25519);
    let public = generate(&driver, &key);
    let message = vec![7; 4097];
    let short = sign(&driver, &key, SignatureScheme::Ed25519, &message[1..]).expect("it is short");
    assert_eq!(public.verify(SignatureScheme::Ed25519, &message[1..], &short), Ok(()));
    let before = cloud.faults(HOME).calls("Sign", "");
    match sign(&driver, &key, SignatureScheme::Ed25519, &message) {
        Err(DriverError::MessageTooLong { most }) => assert_eq!(most, 4096),
        other => panic!("{other:?}"),
    }
    assert_eq!(cloud.faults(HOME).calls("Sign", ""), before);
}

#[test]
fn refuses_in_words_what_the_service_cannot_do() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config("[key.named]\nplaces = [\"alias/old\"]\n"));
    let scep = given::key(1, KeySpec::Rsa2048);
    let named = given::key(3, KeySpec::P256);
    for (key, word) in [
        (given::key(1, KeySpec::Ed25519), "CRL"),
        (keystore::KeyIdentity { purpose: Purpose::Scep, ..scep }, "PKCS#1 v1.5"),
        (keystore::KeyIdentity { label: "named".parse().expect("a label"), ..named }, "adopt"),
    ] {
        match driver.generate(&key) {
            Err(DriverError::LocationUnusable { why, .. }) => assert!(why.contains(word), "{why}"),
            other => panic!("{key:?}: {other:?}"),
        }
    }
    assert_eq!(cloud.keys(), []);
}

#[test]
fn a_key_that_is_made_carries_its_alias_its_tags_and_its_replicas() {
    let cloud = AwsCloud::start(&[HOME, AWAY]);
    let driver = driver(&cloud.config("tags = { team = \"pki\" }\n"));
    let key = key(0xab, KeySpec::P256);
    let public = generate(&driver, &key);
    let alias = format!("alias/chancery-{}-2-1", key.id);
    let arn = cloud.pointed(&alias).expect("the alias is there");
    assert!(arn.contains(":key/mrk-"), "{arn}");
    let keys = cloud.keys();
    assert_eq!(keys.len(), 2);
    for (_, state, tags) in keys {
        assert_eq!(state, "Enabled");
        assert_eq!(tags["team"], "pki");
        assert_eq!(tags["chancery-label"], "key-171");
    }
    assert_eq!(driver.public_key(&key).expect("it is there"), *public.spki());
}

#[test]
fn adopts_by_arn_and_by_alias_and_stays_with_the_key_when_the_alias_moves() {
    let cloud = AwsCloud::start(&[HOME]);
    let arn = cloud.make("ECC_NIST_P256", "AWS_KMS");
    let other = cloud.make("ECC_NIST_P256", "AWS_KMS");
    cloud.point("alias/issuing", &arn);
    let driver = driver(&cloud.config(""));
    let key = key(1, KeySpec::P256);
    let adopter = driver.adopter().expect("it adopts");
    // Which public key the ARN has is not known here; the pin of another key tells it.
    let wrong = x509::SpkiDer::from_vec(vec![0]);
    let place = location("alias/issuing");
    match adopter.adopt(&key, AdoptSource::Location(&place), &wrong) {
        Err(DriverError::PublicKeyDiffers { location }) => assert_eq!(location, "alias/issuing"),
        other => panic!("{other:?}"),
    }
    let pinned = cloud.public_key(&arn);
    let adopted = adopter.adopt(&key, AdoptSource::Location(&place), &pinned);
    let expected = Adopted { spec: KeySpec::P256, could_have_left: false };
    assert_eq!(adopted.expect("adopts"), expected);
    cloud.point("alias/issuing", &other);
    let public = PublicKey::parse(pinned.as_bytes()).expect("a public key");
    proves_itself(&driver, &key, &public, SignatureScheme::EcdsaP256Sha256);
    assert_eq!(cloud.faults(HOME).calls("Sign", &other), 0);
    match adopter.adopt(&key, AdoptSource::Location(&place), &pinned) {
        Err(DriverError::KeyExists(_)) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn says_of_imported_material_that_a_copy_may_exist() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(""));
    let arn = cloud.make("ECC_NIST_P384", "EXTERNAL");
    let (pinned, place) = (cloud.public_key(&arn), location(&arn));
    let adopter = driver.adopter().expect("it adopts");
    let adopted = adopter.adopt(&key(1, KeySpec::P384), AdoptSource::Location(&place), &pinned);
    assert!(adopted.expect("adopts").could_have_left);
}

#[test]
fn refuses_to_adopt_what_is_no_such_key() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(""));
    let arn = cloud.make("ECC_NIST_P384", "AWS_KMS");
    let pinned = cloud.public_key(&arn);
    let adopter = driver.adopter().expect("it adopts");
    for (key, place, word) in [
        (key(1, KeySpec::P256), arn.as_str(), "not p-256"),
        (key(2, KeySpec::P384), "alias/nothing", "no such key"),
        (key(3, KeySpec::P384), "pkcs11:token=x", "no ARN"),
        (key(4, KeySpec::Ed25519), arn.as_str(), "CRL"),
    ] {
        match adopter.adopt(&key, AdoptSource::Location(&location(place)), &pinned) {
            Err(DriverError::LocationUnusable { location, why }) => {
                assert_eq!(location, place);
                assert!(why.contains(word), "{place}: {why}");
            }
            other => panic!("{place}: {other:?}"),
        }
    }
    let file = AdoptSource::Pkcs8 { encrypted: b"", passphrase: b"" };
    match adopter.adopt(&key(5, KeySpec::P384), file, &pinned) {
        Err(DriverError::ImportRefused(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(cloud.faults(HOME).calls("Sign", ""), 0);
}

#[test]
fn never_signs_with_a_key_that_is_not_the_pinned_one() {
    let cloud = AwsCloud::start(&[HOME]);
    let key = key(1, KeySpec::P256);
    let pinned = generate(&driver(&cloud.config("")), &key).spki().clone();
    let arn = cloud.keys().remove(0).0;
    cloud.exchange(&arn);
    let driver = driver(&cloud.config(""));
    driver.attach(vec![KnownKey { identity: key.clone(), public: pinned, location: None }]);
    match sign(&driver, &key, SignatureScheme::EcdsaP256Sha256, b"abc") {
        Err(DriverError::PublicKeyDiffers { location }) => {
            assert!(location.starts_with("alias/chancery-"), "{location}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(cloud.faults(HOME).calls("Sign", ""), 0);
    assert!(matches!(driver.health(), Err(DriverError::Unavailable(_))));
    let told = driver.report();
    assert!(told.iter().any(|line| line.value.contains("another key")), "{told:?}");
}

#[test]
fn the_public_key_is_held_against_the_pin_again_and_again() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config("[timeouts]\nrecheck_seconds = 1\n"));
    let key = key(1, KeySpec::P256);
    generate(&driver, &key);
    driver.health().expect("it is well");
    let arn = cloud.keys().remove(0).0;
    cloud.exchange(&arn);
    let start = std::time::Instant::now();
    while driver.health().is_ok() {
        assert!(start.elapsed().as_secs() < 5, "the other key was not noticed");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    match sign(&driver, &key, SignatureScheme::EcdsaP256Sha256, b"abc") {
        Err(DriverError::PublicKeyDiffers { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_that_is_destroyed_is_gone_in_every_region() {
    let cloud = AwsCloud::start(&[HOME, AWAY]);
    let driver = driver(&cloud.config(""));
    let key = key(1, KeySpec::P256);
    generate(&driver, &key);
    let destroyer = driver.destroyer().expect("it destroys");
    destroyer.destroy(&key).expect("destroys");
    let states: Vec<_> = cloud.keys().into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(states, ["PendingDeletion"; 2]);
    assert!(matches!(driver.public_key(&key), Err(DriverError::KeyMissing(_))));
    destroyer.destroy(&key).expect("it is destroyed already");
}

#[test]
fn a_disabled_key_is_told_and_used_again_when_it_is_enabled() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(""));
    let key = key(1, KeySpec::P256);
    generate(&driver, &key);
    let arn = cloud.keys().remove(0).0;
    cloud.enable(&arn, false);
    match sign(&driver, &key, SignatureScheme::EcdsaP256Sha256, b"abc") {
        Err(DriverError::Unavailable(why)) => assert!(why.contains("is disabled"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(driver.health().is_err());
    cloud.enable(&arn, true);
    sign(&driver, &key, SignatureScheme::EcdsaP256Sha256, b"abc").expect("it is enabled");
    driver.health().expect("it is well again");
}

#[test]
fn every_request_is_signed_with_the_credential_of_the_file() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(""));
    generate(&driver, &key(1, KeySpec::P256));
    let shown = cloud.faults(HOME).credentials();
    assert_eq!(shown.keys().collect::<Vec<_>>(), [cloud.access_key_id()]);
}
