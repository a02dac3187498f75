//! From an unlock factor to the unlock key.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use keystore::{UnlockError, UnlockFactor};
use secret_memory::Secret;
use signer_proto::{Reader, Wire, WireError, Writer};

use crate::cipher::{SECRET, no_room};
use crate::house::corrupt;

/// Octets of the salt.
pub(crate) const SALT: usize = 32;
/// Octets of the shortest passphrase that a ring is made with.
const SHORTEST_PASSPHRASE: usize = 8;
/// Octets of the shortest credential: it is not stretched, so it must be a key already.
const SHORTEST_CREDENTIAL: usize = 32;
/// Separates this use of HKDF from any other (RFC 5869 §3.2).
const INFO: &[u8] = b"chancery/unlock/v1";

/// How the unlock key is made from the factor; stands in the clear in the unlock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// Argon2id, version 0x13 (RFC 9106).
    Argon2id {
        /// m, in KiB.
        memory: u32,
        /// t.
        passes: u32,
        /// p.
        lanes: u32,
    },
    /// HKDF-SHA256 (RFC 5869): the factor is a key already.
    Hkdf,
}

impl Stretch {
    /// What a passphrase is stretched with: 64 MiB, three passes (RFC 9106 §4, second choice,
    /// with one lane because the core runs it on one thread).
    const PASSPHRASE: Self = Self::Argon2id { memory: 64 * 1024, passes: 3, lanes: 1 };

    /// Returns how a new ring treats this factor.
    ///
    /// # Errors
    /// [`UnlockError::FactorUnusable`] for one that is too short.
    pub(crate) fn for_new_ring(factor: &UnlockFactor) -> Result<Self, UnlockError> {
        match factor {
            UnlockFactor::Passphrase(text) if text.len() < SHORTEST_PASSPHRASE => {
                Err(UnlockError::FactorUnusable("a passphrase has at least 8 octets"))
            }
            UnlockFactor::Passphrase(_) => Ok(Self::PASSPHRASE),
            UnlockFactor::Credential(_) => Ok(Self::Hkdf),
        }
    }

    /// Makes the unlock key.
    ///
    /// # Errors
    /// [`UnlockError::FactorUnusable`] for a factor of the other kind or one that is too short.
    pub(crate) fn unlock_key(
        self,
        factor: &UnlockFactor,
        salt: &[u8; SALT],
    ) -> Result<Secret, UnlockError> {
        let mut key = Secret::zeroed(SECRET).map_err(no_room).map_err(corrupt)?;
        match (self, factor) {
            (Self::Argon2id { memory, passes, lanes }, UnlockFactor::Passphrase(text)) => {
                Params::new(memory, passes, lanes, Some(SECRET))
                    .map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
                    .and_then(|argon2| argon2.hash_password_into(text, salt, &mut key))
                    .map_err(|_| UnlockError::FactorUnusable("Argon2id refused it"))?
            }
            (Self::Hkdf, UnlockFactor::Credential(secret)) => {
                if secret.len() < SHORTEST_CREDENTIAL {
                    let why = "a credential has at least 32 octets";
                    return Err(UnlockError::FactorUnusable(why));
                }
                expand(secret, salt, &mut key)?;
            }
            (Self::Argon2id { .. }, UnlockFactor::Credential(_)) => {
                let why = "the ring was made with a passphrase";
                return Err(UnlockError::FactorUnusable(why));
            }
            (Self::Hkdf, UnlockFactor::Passphrase(_)) => {
                let why = "the ring was made with a credential";
                return Err(UnlockError::FactorUnusable(why));
            }
        }
        Ok(key)
    }
}

struct SecretLength;

impl KeyType for SecretLength {
    fn len(&self) -> usize {
        SECRET
    }
}

fn expand(secret: &[u8], salt: &[u8], key: &mut [u8]) -> Result<(), UnlockError> {
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[INFO], SecretLength)
        .and_then(|okm| okm.fill(key))
        .map_err(|_| UnlockError::FactorUnusable("HKDF refused it"))
}

impl Wire for Stretch {
    fn put(&self, w: &mut Writer) {
        let (code, memory, passes, lanes) = match *self {
            Self::Argon2id { memory, passes, lanes } => (1_u8, memory, passes, lanes),
            Self::Hkdf => (2, 0, 0, 0),
        };
        code.put(w);
        for number in [memory, passes, lanes] {
            number.put(w);
        }
    }

    /// The bounds keep a damaged file from asking for all memory.
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let code = u8::take(r)?;
        let numbers = (u32::take(r)?, u32::take(r)?, u32::take(r)?);
        match (code, numbers) {
            (1, (memory @ 8192..=1_048_576, passes @ 1..=64, lanes @ 1..=16)) => {
                Ok(Self::Argon2id { memory, passes, lanes })
            }
            (2, (0, 0, 0)) => Ok(Self::Hkdf),
            (1 | 2, _) => Err(WireError::NotCanonical("unlock parameters")),
            _ => Err(WireError::UnknownValue("unlock derivation")),
        }
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn passphrase(text: &str) -> UnlockFactor {
        UnlockFactor::Passphrase(Zeroizing::new(text.as_bytes().to_vec()))
    }

    fn credential(length: usize) -> UnlockFactor {
        UnlockFactor::Credential(Zeroizing::new(vec![0x0b; length]))
    }

    #[test]
    fn a_short_factor_makes_no_ring() {
        for (factor, good) in [(passphrase("1234567"), false), (passphrase("12345678"), true)] {
            assert_eq!(Stretch::for_new_ring(&factor).is_ok(), good);
        }
        for (length, good) in [(0, false), (31, false), (32, true)] {
            let key = Stretch::Hkdf.unlock_key(&credential(length), &[7; SALT]);
            assert_eq!(key.is_ok(), good, "{length}");
        }
    }

    #[test]
    fn a_factor_of_the_other_kind_is_told_so() {
        let cases = [
            (Stretch::PASSPHRASE, credential(32), "the ring was made with a passphrase"),
            (Stretch::Hkdf, passphrase("12345678"), "the ring was made with a credential"),
        ];
        for (stretch, factor, expected) in cases {
            match stretch.unlock_key(&factor, &[7; SALT]) {
                Err(UnlockError::FactorUnusable(why)) => assert_eq!(why, expected),
                _ => panic!("{expected}"),
            }
        }
    }

    #[test]
    fn keys_agree_with_other_implementations() {
        // Python, argon2-cffi: hash_secret_raw(b"correct horse", b"\x07"*32, 3, 65536, 1, 32,
        // Type.ID); HKDF by two calls of its hmac: salt b"\x07"*32, key b"\x0b"*32, info
        // b"chancery/unlock/v1".
        let salt = [7; SALT];
        let argon = Stretch::PASSPHRASE.unlock_key(&passphrase("correct horse"), &salt);
        assert_eq!(
            hex::encode(&*argon.unwrap()),
            "47d7480973de7c25979f0fa0d209f12e2ee334f79bbb06462ac0afe857933414"
        );
        let hkdf = Stretch::Hkdf.unlock_key(&credential(32), &salt);
        assert_eq!(
            hex::encode(&*hkdf.unwrap()),
            "9735ae941a8b3c090618a8d452a93cde622cbd1cb6ec8a8452e967c4f0c6ffb3"
        );
    }

    #[test]
    fn parameters_out_of_bounds_are_refused_before_use() {
        let encoded = |code: u8, memory: u32, passes: u32, lanes: u32| {
            let mut w = Writer::new();
            code.put(&mut w);
            for number in [memory, passes, lanes] {
                number.put(&mut w);
            }
            Stretch::from_wire(&w.into_vec())
        };
        assert_eq!(encoded(1, 64 * 1024, 3, 1), Ok(Stretch::PASSPHRASE));
        assert_eq!(encoded(2, 0, 0, 0), Ok(Stretch::Hkdf));
        let bent = WireError::NotCanonical("unlock parameters");
        for (memory, passes, lanes) in [
            (8191, 3, 1),
            (1_048_577, 3, 1),
            (u32::MAX, 3, 1),
            (65536, 0, 1),
            (65536, 65, 1),
            (65536, 3, 0),
            (65536, 3, 17),
        ] {
            assert_eq!(encoded(1, memory, passes, lanes), Err(bent));
        }
        assert_eq!(encoded(2, 0, 0, 1), Err(bent));
        let unknown = WireError::UnknownValue("unlock derivation");
        assert_eq!(encoded(3, 0, 0, 0), Err(unknown));
    }
}
