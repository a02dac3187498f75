//! Anti-replay nonces (RFC 8555 §6.5). Issuing one writes nothing. One server keeps in memory what
//! was redeemed; several keep it in their database.

mod database;
mod memory;

use model::UnixTime;
use store::{Store, StoreError};

use database::Shared;
use memory::Memory;

/// Says why there are no nonces. Unavailable.
#[derive(Debug, thiserror::Error)]
pub enum NonceError {
    /// The system gives no randomness.
    #[error("the system gives no randomness")]
    NoRandomness,
    /// The database does not answer.
    #[error("the database does not say which nonces are good")]
    Store(#[from] StoreError),
}

/// Issues and redeems nonces.
pub(crate) enum Nonces {
    /// Of this process.
    Memory(Memory),
    /// Of all servers of the database.
    Shared(Shared),
}

impl Nonces {
    pub(crate) async fn open(store: &Store) -> Result<Self, NonceError> {
        if store.is_shared() {
            Ok(Self::Shared(Shared::open(store.clone()).await?))
        } else {
            Ok(Self::Memory(Memory::new(&random()?)))
        }
    }

    /// Issues a nonce.
    pub(crate) fn issue(&self, now: UnixTime) -> Result<String, NonceError> {
        match self {
            Self::Memory(memory) => Ok(memory.issue()),
            Self::Shared(shared) => shared.issue(now),
        }
    }

    /// Redeems a nonce; tells whether it was good.
    pub(crate) async fn redeem(&self, nonce: &str, now: UnixTime) -> Result<bool, NonceError> {
        match self {
            Self::Memory(memory) => Ok(memory.redeem(nonce)),
            Self::Shared(shared) => shared.redeem(nonce, now).await,
        }
    }

    /// Takes over what a crash of the database changed, and forgets what is over.
    pub(crate) async fn upkeep(&self, now: UnixTime) -> Result<(), NonceError> {
        match self {
            Self::Memory(_) => Ok(()),
            Self::Shared(shared) => shared.upkeep(now).await,
        }
    }
}

fn random<const N: usize>() -> Result<[u8; N], NonceError> {
    let mut octets = [0; N];
    aws_lc_rs::rand::fill(&mut octets).map_err(|_| NonceError::NoRandomness)?;
    Ok(octets)
}
