//! Encrypted private keys as OpenSSL writes them: which derivation and cipher, and what is
//! encrypted. Nothing is decrypted here.

use crate::reader::{Parser, only, tag};
use crate::{DerError, Oid};

const PBES2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: Oid = Oid::new_unwrap("1.2.840.113549.1.5.12");
const HMAC_SHA1: Oid = Oid::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: Oid = Oid::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: Oid = Oid::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: Oid = Oid::new_unwrap("1.2.840.113549.2.11");
const AES_128_CBC: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_256_CBC: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.1.42");

/// The most octets that an encrypted key may have.
const MAX_ENCRYPTED: usize = 16 * 1024;
/// The most iterations: some seconds of work.
const MAX_ITERATIONS: u64 = 10_000_000;
/// The most octets of salt.
const MAX_SALT: usize = 1024;

/// The hash of PBKDF2's HMAC (RFC 8018 §B.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prf {
    /// HMAC with SHA-1, the default of RFC 8018.
    Sha1,
    /// HMAC with SHA-256, the default of OpenSSL.
    Sha256,
    /// HMAC with SHA-384.
    Sha384,
    /// HMAC with SHA-512.
    Sha512,
}

/// A private key under a passphrase: PBES2 with PBKDF2 and AES-CBC (RFC 8018 §6.2).
///
/// ```text
/// EncryptedPrivateKeyInfo ::= SEQUENCE {
///     encryptionAlgorithm SEQUENCE { id-PBES2, SEQUENCE {
///         keyDerivationFunc SEQUENCE { id-PBKDF2, SEQUENCE {
///             salt OCTET STRING, iterationCount INTEGER,
///             keyLength INTEGER OPTIONAL, prf AlgorithmIdentifier DEFAULT hmacWithSHA1 } },
///         encryptionScheme SEQUENCE { aes128-CBC or aes256-CBC, OCTET STRING } } },
///     encryptedData OCTET STRING }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedKey<'a> {
    /// The hash of the derivation.
    pub prf: Prf,
    /// Its salt.
    pub salt: &'a [u8],
    /// How often it is iterated: 1 to 10,000,000.
    pub iterations: core::num::NonZeroU32,
    /// Octets of the AES key: 16 or 32.
    pub key_length: usize,
    /// The first block.
    pub iv: [u8; 16],
    /// What is encrypted, with padding (RFC 8018 §B.2.5): whole blocks.
    pub ciphertext: &'a [u8],
}

/// Says why an encrypted key is not read. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncryptedKeyError {
    /// It is no EncryptedPrivateKeyInfo.
    #[error("no encrypted PKCS#8 key: {0}")]
    Malformed(#[from] DerError),
    /// It is encrypted in another way.
    #[error(
        "encrypted by {0}, not by PBES2 with PBKDF2 and AES-CBC: convert it with `openssl pkcs8 \
         -topk8 -v2 aes-256-cbc -iter 600000 -in KEY -out KEY.p8`"
    )]
    Scheme(String),
}

impl<'a> EncryptedKey<'a> {
    /// Reads the DER of an EncryptedPrivateKeyInfo (RFC 5958 §3).
    ///
    /// # Errors
    /// [`EncryptedKeyError`].
    pub fn parse(der: &'a [u8]) -> Result<Self, EncryptedKeyError> {
        if der.len() > MAX_ENCRYPTED {
            return Err(DerError::TooLarge { limit: MAX_ENCRYPTED }.into());
        }
        let mut outer = only(der, tag::SEQUENCE, "EncryptedPrivateKeyInfo")?;
        let mut algorithm = outer.sequence("encryptionAlgorithm")?;
        let ciphertext = outer.value(tag::OCTET_STRING, "encryptedData")?;
        outer.finish()?;
        expect(algorithm.oid("encryptionAlgorithm")?, PBES2)?;
        let mut parameters = algorithm.sequence("PBES2-params")?;
        algorithm.finish()?;
        let mut derivation = parameters.sequence("keyDerivationFunc")?;
        let mut cipher = parameters.sequence("encryptionScheme")?;
        parameters.finish()?;
        let key_length = match cipher.oid("encryptionScheme")? {
            AES_128_CBC => 16,
            AES_256_CBC => 32,
            other => return Err(EncryptedKeyError::Scheme(other.to_string())),
        };
        let iv = cipher.value(tag::OCTET_STRING, "AES-IV")?;
        let iv = iv.try_into().map_err(|_| DerError::field("AES-IV", "not 16 octets"))?;
        cipher.finish()?;
        if ciphertext.is_empty() || !ciphertext.len().is_multiple_of(16) {
            return Err(DerError::field("encryptedData", "not whole blocks").into());
        }
        expect(derivation.oid("keyDerivationFunc")?, PBKDF2)?;
        let parameters = derivation.sequence("PBKDF2-params")?;
        derivation.finish()?;
        let (prf, salt, iterations) = pbkdf2(parameters, key_length)?;
        Ok(Self { prf, salt, iterations, key_length, iv, ciphertext })
    }
}

fn pbkdf2(
    mut fields: Parser<'_>,
    key_length: usize,
) -> Result<(Prf, &[u8], core::num::NonZeroU32), EncryptedKeyError> {
    let salt = fields.value(tag::OCTET_STRING, "salt")?;
    if salt.len() > MAX_SALT {
        return Err(DerError::field("salt", "longer than 1024 octets").into());
    }
    let count = fields.unsigned("iterationCount")?;
    let iterations = u32::try_from(count).ok().filter(|_| count <= MAX_ITERATIONS);
    let iterations = iterations
        .and_then(core::num::NonZeroU32::new)
        .ok_or(DerError::field("iterationCount", "not within 1 to 10,000,000"))?;
    if fields.peek() == Some(tag::INTEGER)
        && fields.unsigned("keyLength")? != u64::try_from(key_length).unwrap_or(0)
    {
        return Err(DerError::field("keyLength", "not that of the cipher").into());
    }
    let prf = if fields.is_empty() {
        Prf::Sha1
    } else {
        let mut prf = fields.sequence("prf")?;
        let oid = prf.oid("prf")?;
        if !prf.is_empty() {
            prf.value(tag::NULL, "prf")?;
        }
        prf.finish()?;
        match oid {
            HMAC_SHA1 => Prf::Sha1,
            HMAC_SHA256 => Prf::Sha256,
            HMAC_SHA384 => Prf::Sha384,
            HMAC_SHA512 => Prf::Sha512,
            other => return Err(EncryptedKeyError::Scheme(other.to_string())),
        }
    };
    fields.finish()?;
    Ok((prf, salt, iterations))
}

fn expect(found: Oid, expected: Oid) -> Result<(), EncryptedKeyError> {
    if found == expected { Ok(()) } else { Err(EncryptedKeyError::Scheme(found.to_string())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn oid(oid: Oid) -> Vec<u8> {
        tlv(tag::OID, oid.as_bytes())
    }

    fn key(scheme: Oid, derivation: Oid, prf: &[u8], cipher: Oid, data: &[u8]) -> Vec<u8> {
        let count = tlv(tag::INTEGER, &[0x08, 0x00]);
        let kdf = tlv(0x30, &[tlv(4, b"saltsalt"), count, prf.to_vec()].concat());
        let kdf = tlv(0x30, &[oid(derivation), kdf].concat());
        let cipher = tlv(0x30, &[oid(cipher), tlv(4, &[7; 16])].concat());
        let pbes2 = tlv(0x30, &[oid(scheme), tlv(0x30, &[kdf, cipher].concat())].concat());
        tlv(0x30, &[pbes2, tlv(4, data)].concat())
    }

    fn hash(of: Oid) -> Vec<u8> {
        tlv(0x30, &[oid(of), tlv(tag::NULL, &[])].concat())
    }

    #[test]
    fn reads_each_hash_and_cipher() {
        for (prf, expected) in [
            (vec![], Prf::Sha1),
            (hash(HMAC_SHA1), Prf::Sha1),
            (hash(HMAC_SHA256), Prf::Sha256),
            (hash(HMAC_SHA384), Prf::Sha384),
            (hash(HMAC_SHA512), Prf::Sha512),
            ([tlv(2, &[32]), hash(HMAC_SHA256)].concat(), Prf::Sha256),
        ] {
            let der = key(PBES2, PBKDF2, &prf, AES_256_CBC, &[1; 32]);
            let read = EncryptedKey::parse(&der).unwrap();
            assert_eq!((read.prf, read.key_length, read.iterations.get()), (expected, 32, 2048));
            assert_eq!(
                (read.salt, read.iv, read.ciphertext),
                (&b"saltsalt"[..], [7; 16], &[1; 32][..])
            );
        }
        let der = key(PBES2, PBKDF2, &[], AES_128_CBC, &[1; 16]);
        assert_eq!(EncryptedKey::parse(&der).unwrap().key_length, 16);
    }

    #[test]
    fn refuses_other_schemes_in_words_that_help() {
        let scrypt = Oid::new_unwrap("1.3.6.1.4.1.11591.4.11");
        let des = Oid::new_unwrap("1.2.840.113549.3.7");
        for der in [
            key(scrypt, PBKDF2, &[], AES_256_CBC, &[1; 16]),
            key(PBES2, scrypt, &[], AES_256_CBC, &[1; 16]),
            key(PBES2, PBKDF2, &[], des, &[1; 16]),
            key(PBES2, PBKDF2, &hash(scrypt), AES_256_CBC, &[1; 16]),
        ] {
            let error = EncryptedKey::parse(&der).unwrap_err();
            assert!(matches!(error, EncryptedKeyError::Scheme(_)), "{error}");
            assert!(error.to_string().contains("openssl pkcs8 -topk8"), "{error}");
        }
    }

    #[test]
    fn refuses_what_is_cut_bent_or_too_much() {
        let good = key(PBES2, PBKDF2, &[], AES_256_CBC, &[1; 32]);
        for end in 0..good.len() {
            let cut = EncryptedKey::parse(&good[..end]);
            assert!(matches!(cut, Err(EncryptedKeyError::Malformed(_))), "cut at {end}");
        }
        for bad in [
            key(PBES2, PBKDF2, &[], AES_256_CBC, &[1; 15]),
            key(PBES2, PBKDF2, &[], AES_256_CBC, &[]),
            key(PBES2, PBKDF2, &tlv(2, &[16]), AES_256_CBC, &[1; 16]),
            [good, vec![0]].concat(),
        ] {
            assert!(matches!(EncryptedKey::parse(&bad), Err(EncryptedKeyError::Malformed(_))));
        }
    }
}
