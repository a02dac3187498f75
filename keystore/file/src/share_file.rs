//! The format of a share under a passphrase; `docs/wire/key-file.md` is its specification.
//!
//! ```text
//! "CHSHR1\0" | version 1 | Argon2id m, t, p (4, 4, 4) | salt (32) | genesis (32) | set (32)
//!            | number (1) | nonce (12) | AES-256-GCM(share) (32) | tag (16)
//!            | SHA-256 of all before (32)
//! ```

use std::io;
use std::path::Path;

use keystore::{Share, UnlockError};
use secret_memory::Secret;
use signer_proto::{Digest, Reader, Wire as _, Writer};
use x509::sha256;

use crate::cipher::{Cipher, NONCE, SECRET, TAG, no_room};
use crate::disk;
use crate::factor::{SALT, Stretch, argon2id};
use crate::house::corrupt;
use crate::share::Set;

/// Seven octets and the version.
const MAGIC: [u8; 8] = *b"CHSHR1\0\x01";
/// Octets of the checksum.
const CHECKSUM: usize = 32;

/// What is drawn for one file.
pub(crate) struct Drawn {
    pub(crate) salt: [u8; SALT],
    pub(crate) nonce: [u8; NONCE],
}

/// Names the file inside the set's folder.
pub(crate) fn name(index: u8) -> String {
    format!("{index}.pass")
}

/// Encrypts a share under a passphrase.
pub(crate) fn seal(
    share: &Share,
    set: &Set,
    passphrase: &[u8],
    drawn: &Drawn,
) -> Result<Vec<u8>, UnlockError> {
    let Stretch::Argon2id { memory, passes, lanes } = Stretch::PASSPHRASE else {
        return Err(UnlockError::FactorUnusable("passphrases are stretched with Argon2id"));
    };
    let mut w = Writer::new();
    w.raw(&MAGIC);
    for number in [memory, passes, lanes] {
        number.put(&mut w);
    }
    w.raw(&drawn.salt);
    set.genesis.put(&mut w);
    w.raw(&set.salt);
    share.index.put(&mut w);
    let mut file = w.into_vec();
    let cipher = cipher((memory, passes, lanes), passphrase, &drawn.salt)?;
    let sealed = cipher.seal(drawn.nonce, &file, &share.secret).map_err(corrupt)?;
    file.extend_from_slice(&drawn.nonce);
    file.extend_from_slice(&sealed);
    let checksum = sha256(&file);
    file.extend_from_slice(&checksum);
    Ok(file)
}

/// Reads the file of a share that lies with the ring.
///
/// # Errors
/// [`UnlockError::WrongShare`] where there is none of this number, [`UnlockError::Io`].
pub(crate) fn read(folder: &Path, index: u8) -> Result<Vec<u8>, UnlockError> {
    disk::read(&folder.join(name(index))).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            UnlockError::WrongShare("no share of this number has a passphrase")
        }
        _ => UnlockError::Io(error),
    })
}

/// Opens a share of this set.
///
/// # Errors
/// [`UnlockError::Corrupt`] for a file that is damaged or another share's;
/// [`UnlockError::WrongShare`] for a wrong passphrase.
pub(crate) fn open(
    file: &[u8],
    set: &Set,
    index: u8,
    passphrase: &[u8],
) -> Result<Share, UnlockError> {
    let damaged = || UnlockError::Corrupt(format!("the file of share {index} is damaged"));
    let (body, checksum) = file.split_last_chunk::<CHECKSUM>().ok_or_else(damaged)?;
    let sealed_at = body.len().checked_sub(NONCE + SECRET + TAG).ok_or_else(damaged)?;
    let (associated, rest) = body.split_at_checked(sealed_at).ok_or_else(damaged)?;
    let (nonce, sealed) = rest.split_first_chunk::<NONCE>().ok_or_else(damaged)?;
    let header = Header::take(associated).ok_or_else(damaged)?;
    if sha256(body) != *checksum {
        return Err(damaged());
    }
    if (header.genesis, header.set, header.index) != (set.genesis, set.salt, index) {
        return Err(UnlockError::Corrupt(format!("the file of share {index} is another share's")));
    }
    let cipher = cipher(header.numbers, passphrase, &header.salt)?;
    match cipher.open(*nonce, associated, sealed) {
        Some(secret) => {
            let secret = Secret::copy_of(&secret).map_err(no_room).map_err(corrupt)?;
            Ok(Share { index, secret })
        }
        None => Err(UnlockError::WrongShare("its passphrase is another one")),
    }
}

struct Header {
    numbers: (u32, u32, u32),
    salt: [u8; SALT],
    genesis: Digest,
    set: [u8; SALT],
    index: u8,
}

impl Header {
    fn take(octets: &[u8]) -> Option<Self> {
        let mut r = Reader::new(octets);
        if r.array().ok()? != MAGIC {
            return None;
        }
        let numbers = (u32::take(&mut r).ok()?, u32::take(&mut r).ok()?, u32::take(&mut r).ok()?);
        // The bounds of the unlock file keep a damaged file from asking for all memory.
        let (8192..=1_048_576, 1..=64, 1..=16) = numbers else {
            return None;
        };
        let header = Self {
            numbers,
            salt: r.array().ok()?,
            genesis: Digest::take(&mut r).ok()?,
            set: r.array().ok()?,
            index: u8::take(&mut r).ok()?,
        };
        r.finish().ok()?;
        Some(header)
    }
}

fn cipher(
    numbers: (u32, u32, u32),
    passphrase: &[u8],
    salt: &[u8; SALT],
) -> Result<Cipher, UnlockError> {
    let mut key = Secret::zeroed(SECRET).map_err(no_room).map_err(corrupt)?;
    argon2id(numbers, passphrase, salt, &mut key)?;
    Cipher::new(&key).map_err(corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: Set = Set { genesis: Digest([0x9e; 32]), salt: [7; SALT] };
    const PASSPHRASE: &[u8] = b"correct horse";

    fn sample() -> Vec<u8> {
        let secret = Secret::copy_of(&(0..32).collect::<Vec<u8>>()).unwrap();
        let share = Share { index: 3, secret };
        let drawn = Drawn { salt: [8; SALT], nonce: [0x22; NONCE] };
        seal(&share, &SET, PASSPHRASE, &drawn).unwrap()
    }

    #[test]
    fn a_share_opens_with_its_passphrase_alone() {
        let file = sample();
        let share = open(&file, &SET, 3, PASSPHRASE).unwrap();
        assert_eq!((share.index, share.secret.to_vec()), (3, (0..32).collect()));
        match open(&file, &SET, 3, b"correct horsf") {
            Err(UnlockError::WrongShare(why)) => assert_eq!(why, "its passphrase is another one"),
            _ => panic!("opened"),
        }
    }

    #[test]
    fn a_file_of_another_share_set_or_ring_is_told() {
        let file = sample();
        for (set, index) in [
            (SET, 4),
            (Set { salt: [6; SALT], ..SET }, 3),
            (Set { genesis: Digest([1; 32]), ..SET }, 3),
        ] {
            match open(&file, &set, index, PASSPHRASE) {
                Err(UnlockError::Corrupt(why)) => assert!(why.contains("another share's"), "{why}"),
                _ => panic!("opened"),
            }
        }
    }

    #[test]
    fn every_flipped_bit_and_truncation_is_damage() {
        let file = sample();
        for at in 0..file.len() {
            let short = open(&file[..at], &SET, 3, PASSPHRASE);
            assert!(matches!(short, Err(UnlockError::Corrupt(_))), "{at}");
            for bit in 0..8 {
                let mut bent = file.clone();
                bent[at] ^= 1 << bit;
                let bent = open(&bent, &SET, 3, PASSPHRASE);
                assert!(matches!(bent, Err(UnlockError::Corrupt(_))), "{at} {bit}");
            }
        }
    }
}
