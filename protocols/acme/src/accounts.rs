//! Accounts with their keys, read once where nobody else can change them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::{AcmeAccount, Id};
use store::acme::accounts;
use store::{Store, StoreError};

use crate::jose::Jwk;

/// Accounts that are kept at most.
const MOST: usize = 20_000;

/// An account and its key, read.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) account: AcmeAccount,
    pub(crate) key: Jwk,
}

/// Finds accounts. Several servers of a database read every time: what one of them takes back must
/// not go on at another.
pub(crate) struct Accounts {
    keeps: bool,
    kept: RwLock<HashMap<Id<AcmeAccount>, Arc<Known>>>,
}

impl Accounts {
    pub(crate) fn new(store: &Store) -> Self {
        Self { keeps: !store.is_shared(), kept: RwLock::default() }
    }

    pub(crate) async fn get(
        &self,
        store: &Store,
        id: Id<AcmeAccount>,
    ) -> Result<Option<Arc<Known>>, StoreError> {
        if self.keeps
            && let Some(known) = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&id)
        {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(account) = accounts::get(store, id).await? else {
            return Ok(None);
        };
        let key = read_key(&account)?;
        let known = Arc::new(Known { account, key });
        if self.keeps {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if kept.len() >= MOST {
                kept.clear();
            }
            kept.insert(id, Arc::clone(&known));
        }
        Ok(Some(known))
    }

    /// Reads an account again next time; call it after every change, also after one that failed.
    pub(crate) fn forget(&self, id: Id<AcmeAccount>) {
        self.kept.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
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
