//! The format of a key file; `docs/wire/key-file.md` is its specification.
//!
//! ```text
//! "CHKEY1\0" | version 1 | key id (16) | spec | purpose | length (4) | SPKI | nonce (12)
//!            | AES-256-GCM(secret) | tag (16)
//! ```

use keystore::{DriverError, KeyIdentity};
use signer_proto::{Digest, KeyId, KeySpec, Purpose, Reader, Wire, WireError, Writer};
use x509::sha256;
use zeroize::Zeroizing;

use crate::cipher::{Cipher, NONCE};

/// Seven octets and the version.
const MAGIC: [u8; 8] = *b"CHKEY1\0\x01";
/// No SPKI is longer, in octets (ML-DSA-87 has 2,614).
const MAX_SPKI: usize = 8 * 1024;

/// What a key file held.
pub(crate) struct Content {
    /// The SubjectPublicKeyInfo, empty for a symmetric key.
    pub(crate) spki: Vec<u8>,
    /// PKCS#8, or the octets of a symmetric key.
    pub(crate) secret: Zeroizing<Vec<u8>>,
}

/// Encodes a key file. The nonce is fresh.
pub(crate) fn seal(
    cipher: &Cipher,
    genesis: Digest,
    key: &KeyIdentity,
    spki: &[u8],
    secret: &[u8],
    nonce: [u8; NONCE],
) -> Result<Vec<u8>, DriverError> {
    let sealed = cipher.seal(nonce, &associated(genesis, key, spki), secret)?;
    let mut w = Writer::new();
    w.raw(&MAGIC);
    key.id.put(&mut w);
    key.spec.put(&mut w);
    key.purpose.put(&mut w);
    w.string(spki);
    nonce.put(&mut w);
    w.raw(&sealed);
    Ok(w.into_vec())
}

/// Opens the file of a key of this ring.
///
/// # Errors
/// [`DriverError::Corrupt`] if an octet is not the one that was written, or the file is another
/// key's or another ring's.
pub(crate) fn open(
    cipher: &Cipher,
    genesis: Digest,
    key: &KeyIdentity,
    file: &[u8],
) -> Result<Content, DriverError> {
    let corrupt = |why| DriverError::Corrupt { key: key.id.to_string(), why };
    let header =
        Header::read(file).map_err(|_| corrupt("it is not in the format of a key file"))?;
    if header.magic != MAGIC {
        return Err(corrupt("it is no key file of version 1"));
    }
    if (header.id, header.spec, header.purpose) != (key.id, key.spec, key.purpose) {
        return Err(corrupt("the file is another key's"));
    }
    let secret = cipher
        .open(header.nonce, &associated(genesis, key, header.spki), header.sealed)
        .ok_or_else(|| corrupt("it does not open with this ring's data key"))?;
    Ok(Content { spki: header.spki.to_vec(), secret })
}

struct Header<'a> {
    magic: [u8; 8],
    id: KeyId,
    spec: KeySpec,
    purpose: Purpose,
    spki: &'a [u8],
    nonce: [u8; NONCE],
    sealed: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(file: &'a [u8]) -> Result<Self, WireError> {
        let mut r = Reader::new(file);
        Ok(Self {
            magic: r.array()?,
            id: KeyId::take(&mut r)?,
            spec: KeySpec::take(&mut r)?,
            purpose: Purpose::take(&mut r)?,
            spki: r.string("SPKI", MAX_SPKI)?,
            nonce: r.array()?,
            sealed: r.bytes(r.left())?,
        })
    }
}

/// What the tag vouches for besides the secret: the ring, the key, and the public half.
fn associated(genesis: Digest, key: &KeyIdentity, spki: &[u8]) -> Vec<u8> {
    let mut w = Writer::new();
    w.raw(&MAGIC);
    genesis.put(&mut w);
    key.id.put(&mut w);
    key.spec.put(&mut w);
    key.purpose.put(&mut w);
    w.raw(&sha256(spki));
    w.into_vec()
}

#[cfg(test)]
mod tests {
    use signer_proto::KeyLabel;

    use super::*;

    const GENESIS: Digest = Digest([0x9e; 32]);

    fn key(id: u8, spec: KeySpec, purpose: Purpose) -> KeyIdentity {
        KeyIdentity { id: KeyId([id; 16]), label: KeyLabel::new("a").unwrap(), purpose, spec }
    }

    fn cipher() -> Cipher {
        Cipher::new(&[0x11; 32]).unwrap()
    }

    fn sample() -> (KeyIdentity, Vec<u8>) {
        let key = key(0xa1, KeySpec::P256, Purpose::CertAndCrl);
        let file = seal(&cipher(), GENESIS, &key, b"spki", b"secret", [0x22; 12]).unwrap();
        (key, file)
    }

    fn why(opened: Result<Content, DriverError>) -> &'static str {
        match opened {
            Err(DriverError::Corrupt { why, .. }) => why,
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it opened"),
        }
    }

    #[test]
    fn the_golden_file_is_these_octets() {
        // The same octets stand in docs/wire/key-file.md; AES-256-GCM by Python's cryptography.
        let expected = "43484b4559310001a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a10102000000047370\
                        6b692222222222222222222222226492643ba5bbf44ebdf7caf9b37dbbf26764\
                        b5e964f3";
        let (key, file) = sample();
        assert_eq!(hex::encode(&file), expected);
        let content = open(&cipher(), GENESIS, &key, &file).unwrap();
        assert_eq!(content.spki, b"spki");
        assert_eq!(*content.secret, b"secret");
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let (key, file) = sample();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut bent = file.clone();
                bent[at] ^= 1 << bit;
                let why = why(open(&cipher(), GENESIS, &key, &bent));
                let expected = match at {
                    0..8 => &["it is no key file of version 1"][..],
                    8..24 => &["the file is another key's"],
                    // A code that is assigned, or one that is not.
                    24..26 => {
                        &["the file is another key's", "it is not in the format of a key file"]
                    }
                    // A length that still fits the file moves what follows it.
                    26..30 => &[
                        "it is not in the format of a key file",
                        "it does not open with this ring's data key",
                    ],
                    _ => &["it does not open with this ring's data key"],
                };
                assert!(expected.contains(&why), "octet {at} bit {bit}: {why}");
            }
        }
    }

    #[test]
    fn every_truncation_and_a_tail_are_found() {
        let (key, file) = sample();
        for length in 0..file.len() {
            assert!(open(&cipher(), GENESIS, &key, &file[..length]).is_err());
        }
        let longer = [&file[..], &[0]].concat();
        let expected = "it does not open with this ring's data key";
        assert_eq!(why(open(&cipher(), GENESIS, &key, &longer)), expected);
    }

    #[test]
    fn a_swapped_file_is_found() {
        let (key_a, file_a) = sample();
        let key_b = key(0xb2, KeySpec::P256, Purpose::CertAndCrl);
        let file_b = seal(&cipher(), GENESIS, &key_b, b"spki", b"secret", [0x23; 12]).unwrap();
        let another = "the file is another key's";
        assert_eq!(why(open(&cipher(), GENESIS, &key_a, &file_b)), another);
        assert_eq!(why(open(&cipher(), GENESIS, &key_b, &file_a)), another);
        // The header put right does not make it the other's key.
        let mut dressed = file_b.clone();
        dressed[8..24].copy_from_slice(&key_a.id.0);
        let shut = "it does not open with this ring's data key";
        assert_eq!(why(open(&cipher(), GENESIS, &key_a, &dressed)), shut);
    }

    #[test]
    fn another_purpose_genesis_or_data_key_does_not_open_it() {
        let (key_a, file) = sample();
        let as_ocsp = KeyIdentity { purpose: Purpose::Ocsp, ..key_a.clone() };
        let another = "the file is another key's";
        assert_eq!(why(open(&cipher(), GENESIS, &as_ocsp, &file)), another);
        let mut dressed = file.clone();
        dressed[25] = Purpose::Ocsp.code();
        let shut = "it does not open with this ring's data key";
        assert_eq!(why(open(&cipher(), GENESIS, &as_ocsp, &dressed)), shut);
        let elsewhere = Digest([0x9f; 32]);
        assert_eq!(why(open(&cipher(), elsewhere, &key_a, &file)), shut);
        let stranger = Cipher::new(&[0x12; 32]).unwrap();
        assert_eq!(why(open(&stranger, GENESIS, &key_a, &file)), shut);
    }
}
