//! What holds for the driver as a whole.

use std::thread;

use signer_proto::{KeyId, KeySpec, Purpose};

use super::bench::{expect_missing, identity, sign, specs};
use super::{Bench, Checked};
use crate::{DriverError, KeyIdentity};

/// House keys are no driver's.
pub(super) fn refuses_specs_without_a_public_key(bench: &mut Bench) -> Checked {
    for spec in [KeySpec::HmacSha256, KeySpec::Aes256] {
        match bench.driver().generate(&identity(0, spec)) {
            Err(DriverError::SpecUnsupported(refused)) => assert_eq!(refused, spec),
            other => panic!("{spec}: {other:?}"),
        }
    }
    Ok(())
}

/// A key that was never generated has no public key and signs nothing.
pub(super) fn refuses_a_key_that_is_not_there(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let scheme = bench.any_scheme(spec);
    expect_missing(&*bench.driver(), &identity(0, spec), scheme);
    bench.generate(1, spec)?;
    expect_missing(&*bench.driver(), &identity(0, spec), scheme);
    // By the label of a key that is there, and another identity: the label decides nothing.
    let named = KeyIdentity { id: KeyId([9; 16]), ..identity(1, spec) };
    expect_missing(&*bench.driver(), &named, scheme);
    Ok(())
}

/// A key is bound to its algorithm, not to its number alone.
pub(super) fn refuses_a_key_under_another_identity(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let (key, _) = bench.generate(0, spec)?;
    let other_spec = specs().find(|other| *other != spec).expect("there are several");
    let dressed = KeyIdentity { spec: other_spec, ..key.clone() };
    for restarted in [false, true] {
        let driver = if restarted { bench.restart() } else { bench.driver() };
        for scheme in [bench.any_scheme(spec), any_scheme_of(other_spec)] {
            let refused = sign(&*driver, &dressed, scheme, b"abc");
            let named = matches!(
                refused,
                Err(DriverError::Corrupt { .. }
                    | DriverError::KeyMissing(_)
                    | DriverError::SchemeMismatch)
            );
            assert!(named, "{refused:?}");
        }
        assert!(driver.public_key(&dressed).is_err());
        driver.public_key(&key).expect("the true identity still works");
    }
    Ok(())
}

fn any_scheme_of(spec: KeySpec) -> x509::SignatureScheme {
    let kind = spec.kind().expect("a spec under test has a public key");
    let mut all = x509::SignatureScheme::ALL.into_iter();
    all.find(|scheme| scheme.fits(kind)).expect("a scheme fits every kind")
}

/// Not even in a ring whose house keys lie beside the driver's.
pub(super) fn refuses_house_keys(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    for purpose in [Purpose::Log, Purpose::Serial, Purpose::Seal] {
        let key = KeyIdentity { purpose, ..identity(0, spec) };
        let made = bench.driver().generate(&key);
        assert!(matches!(made, Err(DriverError::SpecUnsupported(_))), "{made:?}");
        expect_missing(&*bench.driver(), &key, bench.any_scheme(spec));
    }
    Ok(())
}

/// The report has no line that could be a secret, and every line has its three parts.
pub(super) fn is_well_and_reports_no_secret(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    bench.generate(0, spec)?;
    let driver = bench.driver();
    driver.health().expect("it is well");
    for line in driver.report() {
        assert!(!line.subject.is_empty() && !line.name.is_empty(), "{line:?}");
        for word in ["PRIVATE KEY", "password", "secret_access_key"] {
            assert!(!line.value.contains(word), "{line:?}");
        }
    }
    Ok(())
}

/// One key of every algorithm, all of them after two restarts.
pub(super) fn keeps_every_key_over_restarts(bench: &mut Bench) -> Checked {
    let mut made = Vec::new();
    for (number, spec) in (0..).zip(specs()) {
        // The large ones take long, and there are cases of their own for them.
        if bench.has(spec).is_ok() && !matches!(spec, KeySpec::Rsa4096) {
            made.push(bench.generate(number, spec)?);
        }
    }
    for _ in 0..2 {
        let driver = bench.restart();
        for (key, public) in &made {
            assert_eq!(&driver.public_key(key).expect("it is there"), public.spki());
            let scheme = bench.any_scheme(key.spec);
            let signature = sign(&*driver, key, scheme, b"abc").expect("signs");
            assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()), "{}", key.spec);
        }
    }
    Ok(())
}

/// Two generations of one identity at a time: one key, one error.
pub(super) fn generates_one_of_two_at_once(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let (driver, key) = (bench.driver(), identity(0, spec));
    let both = thread::scope(|scope| {
        [(); 2].map(|()| scope.spawn(|| driver.generate(&key))).map(|one| one.join())
    });
    let both = both.map(|one| one.expect("no panic"));
    let made: Vec<_> = both.iter().filter_map(|one| one.as_ref().ok()).collect();
    let refused = both.iter().filter(|one| matches!(one, Err(DriverError::KeyExists(_)))).count();
    assert_eq!((made.len(), refused), (1, 1), "{both:?}");
    assert_eq!(&driver.public_key(&key).expect("it is there"), made[0]);
    Ok(())
}
