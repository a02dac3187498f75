//! A stock of minted serials.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signer_proto::{KeyLabel, MintSerials};
use tracing::debug;
use x509::Serial;

use crate::client::SignerClient;
use crate::error::CallError;

/// How many serials one call mints.
const BATCH: u32 = 256;
/// With fewer than these in stock the next batch is asked for.
const LOW: usize = 128;

/// Serials for one issuing key, minted ahead so that issuance does not wait for them; clones
/// share the stock. A serial is given out once; those left at the end are lost, which costs
/// nothing.
#[derive(Clone)]
pub struct SerialPool(Arc<Pool>);

struct Pool {
    client: SignerClient,
    key: KeyLabel,
    stock: Mutex<Vec<Serial>>,
    /// Held by whoever mints, so that a rush mints once.
    minting: tokio::sync::Mutex<()>,
    /// Whether a batch is asked for in the background.
    refilling: AtomicBool,
}

impl SerialPool {
    pub(crate) fn new(client: SignerClient, key: KeyLabel) -> Self {
        Self(Arc::new(Pool {
            client,
            key,
            stock: Mutex::default(),
            minting: tokio::sync::Mutex::default(),
            refilling: AtomicBool::new(false),
        }))
    }

    /// Returns whose serials these are.
    #[must_use]
    pub fn key(&self) -> &KeyLabel {
        &self.0.key
    }

    /// Takes a serial; waits for the signer only if there is none in stock.
    ///
    /// # Errors
    /// As [`SignerClient::call`], from minting.
    pub async fn take(&self) -> Result<Serial, CallError> {
        if let Some(serial) = self.0.pop() {
            self.refill_if_low();
            return Ok(serial);
        }
        let _minting = self.0.minting.lock().await;
        // Somebody else may have minted while this task waited.
        if let Some(serial) = self.0.pop() {
            return Ok(serial);
        }
        self.0.mint().await?;
        self.0
            .pop()
            .ok_or_else(|| CallError::Unavailable { why: "the signer minted no serial".to_owned() })
    }

    fn refill_if_low(&self) {
        if self.0.count() >= LOW || self.0.refilling.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = self.0.clone();
        tokio::spawn(async move {
            let minting = pool.minting.lock().await;
            if pool.count() < LOW
                && let Err(error) = pool.mint().await
            {
                // The next taker asks again, and hears of it once the stock is empty.
                debug!(%error, key = %pool.key, "serials were not minted ahead");
            }
            drop(minting);
            pool.refilling.store(false, Ordering::Release);
        });
    }
}

impl Pool {
    fn stock(&self) -> std::sync::MutexGuard<'_, Vec<Serial>> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pop(&self) -> Option<Serial> {
        self.stock().pop()
    }

    fn count(&self) -> usize {
        self.stock().len()
    }

    async fn mint(&self) -> Result<(), CallError> {
        let call = MintSerials { key: self.key.clone(), count: BATCH };
        let minted = self.client.mint_serials(&call).await?;
        self.stock().extend(minted.0);
        Ok(())
    }
}

impl core::fmt::Debug for SerialPool {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SerialPool")
            .field("key", &self.0.key)
            .field("stock", &self.0.count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use signer_proto::{Rule, Serials};

    use super::*;
    use crate::stand_in::{Asked, StandIn};

    fn mint() -> impl Fn(&Asked) -> Vec<u8> {
        let next = AtomicU64::new(1);
        move |asked| {
            let call: MintSerials = asked.call();
            let first = next.fetch_add(u64::from(call.count), Ordering::SeqCst);
            let serial = |number: u64| Serial::from_unsigned(&number.to_be_bytes()).unwrap();
            let minted = (first..first + u64::from(call.count)).map(serial).collect();
            asked.answer(&Serials(minted))
        }
    }

    fn pool(signer: &StandIn) -> SerialPool {
        signer.client().serial_pool(KeyLabel::new("issuing").unwrap())
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_serial_is_given_twice_and_a_rush_mints_once() {
        let signer = StandIn::answer(mint());
        let pool = pool(&signer);
        let takers: Vec<_> = (0..100)
            .map(|_| {
                let pool = pool.clone();
                tokio::spawn(async move {
                    let mut taken = Vec::new();
                    for _ in 0..10 {
                        taken.push(pool.take().await.unwrap());
                    }
                    taken
                })
            })
            .collect();
        let mut given = HashSet::new();
        for taker in takers {
            for serial in taker.await.unwrap() {
                assert!(given.insert(serial), "{serial} was given twice");
            }
        }
        assert_eq!(given.len(), 1000);
        // 1,000 of 256 each, and one batch that was minted ahead.
        assert!((4..=5).contains(&signer.count()), "{}", signer.count());
    }

    #[tokio::test]
    async fn the_stock_is_filled_up_before_it_is_empty() {
        let signer = StandIn::answer(mint());
        let pool = pool(&signer);
        for _ in 0..=usize::try_from(BATCH).unwrap() - LOW {
            pool.take().await.unwrap();
        }
        for _ in 0..100 {
            if pool.0.count() > LOW {
                assert_eq!(signer.count(), 2);
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the stock was not filled up");
    }

    #[tokio::test]
    async fn a_refusal_to_mint_reaches_the_taker_and_the_next_one_asks_again() {
        let signer = StandIn::answer(|asked| asked.refuse(Rule::KeyNotActive));
        let pool = pool(&signer);
        for asked in 1..=2 {
            match pool.take().await {
                Err(CallError::Refused(refusal)) => assert_eq!(refusal.rule, Rule::KeyNotActive),
                other => panic!("{other:?}"),
            }
            assert_eq!(signer.count(), asked);
        }
    }
}
