//! A key driver that counts what it is asked and remembers what it gave.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use keystore::{
    Adopt, Approved, Destroy, DriverError, KeyDriver, KeyIdentity, KnownKey, Opened, Opener, Share,
    ShareOffer, UnlockError, UnlockFactor, UnlockKind, Vault,
};
use signer_proto::Digest;
use x509::{Signature, SignatureScheme, SpkiDer};

/// What a driver does wrong when it is asked to sign: a token that is broken or bought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misdeed {
    /// Gives a signature with one bit flipped.
    FlippedBit,
    /// Gives the first signature that it ever made.
    Yesterdays,
    /// Gives no octets.
    Nothing,
    /// Says that it does not answer now.
    Unavailable,
}

/// How often the driver was asked, and every signature that it made.
#[derive(Debug, Default)]
pub struct Counts {
    misdeed: Mutex<Option<Misdeed>>,
    signs: AtomicU64,
    generates: AtomicU64,
    signatures: Mutex<Vec<Vec<u8>>>,
    /// Whether signatures are intended before they are made.
    intends: AtomicBool,
    /// Whether the driver is in this process. Of another one nothing is counted: the same attacks
    /// run against the counting driver too, and the journal shows what was signed.
    inside: bool,
}

impl Counts {
    pub(crate) fn new(inside: bool) -> Self {
        Self { inside, ..Self::default() }
    }

    /// Remembers a signature that another process made.
    pub(crate) fn learn(&self, signature: &[u8]) {
        let mut made = self.made();
        if !made.iter().any(|known| known == signature) {
            made.push(signature.to_vec());
        }
    }

    /// Lets the driver do wrong from now on, or right again.
    ///
    /// # Panics
    /// If the driver is in another process.
    pub fn misbehave(&self, misdeed: Option<Misdeed>) {
        assert!(self.inside, "another process's driver: start with Ring::inside");
        *self.misdeed.lock().unwrap_or_else(PoisonError::into_inner) = misdeed;
    }

    /// Lets the driver demand intents from now on, as one whose keys are far away does.
    ///
    /// # Panics
    /// If the driver is in another process.
    pub fn intend(&self) {
        assert!(self.inside, "another process's driver: start with Ring::inside");
        self.intends.store(true, Ordering::SeqCst);
    }

    fn made(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.signatures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how often a signature was asked for.
    #[must_use]
    pub fn signs(&self) -> u64 {
        self.signs.load(Ordering::SeqCst)
    }

    /// Returns how often a key was asked for.
    #[must_use]
    pub fn generates(&self) -> u64 {
        self.generates.load(Ordering::SeqCst)
    }

    /// Returns whether `octets` holds a piece of any signature that was ever made.
    #[must_use]
    pub fn leaks_into(&self, octets: &[u8]) -> bool {
        const PIECE: usize = 12;
        self.made().iter().any(|signature| {
            let mut pieces = signature.chunks_exact(PIECE);
            pieces.any(|piece| octets.windows(PIECE).any(|window| window == piece))
        })
    }
}

struct CountingDriver {
    driver: Arc<dyn KeyDriver>,
    counts: Arc<Counts>,
}

impl KeyDriver for CountingDriver {
    fn public_key(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.driver.public_key(key)
    }

    fn sign(
        &self,
        key: &KeyIdentity,
        scheme: SignatureScheme,
        message: Approved<'_>,
    ) -> Result<Signature, DriverError> {
        self.counts.signs.fetch_add(1, Ordering::SeqCst);
        let misdeed = *self.counts.misdeed.lock().unwrap_or_else(PoisonError::into_inner);
        if misdeed == Some(Misdeed::Unavailable) {
            return Err(DriverError::Unavailable("the token is gone".to_owned()));
        }
        let mut octets = self.driver.sign(key, scheme, message)?.into_vec();
        match misdeed {
            Some(Misdeed::FlippedBit) => octets[20] ^= 1,
            Some(Misdeed::Yesterdays) => octets.clone_from(&self.counts.made()[0]),
            Some(Misdeed::Nothing) => octets.clear(),
            Some(Misdeed::Unavailable) | None => {}
        }
        self.counts.made().push(octets.clone());
        Ok(Signature::from_vec(octets))
    }

    fn generate(&self, key: &KeyIdentity) -> Result<SpkiDer, DriverError> {
        self.counts.generates.fetch_add(1, Ordering::SeqCst);
        self.driver.generate(key)
    }

    fn wants_intent(&self) -> bool {
        self.counts.intends.load(Ordering::SeqCst) || self.driver.wants_intent()
    }

    fn health(&self) -> Result<(), DriverError> {
        self.driver.health()
    }

    fn attach(&self, keys: Vec<KnownKey>) {
        self.driver.attach(keys);
    }

    fn adopter(&self) -> Option<&dyn Adopt> {
        self.driver.adopter()
    }

    fn destroyer(&self) -> Option<&dyn Destroy> {
        self.driver.destroyer()
    }
}

/// Opens another vault and counts what its driver is asked.
pub(crate) struct CountingVault<V> {
    pub(crate) vault: V,
    pub(crate) counts: Arc<Counts>,
}

impl<V: Vault> Vault for CountingVault<V> {
    fn kind(&self, genesis: Digest) -> Result<UnlockKind, UnlockError> {
        self.vault.kind(genesis)
    }

    fn settle(&self, genesis: Digest) -> Result<Opener, UnlockError> {
        self.vault.settle(genesis)
    }

    fn admit_share(&self, offer: &ShareOffer, genesis: Digest) -> Result<Share, UnlockError> {
        self.vault.admit_share(offer, genesis)
    }

    fn unlock(
        &self,
        factor: &UnlockFactor,
        genesis: Digest,
        house: &[KeyIdentity],
    ) -> Result<Opened, UnlockError> {
        let Opened { driver, house } = self.vault.unlock(factor, genesis, house)?;
        let counts = Arc::clone(&self.counts);
        Ok(Opened { driver: Arc::new(CountingDriver { driver, counts }), house })
    }
}
