//! What every driver must do, as one suite that each driver's tests run.
//!
//! ```ignore
//! keystore::driver_conformance!(over_files, FileSubject::new());
//! ```
#![allow(clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::thread;

use signer_proto::{KeyId, KeyLabel, KeySpec, Purpose};
use x509::{PublicKey, Signature, SignatureScheme};

use crate::{Approved, DriverError, KeyDriver, KeyIdentity};

/// A driver under test.
pub trait Subject {
    /// Returns the running driver.
    fn driver(&self) -> Arc<dyn KeyDriver>;
    /// Ends the driver and starts it again over the same keys.
    fn restart(&mut self);
    /// Returns what it can generate; the first one is generated often and should be quick.
    fn specs(&self) -> Vec<KeySpec>;
}

/// Makes a module of tests, one for each rule, over fresh subjects.
#[macro_export]
macro_rules! driver_conformance {
    ($name:ident, $subject:expr) => {
        $crate::driver_conformance!($name, $subject,
            signs_with_every_scheme_that_fits,
            refuses_schemes_that_do_not_fit,
            refuses_specs_without_a_public_key,
            refuses_a_key_that_is_not_there,
            refuses_to_generate_a_key_twice,
            refuses_a_key_under_another_identity,
            signs_messages_of_any_length,
            keeps_keys_apart_under_concurrency,
            keeps_keys_over_a_restart,
        );
    };
    ($name:ident, $subject:expr, $($rule:ident),* $(,)?) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            $(#[test]
            fn $rule() {
                $crate::conformance::$rule($subject);
            })*
        }
    };
}

/// Generates a key of every kind and verifies a signature of every scheme that fits it.
pub fn signs_with_every_scheme_that_fits(subject: impl Subject) {
    let driver = subject.driver();
    for (number, spec) in (0..).zip(subject.specs()) {
        let key = identity(number, spec);
        let public = generate(&*driver, &key);
        assert_eq!(Some(public.kind()), spec.kind(), "{spec}");
        assert_eq!(public.check_strength(), Ok(()), "{spec}");
        let again = driver.public_key(&key).expect("the key is there");
        assert_eq!(&again, public.spki(), "{spec}");
        let mut schemes = 0;
        for scheme in fitting(spec) {
            let signature = sign(&*driver, &key, scheme, b"abc").expect("the scheme fits");
            assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()), "{scheme}");
            assert!(public.verify(scheme, b"abd", &signature).is_err(), "{scheme}");
            schemes += 1;
        }
        assert!(schemes > 0, "{spec}");
    }
}

/// Asks the first kind of key for every scheme that is another kind's.
pub fn refuses_schemes_that_do_not_fit(subject: impl Subject) {
    let driver = subject.driver();
    let key = first(&subject);
    generate(&*driver, &key);
    let kind = key.spec.kind().expect("a spec under test has a public key");
    for scheme in SignatureScheme::ALL.into_iter().filter(|s| !s.fits(kind)) {
        let refused = sign(&*driver, &key, scheme, b"abc");
        assert!(matches!(refused, Err(DriverError::SchemeMismatch)), "{scheme}");
    }
}

/// House keys are no driver's.
pub fn refuses_specs_without_a_public_key(subject: impl Subject) {
    let driver = subject.driver();
    for spec in [KeySpec::HmacSha256, KeySpec::Aes256] {
        match driver.generate(&identity(0, spec)) {
            Err(DriverError::SpecUnsupported(refused)) => assert_eq!(refused, spec),
            other => panic!("{spec}: {other:?}"),
        }
    }
}

/// A key that was never generated has no public key and signs nothing.
pub fn refuses_a_key_that_is_not_there(subject: impl Subject) {
    let driver = subject.driver();
    let key = first(&subject);
    let scheme = any_scheme(key.spec);
    assert!(matches!(driver.public_key(&key), Err(DriverError::KeyMissing(_))));
    assert!(matches!(sign(&*driver, &key, scheme, b"abc"), Err(DriverError::KeyMissing(_))));
}

/// The second generation is refused and leaves the first key as it was.
pub fn refuses_to_generate_a_key_twice(mut subject: impl Subject) {
    let key = first(&subject);
    let public = generate(&*subject.driver(), &key);
    for restarted in [false, true] {
        if restarted {
            subject.restart();
        }
        let driver = subject.driver();
        assert!(matches!(driver.generate(&key), Err(DriverError::KeyExists(_))));
        let still = driver.public_key(&key).expect("the key is there");
        assert_eq!(&still, public.spki());
    }
}

/// A key is bound to its purpose and its algorithm, not to its number alone.
pub fn refuses_a_key_under_another_identity(mut subject: impl Subject) {
    let key = first(&subject);
    generate(&*subject.driver(), &key);
    let other_spec = KeySpec::ALL
        .iter()
        .copied()
        .find(|spec| *spec != key.spec && spec.kind().is_some())
        .expect("there is more than one spec");
    let dressed = [
        KeyIdentity { purpose: Purpose::Ocsp, ..key.clone() },
        KeyIdentity { spec: other_spec, ..key.clone() },
    ];
    for restarted in [false, true] {
        if restarted {
            subject.restart();
        }
        let driver = subject.driver();
        for other in &dressed {
            for scheme in [any_scheme(key.spec), any_scheme(other.spec)] {
                let refused = sign(&*driver, other, scheme, b"abc");
                assert!(
                    matches!(
                        refused,
                        Err(DriverError::Corrupt { .. }
                            | DriverError::KeyMissing(_)
                            | DriverError::SchemeMismatch)
                    ),
                    "{other:?}"
                );
            }
            assert!(driver.public_key(other).is_err(), "{other:?}");
        }
        driver.public_key(&key).expect("the true identity still works");
    }
}

/// Nothing, one octet, more than a block, a megabyte.
pub fn signs_messages_of_any_length(subject: impl Subject) {
    let driver = subject.driver();
    let key = first(&subject);
    let public = generate(&*driver, &key);
    let scheme = any_scheme(key.spec);
    for length in [0, 1, 129, 1 << 20] {
        let message = vec![0xa5; length];
        let signature = sign(&*driver, &key, scheme, &message).expect("signs");
        assert_eq!(public.verify(scheme, &message, &signature), Ok(()), "{length}");
    }
}

/// Eight threads sign with two keys that a restart left unloaded; every signature is the right
/// key's.
pub fn keeps_keys_apart_under_concurrency(mut subject: impl Subject) {
    let one = first(&subject);
    let two = identity(1, one.spec);
    let publics = [&one, &two].map(|key| generate(&*subject.driver(), key));
    subject.restart();
    let driver = subject.driver();
    let scheme = any_scheme(one.spec);
    thread::scope(|scope| {
        for worker in 0_u8..8 {
            let (driver, publics, one, two) = (&driver, &publics, &one, &two);
            scope.spawn(move || {
                for round in 0_u8..50 {
                    let message = [worker, round];
                    let [key_one, key_two] = publics;
                    let (key, mine, others) = if (worker + round) % 2 == 0 {
                        (one, key_one, key_two)
                    } else {
                        (two, key_two, key_one)
                    };
                    let signature = sign(&**driver, key, scheme, &message).expect("signs");
                    assert_eq!(mine.verify(scheme, &message, &signature), Ok(()));
                    assert!(others.verify(scheme, &message, &signature).is_err());
                }
            });
        }
    });
}

/// The same public key, and signatures that it verifies, after a restart.
pub fn keeps_keys_over_a_restart(mut subject: impl Subject) {
    let key = first(&subject);
    let public = generate(&*subject.driver(), &key);
    subject.restart();
    let driver = subject.driver();
    driver.health().expect("the driver is well");
    let after = driver.public_key(&key).expect("the key is there");
    assert_eq!(&after, public.spki());
    let scheme = any_scheme(key.spec);
    let signature = sign(&*driver, &key, scheme, b"abc").expect("signs");
    assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()));
}

fn identity(number: u8, spec: KeySpec) -> KeyIdentity {
    KeyIdentity {
        id: KeyId([number; 16]),
        label: KeyLabel::new(&format!("key-{number}")).expect("a label"),
        purpose: Purpose::CertAndCrl,
        spec,
    }
}

fn first(subject: &impl Subject) -> KeyIdentity {
    let spec = subject.specs().first().copied();
    identity(0, spec.expect("a driver generates something"))
}

fn fitting(spec: KeySpec) -> impl Iterator<Item = SignatureScheme> {
    let kind = spec.kind().expect("a spec under test has a public key");
    SignatureScheme::ALL.into_iter().filter(move |s| s.fits(kind))
}

fn any_scheme(spec: KeySpec) -> SignatureScheme {
    fitting(spec).next().expect("a scheme fits every kind")
}

fn generate(driver: &dyn KeyDriver, key: &KeyIdentity) -> PublicKey {
    let spki = driver.generate(key).expect("generates");
    PublicKey::parse(spki.as_bytes()).expect("a public key parses")
}

fn sign(
    driver: &dyn KeyDriver,
    key: &KeyIdentity,
    scheme: SignatureScheme,
    message: &[u8],
) -> Result<Signature, DriverError> {
    driver.sign(key, scheme, Approved::admitted(message))
}
