//! Nonces of all servers of one database: a time and randomness with their MAC under the epoch's
//! secret. Redeeming one is one statement (docs/adr/0018).

use std::sync::{PoisonError, RwLock};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::UnixTime;
use store::Store;
use store::acme::nonces;

use super::{NonceError, random};

/// Seconds for which a nonce is good.
const LIFE: i64 = 900;
/// Octets of randomness.
const NOISE: usize = 12;
/// Octets of the MAC.
const MAC: usize = 16;

pub(crate) struct Shared {
    store: Store,
    epoch: RwLock<[u8; 32]>,
}

impl Shared {
    pub(crate) async fn open(store: Store) -> Result<Self, NonceError> {
        let epoch = current(&store).await?;
        Ok(Self { store, epoch: RwLock::new(epoch) })
    }

    fn epoch(&self) -> [u8; 32] {
        *self.epoch.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn issue(&self, now: UnixTime) -> Result<String, NonceError> {
        let noise: [u8; NOISE] = random()?;
        let content = [&now.0.to_be_bytes()[..], &noise].concat();
        let mac = mac(&self.epoch(), &content);
        Ok(URL_SAFE_NO_PAD.encode([content, mac].concat()))
    }

    pub(crate) async fn redeem(&self, nonce: &str, now: UnixTime) -> Result<bool, NonceError> {
        let Some(octets) = URL_SAFE_NO_PAD.decode(nonce).ok() else {
            return Ok(false);
        };
        if octets.len() != 8 + NOISE + MAC {
            return Ok(false);
        }
        let (content, given) = octets.split_at(8 + NOISE);
        let expected = mac(&self.epoch(), content);
        if aws_lc_rs::constant_time::verify_slices_are_equal(&expected, given).is_err() {
            return Ok(false);
        }
        let mut at = [0; 8];
        at.copy_from_slice(&content[..8]);
        let ends = UnixTime(i64::from_be_bytes(at)).plus_seconds(LIFE);
        // Clocks of servers differ a little.
        if now >= ends || now.plus_seconds(60) < UnixTime(i64::from_be_bytes(at)) {
            return Ok(false);
        }
        let keep = ends.plus_seconds(60);
        let good = nonces::redeem(&self.store, content, &self.epoch(), keep).await?;
        if !good {
            // Redeemed before, or the database lost the epoch: the next nonce is of the one that is.
            self.look_up_epoch().await?;
        }
        Ok(good)
    }

    async fn look_up_epoch(&self) -> Result<(), NonceError> {
        let epoch = current(&self.store).await?;
        *self.epoch.write().unwrap_or_else(PoisonError::into_inner) = epoch;
        Ok(())
    }

    pub(crate) async fn upkeep(&self, now: UnixTime) -> Result<(), NonceError> {
        self.look_up_epoch().await?;
        self.store.write(move |tx| Box::pin(async move { nonces::expire(tx, now).await })).await?;
        Ok(())
    }
}

async fn current(store: &Store) -> Result<[u8; 32], NonceError> {
    let proposed = random()?;
    let read = store.write(move |tx| Box::pin(async move { nonces::epoch(tx, &proposed).await }));
    Ok(read.await?)
}

fn mac(epoch: &[u8; 32], content: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, epoch);
    let mut tag = hmac::sign(&key, content).as_ref().to_vec();
    tag.truncate(MAC);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::DatabaseUrl;

    const NOW: UnixTime = UnixTime(1_800_000_000);

    #[tokio::test]
    async fn a_nonce_is_good_once_on_whichever_server() {
        let store = store::testing::open(&DatabaseUrl::memory()).await;
        let one = Shared::open(store.clone()).await.expect("an epoch");
        let other = Shared::open(store.clone()).await.expect("the same epoch");
        let nonce = one.issue(NOW).expect("a nonce");
        assert!(other.redeem(&nonce, NOW).await.expect("an answer"));
        assert!(!one.redeem(&nonce, NOW).await.expect("an answer"));
        let late = one.issue(NOW).expect("a nonce");
        for (nonce, now) in [
            (late.as_str(), NOW.plus_seconds(LIFE)),
            (late.as_str(), NOW.plus_seconds(-61)),
            (&late[1..], NOW),
            ("", NOW),
        ] {
            assert!(!one.redeem(nonce, now).await.expect("an answer"), "{nonce}");
        }
    }

    #[tokio::test]
    async fn a_lost_table_ends_all_nonces() {
        let store = store::testing::open(&DatabaseUrl::memory()).await;
        let server = Shared::open(store.clone()).await.expect("an epoch");
        let nonce = server.issue(NOW).expect("a nonce");
        store::testing::tamper(&store, "DELETE FROM acme_nonce_epochs").await;
        assert!(!server.redeem(&nonce, NOW).await.expect("an answer"));
        assert!(!server.redeem(&nonce, NOW).await.expect("an answer"));
        let nonce = server.issue(NOW).expect("a nonce");
        assert!(server.redeem(&nonce, NOW).await.expect("an answer"));
        server.upkeep(NOW.plus_seconds(2 * LIFE)).await.expect("what is over is forgotten");
    }
}
