//! One key in two tokens.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use keystore::{DriverError, KeyDriver as _, KeyIdentity, KnownKey};
use keystore_pkcs11::Pkcs11Driver;
use kit::Tokens;
use signer_proto::KeySpec;
use x509::PublicKey;

use super::load::under_load;
use super::{begin, identity, reported, scheme, sign, start};

const CONFIG: &str = "[key.mirrored]\nuris = [\"{one}\", \"{two}\"]\n";

/// Two tokens with the same key, as one HSM's backup in another one.
fn mirrored() -> Option<(Tokens, KeyIdentity, PublicKey)> {
    let tokens = Tokens::faulty(&["one", "two"])?.with(CONFIG);
    let key = identity(5, "mirrored", KeySpec::P256);
    let public = tokens.import(&["one", "two"], &key.id.0);
    let public = PublicKey::parse(public.as_bytes()).expect("a strict SPKI");
    Some((tokens, key, public))
}

fn attached(driver: Arc<Pkcs11Driver>, key: &KeyIdentity, public: &PublicKey) -> Arc<Pkcs11Driver> {
    let known = KnownKey { identity: key.clone(), public: public.spki().clone(), location: None };
    driver.attach(vec![known]);
    driver
}

/// Has the primary fail under load, and looks that it serves alone afterwards.
fn fails_over(what: &str, orders: &str) {
    let Some((tokens, key, public)) = mirrored() else { return };
    let driver = attached(start(&tokens), &key, &public);
    let outcome = under_load(&driver, (&key, &public), Duration::from_secs(1), || {
        tokens.order("one", orders);
        thread::sleep(Duration::from_secs(4));
        tokens.order("one", "");
    });
    println!("primary mirror {what}: {outcome:?}");
    assert!(outcome.longest_gap < Duration::from_secs(3), "{what}: {outcome:?}");
    // Back by itself: with the other one gone, the primary serves alone.
    let begun = Instant::now();
    assert!(driver.await_tokens(Duration::from_secs(10)), "{:?}", driver.health());
    println!("primary mirror {what}: back {} ms after the load", begun.elapsed().as_millis());
    tokens.order("two", "gone");
    let signature = sign(&driver, &key, b"x").expect("the primary signs");
    public.verify(scheme(key.spec), b"x", &signature).expect("it verifies");
    driver.health().expect("a key with one mirror left is served");
}

#[test]
fn fails_over_within_three_seconds_when_the_primary_is_removed() {
    fails_over("removed", "gone");
}

#[test]
fn fails_over_within_three_seconds_when_the_primary_hangs() {
    fails_over("hangs", "hang");
}

#[test]
fn a_mirror_with_another_key_is_never_used() {
    let Some(tokens) = Tokens::faulty(&["one", "two"]) else { return };
    let tokens = tokens.with(CONFIG);
    let key = identity(5, "mirrored", KeySpec::P256);
    let public = tokens.import(&["one"], &key.id.0);
    let public = PublicKey::parse(public.as_bytes()).expect("a strict SPKI");
    let other = tokens.import(&["two"], &key.id.0);
    assert_ne!(&other, public.spki());
    let driver = attached(start(&tokens), &key, &public);
    sign(&driver, &key, b"x").expect("the right one signs");
    tokens.order("one", "gone");
    // Until the primary is back there is nothing, and that is said as what it is: not now.
    let deadline = Instant::now() + Duration::from_secs(3);
    let mut refused = 0;
    while Instant::now() < deadline {
        match sign(&driver, &key, b"x") {
            Err(DriverError::Unavailable(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
            Ok(signature) => {
                // A session that was open may still have signed.
                assert_eq!(refused, 0, "signed after the primary was gone");
                public.verify(scheme(key.spec), b"x", &signature).expect("the pinned key's");
            }
        }
        thread::sleep(Duration::from_millis(20));
    }
    assert!(refused > 0);
    let found = reported(
        &driver,
        "key mirrored",
        &format!("{};id={}", tokens.uri("two"), "%05".repeat(16)),
    );
    assert!(
        found.as_ref().is_some_and(|found| found.starts_with("ANOTHER PUBLIC KEY")),
        "{found:?}"
    );
}

#[test]
fn starts_with_one_mirror_alone() {
    let Some((tokens, key, public)) = mirrored() else { return };
    tokens.order("one", "gone");
    let driver = attached(begin(&tokens), &key, &public);
    let deadline = Instant::now() + Duration::from_secs(10);
    let signature = loop {
        match sign(&driver, &key, b"x") {
            Ok(signature) => break signature,
            Err(DriverError::Unavailable(_)) if Instant::now() < deadline => {
                thread::sleep(Duration::from_millis(20));
            }
            Err(other) => panic!("{other:?}"),
        }
    };
    public.verify(scheme(key.spec), b"x", &signature).expect("it verifies");
    driver.health().expect("a key with one mirror left is served");
}
