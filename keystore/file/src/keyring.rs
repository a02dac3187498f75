//! The key files of an unlocked ring.

use std::io;
use std::path::{Path, PathBuf};

use keystore::{DriverError, KeyIdentity};
use secret_memory::Secret;
use signer_proto::{Digest, KeySpec};
use x509::{PublicKey, SpkiDer};

use crate::cipher::{Cipher, random};
use crate::disk;
use crate::key_file::{self, Content};
use crate::key_pair::KeyPair;

/// The folder of the key files inside the ring's.
pub(crate) const KEYS: &str = "keys";

/// Reads and writes key files under the data key. A key schedule contains the key: it is made for
/// each file and wiped again, so that only secret memory keeps the data key.
pub(crate) struct Keyring {
    directory: PathBuf,
    genesis: Digest,
    data_key: Secret,
}

impl Keyring {
    /// Binds the data key to a ring's directory and genesis.
    pub(crate) fn new(ring: &Path, genesis: Digest, data_key: Secret) -> Self {
        Self { directory: ring.join(KEYS), genesis, data_key }
    }

    fn cipher(&self) -> Result<Cipher, DriverError> {
        Cipher::new(&self.data_key)
    }

    /// Reads what a key's file holds.
    ///
    /// # Errors
    /// [`DriverError::KeyMissing`], [`DriverError::Corrupt`], [`DriverError::Unavailable`].
    pub(crate) fn read(&self, key: &KeyIdentity) -> Result<Content, DriverError> {
        let file =
            disk::read(&self.directory.join(name(key))).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => DriverError::KeyMissing(key.id.to_string()),
                io::ErrorKind::InvalidData => DriverError::Corrupt {
                    key: key.id.to_string(),
                    why: "it is too large or a link",
                },
                _ => DriverError::Unavailable(format!("key file {}: {error}", key.id)),
            })?;
        key_file::open(&self.cipher()?, self.genesis, key, &file)
    }

    /// Reads a key pair and holds the public key that it derives against the one in the file.
    ///
    /// # Errors
    /// As [`Keyring::read`].
    pub(crate) fn read_pair(&self, key: &KeyIdentity) -> Result<(SpkiDer, KeyPair), DriverError> {
        let corrupt = |why| DriverError::Corrupt { key: key.id.to_string(), why };
        let content = self.read(key)?;
        let pair = KeyPair::from_pkcs8(key.spec, &content.secret)
            .ok_or_else(|| corrupt("the private key does not parse"))?;
        let spki = pair.spki()?;
        if spki.as_bytes() != content.spki {
            return Err(corrupt("the public key is not that of the private key"));
        }
        check_kind(key.spec, &spki).map_err(corrupt)?;
        Ok((spki, pair))
    }

    /// Writes the file of a new key, durable before this returns.
    ///
    /// # Errors
    /// [`DriverError::KeyExists`], [`DriverError::Unavailable`].
    pub(crate) fn write(
        &self,
        key: &KeyIdentity,
        spki: &[u8],
        secret: &[u8],
    ) -> Result<(), DriverError> {
        let nonce = random()?;
        let file = key_file::seal(&self.cipher()?, self.genesis, key, spki, secret, nonce)?;
        disk::write_new(&self.directory, &name(key), &file).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => DriverError::KeyExists(key.id.to_string()),
            _ => DriverError::Unavailable(format!("key file {}: {error}", key.id)),
        })
    }

    /// Wipes a key's file, durable before this returns; one that is not there is wiped already.
    ///
    /// # Errors
    /// [`DriverError::Unavailable`].
    pub(crate) fn wipe(&self, key: &KeyIdentity) -> Result<(), DriverError> {
        disk::wipe(&self.directory, &name(key))
            .map_err(|error| DriverError::Unavailable(format!("key file {}: {error}", key.id)))
    }

    /// Returns whether a key's file is there.
    pub(crate) fn has(&self, key: &KeyIdentity) -> Result<bool, DriverError> {
        let path = self.directory.join(name(key));
        path.try_exists()
            .map_err(|error| DriverError::Unavailable(format!("key file {}: {error}", key.id)))
    }

    /// Says whether the folder can be reached.
    pub(crate) fn health(&self) -> Result<(), DriverError> {
        match self.directory.metadata() {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(DriverError::Unavailable("keys is no folder".to_owned())),
            Err(error) => Err(DriverError::Unavailable(format!("keys: {error}"))),
        }
    }
}

/// Checks that an encoded public key is one of the spec's kind.
pub(crate) fn check_kind(spec: KeySpec, spki: &SpkiDer) -> Result<(), &'static str> {
    match PublicKey::parse(spki.as_bytes()) {
        Ok(key) if Some(key.kind()) == spec.kind() => Ok(()),
        Ok(_) => Err("the public key is of another kind"),
        Err(_) => Err("the public key does not parse"),
    }
}

fn name(key: &KeyIdentity) -> String {
    format!("{}.key", key.id)
}
