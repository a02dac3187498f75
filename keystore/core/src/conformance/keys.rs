//! What holds for every kind of key.

use signer_proto::KeySpec;
use x509::SignatureScheme;

use super::bench::{expect_missing, sign};
use super::{Bench, Checked, Skip};
use crate::{DriverError, KeyDriver};

/// The public key is of the kind that was asked for, strong, and verifies what the key signs by
/// every scheme that fits.
pub(super) fn generates_it_as_it_was_asked(bench: &mut Bench, spec: KeySpec) -> Checked {
    let (key, public) = bench.generate(0, spec)?;
    assert_eq!(Some(public.kind()), spec.kind(), "{spec}");
    assert_eq!(public.check_strength(), Ok(()), "{spec}");
    let fitting = SignatureScheme::ALL.into_iter().filter(|scheme| scheme.fits(public.kind()));
    let mut signed = 0;
    for scheme in fitting.filter(|scheme| bench.subject.lacks_scheme(*scheme).is_none()) {
        let signature = sign(&*bench.driver(), &key, scheme, b"abc").expect("the scheme fits");
        assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()), "{scheme}");
        assert!(public.verify(scheme, b"abd", &signature).is_err(), "{scheme}");
        signed += 1;
    }
    assert!(signed > 0, "{spec} signs by no scheme");
    Ok(())
}

/// Asked twice, and after a restart.
pub(super) fn gives_the_same_public_key_again(bench: &mut Bench, spec: KeySpec) -> Checked {
    let (key, public) = bench.generate(0, spec)?;
    for _ in 0..2 {
        assert_eq!(&bench.driver().public_key(&key).expect("it is there"), public.spki());
    }
    let driver = bench.restart();
    assert_eq!(&driver.public_key(&key).expect("it is there"), public.spki());
    Ok(())
}

/// The second generation is refused and leaves the first key as it was.
pub(super) fn refuses_to_generate_it_twice(bench: &mut Bench, spec: KeySpec) -> Checked {
    let (key, public) = bench.generate(0, spec)?;
    for restarted in [false, true] {
        let driver = if restarted { bench.restart() } else { bench.driver() };
        let again = driver.generate(&key);
        assert!(matches!(again, Err(DriverError::KeyExists(_))), "{again:?}");
        assert_eq!(&driver.public_key(&key).expect("it is there"), public.spki());
    }
    Ok(())
}

/// Every scheme of another kind of key, and those that are only verified.
pub(super) fn refuses_schemes_that_do_not_fit(bench: &mut Bench, spec: KeySpec) -> Checked {
    let (key, public) = bench.generate(0, spec)?;
    for scheme in SignatureScheme::ALL.into_iter().filter(|scheme| !scheme.fits(public.kind())) {
        let refused = sign(&*bench.driver(), &key, scheme, b"abc");
        assert!(matches!(refused, Err(DriverError::SchemeMismatch)), "{scheme}: {refused:?}");
    }
    Ok(())
}

/// Gone for good; destroying it once more is no error.
pub(super) fn destroys_it(bench: &mut Bench, spec: KeySpec) -> Checked {
    let (key, _) = bench.generate(0, spec)?;
    let scheme = bench.any_scheme(spec);
    destroy(&*bench.driver(), &key)?;
    bench.forget(&key);
    expect_missing(&*bench.driver(), &key, scheme);
    destroy(&*bench.driver(), &key)?;
    let driver = bench.restart();
    expect_missing(&*driver, &key, scheme);
    Ok(())
}

/// Another key of the same kind goes on.
pub(super) fn destroys_nothing_else(bench: &mut Bench, spec: KeySpec) -> Checked {
    let (gone, _) = bench.generate(0, spec)?;
    let (kept, public) = bench.generate(1, spec)?;
    let scheme = bench.any_scheme(spec);
    destroy(&*bench.driver(), &gone)?;
    bench.forget(&gone);
    for restarted in [false, true] {
        let driver = if restarted { bench.restart() } else { bench.driver() };
        let signature = sign(&*driver, &kept, scheme, b"abc").expect("the other key signs");
        assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()));
    }
    Ok(())
}

fn destroy(driver: &dyn KeyDriver, key: &crate::KeyIdentity) -> Checked {
    let Some(destroyer) = driver.destroyer() else {
        return Err(Skip("it destroys no keys".to_owned()));
    };
    destroyer.destroy(key).expect("destroys");
    Ok(())
}
