//! From an unlock factor to the unlock key.

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use keystore::{NewFactor, Share, UnlockError, UnlockFactor, UnlockKind};
use secret_memory::Secret;
use signer_proto::{Reader, Wire, WireError, Writer};

use crate::cipher::{SECRET, no_room};
use crate::house::corrupt;
use crate::shamir;

/// Octets of the salt.
pub(crate) const SALT: usize = 32;
/// Octets of the shortest passphrase that a ring is made with.
const SHORTEST_PASSPHRASE: usize = 8;
/// The most shares that are needed, and that there are.
const MOST_NEEDED: u8 = 16;
const MOST_SHARES: u8 = 32;
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
    /// Shamir's secret sharing: the unlock key is random, and any `threshold` of `count` shares
    /// give it.
    Shares {
        /// From 2 on.
        threshold: u8,
        /// At most 32.
        count: u8,
    },
}

impl Stretch {
    /// What a passphrase is stretched with: 64 MiB, three passes (RFC 9106 §4, second choice,
    /// with one lane because the core runs it on one thread).
    pub(crate) const PASSPHRASE: Self = Self::Argon2id { memory: 64 * 1024, passes: 3, lanes: 1 };

    /// Returns how a ring that is made, or whose unlock key is rotated, treats this factor.
    ///
    /// # Errors
    /// [`UnlockError::FactorUnusable`] for one that is too short, and for shares of which one
    /// opens the ring or not enough are there.
    pub(crate) fn for_new(factor: &NewFactor) -> Result<Self, UnlockError> {
        let unusable = |why| Err(UnlockError::FactorUnusable(why));
        match factor {
            NewFactor::Passphrase(text) if text.len() < SHORTEST_PASSPHRASE => {
                unusable("a passphrase has at least 8 octets")
            }
            NewFactor::Passphrase(_) => Ok(Self::PASSPHRASE),
            NewFactor::Credential(_) => Ok(Self::Hkdf),
            NewFactor::Shares { threshold, custodians } => {
                let count = u8::try_from(custodians.len()).unwrap_or(u8::MAX);
                match (*threshold, count) {
                    (0 | 1, _) => unusable("at least two shares must be needed to open a ring"),
                    (threshold, count) if threshold > count => {
                        unusable("there are fewer shares than are needed to open the ring")
                    }
                    (threshold, count) if threshold > MOST_NEEDED || count > MOST_SHARES => {
                        unusable("at most 16 of at most 32 shares open a ring")
                    }
                    (threshold, count) => Ok(Self::Shares { threshold, count }),
                }
            }
        }
    }

    /// Returns what opens a ring that is closed this way.
    pub(crate) fn kind(self) -> UnlockKind {
        match self {
            Self::Argon2id { .. } => UnlockKind::Passphrase,
            Self::Hkdf => UnlockKind::Credential,
            Self::Shares { threshold, count } => UnlockKind::Shares { threshold, count },
        }
    }

    /// Says that a factor of another kind came.
    pub(crate) fn other_kind(self) -> UnlockError {
        UnlockError::FactorUnusable(match self {
            Self::Argon2id { .. } => "the ring is opened by a passphrase",
            Self::Hkdf => "the ring is opened by a credential",
            Self::Shares { .. } => "the ring is opened by shares",
        })
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
                argon2id((memory, passes, lanes), text, salt, &mut key)?;
            }
            (Self::Hkdf, UnlockFactor::Credential(secret)) => {
                if secret.len() < SHORTEST_CREDENTIAL {
                    let why = "a credential has at least 32 octets";
                    return Err(UnlockError::FactorUnusable(why));
                }
                hkdf(secret, salt, INFO, &mut key)
                    .ok_or(UnlockError::FactorUnusable("HKDF refused it"))?;
            }
            (Self::Shares { threshold, count }, UnlockFactor::Shares(shares)) => {
                combine(shares, threshold, count, &mut key)?;
            }
            _ => return Err(self.other_kind()),
        }
        Ok(key)
    }

    fn numbers(self) -> (u8, u32, u32, u32) {
        match self {
            Self::Argon2id { memory, passes, lanes } => (1, memory, passes, lanes),
            Self::Hkdf => (2, 0, 0, 0),
            Self::Shares { threshold, count } => (3, 0, threshold.into(), count.into()),
        }
    }
}

/// Puts the unlock key together from exactly as many shares as are needed.
fn combine(shares: &[Share], threshold: u8, count: u8, key: &mut [u8]) -> Result<(), UnlockError> {
    let needed = shares.len() == usize::from(threshold);
    let parts: Vec<(u8, &[u8])> =
        shares.iter().map(|share| (share.index, &*share.secret)).collect();
    match shamir::combine(&parts, key) {
        Some(()) if needed && parts.iter().all(|(index, _)| *index <= count) => Ok(()),
        _ => Err(UnlockError::FactorUnusable("these are not as many distinct shares as it needs")),
    }
}

/// Stretches a passphrase.
pub(crate) fn argon2id(
    (memory, passes, lanes): (u32, u32, u32),
    text: &[u8],
    salt: &[u8; SALT],
    key: &mut [u8],
) -> Result<(), UnlockError> {
    Params::new(memory, passes, lanes, Some(SECRET))
        .map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
        .and_then(|argon2| argon2.hash_password_into(text, salt, key))
        .map_err(|_| UnlockError::FactorUnusable("Argon2id refused it"))
}

struct SecretLength;

impl KeyType for SecretLength {
    fn len(&self) -> usize {
        SECRET
    }
}

/// HKDF-SHA256 (RFC 5869) to a key of 32 octets; none if the library refuses.
pub(crate) fn hkdf(secret: &[u8], salt: &[u8], info: &[u8], key: &mut [u8]) -> Option<()> {
    Salt::new(HKDF_SHA256, salt)
        .extract(secret)
        .expand(&[info], SecretLength)
        .and_then(|okm| okm.fill(key))
        .ok()
}

impl Wire for Stretch {
    fn put(&self, w: &mut Writer) {
        let (code, memory, passes, lanes) = self.numbers();
        code.put(w);
        for number in [memory, passes, lanes] {
            number.put(w);
        }
    }

    /// The bounds keep a damaged file from asking for all memory.
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let code = u8::take(r)?;
        let numbers = (u32::take(r)?, u32::take(r)?, u32::take(r)?);
        let bent = WireError::NotCanonical("unlock parameters");
        match (code, numbers) {
            (1, (memory @ 8192..=1_048_576, passes @ 1..=64, lanes @ 1..=16)) => {
                Ok(Self::Argon2id { memory, passes, lanes })
            }
            (2, (0, 0, 0)) => Ok(Self::Hkdf),
            (3, (0, threshold @ 2..=16, count @ 2..=32)) if threshold <= count => {
                let small = |number| u8::try_from(number).map_err(|_| bent);
                Ok(Self::Shares { threshold: small(threshold)?, count: small(count)? })
            }
            (1..=3, _) => Err(bent),
            _ => Err(WireError::UnknownValue("unlock derivation")),
        }
    }
}

#[cfg(test)]
mod tests {
    use keystore::Custodian;
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
        for (text, good) in [("1234567", false), ("12345678", true)] {
            let factor = NewFactor::Passphrase(Zeroizing::new(text.as_bytes().to_vec()));
            assert_eq!(Stretch::for_new(&factor).is_ok(), good);
        }
        for (length, good) in [(0, false), (31, false), (32, true)] {
            let key = Stretch::Hkdf.unlock_key(&credential(length), &[7; SALT]);
            assert_eq!(key.is_ok(), good, "{length}");
        }
    }

    #[test]
    fn a_factor_of_the_other_kind_is_told_so() {
        let cases = [
            (Stretch::PASSPHRASE, credential(32), "the ring is opened by a passphrase"),
            (Stretch::Hkdf, passphrase("12345678"), "the ring is opened by a credential"),
            (
                Stretch::Shares { threshold: 2, count: 3 },
                credential(32),
                "the ring is opened by shares",
            ),
        ];
        for (stretch, factor, expected) in cases {
            match stretch.unlock_key(&factor, &[7; SALT]) {
                Err(UnlockError::FactorUnusable(why)) => assert_eq!(why, expected),
                _ => panic!("{expected}"),
            }
        }
    }

    #[test]
    fn refuses_one_share_that_opens_alone_and_sets_that_cannot_be() {
        let set = |threshold, count| {
            let custodian = || Custodian::Passphrase(Zeroizing::new(b"correct horse".to_vec()));
            let custodians = (0..count).map(|_| custodian()).collect();
            match Stretch::for_new(&NewFactor::Shares { threshold, custodians }) {
                Ok(Stretch::Shares { threshold, count }) => Ok((threshold, count)),
                Err(UnlockError::FactorUnusable(why)) => Err(why),
                _ => panic!("{threshold} of {count}"),
            }
        };
        for (threshold, count) in [(2, 2), (2, 3), (16, 16), (16, 32)] {
            assert_eq!(set(threshold, count), Ok((threshold, u8::try_from(count).unwrap())));
        }
        for (threshold, count, why) in [
            (0, 3, "at least two"),
            (1, 1, "at least two"),
            (1, 3, "at least two"),
            (3, 2, "fewer shares"),
            (2, 0, "fewer shares"),
            (17, 32, "at most 16 of at most 32"),
            (2, 33, "at most 16 of at most 32"),
            (2, 300, "at most 16 of at most 32"),
        ] {
            assert!(set(threshold, count).unwrap_err().contains(why), "{threshold} of {count}");
        }
    }

    #[test]
    fn shares_open_in_their_number_and_each_once() {
        let stretch = Stretch::Shares { threshold: 2, count: 3 };
        let open = |indices: &[u8]| {
            let secret = || Secret::copy_of(&[1; 32]).unwrap();
            let share = |index: &u8| Share { index: *index, secret: secret() };
            let shares = indices.iter().map(share).collect();
            stretch.unlock_key(&UnlockFactor::Shares(shares), &[7; SALT])
        };
        assert!(open(&[1, 3]).is_ok());
        for indices in [&[][..], &[1], &[1, 1], &[0, 1], &[1, 4], &[1, 2, 3]] {
            assert!(matches!(open(indices), Err(UnlockError::FactorUnusable(_))), "{indices:?}");
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
        assert_eq!(encoded(3, 0, 2, 3), Ok(Stretch::Shares { threshold: 2, count: 3 }));
        assert_eq!(encoded(3, 0, 16, 32), Ok(Stretch::Shares { threshold: 16, count: 32 }));
        for (memory, threshold, count) in
            [(1, 2, 3), (0, 1, 1), (0, 1, 3), (0, 0, 3), (0, 4, 3), (0, 17, 32), (0, 2, 33)]
        {
            assert_eq!(encoded(3, memory, threshold, count), Err(bent), "{threshold} of {count}");
        }
        let unknown = WireError::UnknownValue("unlock derivation");
        assert_eq!(encoded(4, 0, 0, 0), Err(unknown));
    }
}
