//! The driver over key files.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use keystore::{
    Adopt, AdoptSource, Adopted, Approved, Destroy, DriverError, KeyDriver, KeyIdentity,
};
use signer_proto::{KeyId, KeySpec, Purpose};
use x509::{Signature, SignatureScheme, SpkiDer};

use crate::key_pair::KeyPair;
use crate::keyring::{Keyring, check_kind};
use crate::pkcs8;

/// Signs with keys of the ring's own files. A key is read at its first use and then stays in
/// memory; signing holds no lock.
pub struct FileDriver {
    keyring: Arc<Keyring>,
    loaded: RwLock<HashMap<KeyId, Arc<LoadedKey>>>,
    /// Held from the check that a key is not there to its file being durable.
    generating: Mutex<()>,
}

struct LoadedKey {
    spec: KeySpec,
    purpose: Purpose,
    spki: SpkiDer,
    pair: KeyPair,
}

impl FileDriver {
    /// Serves the keys of an unlocked ring.
    pub(crate) fn new(keyring: Arc<Keyring>) -> Self {
        Self { keyring, loaded: RwLock::default(), generating: Mutex::default() }
    }

    fn key(&self, key: &KeyIdentity) -> Result<Arc<LoadedKey>, DriverError> {
        // The house keys have files too, but they are not this driver's.
        if key.purpose.is_house() {
            return Err(DriverError::KeyMissing(key.id.to_string()));
        }
        let cached = {
            let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
            loaded.get(&key.id).cloned()
        };
        let loaded = match cached {
            Some(loaded) => loaded,
            None => self.load(key)?,
        };
        if (loaded.spec, loaded.purpose) == (key.spec, key.purpose) {
            Ok(loaded)
        } else {
            Err(DriverError::Corrupt {
                key: key.id.to_string(),
                why: "the key has another purpose or algorithm",
            })
        }
    }

    fn load(&self, key: &KeyIdentity) -> Result<Arc<LoadedKey>, DriverError> {
        let (spki, pair) = self.keyring.read_pair(key)?;
        Ok(self.keep(key, spki, pair))
    }

    /// Makes a key whose file is not there, durable before this returns.
    fn add(
        &self,
        key: &KeyIdentity,
        make: impl FnOnce() -> Result<KeyPair, DriverError>,
    ) -> Result<SpkiDer, DriverError> {
        if key.purpose.is_house() || key.spec.kind().is_none() {
            return Err(DriverError::SpecUnsupported(key.spec));
        }
        let _generating = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        if self.keyring.has(key)? {
            return Err(DriverError::KeyExists(key.id.to_string()));
        }
        let pair = make()?;
        let spki = pair.spki()?;
        pair.with_pkcs8(|pkcs8| self.keyring.write(key, spki.as_bytes(), pkcs8))??;
        self.keep(key, spki.clone(), pair);
        Ok(spki)
    }

    fn keep(&self, key: &KeyIdentity, spki: SpkiDer, pair: KeyPair) -> Arc<LoadedKey> {
        let fresh = Arc::new(LoadedKey { spec: key.spec, purpose: key.purpose, spki, pair });
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.entry(key.id).or_insert(fresh).clone()
    }
}

impl KeyDriver for FileDriver {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.key(key).map(|loaded| loaded.spki.clone())
    }

    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        key.check_scheme(scheme)?;
        self.key(key)?.pair.sign(scheme, message.as_bytes())
    }

    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.add(key, || {
            let pair = KeyPair::generate(key.spec)?;
            check_kind(key.spec, &pair.spki()?).map_err(DriverError::Crypto)?;
            Ok(pair)
        })
    }

    fn health(&self) -> Result<(), DriverError> {
        self.keyring.health()
    }

    fn adopter(&self) -> Option<&dyn Adopt> {
        Some(self)
    }

    fn destroyer(&self) -> Option<&dyn Destroy> {
        Some(self)
    }
}

impl Adopt for FileDriver {
    fn adopt(
        &self,
        key: &KeyIdentity,
        source: AdoptSource<'_>,
        pinned: &SpkiDer,
    ) -> Result<Adopted, DriverError> {
        let refused = DriverError::ImportRefused;
        let AdoptSource::Pkcs8 { encrypted, passphrase } = source else {
            let why = "the keys of this ring are files: it takes them as files";
            return Err(refused(why.to_owned()));
        };
        self.add(key, || {
            let pkcs8 = pkcs8::open(encrypted, passphrase)?;
            let Some(pair) = KeyPair::from_pkcs8(key.spec, &pkcs8) else {
                let why = "the passphrase does not open it, or what is in it is no key for";
                return Err(refused(format!("{why} {}", key.spec)));
            };
            if pair.spki()? != *pinned {
                return Err(DriverError::PublicKeyDiffers { location: "the file".to_owned() });
            }
            Ok(pair)
        })?;
        Ok(Adopted { spec: key.spec, could_have_left: true })
    }
}

impl Destroy for FileDriver {
    fn destroy(&self, key: &KeyIdentity) -> Result<(), DriverError> {
        if key.purpose.is_house() {
            return Err(DriverError::KeyMissing(key.id.to_string()));
        }
        let _generating = self.generating.lock().unwrap_or_else(PoisonError::into_inner);
        // The library wipes the pair when the last signature that uses it is made.
        self.loaded.write().unwrap_or_else(PoisonError::into_inner).remove(&key.id);
        self.keyring.wipe(key)
    }
}
