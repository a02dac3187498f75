//! A subject with the keys that a case made: what the signer would know of them.

use std::sync::Arc;

use signer_proto::{KeyId, KeyLabel, KeySpec, Purpose};
use x509::{PublicKey, Signature, SignatureScheme};

use super::{Skip, Subject};
use crate::{Approved, DriverError, KeyDriver, KeyIdentity, KeyLocation, KnownKey};

/// A subject and its keys.
pub struct Bench {
    pub(super) subject: Box<dyn Subject>,
    pub(super) known: Vec<KnownKey>,
}

impl Bench {
    /// Takes a fresh subject.
    #[must_use]
    pub fn new(subject: Box<dyn Subject>) -> Self {
        Self { subject, known: vec![] }
    }

    /// Names the subject.
    #[must_use]
    pub fn name(&self) -> String {
        self.subject.name()
    }

    pub(super) fn driver(&self) -> Arc<dyn KeyDriver> {
        self.subject.driver()
    }

    /// Starts the driver again, and tells it its keys as the signer does.
    pub(super) fn restart(&mut self) -> Arc<dyn KeyDriver> {
        self.subject.restart();
        self.attach();
        self.driver()
    }

    pub(super) fn attach(&self) {
        self.driver().attach(self.known.clone());
    }

    /// Generates a key of the number, as the signer does.
    pub(super) fn generate(
        &mut self,
        number: u8,
        spec: KeySpec,
    ) -> Result<(KeyIdentity, PublicKey), Skip> {
        self.has(spec)?;
        let key = identity(number, spec);
        let spki = self.driver().generate(&key).expect("generates");
        let public = PublicKey::parse(spki.as_bytes()).expect("a public key parses");
        self.know(&key, &public, None);
        Ok((key, public))
    }

    /// Notes a key, as the journal would.
    pub(super) fn know(
        &mut self,
        key: &KeyIdentity,
        public: &PublicKey,
        location: Option<KeyLocation>,
    ) {
        let public = public.spki().clone();
        self.known.push(KnownKey { identity: key.clone(), public, location });
        self.attach();
    }

    pub(super) fn forget(&mut self, key: &KeyIdentity) {
        self.known.retain(|known| known.identity.id != key.id);
        self.attach();
    }

    pub(super) fn has(&self, spec: KeySpec) -> Result<(), Skip> {
        self.subject.lacks(spec).map_or(Ok(()), |why| Err(Skip(format!("{spec}: {why}"))))
    }

    /// Returns the first algorithm that the subject has, the quick ones first.
    pub(super) fn any_spec(&self) -> KeySpec {
        specs().find(|spec| self.has(*spec).is_ok()).expect("a driver has keys of some algorithm")
    }

    /// Returns a scheme by which the subject signs with such keys.
    pub(super) fn any_scheme(&self, spec: KeySpec) -> SignatureScheme {
        let kind = spec.kind().expect("a spec under test has a public key");
        let mut fitting = SignatureScheme::ALL.into_iter().filter(|scheme| scheme.fits(kind));
        fitting.find(|s| self.subject.lacks_scheme(*s).is_none()).expect("a scheme fits every kind")
    }
}

/// All algorithms with a public key, the quick ones first.
pub(super) fn specs() -> impl Iterator<Item = KeySpec> {
    KeySpec::ALL.iter().copied().filter(|spec| spec.kind().is_some())
}

pub(super) fn identity(number: u8, spec: KeySpec) -> KeyIdentity {
    KeyIdentity {
        id: KeyId([number; 16]),
        label: KeyLabel::new(&format!("key-{number}")).expect("a label"),
        purpose: Purpose::CertAndCrl,
        spec,
    }
}

/// Signs what the signer would have admitted.
pub(super) fn sign(
    driver: &dyn KeyDriver,
    key: &KeyIdentity,
    scheme: SignatureScheme,
    message: &[u8],
) -> Result<Signature, DriverError> {
    driver.sign(key, scheme, Approved::admitted(message))
}

/// Demands that the key is not there, for every verb that names one.
pub(super) fn expect_missing(driver: &dyn KeyDriver, key: &KeyIdentity, scheme: SignatureScheme) {
    let public = driver.public_key(key);
    assert!(matches!(public, Err(DriverError::KeyMissing(_))), "{public:?}");
    let signed = sign(driver, key, scheme, b"abc");
    assert!(matches!(signed, Err(DriverError::KeyMissing(_))), "{signed:?}");
}
