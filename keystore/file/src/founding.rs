//! The keys of a new ring, between being drawn and being written.

use std::path::PathBuf;

use keystore::{DriverError, Founding, KeyIdentity, NewFactor, Opened, UnlockError};
use secret_memory::Secret;
use signer_proto::{Digest, HouseKey};
use x509::SpkiDer;
use zeroize::Zeroizing;

use crate::cipher::random_secret;
use crate::disk;
use crate::house::{corrupt, select};
use crate::key_pair::KeyPair;
use crate::keyring::{KEYS, Keyring};
use crate::new_lock::NewLock;
use crate::unlock_file::UNLOCK;
use crate::vault::open_keys;

/// What [`crate::FileVault`] drew; nothing of it is on disk.
pub(crate) struct FileFounding {
    ring: PathBuf,
    lock: NewLock,
    data_key: Secret,
    house: Vec<DrawnKey>,
}

struct DrawnKey {
    key: KeyIdentity,
    spki: Option<SpkiDer>,
    secret: Zeroizing<Vec<u8>>,
}

impl FileFounding {
    /// Stretches the factor and draws the keys.
    pub(crate) fn draw(
        ring: PathBuf,
        factor: &NewFactor,
        house: &[KeyIdentity],
    ) -> Result<Self, UnlockError> {
        let [log, serial, seal] = select(house)?;
        let lock = NewLock::draw(factor)?;
        let house = vec![
            draw_pair(log).map_err(corrupt)?,
            draw_secret(serial).map_err(corrupt)?,
            draw_secret(seal).map_err(corrupt)?,
        ];
        Ok(Self { ring, lock, data_key: random_secret().map_err(corrupt)?, house })
    }
}

fn draw_pair(key: &KeyIdentity) -> Result<DrawnKey, DriverError> {
    let pair = KeyPair::generate(key.spec)?;
    Ok(DrawnKey {
        key: key.clone(),
        spki: Some(pair.spki()?),
        secret: pair.with_pkcs8(|pkcs8| Zeroizing::new(pkcs8.to_vec()))?,
    })
}

fn draw_secret(key: &KeyIdentity) -> Result<DrawnKey, DriverError> {
    Ok(DrawnKey { key: key.clone(), spki: None, secret: Zeroizing::new(random_secret()?.to_vec()) })
}

impl Founding for FileFounding {
    fn house_keys(&self) -> Vec<HouseKey> {
        let named = |drawn: &DrawnKey| HouseKey {
            id: drawn.key.id,
            purpose: drawn.key.purpose,
            spec: drawn.key.spec,
            spki: drawn.spki.clone(),
        };
        self.house.iter().map(named).collect()
    }

    fn bind(self: Box<Self>, genesis: Digest) -> Result<Opened, UnlockError> {
        disk::make_directory(&self.ring, KEYS).map_err(UnlockError::Io)?;
        let Self { ring, lock, data_key, house } = *self;
        let closed = lock.close(genesis, &data_key)?;
        let keyring = Keyring::new(&ring, genesis, data_key);
        for drawn in &house {
            let spki = drawn.spki.as_ref().map_or(&[][..], SpkiDer::as_bytes);
            keyring
                .write(&drawn.key, spki, &drawn.secret)
                .map_err(|error| UnlockError::Io(std::io::Error::other(error)))?;
        }
        closed.write_shares(&ring)?;
        // Last: a ring that has an unlock file has all its house keys.
        disk::write_new(&ring, UNLOCK, &closed.file).map_err(UnlockError::Io)?;
        let house: Vec<KeyIdentity> = house.into_iter().map(|drawn| drawn.key).collect();
        open_keys(keyring, &house)
    }
}
