//! What goes wrong outside: throttling, faults, calls that hang, an endpoint that goes away.
//!
//! In each: no wrong signature, none lost without an error that says it may be asked for again.

use std::io::{BufRead as _, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clouds::{AwsCloud, Faults, GoogleCloud};
use keystore::{Approved, DriverError, KeyDriver, KeyIdentity, Urgency};
use keystore_kms::KmsDriver;
use signer_proto::KeySpec;
use x509::{PublicKey, SignatureScheme};

use crate::given::{driver, generate, key, sign};

const HOME: &str = "eu-central-1";
const AWAY: &str = "eu-west-1";
const SCHEME: SignatureScheme = SignatureScheme::EcdsaP256Sha256;
const FAST: &str =
    "[quota]\nper_second = 100000\nburst = 10000\nreserved = 100\n[timeouts]\nattempt_ms = 300\n";

/// What a load saw.
#[derive(Debug, Default)]
struct Seen {
    signed: AtomicU32,
    refused: AtomicU32,
    /// The longest time from one signature to the next.
    longest_gap_ms: AtomicU32,
}

/// Eight threads sign until `end`; each signature is verified, each error must be retryable.
fn load(driver: &KmsDriver, key: &KeyIdentity, public: &PublicKey, end: &AtomicBool) -> Seen {
    let seen = Seen::default();
    let start = Instant::now();
    let last = AtomicU32::new(0);
    thread::scope(|scope| {
        for worker in 0_u32..8 {
            let (seen, last) = (&seen, &last);
            scope.spawn(move || {
                let mut round = 0_u32;
                while !end.load(Ordering::Relaxed) {
                    round += 1;
                    let message = [worker.to_be_bytes(), round.to_be_bytes()].concat();
                    match sign(driver, key, SCHEME, &message) {
                        Ok(signature) => {
                            let verdict = public.verify(SCHEME, &message, &signature);
                            assert_eq!(verdict, Ok(()), "a wrong signature");
                            seen.signed.fetch_add(1, Ordering::Relaxed);
                            let now = u32::try_from(start.elapsed().as_millis()).expect("short");
                            let before = last.fetch_max(now, Ordering::Relaxed);
                            let gap = now.saturating_sub(before);
                            seen.longest_gap_ms.fetch_max(gap, Ordering::Relaxed);
                        }
                        Err(DriverError::Unavailable(_) | DriverError::Overloaded(_)) => {
                            seen.refused.fetch_add(1, Ordering::Relaxed);
                            thread::sleep(Duration::from_millis(5));
                        }
                        Err(error) => panic!("not retryable: {error}"),
                    }
                }
            });
        }
    });
    seen
}

/// Runs a load while `act` does things.
fn under_load(
    driver: &KmsDriver,
    key: &KeyIdentity,
    public: &PublicKey,
    act: impl FnOnce(),
) -> Seen {
    let end = AtomicBool::new(false);
    thread::scope(|scope| {
        let seen = scope.spawn(|| load(driver, key, public, &end));
        thread::sleep(Duration::from_millis(200));
        let acted = catch_unwind(AssertUnwindSafe(act));
        end.store(true, Ordering::Relaxed);
        if let Err(panic) = acted {
            resume_unwind(panic);
        }
        seen.join().expect("the load ends")
    })
}

/// Waits until a signature comes, and says how long that took.
fn recovered(driver: &KmsDriver, key: &KeyIdentity) -> Duration {
    let start = Instant::now();
    while sign(driver, key, SCHEME, b"again").is_err() {
        assert!(start.elapsed().as_secs() < 10, "it does not come back");
        thread::sleep(Duration::from_millis(10));
    }
    start.elapsed()
}

fn aws() -> (AwsCloud, KmsDriver, KeyIdentity, PublicKey) {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(FAST));
    let key = key(1, KeySpec::P256);
    let public = generate(&driver, &key);
    (cloud, driver, key, public)
}

fn survives_throttling(driver: &KmsDriver, key: &KeyIdentity, public: &PublicKey, faults: &Faults) {
    faults.throttle(50);
    let seen = under_load(driver, key, public, || thread::sleep(Duration::from_secs(1)));
    faults.throttle(0);
    println!("half of all calls throttled: {seen:?}");
    assert!(seen.signed.load(Ordering::Relaxed) > 100, "{seen:?}");
    assert_eq!(seen.refused.load(Ordering::Relaxed), 0, "each was tried again: {seen:?}");
}

#[test]
fn aws_throttles_half_of_all_calls() {
    let (cloud, driver, key, public) = aws();
    survives_throttling(&driver, &key, &public, cloud.faults(HOME));
}

#[test]
fn google_throttles_half_of_all_calls() {
    let cloud = GoogleCloud::start();
    let driver = driver(&cloud.config(FAST));
    let key = key(1, KeySpec::P256);
    let public = generate(&driver, &key);
    survives_throttling(&driver, &key, &public, cloud.faults());
}

#[test]
fn a_third_of_all_calls_fails() {
    let (cloud, driver, key, public) = aws();
    cloud.faults(HOME).fail(33);
    let seen = under_load(&driver, &key, &public, || thread::sleep(Duration::from_secs(1)));
    cloud.faults(HOME).fail(0);
    println!("a third of all calls failed: {seen:?}");
    assert!(seen.signed.load(Ordering::Relaxed) > 100, "{seen:?}");
    println!("recovered after {:?}", recovered(&driver, &key));
}

#[test]
fn calls_hang_and_the_service_comes_back() {
    let (cloud, driver, key, public) = aws();
    let seen = under_load(&driver, &key, &public, || {
        cloud.faults(HOME).hang(true);
        thread::sleep(Duration::from_millis(1500));
        assert!(matches!(driver.health(), Err(DriverError::Unavailable(_))));
        // Nobody waits for what is known to hang.
        let start = Instant::now();
        assert!(matches!(sign(&driver, &key, SCHEME, b"x"), Err(DriverError::Unavailable(_))));
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        cloud.faults(HOME).hang(false);
        let after = recovered(&driver, &key);
        println!("calls hung: recovered after {after:?}");
        assert!(after < Duration::from_secs(3), "{after:?}");
    });
    println!("calls hung for 1.5 s: {seen:?}");
}

#[test]
fn the_endpoint_goes_away_and_comes_back() {
    let (cloud, driver, key, public) = aws();
    let seen = under_load(&driver, &key, &public, || {
        cloud.faults(HOME).go_down(true);
        thread::sleep(Duration::from_secs(1));
        assert!(matches!(sign(&driver, &key, SCHEME, b"x"), Err(DriverError::Unavailable(_))));
        cloud.faults(HOME).go_down(false);
        let after = recovered(&driver, &key);
        println!("the endpoint was gone: recovered after {after:?}");
        assert!(after < Duration::from_secs(3), "{after:?}");
    });
    println!("the endpoint was gone for 1 s: {seen:?}");
}

#[test]
fn another_region_signs_while_the_first_one_hangs() {
    let cloud = AwsCloud::start(&[HOME, AWAY]);
    let driver = driver(&cloud.config(FAST));
    let key = key(1, KeySpec::P256);
    let public = generate(&driver, &key);
    let seen = under_load(&driver, &key, &public, || {
        cloud.faults(HOME).hang(true);
        thread::sleep(Duration::from_secs(2));
        assert!(cloud.faults(AWAY).calls("Sign", "mrk-") > 0);
        driver.health().expect("one place is enough");
        cloud.faults(HOME).hang(false);
        // Back by itself: the first place is asked again.
        let start = Instant::now();
        let before = cloud.faults(HOME).calls("Sign", "");
        while cloud.faults(HOME).calls("Sign", "") < before + 20 {
            assert!(start.elapsed() < Duration::from_secs(8), "it is not used again");
            thread::sleep(Duration::from_millis(10));
        }
        println!("the first region is used again after {:?}", start.elapsed());
    });
    println!("the first region hung for 2 s: {seen:?}");
    assert_eq!(seen.refused.load(Ordering::Relaxed), 0, "nothing was lost: {seen:?}");
    let gap = seen.longest_gap_ms.load(Ordering::Relaxed);
    println!("failover: {gap} ms without a signature");
    assert!(gap < 3000, "{gap}");
}

#[test]
fn starts_without_the_service_and_serves_as_soon_as_it_is_there() {
    let cloud = AwsCloud::start(&[HOME]);
    let key = key(1, KeySpec::P256);
    let public = generate(&driver(&cloud.config("")), &key).spki().clone();
    cloud.faults(HOME).go_down(true);
    let driver = driver(&cloud.config(FAST));
    let known = keystore::KnownKey { identity: key.clone(), public, location: None };
    driver.attach(vec![known]);
    assert!(matches!(driver.health(), Err(DriverError::Unavailable(_))));
    assert!(matches!(sign(&driver, &key, SCHEME, b"x"), Err(DriverError::Unavailable(_))));
    cloud.faults(HOME).go_down(false);
    println!("there: signed after {:?}", recovered(&driver, &key));
    let start = Instant::now();
    while driver.health().is_err() {
        assert!(start.elapsed() < Duration::from_secs(5));
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_deadline_of_the_request_is_kept() {
    let (cloud, driver, key, _) = aws();
    cloud.faults(HOME).throttle(100);
    let start = Instant::now();
    let until = Some(start + Duration::from_millis(500));
    let refused = driver.sign(&key, SCHEME, Approved::admitted(b"x").with_deadline(until));
    assert!(matches!(refused, Err(DriverError::Overloaded(_))), "{refused:?}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert!(cloud.faults(HOME).calls("Sign", "") > 2, "it was tried again");
}

#[test]
fn status_is_signed_while_issuance_uses_up_the_local_quota() {
    let cloud = AwsCloud::start(&[HOME]);
    let driver = driver(&cloud.config(
        "[quota]\nper_second = 100\nburst = 20\nreserved = 5\n[timeouts]\ncall_ms = 300\n",
    ));
    let key = key(1, KeySpec::P256);
    let public = generate(&driver, &key);
    let mut slowest = Duration::ZERO;
    let seen = under_load(&driver, &key, &public, || {
        for _ in 0..20 {
            let start = Instant::now();
            let message = Approved::admitted(b"a CRL").with_urgency(Urgency::Status);
            driver.sign(&key, SCHEME, message).expect("status is never refused");
            slowest = slowest.max(start.elapsed());
            thread::sleep(Duration::from_millis(50));
        }
    });
    println!("status waited {slowest:?} at most; issuance: {seen:?}");
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let signed = cloud.faults(HOME).calls("Sign", "");
    assert!(signed < 100 * 2 + 20 + 60, "{signed} calls in two seconds");
}

#[test]
fn a_lie_is_handed_on_for_the_core_to_verify() {
    let (cloud, driver, key, public) = aws();
    cloud.faults(HOME).lie(true);
    let signature = sign(&driver, &key, SCHEME, b"abc").expect("the service says so");
    assert!(public.verify(SCHEME, b"abc", &signature).is_err());
}

#[test]
fn follows_no_redirect() {
    let (cloud, driver, key, _) = aws();
    let other = AwsCloud::start(&[HOME]);
    cloud.faults(HOME).redirect(Some(&other.url(HOME)));
    let refused = sign(&driver, &key, SCHEME, b"abc");
    assert!(matches!(refused, Err(DriverError::Unavailable(_))), "{refused:?}");
    assert!(other.faults(HOME).credentials().is_empty(), "nothing was shown to another host");
    assert_eq!(other.faults(HOME).calls("Sign", ""), 0);

    let cloud = GoogleCloud::start();
    let google = self::driver(&cloud.config(FAST));
    let key = self::key(1, KeySpec::P256);
    generate(&google, &key);
    let other = GoogleCloud::start();
    cloud.faults().redirect(Some(&other.url()));
    let refused = sign(&google, &key, SCHEME, b"abc");
    assert!(matches!(refused, Err(DriverError::Unavailable(_))), "{refused:?}");
    assert!(other.faults().credentials().is_empty(), "nothing was shown to another host");
}

#[test]
fn trusts_no_endpoint_with_a_certificate_of_its_own() {
    let Some(openssl) = kit::tool("openssl") else { return };
    let home = tempfile::tempdir().expect("a directory");
    let (key, certificate) = (home.path().join("key.pem"), home.path().join("cert.pem"));
    let request =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let made = Command::new(&openssl)
        .args(request)
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    assert!(made.expect("openssl runs").status.success());
    let mut server = Command::new(&openssl);
    server.args(["s_server", "-www", "-accept", "127.0.0.1:0", "-key"]).arg(&key);
    server.arg("-cert").arg(&certificate).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = server.spawn().expect("openssl runs");
    let lines = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let port = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("ACCEPT 127.0.0.1:")?.trim().parse::<u16>().ok());
    let cloud = AwsCloud::start(&[HOME]);
    let there = format!("https://localhost:{}", port.expect("openssl says where it listens"));
    let driver = driver(&cloud.config(FAST).replace(&cloud.url(HOME), &there));
    let refused = driver.generate(&self::key(1, KeySpec::P256));
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    match refused {
        Err(DriverError::Unavailable(why)) => {
            assert!(why.to_lowercase().contains("certificate"), "{why}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(cloud.keys(), []);
}
