use super::one;
use crate::Store;
use crate::acme::nonces;
use crate::testing::tamper;
use crate::tests::both_engines;
use crate::tests::sample::NOW;

async fn epoch(store: &Store, proposed: u8) -> [u8; 32] {
    let epoch =
        one(store, move |tx| Box::pin(async move { nonces::epoch(tx, &[proposed; 32]).await }));
    epoch.await.unwrap()
}

both_engines! {
    async fn a_nonce_is_redeemed_once_and_in_its_epoch(store: Store) {
        assert_eq!(epoch(&store, 1).await, [1; 32]);
        // The second server takes the first one's.
        assert_eq!(epoch(&store, 2).await, [1; 32]);
        let redeem = |nonce: u8, secret: u8| {
            let store = store.clone();
            async move { nonces::redeem(&store, &[nonce; 16], &[secret; 32], NOW).await.unwrap() }
        };
        assert!(redeem(1, 1).await);
        assert!(!redeem(1, 1).await);
        assert!(!redeem(2, 2).await);
        assert!(redeem(2, 1).await);

        let expire = |at| one(&store, move |tx| Box::pin(async move { nonces::expire(tx, at).await }));
        assert_eq!(expire(NOW.plus_seconds(-1)).await.unwrap(), 0);
        assert_eq!(expire(NOW).await.unwrap(), 2);
    }

    async fn what_a_crash_of_the_database_empties_makes_old_nonces_bad(store: Store) {
        assert_eq!(epoch(&store, 1).await, [1; 32]);
        tamper(&store, "DELETE FROM acme_nonces").await;
        tamper(&store, "DELETE FROM acme_nonce_epochs").await;
        assert!(!nonces::redeem(&store, &[7; 16], &[1; 32], NOW).await.unwrap());
        assert_eq!(epoch(&store, 3).await, [3; 32]);
        assert!(!nonces::redeem(&store, &[7; 16], &[1; 32], NOW).await.unwrap());
        assert!(nonces::redeem(&store, &[7; 16], &[3; 32], NOW).await.unwrap());
    }
}
