//! What goes wrong with helpers, modules and tokens, under load: no wrong answer, no lost one, typed
//! errors that are worth a retry, and recovery without a restart.

use std::thread;
use std::time::{Duration, Instant};

use keystore::{DriverError, KeyDriver as _};
use keystore_pkcs11::Pkcs11Driver;
use kit::Tokens;
use rustix::process::{Pid, Signal, kill_process};
use signer_proto::KeySpec;

use super::load::under_load;
use super::{generate, identity, reported, sign, start};

/// Has something happen to a token under load; it must sign again within `limit` of it.
fn survives(what: &str, limit: Duration, event: impl FnOnce(&Tokens, &Pkcs11Driver)) {
    survives_over(Tokens::faulty(&["one"]), KeySpec::P256, (what, limit), event);
}

/// The same with a key of ML-DSA, which SoftHSM2 does not have.
fn ml_dsa_survives(what: &str, limit: Duration, event: impl FnOnce(&Tokens, &Pkcs11Driver)) {
    survives_over(Tokens::faulty_kryoptic(&["one"]), KeySpec::MlDsa65, (what, limit), event);
}

fn survives_over(
    tokens: Option<Tokens>,
    spec: KeySpec,
    (what, limit): (&str, Duration),
    event: impl FnOnce(&Tokens, &Pkcs11Driver),
) {
    let Some(tokens) = tokens else { return };
    let driver = start(&tokens);
    let key = identity(1, "issuing", spec);
    let public = generate(&driver, &key);
    let outcome = under_load(&driver, (&key, &public), Duration::from_secs(2), || {
        event(&tokens, &driver);
    });
    println!("{what}: {outcome:?}");
    assert!(outcome.signed > 100, "{what}: {outcome:?}");
    assert!(outcome.longest_gap < limit, "{what}: {outcome:?}");
    sign(&driver, &key, b"afterwards").expect("it signs again");
    driver.health().expect("it is well again");
}

fn for_a_while(tokens: &Tokens, orders: &str, time: Duration) {
    tokens.order("one", orders);
    thread::sleep(time);
    tokens.order("one", "");
}

const SHORT: Duration = Duration::from_millis(300);

fn kill_the_helper(_: &Tokens, driver: &Pkcs11Driver) {
    let id = reported(driver, "token one", "process").expect("a process");
    let id = Pid::from_raw(id.parse().expect("a number")).expect("a process id");
    kill_process(id, Signal::KILL).expect("it is killed");
}

fn remove_for_a_second(tokens: &Tokens, _: &Pkcs11Driver) {
    for_a_while(tokens, "gone", Duration::from_secs(1));
}

#[test]
fn survives_a_helper_that_is_killed() {
    survives("helper killed", Duration::from_secs(2), kill_the_helper);
}

#[test]
fn ml_dsa_survives_a_helper_that_is_killed() {
    ml_dsa_survives("helper killed, ML-DSA", Duration::from_secs(2), kill_the_helper);
}

#[test]
fn survives_a_module_that_hangs() {
    survives("module hangs", Duration::from_secs(5), |tokens, _| {
        for_a_while(tokens, "hang", SHORT);
    });
}

#[test]
fn survives_a_module_that_crashes() {
    survives("module crashes", Duration::from_secs(3), |tokens, _| {
        for_a_while(tokens, "crash", SHORT);
    });
}

/// Its process has the ends of its own lines, and nothing of the signer.
#[test]
fn survives_a_module_that_writes_to_every_descriptor() {
    survives("module scribbles", Duration::from_secs(3), |tokens, _| {
        for_a_while(tokens, "scribble", SHORT);
    });
}

#[test]
fn survives_a_token_that_is_removed_and_put_back() {
    survives("token removed for 1 s", Duration::from_secs(5), remove_for_a_second);
}

#[test]
fn ml_dsa_survives_a_token_that_is_removed_and_put_back() {
    ml_dsa_survives("token removed, ML-DSA", Duration::from_secs(5), remove_for_a_second);
}

#[test]
fn survives_a_device_that_fails_for_a_while() {
    survives("device error for 1 s", Duration::from_secs(5), |tokens, _| {
        for_a_while(tokens, "broken", Duration::from_secs(1));
    });
}

#[test]
fn survives_sessions_that_end() {
    survives("sessions invalidated", Duration::from_secs(2), |tokens, _| {
        tokens.order("one", "sessions 1");
    });
}

#[test]
fn survives_a_login_that_ends() {
    survives("logged out", Duration::from_secs(2), |tokens, _| {
        tokens.order("one", "logout 1");
    });
}

/// Nothing but the forker may start programs: without it there are no helpers, and calls say what to
/// do. Another driver, as after a restart of the signer, signs again.
#[test]
fn says_that_the_signer_must_be_restarted_when_the_forker_is_gone() {
    let Some(tokens) = Tokens::soft(&["one"]) else { return };
    let driver = start(&tokens);
    let key = identity(1, "issuing", KeySpec::P256);
    let public = generate(&driver, &key);
    assert_eq!(reported(&driver, "driver", "forker").as_deref(), Some("running"));
    let helper = reported(&driver, "token one", "process").expect("a process");
    kill_process(parent_of(&helper), Signal::KILL).expect("it is killed");
    let begun = Instant::now();
    let told = loop {
        let refused = sign(&driver, &key, b"nothing");
        assert!(begun.elapsed() < Duration::from_secs(10), "{refused:?}");
        match refused {
            // The helper ends with the forker; until the signer has noticed, it says that.
            Err(error @ DriverError::Unavailable(_)) if driver.health().is_err() => {
                let told = error.to_string();
                if told.contains("restart the signer") {
                    break told;
                }
            }
            // A signature that the helper gave before it ended, or a call that is worth a retry.
            Ok(_) | Err(DriverError::Unavailable(_)) => {}
            Err(other) => panic!("not retryable: {other:?}"),
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(told.contains("token one: the forker"), "{told}");
    assert!(!runs(&helper), "the helper outlives its forker");
    let Err(DriverError::Unavailable(why)) = driver.health() else { panic!("it is not well") };
    assert!(why.contains("restart the signer"), "{why}");
    let reported = reported(&driver, "driver", "forker").expect("it is told");
    assert!(reported.contains("restart the signer"), "{reported}");
    // Nobody waits for what does not come back.
    let begun = Instant::now();
    let refused = sign(&driver, &key, b"nothing");
    assert!(matches!(refused, Err(DriverError::Unavailable(_))), "{refused:?}");
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(driver);
    let signature = sign(&start(&tokens), &key, b"again").expect("it signs");
    public.verify(super::scheme(key.spec), b"again", &signature).expect("by the same key");
}

/// Tells whether there is such a process, and not only what its parent did not ask after yet.
fn runs(id: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && !line.contains('Z'))
}

/// The process that started a process.
fn parent_of(id: &str) -> Pid {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("its status");
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).expect("a parent");
    Pid::from_raw(parent.trim().parse().expect("a number")).expect("a process id")
}

/// The core verifies each signature before it leaves; the driver passes on what the token says.
#[test]
fn a_token_that_lies_is_found_out_by_verification() {
    let Some(tokens) = Tokens::faulty(&["one"]) else { return };
    let driver = start(&tokens);
    let key = identity(1, "issuing", KeySpec::P256);
    let public = generate(&driver, &key);
    let first = sign(&driver, &key, b"one").expect("a signature");
    public.verify(super::scheme(key.spec), b"one", &first).expect("an honest one");
    for orders in ["lie", "stale"] {
        tokens.order("one", orders);
        let signature = sign(&driver, &key, b"two").expect("something like a signature");
        let verified = public.verify(super::scheme(key.spec), b"two", &signature);
        assert!(verified.is_err(), "{orders}");
    }
}
