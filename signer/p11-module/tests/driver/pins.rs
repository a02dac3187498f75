//! PINs: a wrong one is shown to a token once.

use std::fs;
use std::time::{Duration, Instant};

use keystore::{DriverError, KeyDriver as _};
use kit::{PIN, Tokens};
use signer_proto::KeySpec;

use super::{begin, generate, identity, reported, sign, start};

#[test]
fn tries_a_wrong_pin_once_and_waits_for_another_one() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    let key = identity(1, "issuing", KeySpec::P256);
    generate(&start(&tokens), &key);
    let before = tokens.logins();
    fs::write(tokens.pin_file(), "0000").unwrap();
    let driver = begin(&tokens);
    // Longer than any pause between attempts, with calls, and with the helper killed meanwhile.
    let end = Instant::now() + Duration::from_secs(4);
    let mut killed = false;
    while Instant::now() < end {
        assert!(matches!(sign(&driver, &key, b"x"), Err(DriverError::Unavailable(_))));
        std::thread::sleep(Duration::from_millis(50));
        if !killed && end - Instant::now() < Duration::from_secs(3) {
            killed = true;
            // The token's device is reset: its sessions and the login are gone.
            tokens.order("one", "sessions 1");
        }
    }
    assert_eq!(tokens.logins() - before, 1);
    let state = reported(&driver, "token one", "state").expect("a state");
    assert!(state.contains("the PIN is refused and not tried again"), "{state}");
    assert!(!driver.report().iter().any(|line| line.value.contains("0000")), "a PIN is shown");
    fs::write(tokens.pin_file(), PIN).unwrap();
    assert!(driver.await_tokens(Duration::from_secs(10)), "{:?}", driver.health());
    sign(&driver, &key, b"x").expect("it signs");
    assert_eq!(tokens.logins() - before, 2);
}
