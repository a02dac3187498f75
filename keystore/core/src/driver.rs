//! The four verbs of a key driver.

use signer_proto::{Blame, KeySpec};
use thiserror::Error;
use x509::{Signature, SignatureScheme, SpkiDer};

use crate::{Adopt, Approved, KeyIdentity, KnownKey, ReportLine, Unwrap};

/// Why a driver did not do it. No variant ever carries key bytes or a PIN.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The driver has no such key.
    #[error("the key {0} is not there")]
    KeyMissing(String),
    /// A key with this identity is there already.
    #[error("the key {0} is there already")]
    KeyExists(String),
    /// The driver cannot make or use keys of this algorithm.
    #[error("this driver has no {0} keys")]
    SpecUnsupported(KeySpec),
    /// The scheme does not fit the key.
    #[error("the scheme does not fit the key")]
    SchemeMismatch,
    /// What is stored does not open, or is not the key that it should be.
    #[error("the stored key {key} is not intact: {why}")]
    Corrupt {
        /// Its identity.
        key: String,
        /// Which check failed.
        why: &'static str,
    },
    /// The place that was named cannot hold this key, or what is there is no such key.
    #[error("{location} is not usable: {why}")]
    LocationUnusable {
        /// The place, as it was given.
        location: String,
        /// What is wrong with it, for the operator.
        why: String,
    },
    /// There is a key, and it is another one.
    #[error("the key at {location} has another public key than the one that is pinned")]
    PublicKeyDiffers {
        /// Where it is.
        location: String,
    },
    /// A key that was made elsewhere is not taken.
    #[error("the key is not taken: {0}")]
    ImportRefused(String),
    /// The key signs no message of this length.
    #[error("the key signs messages of at most {most} octets")]
    MessageTooLong {
        /// The longest one, in octets.
        most: usize,
    },
    /// More was asked than may be, for now.
    #[error("the key store is asked too much: {0}")]
    Overloaded(String),
    /// Not now.
    #[error("the key store does not answer: {0}")]
    Unavailable(String),
    /// The library refused the operation.
    #[error("the cryptographic library refused: {0}")]
    Crypto(&'static str),
}

impl DriverError {
    /// Returns who is at fault.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::KeyMissing(_) | Self::Corrupt { .. } | Self::Crypto(_) => Blame::Corrupt,
            Self::PublicKeyDiffers { .. } => Blame::Corrupt,
            Self::KeyExists(_)
            | Self::SpecUnsupported(_)
            | Self::SchemeMismatch
            | Self::LocationUnusable { .. }
            | Self::MessageTooLong { .. }
            | Self::ImportRefused(_) => Blame::Refused,
            Self::Overloaded(_) | Self::Unavailable(_) => Blame::Unavailable,
        }
    }
}

/// Holds or reaches keys. Synchronous: the core is threads and blocking calls.
pub trait KeyDriver: Send + Sync {
    /// Returns the public key.
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError>;

    /// Signs the whole message; hashing is the driver's part. The caller verifies the signature
    /// before it leaves.
    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError>;

    /// Makes a key, durable before this returns.
    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError>;

    /// Says whether an intent must be durable before each signature: for keys that are elsewhere,
    /// where a signature can exist of which this process never heard. Only for single signatures:
    /// batches of OCSP responses and TLS handshakes have no intents.
    fn wants_intent(&self) -> bool {
        false
    }

    /// Says whether so many signatures wait for a place in the key store that one more would only
    /// wait longer: what leads to one may take its time. Asked often; looks at a number at most.
    fn is_full(&self) -> bool {
        false
    }

    /// Tells the driver all keys of its ring with the public keys that are pinned: when the ring is
    /// unlocked, and again after each key that is added. A driver that keeps keys elsewhere holds
    /// what it finds there against them. Does not wait for anything.
    fn attach(&self, keys: Vec<KnownKey>) {
        drop(keys);
    }

    /// Says whether keys can be used now.
    fn health(&self) -> Result<(), DriverError>;

    /// Tells what it reaches its keys by, for `chancery doctor`.
    fn report(&self) -> Vec<ReportLine> {
        vec![]
    }

    /// Returns what takes keys that were made elsewhere; none in a driver that cannot.
    fn adopter(&self) -> Option<&dyn Adopt> {
        None
    }

    /// Returns what decrypts; none in a driver that cannot.
    fn unwrapper(&self) -> Option<&dyn Unwrap> {
        None
    }

    /// Returns what destroys keys; none in a driver that cannot.
    fn destroyer(&self) -> Option<&dyn Destroy> {
        None
    }
}

/// Destroys keys for good.
pub trait Destroy: Send + Sync {
    /// Destroys a key, durable before this returns; one that is not there is destroyed already.
    fn destroy(&self, key: &KeyIdentity) -> Result<(), DriverError>;
}
