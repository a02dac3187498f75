//! A driver whose token is not there.

use std::time::{Duration, Instant};

use keystore::{DriverError, KeyDriver as _};
use kit::Tokens;
use signer_proto::KeySpec;

use super::{begin, generate, identity, reported, sign, start};

#[test]
fn starts_without_its_token_and_serves_as_soon_as_it_is_there() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    let key = identity(1, "issuing", KeySpec::P256);
    let public = generate(&start(&tokens), &key);
    tokens.order("one", "gone");
    let driver = begin(&tokens);
    assert!(!driver.await_tokens(Duration::from_secs(1)));
    let Err(DriverError::Unavailable(why)) = driver.health() else { panic!("it is not well") };
    assert!(why.contains("is in no slot"), "{why}");
    assert!(reported(&driver, "token one", "state").is_some_and(|state| state == why));
    // The circuit is open: nobody waits.
    let begun = Instant::now();
    let refused = sign(&driver, &key, b"x");
    assert!(matches!(refused, Err(DriverError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    let begun = Instant::now();
    tokens.order("one", "");
    assert!(driver.await_tokens(Duration::from_secs(10)), "{:?}", driver.health());
    println!("token put in: used after {} ms", begun.elapsed().as_millis());
    let signature = sign(&driver, &key, b"x").expect("it signs");
    public.verify(super::scheme(key.spec), b"x", &signature).expect("it verifies");
}

#[test]
fn does_not_load_a_module_with_another_digest() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let text = std::fs::read_to_string(tokens.config()).unwrap();
    let pinned = text.replace("[[token]]", &format!("sha256 = \"{}\"\n[[token]]", "0".repeat(64)));
    std::fs::write(tokens.config(), pinned).unwrap();
    let driver = begin(&tokens);
    assert!(!driver.await_tokens(Duration::from_secs(1)));
    assert!(matches!(driver.health(), Err(DriverError::Unavailable(_))));
    std::fs::write(tokens.config(), text).unwrap();
}
