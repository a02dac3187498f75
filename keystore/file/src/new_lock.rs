//! What closes a ring's data key: drawn once, for a new ring or a rotation.

use std::path::Path;

use keystore::{Custodian, NewFactor, Share, UnlockError, UnlockFactor};
use secret_memory::Secret;
use signer_proto::Digest;
use zeroize::Zeroizing;

use crate::age;
use crate::cipher::{Cipher, SECRET, no_room, random, random_secret};
use crate::disk;
use crate::factor::{SALT, Stretch};
use crate::house::corrupt;
use crate::recipient::Recipient;
use crate::shamir;
use crate::share::{SHARES, Set};
use crate::share_file;
use crate::share_text;
use crate::unlock_file::{self, Header};

/// A lock that was drawn; nothing of it is on disk.
pub(crate) struct NewLock {
    stretch: Stretch,
    salt: [u8; SALT],
    unlock: Cipher,
    shares: Vec<(Holder, Share)>,
}

/// Who gets a share, checked.
enum Holder {
    Age(Recipient),
    Passphrase(Zeroizing<Vec<u8>>),
}

/// A data key that is closed, as files.
pub(crate) struct ClosedFiles {
    /// The unlock file.
    pub(crate) file: Vec<u8>,
    /// Which set of shares this is, if there are any.
    pub(crate) set: Set,
    /// Names and contents of the shares' files.
    shares: Vec<(String, Vec<u8>)>,
}

impl NewLock {
    /// Makes the unlock key of a factor, or draws one and splits it.
    ///
    /// # Errors
    /// [`UnlockError::FactorUnusable`].
    pub(crate) fn draw(factor: &NewFactor) -> Result<Self, UnlockError> {
        let stretch = Stretch::for_new(factor)?;
        let salt = random().map_err(corrupt)?;
        let derive = |factor| stretch.unlock_key(&factor, &salt);
        let (key, shares) = match factor {
            NewFactor::Passphrase(text) => {
                (derive(UnlockFactor::Passphrase(text.clone()))?, Vec::new())
            }
            NewFactor::Credential(secret) => {
                (derive(UnlockFactor::Credential(secret.clone()))?, Vec::new())
            }
            NewFactor::Shares { threshold, custodians } => {
                let holders = custodians.iter().map(holder).collect::<Result<Vec<_>, _>>()?;
                let key = random_secret().map_err(corrupt)?;
                let shares = split(&key, *threshold, holders)?;
                (key, shares)
            }
        };
        Ok(Self { stretch, salt, unlock: Cipher::new(&key).map_err(corrupt)?, shares })
    }

    /// Closes the data key of the ring with this genesis.
    pub(crate) fn close(
        &self,
        genesis: Digest,
        data_key: &[u8],
    ) -> Result<ClosedFiles, UnlockError> {
        let set = Set { genesis, salt: self.salt };
        let header = Header {
            stretch: self.stretch,
            salt: self.salt,
            genesis,
            commitments: self.shares.iter().map(|(_, share)| set.commit(share)).collect(),
        };
        let nonce = random().map_err(corrupt)?;
        let file = unlock_file::seal(&self.unlock, &header, data_key, nonce)?;
        let shares = self.shares.iter().map(|(holder, share)| encrypt(holder, share, &set));
        Ok(ClosedFiles { file, set, shares: shares.collect::<Result<_, _>>()? })
    }
}

impl ClosedFiles {
    /// Writes the shares, durable before this returns; the unlock file is the caller's to write,
    /// afterwards.
    ///
    /// # Errors
    /// [`UnlockError::Io`].
    pub(crate) fn write_shares(&self, ring: &Path) -> Result<(), UnlockError> {
        if self.shares.is_empty() {
            return Ok(());
        }
        disk::make_directory(ring, SHARES).map_err(UnlockError::Io)?;
        let sets = ring.join(SHARES);
        let folder = self.set.folder();
        disk::make_directory(&sets, &folder).map_err(UnlockError::Io)?;
        for (name, content) in &self.shares {
            disk::write_new(&sets.join(&folder), name, content).map_err(UnlockError::Io)?;
        }
        Ok(())
    }
}

fn holder(custodian: &Custodian) -> Result<Holder, UnlockError> {
    match custodian {
        Custodian::Age(text) => {
            Recipient::parse(text).map(Holder::Age).map_err(UnlockError::FactorUnusable)
        }
        // As long as one that opens a ring alone: whoever has the ring's directory can try each.
        Custodian::Passphrase(text) => Stretch::for_new(&NewFactor::Passphrase(text.clone()))
            .map(|_| Holder::Passphrase(text.clone())),
    }
}

/// Splits the key among its holders; share 1 is the first one's.
fn split(
    key: &[u8],
    threshold: u8,
    holders: Vec<Holder>,
) -> Result<Vec<(Holder, Share)>, UnlockError> {
    let coefficients =
        (1..threshold).map(|_| random_secret().map_err(corrupt)).collect::<Result<Vec<_>, _>>()?;
    let numbered = (1..=u8::MAX).zip(holders);
    let share = |(index, holder)| {
        let mut secret = Secret::zeroed(SECRET).map_err(no_room).map_err(corrupt)?;
        shamir::share_at(index, key, coefficients.iter().map(|octets| &**octets), &mut secret);
        Ok((holder, Share { index, secret }))
    };
    numbered.map(share).collect()
}

/// Returns the name and the content of a share's file.
fn encrypt(holder: &Holder, share: &Share, set: &Set) -> Result<(String, Vec<u8>), UnlockError> {
    match holder {
        Holder::Age(recipient) => {
            let mut text = share_text::write(share, set.genesis, &set.salt);
            text.push(b'\n');
            let file = age::encrypt(recipient, &text).map_err(corrupt)?;
            Ok((format!("{}.age", share.index), file))
        }
        Holder::Passphrase(passphrase) => {
            let drawn = share_file::Drawn {
                salt: random().map_err(corrupt)?,
                nonce: random().map_err(corrupt)?,
            };
            let file = share_file::seal(share, set, passphrase, &drawn)?;
            Ok((share_file::name(share.index), file))
        }
    }
}
