//! RSA decryption for SCEP RA keys.

use std::io;

use keystore::{DriverError, KeyIdentity, Unwrap};
use zeroize::Zeroizing;

use super::Pkcs11Driver;
use crate::wire::Request;

/// RFC 8017 §7.2.1: what padding takes at least.
const PADDING: usize = 11;

/// Draws what answers ciphertexts that are none, for as long as this process lives.
pub(super) fn secret() -> io::Result<Zeroizing<[u8; 32]>> {
    let mut secret = Zeroizing::new([0; 32]);
    let mut rest = secret.as_mut_slice();
    while !rest.is_empty() {
        let count = rustix::rand::getrandom(&mut *rest, rustix::rand::GetRandomFlags::empty())?;
        rest = rest.get_mut(count..).unwrap_or_default();
    }
    Ok(secret)
}

impl Unwrap for Pkcs11Driver {
    /// Implicit rejection: what is not padded as it must be gives octets that nobody foresees, the
    /// same ones for the same ciphertext. How long the token takes over its padding is the token's.
    fn unwrap(
        &self,
        key: &KeyIdentity,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DriverError> {
        let bits = key.spec.kind().and_then(x509::KeyKind::rsa_bits);
        let Some(bits) = bits else { return Err(DriverError::SchemeMismatch) };
        let octets = usize::from(bits) / 8;
        if ciphertext.len() != octets {
            return Err(DriverError::Crypto("the ciphertext is not as long as the key"));
        }
        let known = self.known(key)?;
        let asked = self.ask(&known, None, |place| Request::Decrypt {
            at: place.at.clone(),
            data: ciphertext.to_vec(),
        });
        // Made in any case, so that it takes its time in any case.
        let rejected = self.reject(key, ciphertext, octets - PADDING);
        match asked {
            Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
            // Modules say it in different ways; one that says it as a refusal is no more told.
            Err(DriverError::Crypto(_) | DriverError::LocationUnusable { .. }) => Ok(rejected),
            Err(error) => Err(error),
        }
    }
}

impl Pkcs11Driver {
    fn reject(&self, key: &KeyIdentity, ciphertext: &[u8], most: usize) -> Zeroizing<Vec<u8>> {
        let mut seed = Zeroizing::new(self.rejection.to_vec());
        seed.extend_from_slice(&key.id.0);
        seed.extend_from_slice(ciphertext);
        let seed = Zeroizing::new(x509::sha512(&seed));
        let block = |number: u8| {
            let mut input = Zeroizing::new(seed.to_vec());
            input.push(number);
            x509::sha256(&input)
        };
        let [high, low, ..] = *seed;
        let length = usize::from(u16::from_be_bytes([high, low])) % (most + 1);
        let octets = (1..=u8::MAX).flat_map(block).take(length);
        Zeroizing::new(octets.collect())
    }
}
