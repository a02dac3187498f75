//! A driver under identities of one case: on a device that is in use the suite touches no key that is
//! there, and leaves none.

use std::sync::{Arc, Mutex, PoisonError};

use keystore::{
    Adopt, AdoptSource, Adopted, Approved, Destroy, DriverError, KeyDriver, KeyIdentity, KnownKey,
    ReportLine, Unwrap,
};
use signer_proto::KeyId;
use x509::{Signature, SignatureScheme, SpkiDer};
use zeroize::Zeroizing;

/// Translates identities, and destroys at its end what was made.
pub(crate) struct Remapped {
    driver: Arc<dyn KeyDriver>,
    salt: [u8; 16],
    made: Mutex<Vec<KeyIdentity>>,
}

impl Remapped {
    pub(crate) fn new(driver: Arc<dyn KeyDriver>) -> Self {
        let salt = uuid::Uuid::new_v4().into_bytes();
        Self { driver, salt, made: Mutex::default() }
    }

    /// Goes on over another driver.
    pub(crate) fn over(&self, driver: Arc<dyn KeyDriver>) -> Self {
        let made = core::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        Self { driver, salt: self.salt, made: Mutex::new(made) }
    }

    fn here(&self, key: &KeyIdentity) -> KeyIdentity {
        let digest = x509::sha256(&[self.salt, key.id.0].concat());
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        KeyIdentity { id: KeyId(id), ..key.clone() }
    }

    /// Errors name the key that was asked for.
    fn there<T>(result: Result<T, DriverError>, key: &KeyIdentity) -> Result<T, DriverError> {
        result.map_err(|error| match error {
            DriverError::KeyMissing(_) => DriverError::KeyMissing(key.id.to_string()),
            DriverError::KeyExists(_) => DriverError::KeyExists(key.id.to_string()),
            other => other,
        })
    }
}

impl KeyDriver for Remapped {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        Self::there(self.driver.public_key(&self.here(key)), key)
    }

    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        Self::there(self.driver.sign(&self.here(key), scheme, message), key)
    }

    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        let here = self.here(key);
        let made = self.driver.generate(&here);
        if made.is_ok() {
            self.made.lock().unwrap_or_else(PoisonError::into_inner).push(here);
        }
        Self::there(made, key)
    }

    fn wants_intent(&self) -> bool {
        self.driver.wants_intent()
    }

    fn attach(&self, keys: Vec<KnownKey>) {
        let known = keys.into_iter();
        let known = known.map(|key| KnownKey { identity: self.here(&key.identity), ..key });
        self.driver.attach(known.collect());
    }

    fn health(&self) -> Result<(), DriverError> {
        self.driver.health()
    }

    fn report(&self) -> Vec<ReportLine> {
        self.driver.report()
    }

    fn adopter(&self) -> Option<&dyn Adopt> {
        self.driver.adopter().map(|_| self as &dyn Adopt)
    }

    fn unwrapper(&self) -> Option<&dyn Unwrap> {
        self.driver.unwrapper().map(|_| self as &dyn Unwrap)
    }

    fn destroyer(&self) -> Option<&dyn Destroy> {
        self.driver.destroyer().map(|_| self as &dyn Destroy)
    }
}

impl Adopt for Remapped {
    fn adopt(
        &self,
        key: &KeyIdentity,
        source: AdoptSource<'_>,
        pinned: &SpkiDer,
    ) -> Result<Adopted, DriverError> {
        match self.driver.adopter() {
            Some(adopter) => Self::there(adopter.adopt(&self.here(key), source, pinned), key),
            None => Err(DriverError::ImportRefused("the driver adopts no keys".to_owned())),
        }
    }
}

impl Unwrap for Remapped {
    fn unwrap(
        &self,
        key: &KeyIdentity,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DriverError> {
        match self.driver.unwrapper() {
            Some(unwrapper) => Self::there(unwrapper.unwrap(&self.here(key), ciphertext), key),
            None => Err(DriverError::SchemeMismatch),
        }
    }
}

impl Destroy for Remapped {
    fn destroy(&self, key: &KeyIdentity) -> Result<(), DriverError> {
        match self.driver.destroyer() {
            Some(destroyer) => destroyer.destroy(&self.here(key)),
            None => Ok(()),
        }
    }
}

impl Drop for Remapped {
    fn drop(&mut self) {
        let made = core::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(destroyer) = self.driver.destroyer() else { return };
        for key in made {
            if let Err(error) = destroyer.destroy(&key) {
                eprintln!("conformance: the key {} is left in the device: {error}", key.id);
            }
        }
    }
}
