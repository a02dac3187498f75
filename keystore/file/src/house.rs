//! The house keys in memory.

use aws_lc_rs::hmac;
use keystore::{Approved, DriverError, House, KeyIdentity, UnlockError};
use signer_proto::{KeySpec, Purpose};
use x509::{Signature, SignatureScheme};
use zeroize::Zeroizing;

use crate::cipher::{Cipher, NONCE, SECRET, random};
use crate::key_pair::KeyPair;
use crate::keyring::Keyring;

/// The first octet of every sealed value.
const SEALED_VERSION: u8 = 1;

/// The keys that a ring has for itself, whatever its driver.
pub struct FileHouse {
    log: KeyPair,
    serial: hmac::Key,
    seal: Cipher,
}

impl FileHouse {
    /// Reads the three house keys.
    pub(crate) fn open(keyring: &Keyring, house: &[KeyIdentity]) -> Result<Self, UnlockError> {
        let [log, serial, seal] = select(house)?;
        let (_, log) = keyring.read_pair(log).map_err(corrupt)?;
        let serial = symmetric(keyring, serial)?;
        let seal = symmetric(keyring, seal)?;
        Ok(Self {
            log,
            serial: hmac::Key::new(hmac::HMAC_SHA256, &serial),
            seal: Cipher::new(&seal).map_err(corrupt)?,
        })
    }
}

/// Returns the `log`, `serial` and `seal` key of a ring, in this order.
///
/// # Errors
/// [`UnlockError::Corrupt`] unless there is exactly one of each, of its algorithm.
pub(crate) fn select(house: &[KeyIdentity]) -> Result<[&KeyIdentity; 3], UnlockError> {
    let one = |purpose, spec| {
        let mut of_purpose = house.iter().filter(|key| key.purpose == purpose);
        match (of_purpose.next(), of_purpose.next()) {
            (Some(key), None) if key.spec == spec => Ok(key),
            _ => Err(UnlockError::Corrupt(format!("a ring has one house key {purpose} of {spec}"))),
        }
    };
    Ok([
        one(Purpose::Log, KeySpec::Ed25519)?,
        one(Purpose::Serial, KeySpec::HmacSha256)?,
        one(Purpose::Seal, KeySpec::Aes256)?,
    ])
}

fn symmetric(keyring: &Keyring, key: &KeyIdentity) -> Result<Zeroizing<Vec<u8>>, UnlockError> {
    let content = keyring.read(key).map_err(corrupt)?;
    if content.secret.len() == SECRET && content.spki.is_empty() {
        Ok(content.secret)
    } else {
        Err(UnlockError::Corrupt(format!("house key {} is no symmetric key", key.purpose)))
    }
}

/// A house key that cannot be had means that the ring does not open; the cause says which.
pub(crate) fn corrupt(error: DriverError) -> UnlockError {
    UnlockError::Corrupt(error.to_string())
}

impl House for FileHouse {
    fn serial_mac(&self, message: &[u8]) -> [u8; 32] {
        let tag = hmac::sign(&self.serial, message);
        let mut mac = [0; 32];
        for (to, from) in mac.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        mac
    }

    fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, DriverError> {
        seal_with(&self.seal, random()?, context, plaintext)
    }

    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&version, rest) = sealed.split_first()?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE>()?;
        if version != SEALED_VERSION {
            return None;
        }
        self.seal.open(*nonce, &associated(context), sealed)
    }

    fn sign_log(&self, message: Approved<'_>) -> Result<Signature, DriverError> {
        self.log.sign(SignatureScheme::Ed25519, message.as_bytes())
    }
}

/// `version | nonce (12) | AES-256-GCM(plaintext) | tag (16)`.
fn seal_with(
    cipher: &Cipher,
    nonce: [u8; NONCE],
    context: &[u8],
    plaintext: &[u8],
) -> Result<Vec<u8>, DriverError> {
    let sealed = cipher.seal(nonce, &associated(context), plaintext)?;
    let mut value = vec![SEALED_VERSION];
    value.extend_from_slice(&nonce);
    value.extend_from_slice(&sealed);
    Ok(value)
}

fn associated(context: &[u8]) -> Vec<u8> {
    let mut bytes = vec![SEALED_VERSION];
    bytes.extend_from_slice(context);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn house() -> FileHouse {
        FileHouse {
            log: KeyPair::generate(KeySpec::Ed25519).unwrap(),
            serial: hmac::Key::new(hmac::HMAC_SHA256, &[0x0b; 32]),
            seal: Cipher::new(&[0x11; 32]).unwrap(),
        }
    }

    #[test]
    fn the_serial_tag_is_hmac_sha256() {
        // Python: hmac.new(b"\x0b"*32, b"Hi There", "sha256").hexdigest()
        let expected = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
        assert_eq!(hex::encode(house().serial_mac(b"Hi There")), expected);
    }

    #[test]
    fn the_golden_sealed_value_is_these_octets() {
        // AES-256-GCM by Python's cryptography.
        let expected = "012222222222222222222222226492643ba5bb9fd1be86c8db91319615a616d394e657";
        let house = house();
        let sealed = seal_with(&house.seal, [0x22; 12], b"row 7", b"secret").unwrap();
        assert_eq!(hex::encode(&sealed), expected);
        assert_eq!(*house.unseal(b"row 7", &sealed).unwrap(), b"secret");
    }

    #[test]
    fn a_sealed_value_opens_in_its_own_context_alone() {
        let house = house();
        let sealed = house.seal(b"row 7", b"secret").unwrap();
        assert_eq!(*house.unseal(b"row 7", &sealed).unwrap(), b"secret");
        for context in [&b"row 8"[..], b"row ", b"row 77", b""] {
            assert!(house.unseal(context, &sealed).is_none());
        }
        assert_ne!(house.seal(b"row 7", b"secret").unwrap(), sealed);
    }

    #[test]
    fn every_flipped_bit_and_truncation_of_a_sealed_value_is_found() {
        let house = house();
        let sealed = house.seal(b"row 7", b"").unwrap();
        for at in 0..sealed.len() {
            assert!(house.unseal(b"row 7", &sealed[..at]).is_none());
            for bit in 0..8 {
                let mut bent = sealed.clone();
                bent[at] ^= 1 << bit;
                assert!(house.unseal(b"row 7", &bent).is_none(), "{at} {bit}");
            }
        }
    }
}
