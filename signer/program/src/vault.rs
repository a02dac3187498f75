//! The vault of a ring whose keys are elsewhere: its house keys are files all the same.

use std::sync::Arc;

use keystore::{
    KeyDriver, KeyIdentity, Opened, Opener, Share, ShareOffer, UnlockError, UnlockFactor,
    UnlockKind, Vault,
};
use keystore_file::FileVault;
use signer_proto::Digest;

/// House keys and the unlocking of a ring by its files, everything else by another driver.
pub(crate) struct JointVault {
    house: FileVault,
    driver: Arc<dyn KeyDriver>,
}

impl JointVault {
    /// Gives the vault of a ring: by its files alone where there is no other driver.
    pub(crate) fn of(house: FileVault, driver: Option<Arc<dyn KeyDriver>>) -> Arc<dyn Vault> {
        match driver {
            Some(driver) => Arc::new(Self { house, driver }),
            None => Arc::new(house),
        }
    }
}

impl Vault for JointVault {
    fn kind(&self, genesis: Digest) -> Result<UnlockKind, UnlockError> {
        self.house.kind(genesis)
    }

    fn settle(&self, genesis: Digest) -> Result<Opener, UnlockError> {
        self.house.settle(genesis)
    }

    fn admit_share(&self, offer: &ShareOffer, genesis: Digest) -> Result<Share, UnlockError> {
        self.house.admit_share(offer, genesis)
    }

    fn unlock(
        &self,
        factor: &UnlockFactor,
        genesis: Digest,
        house: &[KeyIdentity],
    ) -> Result<Opened, UnlockError> {
        let opened = self.house.unlock(factor, genesis, house)?;
        Ok(Opened { driver: Arc::clone(&self.driver), house: opened.house })
    }
}
