//! The format of the unlock file; `docs/wire/key-file.md` is its specification.
//!
//! ```text
//! "CHUNL1\0" | version 1 | derivation (1, 4, 4, 4) | salt (32) | genesis (32)
//!            | with shares: a commitment to each (32 each) | nonce (12)
//!            | AES-256-GCM(data key) (32) | tag (16) | SHA-256 of all before (32)
//! ```

use keystore::{UnlockError, UnlockFactor};
use secret_memory::Secret;
use signer_proto::{Digest, Reader, Wire, WireError, Writer};
use x509::sha256;

use crate::cipher::{Cipher, NONCE, SECRET, TAG, no_room};
use crate::factor::{SALT, Stretch};
use crate::house::corrupt;
use crate::share::COMMITMENT;

/// The file's name inside the ring's folder.
pub(crate) const UNLOCK: &str = "unlock";
/// Seven octets and the version.
const MAGIC: [u8; 8] = *b"CHUNL1\0\x01";
/// Octets of the checksum.
const CHECKSUM: usize = 32;

/// What stands in the clear, all of it under the tag of the data key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// How the unlock key is made.
    pub(crate) stretch: Stretch,
    /// Drawn for this ring.
    pub(crate) salt: [u8; SALT],
    /// Which ring this is.
    pub(crate) genesis: Digest,
    /// One for each share, in the order of their numbers; none without shares.
    pub(crate) commitments: Vec<[u8; COMMITMENT]>,
}

impl Header {
    fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.raw(&MAGIC);
        self.stretch.put(&mut w);
        self.salt.put(&mut w);
        self.genesis.put(&mut w);
        for commitment in &self.commitments {
            w.raw(commitment);
        }
        w.into_vec()
    }

    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        if r.array()? != MAGIC {
            return Err(WireError::UnknownValue("magic and version"));
        }
        let stretch = Stretch::take(r)?;
        let (salt, genesis) = (r.array()?, Digest::take(r)?);
        let shares = match stretch {
            Stretch::Shares { count, .. } => count,
            _ => 0,
        };
        let commitments = (0..shares).map(|_| r.array()).collect::<Result<_, _>>()?;
        Ok(Self { stretch, salt, genesis, commitments })
    }
}

/// Encodes the unlock file. The nonce is used once under this unlock key.
pub(crate) fn seal(
    unlock: &Cipher,
    header: &Header,
    data_key: &[u8],
    nonce: [u8; NONCE],
) -> Result<Vec<u8>, UnlockError> {
    let mut file = header.encode();
    let sealed = unlock.seal(nonce, &file, data_key).map_err(corrupt)?;
    file.extend_from_slice(&nonce);
    file.extend_from_slice(&sealed);
    let checksum = sha256(&file);
    file.extend_from_slice(&checksum);
    Ok(file)
}

/// An unlock file that is intact and this ring's; its data key is still closed.
pub(crate) struct Closed {
    pub(crate) header: Header,
    nonce: [u8; NONCE],
    sealed: Vec<u8>,
}

impl Closed {
    /// Reads the unlock file of the ring with this genesis.
    ///
    /// # Errors
    /// [`UnlockError::Corrupt`] for a file that is damaged or another ring's.
    pub(crate) fn read(file: &[u8], genesis: Digest) -> Result<Self, UnlockError> {
        let damaged = || UnlockError::Corrupt("the unlock file is damaged".to_owned());
        // The checksum tells a damaged file from a wrong passphrase; the tag is what is trusted.
        let (body, checksum) = file.split_last_chunk::<CHECKSUM>().ok_or_else(damaged)?;
        if sha256(body) != *checksum {
            return Err(damaged());
        }
        let mut r = Reader::new(body);
        let header = Header::take(&mut r).map_err(|_| damaged())?;
        let nonce = r.array().map_err(|_| damaged())?;
        let sealed = r.bytes(SECRET + TAG).map_err(|_| damaged())?.to_vec();
        r.finish().map_err(|_| damaged())?;
        if header.genesis != genesis {
            let why = "the unlock file belongs to another ring";
            return Err(UnlockError::Corrupt(why.to_owned()));
        }
        Ok(Self { header, nonce, sealed })
    }

    /// Opens the data key.
    ///
    /// # Errors
    /// [`UnlockError::FactorUnusable`], [`UnlockError::WrongFactor`].
    pub(crate) fn open(&self, factor: &UnlockFactor) -> Result<Secret, UnlockError> {
        let key = self.header.stretch.unlock_key(factor, &self.header.salt)?;
        let unlock = Cipher::new(&key).map_err(corrupt)?;
        let opened = unlock.open(self.nonce, &self.header.encode(), &self.sealed);
        Secret::copy_of(&opened.ok_or(UnlockError::WrongFactor)?).map_err(no_room).map_err(corrupt)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    const GENESIS: Digest = Digest([0x9e; 32]);

    fn credential(octet: u8) -> UnlockFactor {
        UnlockFactor::Credential(Zeroizing::new(vec![octet; 32]))
    }

    fn open(file: &[u8], factor: &UnlockFactor, genesis: Digest) -> Result<Secret, UnlockError> {
        Closed::read(file, genesis)?.open(factor)
    }

    fn sample() -> Vec<u8> {
        let header = Header {
            stretch: Stretch::Hkdf,
            salt: [7; SALT],
            genesis: GENESIS,
            commitments: Vec::new(),
        };
        let key = header.stretch.unlock_key(&credential(0x0b), &header.salt);
        let cipher = Cipher::new(&key.unwrap()).unwrap();
        seal(&cipher, &header, &[0x11; 32], [0x22; 12]).unwrap()
    }

    #[test]
    fn the_golden_file_is_these_octets() {
        // The same octets stand in docs/wire/key-file.md; AES-256-GCM by Python's cryptography.
        let expected = "4348554e4c310001020000000000000000000000000707070707070707070707\
                        0707070707070707070707070707070707070707079e9e9e9e9e9e9e9e9e9e9e\
                        9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e9e2222222222222222222222\
                        227febc4b85486d1bdbe3ccce0496cdd19de363b7bbf4a3d671b5d872ccedc29\
                        f3ffaa63a276808c4911209f5dd68714cfb60c0fc265966a50c71037c45160de\
                        16a81202496548f52da49217f4e2ae329a";
        assert_eq!(hex::encode(sample()), expected);
        let data_key = open(&sample(), &credential(0x0b), GENESIS).unwrap();
        assert_eq!(*data_key, [0x11; 32]);
    }

    #[test]
    fn every_flipped_bit_and_truncation_is_damage() {
        let file = sample();
        for at in 0..file.len() {
            let short = open(&file[..at], &credential(0x0b), GENESIS);
            assert!(matches!(short, Err(UnlockError::Corrupt(_))), "{at}");
            for bit in 0..8 {
                let mut bent = file.clone();
                bent[at] ^= 1 << bit;
                let bent = open(&bent, &credential(0x0b), GENESIS);
                assert!(matches!(bent, Err(UnlockError::Corrupt(_))), "{at} {bit}");
            }
        }
    }

    #[test]
    fn a_bit_flipped_together_with_the_checksum_does_not_open_either() {
        let file = sample();
        let body = file.len() - CHECKSUM;
        for at in 0..body {
            for bit in 0..8 {
                let mut bent = file[..body].to_vec();
                bent[at] ^= 1 << bit;
                let checksum = sha256(&bent);
                bent.extend(checksum);
                match (at, open(&bent, &credential(0x0b), GENESIS)) {
                    // Magic, derivation; genesis.
                    (0..21 | 53..85, Err(UnlockError::Corrupt(_))) => {}
                    // Salt; nonce, data key and tag.
                    (21..53 | 85.., Err(UnlockError::WrongFactor)) => {}
                    (_, other) => panic!("octet {at} bit {bit}: {:?}", other.err()),
                }
            }
        }
    }

    #[test]
    fn another_factor_or_ring_does_not_open_it() {
        let wrong = open(&sample(), &credential(0x0c), GENESIS);
        assert!(matches!(wrong, Err(UnlockError::WrongFactor)));
        match open(&sample(), &credential(0x0b), Digest([0x9f; 32])) {
            Err(UnlockError::Corrupt(why)) => {
                assert_eq!(why, "the unlock file belongs to another ring");
            }
            _ => panic!("another ring's unlock file opened"),
        }
    }
}
