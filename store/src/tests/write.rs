use futures::poll_once;

use super::both_engines;
use super::sample::{NOW, certificate, id, issuer, new_issued, stored_issuer};
use crate::{Store, StoreError, certificates, issuers, leases};

/// Only what these tests need of a futures library.
mod futures {
    use std::future::Future;
    use std::task::{Context, Waker};

    /// Starts a future, as far as it goes by itself.
    pub fn poll_once<F: Future>(future: F) -> bool {
        let mut future = Box::pin(future);
        future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
    }
}

both_engines! {
    async fn a_failed_act_leaves_nothing(store: Store) {
        let row = issuer("one");
        let outcome: Result<(), _> = store
            .write(move |tx| {
                Box::pin(async move {
                    issuers::insert(tx, &row).await?;
                    // A transaction sees its own writes.
                    assert_eq!(issuers::get(&mut *tx, row.id).await?, Some(row.clone()));
                    Err(StoreError::NotFound)
                })
            })
            .await;
        assert!(matches!(outcome, Err(StoreError::NotFound)), "{outcome:?}");
        assert_eq!(issuers::list(&store).await.unwrap(), []);
    }

    async fn acts_at_once_are_undone_alone(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let records: Vec<_> = (0..20)
            .map(|number| {
                let (store, new) = (store.clone(), certificate(issuer.id, number));
                tokio::spawn(async move { store.record_issued(new_issued(new)).await.unwrap() })
            })
            .collect();
        let acts: Vec<_> = (0..60)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let name = format!("lease-{number}");
                    store
                        .write(move |tx| {
                            Box::pin(async move {
                                assert!(leases::try_acquire(tx, &name, "a", NOW, 10).await?);
                                match number % 3 {
                                    0 => Err(StoreError::NotFound),
                                    1 => panic!("an act panics"),
                                    _ => Ok(number),
                                }
                            })
                        })
                        .await
                })
            })
            .collect();
        for (number, act) in acts.into_iter().enumerate() {
            match (number % 3, act.await) {
                (0, Ok(outcome)) => assert!(matches!(outcome, Err(StoreError::NotFound))),
                (1, Err(panic)) => assert!(panic.is_panic()),
                (2, Ok(outcome)) => assert_eq!(outcome.unwrap(), number),
                (_, other) => panic!("{other:?}"),
            }
        }
        for record in records {
            record.await.unwrap();
        }
        for number in 0..60 {
            let name = format!("lease-{number}");
            let free = store
                .write(move |tx| {
                    Box::pin(async move { leases::try_acquire(tx, &name, "b", NOW, 10).await })
                })
                .await;
            assert_eq!(free.unwrap(), number % 3 != 2, "{number}");
        }
    }

    async fn what_was_handed_in_outlives_its_caller(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let new = certificate(issuer.id, 1);
        // The request's connection went away: the certificate is signed and must be recorded.
        assert!(!poll_once(store.record_issued(new_issued(new.clone()))));
        store.record_issued(new_issued(certificate(issuer.id, 2))).await.unwrap();
        assert_eq!(certificates::get(&store, new.id).await.unwrap(), Some(new));
    }

    async fn a_closed_store_says_so(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        store.ping().await.unwrap();
        store.close().await;
        let refused = store.record_issued(new_issued(certificate(issuer.id, 1))).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        let read = certificates::get(&store, id()).await;
        assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    }
}
