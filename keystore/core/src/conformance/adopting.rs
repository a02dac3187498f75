//! Keys that the driver did not make.

use signer_proto::KeySpec;
use x509::PublicKey;

use super::bench::{expect_missing, identity, sign};
use super::{Bench, Checked, Foreign, ForeignSource, Skip};
use crate::{Adopted, DriverError, KeyDriver, KeyIdentity, KeyLocation};

fn foreign(bench: &mut Bench, spec: KeySpec) -> Result<Foreign, Skip> {
    bench.subject.foreign(spec).map_err(Skip)
}

fn adopt(
    driver: &dyn KeyDriver,
    key: &KeyIdentity,
    foreign: &Foreign,
) -> Result<Result<Adopted, DriverError>, Skip> {
    let adopter = driver.adopter().ok_or_else(|| Skip("it adopts no keys".to_owned()))?;
    Ok(adopter.adopt(key, foreign.source.as_source(), &foreign.public))
}

/// Adopts a key under number 0, as the signer does.
fn adopted(bench: &mut Bench) -> Result<(KeyIdentity, PublicKey), Skip> {
    let spec = bench.any_spec();
    let foreign = foreign(bench, spec)?;
    let key = identity(0, spec);
    let found = adopt(&*bench.driver(), &key, &foreign)?.expect("adopts");
    assert_eq!(found, Adopted { spec, could_have_left: foreign.could_have_left });
    let public = PublicKey::parse(foreign.public.as_bytes()).expect("a public key parses");
    bench.know(&key, &public, foreign.source.location());
    Ok((key, public))
}

/// It signs by the key's own scheme, and says truly whether a copy may exist.
pub(super) fn adopts_a_key_made_elsewhere(bench: &mut Bench) -> Checked {
    let (key, public) = adopted(bench)?;
    assert_eq!(&bench.driver().public_key(&key).expect("it is there"), public.spki());
    let scheme = bench.any_scheme(key.spec);
    let signature = sign(&*bench.driver(), &key, scheme, b"abc").expect("signs");
    assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()));
    Ok(())
}

/// The public key that the operators approved decides.
pub(super) fn adopts_no_key_with_another_public_key(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let mut wrong = foreign(bench, spec)?;
    wrong.public = foreign(bench, spec)?.public;
    let key = identity(0, spec);
    let refused = adopt(&*bench.driver(), &key, &wrong)?;
    assert!(matches!(refused, Err(DriverError::PublicKeyDiffers { .. })), "{refused:?}");
    expect_missing(&*bench.driver(), &key, bench.any_scheme(spec));
    Ok(())
}

/// Nor over a key that was generated.
pub(super) fn adopts_no_key_twice(bench: &mut Bench) -> Checked {
    let (key, public) = adopted(bench)?;
    let other = foreign(bench, key.spec)?;
    let refused = adopt(&*bench.driver(), &key, &other)?;
    assert!(matches!(refused, Err(DriverError::KeyExists(_))), "{refused:?}");
    assert_eq!(&bench.driver().public_key(&key).expect("it is there"), public.spki());
    Ok(())
}

/// A place where no key is, one that names nothing, and octets that are no file.
pub(super) fn adopts_nothing_from_nowhere(bench: &mut Bench) -> Checked {
    let spec = bench.any_spec();
    let true_one = foreign(bench, spec)?;
    let nowhere = |text| KeyLocation::new(text).map(ForeignSource::Location);
    let no_file = ForeignSource::Pkcs8(vec![0x30, 0x00], b"passphrase".to_vec().into());
    let places = [nowhere("nowhere:"), nowhere("pkcs11:"), nowhere("arn:"), Some(no_file)];
    for source in places.into_iter().flatten() {
        let wrong = Foreign { source, ..copy_of(&true_one) };
        let key = identity(0, spec);
        let refused = adopt(&*bench.driver(), &key, &wrong)?;
        let named = matches!(
            refused,
            Err(DriverError::LocationUnusable { .. } | DriverError::ImportRefused(_))
        );
        assert!(named, "{refused:?}");
        expect_missing(&*bench.driver(), &key, bench.any_scheme(spec));
    }
    Ok(())
}

fn copy_of(foreign: &Foreign) -> Foreign {
    Foreign {
        source: ForeignSource::Pkcs8(vec![], vec![].into()),
        public: foreign.public.clone(),
        could_have_left: foreign.could_have_left,
    }
}

/// The place that was adopted is told to the driver again, and nothing else.
pub(super) fn signs_with_an_adopted_key_after_a_restart(bench: &mut Bench) -> Checked {
    let (key, public) = adopted(bench)?;
    let driver = bench.restart();
    let scheme = bench.any_scheme(key.spec);
    let signature = sign(&*driver, &key, scheme, b"abc").expect("signs");
    assert_eq!(public.verify(scheme, b"abc", &signature), Ok(()));
    Ok(())
}
