//! Accounts with their keys, read once where nobody else can change them.

use std::sync::Arc;

use model::{AcmeAccount, Id};
use store::acme::accounts;
use store::{Store, StoreError};

use crate::jose::Jwk;
use crate::kept::Kept;

/// Accounts that are kept at most.
const MOST: usize = 20_000;

/// An account and its key, read.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) account: AcmeAccount,
    pub(crate) key: Jwk,
}

/// Finds accounts.
pub(crate) struct Accounts(Kept<Id<AcmeAccount>, Arc<Known>>);

impl Accounts {
    pub(crate) fn new(store: &Store) -> Self {
        Self(Kept::new(if store.is_shared() { 0 } else { MOST }))
    }

    pub(crate) async fn get(
        &self,
        store: &Store,
        id: Id<AcmeAccount>,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        if let Some(known) = self.0.get(&id) {
            return Ok(Some(known));
        }
        let seen = self.0.seen();
        let Some(account) = accounts::get(store, id).await? else {
            return Ok(None);
        };
        let key = read_key(&account)?;
        let known = Arc::new(Known { account, key });
        self.0.fill(seen, id, Arc::clone(&known));
        Ok(Some(known))
    }

    /// Reads an account again next time; call it after every change, also after one that failed.
    pub(crate) fn forget(&self, id: Id<AcmeAccount>) {
        self.0.forget(&id);
    }
}

fn read_key(account: &AcmeAccount) -> Result<Jwk, StoreError> {
    let corrupt = || StoreError::Corrupt {
        table: "acme_accounts",
        why: format!("the JWK of {}", account.id),
    };
    let value = serde_json::from_str(&account.jwk).map_err(|_| corrupt())?;
    Jwk::read(&value).map_err(|_| corrupt())
}
