//! Keys that a driver did not make.

use signer_proto::KeySpec;
use x509::SpkiDer;
use zeroize::Zeroizing;

use crate::{DriverError, KeyIdentity, KeyLocation};

/// Takes keys that were made elsewhere.
pub trait Adopt: Send + Sync {
    /// Takes a key, durable before this returns, and says what is known of its past. `pinned` is
    /// the public key that it must have.
    ///
    /// # Errors
    /// [`DriverError::PublicKeyDiffers`], [`DriverError::LocationUnusable`],
    /// [`DriverError::ImportRefused`], [`DriverError::KeyExists`], and what the other verbs have.
    fn adopt(
        &self,
        key: &KeyIdentity,
        source: AdoptSource<'_>,
        pinned: &SpkiDer,
    ) -> Result<Adopted, DriverError>;
}

/// Where the key comes from.
pub enum AdoptSource<'a> {
    /// It stays where it is.
    Location(&'a KeyLocation),
    /// An `EncryptedPrivateKeyInfo` (RFC 5958 §3), DER, and the passphrase that opens it.
    Pkcs8 {
        /// The file's octets.
        encrypted: &'a [u8],
        /// What opens it.
        passphrase: &'a [u8],
    },
}

/// What is known of a key that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Adopted {
    /// Its algorithm, as found.
    pub spec: KeySpec,
    /// Whether a copy may exist elsewhere: it came as a file, or its token lets it out.
    pub could_have_left: bool,
}

/// Opens what was encrypted to a key.
pub trait Unwrap: Send + Sync {
    /// Decrypts RSAES-PKCS1-v1_5 (RFC 8017 §7.2.2). What is not padded as it must be gives random
    /// octets instead of an error where the driver can (implicit rejection), so that no answer
    /// tells the two apart.
    ///
    /// # Errors
    /// [`DriverError::SchemeMismatch`] for a key that is none of RSA; [`DriverError::Crypto`].
    fn unwrap(
        &self,
        key: &KeyIdentity,
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, DriverError>;
}
