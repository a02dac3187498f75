//! House keys and the unlocking of a ring.

use std::sync::Arc;

use signer_proto::{Digest, HouseKey};
use x509::Signature;
use zeroize::Zeroizing;

use crate::unlock::{NewFactor, Opener, Share, ShareOffer, UnlockError, UnlockFactor, UnlockKind};
use crate::{Approved, DriverError, KeyDriver, KeyIdentity};

/// The keys that every ring has for itself, whatever its driver.
pub trait House: Send + Sync {
    /// Returns HMAC-SHA256 of `message` under the `serial` key.
    fn serial_mac(&self, message: &[u8]) -> [u8; 32];

    /// Seals a value in a context (AES-256-GCM with a random nonce under the `seal` key).
    fn seal(&self, context: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, DriverError>;

    /// Opens a sealed value; none if it was not sealed here in this context.
    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>>;

    /// Signs with the `log` key (Ed25519).
    fn sign_log(&self, message: Approved<'_>) -> Result<Signature, DriverError>;
}

/// What an unlocked ring signs with.
pub struct Opened {
    /// The ring's driver.
    pub driver: Arc<dyn KeyDriver>,
    /// The house keys.
    pub house: Arc<dyn House>,
}

/// Opens a ring's keys.
pub trait Vault: Send + Sync {
    /// Says what opens the ring: the unlock file decides, and nothing beside it.
    ///
    /// # Errors
    /// [`UnlockError::Corrupt`], [`UnlockError::Io`].
    fn kind(&self, genesis: Digest) -> Result<UnlockKind, UnlockError>;

    /// Removes what an interrupted rotation left behind, and says which unlock file is in force.
    /// Called at a start, under the ring's lock.
    ///
    /// # Errors
    /// As [`Vault::kind`].
    fn settle(&self, genesis: Digest) -> Result<Opener, UnlockError>;

    /// Holds what a custodian gives against the commitment to the share.
    ///
    /// # Errors
    /// [`UnlockError::ShareMalformed`], [`UnlockError::WrongShare`],
    /// [`UnlockError::FactorUnusable`] for a ring without shares, [`UnlockError::Corrupt`],
    /// [`UnlockError::Io`].
    fn admit_share(&self, offer: &ShareOffer, genesis: Digest) -> Result<Share, UnlockError>;

    /// Tries the factor. `genesis` is the digest that every key file is bound to; `house` are
    /// the three house keys as genesis names them.
    fn unlock(
        &self,
        factor: &UnlockFactor,
        genesis: Digest,
        house: &[KeyIdentity],
    ) -> Result<Opened, UnlockError>;
}

/// Puts another unlock factor in the place of the one that opens a ring.
pub trait Rotator {
    /// Opens the data key with the old factor and closes it with the new one; nothing is written
    /// yet.
    ///
    /// # Errors
    /// [`UnlockError`]; the old factor opens the ring as before.
    fn prepare(
        &self,
        old: &UnlockFactor,
        new: &NewFactor,
        genesis: Digest,
    ) -> Result<Box<dyn Rotation>, UnlockError>;
}

/// A rotation that was prepared.
pub trait Rotation {
    /// Says what will open the ring.
    fn opener(&self) -> Opener;

    /// Puts the new unlock file in the place of the old one, durable before this returns. Stopped
    /// at any point, the ring opens with exactly one of the two factors.
    ///
    /// # Errors
    /// [`UnlockError::Io`]; the old factor opens the ring, or the new one.
    fn publish(self: Box<Self>) -> Result<(), UnlockError>;
}

/// Makes a ring's keys, once.
///
/// Two steps, because each needs the other: genesis names the public `log` key, and every key
/// file is bound to the digest of genesis.
pub trait Founder: Send + Sync {
    /// Draws the three house keys and the data key; nothing is written yet.
    ///
    /// # Errors
    /// [`UnlockError::FactorUnusable`] for a factor that is too short, [`UnlockError::Io`] of kind
    /// `AlreadyExists` where a ring's keys are already.
    fn found(
        &self,
        factor: &NewFactor,
        house: &[KeyIdentity],
    ) -> Result<Box<dyn Founding>, UnlockError>;
}

/// House keys that were drawn and not written yet.
pub trait Founding: Send {
    /// Returns the house keys as genesis names them.
    fn house_keys(&self) -> Vec<HouseKey>;

    /// Binds the keys to the digest of genesis and writes them, durable before this returns; what
    /// unlocks them is written last.
    ///
    /// # Errors
    /// [`UnlockError::Io`].
    fn bind(self: Box<Self>, genesis: Digest) -> Result<Opened, UnlockError>;
}
