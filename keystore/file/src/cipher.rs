//! AES-256-GCM under one key, and random octets.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use keystore::DriverError;
use secret_memory::{NoRoom, Secret};
use zeroize::Zeroizing;

/// Octets of a secret: the data key, the unlock key, a symmetric house key.
pub(crate) const SECRET: usize = 32;
/// Octets of a nonce.
pub(crate) const NONCE: usize = 12;
/// Octets of an authentication tag.
pub(crate) const TAG: usize = 16;

/// AES-256-GCM with a key schedule on AWS-LC's heap, wiped when dropped.
pub(crate) struct Cipher(LessSafeKey);

impl Cipher {
    /// Expands a key of 32 octets.
    pub(crate) fn new(key: &[u8]) -> Result<Self, DriverError> {
        UnboundKey::new(&AES_256_GCM, key)
            .map(|key| Self(LessSafeKey::new(key)))
            .map_err(|_| DriverError::Crypto("AES-256 takes keys of 32 octets"))
    }

    /// Returns the ciphertext and its tag. A nonce is used once under a key.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, DriverError> {
        // The capacity is final, so that no growth leaves a copy of the plaintext behind.
        let mut buffer = Zeroizing::new(Vec::with_capacity(plaintext.len() + TAG));
        buffer.extend_from_slice(plaintext);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(associated), &mut buffer)
            .map_err(|_| DriverError::Crypto("AES-256-GCM did not seal"))?;
        buffer.extend_from_slice(tag.as_ref());
        Ok(core::mem::take(&mut *buffer))
    }

    /// Returns the plaintext; none if any octet is not the one that was sealed.
    pub(crate) fn open(
        &self,
        nonce: [u8; NONCE],
        associated: &[u8],
        sealed: &[u8],
    ) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(nonce);
        let length = self.0.open_in_place(nonce, Aad::from(associated), &mut buffer).ok()?.len();
        buffer.truncate(length);
        Some(buffer)
    }
}

/// Draws a secret. It stays where it is, so that moving it copies nothing.
pub(crate) fn random_secret() -> Result<Secret, DriverError> {
    let mut secret = Secret::zeroed(SECRET).map_err(no_room)?;
    fill(&mut secret)?;
    Ok(secret)
}

/// The arena is made for few secrets; that it is full is nobody's fault outside.
pub(crate) fn no_room(_: NoRoom) -> DriverError {
    DriverError::Crypto("no room for another secret")
}

/// Draws random octets once: the first time the library looks for what the machine has (a device
/// that tells of clones), which a process that closes its paths and calls does before.
///
/// # Errors
/// [`DriverError::Crypto`].
pub fn start_random() -> Result<(), DriverError> {
    fill(&mut [0])
}

/// Draws octets that are public: a nonce, a salt.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], DriverError> {
    let mut octets = [0; N];
    fill(&mut octets)?;
    Ok(octets)
}

fn fill(octets: &mut [u8]) -> Result<(), DriverError> {
    rand::fill(octets).map_err(|_| DriverError::Crypto("no random octets"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_test_case_of_its_specification() {
        // McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
        let key = hex::decode("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
        let nonce: [u8; NONCE] =
            hex::decode("cafebabefacedbaddecaf888").unwrap().try_into().unwrap();
        let associated = hex::decode("feedfacedeadbeeffeedfacedeadbeefabaddad2").unwrap();
        let plaintext = hex::decode(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
             1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        )
        .unwrap();
        let expected = "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                        8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
                        76fc6ece0f4e1768cddf8853bb2d551b";
        let cipher = Cipher::new(&key.unwrap()).unwrap();
        let sealed = cipher.seal(nonce, &associated, &plaintext).unwrap();
        assert_eq!(hex::encode(&sealed), expected);
        let opened = cipher.open(nonce, &associated, &sealed).unwrap();
        assert_eq!(*opened, plaintext);
        assert!(cipher.open(nonce, b"another", &sealed).is_none());
        assert!(cipher.open(nonce, &associated, &sealed[..TAG - 1]).is_none());
    }
}
