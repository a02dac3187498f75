use model::{
    AcmeAuthorizationState, AcmeErrorKind, AcmeFailure, AcmeOrder, AcmeOrderState,
    AuthorizationKey, ChallengeMethod, Id, Proof, UnixTime,
};
use x509::CsrDer;

use super::order_table::{self as table, Inserted, OrderLimit, OrderLimits};
use super::{get_order, insert_order, one, order};
use crate::acme::authorizations;
use crate::engine::Statement;
use crate::tests::both_engines;
use crate::tests::sample::{NOW, certificate, id, new_issued, stored_issuer};
use crate::{NewIssued, Recorded, Store, StoreError};

const NONE: OrderLimits = OrderLimits { account: None, names: None };

fn proof(method: ChallengeMethod, record: Option<u64>) -> Proof {
    Proof { method: Some(method), at: NOW, record }
}

async fn settle(
    store: &Store,
    key: AuthorizationKey,
    state: AcmeAuthorizationState,
) -> Result<(), StoreError> {
    let end = NOW.plus_seconds(5_000);
    one(store, move |tx| {
        Box::pin(async move { authorizations::settle(tx, key, &state, end).await })
    })
    .await
}

both_engines! {
    async fn an_order_reads_back_with_its_authorizations(store: Store) {
        let names: Vec<String> = (0..130).map(|n| format!("dns:host-{n}.corp.example")).collect();
        let many: Vec<&str> = names.iter().map(String::as_str).collect();
        for names in [&["dns:*.corp.example", "ip:10.0.0.1"][..], &many[..]] {
            let order = order(id(), names, NOW);
            assert_eq!(insert_order(&store, &order, NONE).await.unwrap(), Inserted::Yes);
            assert_eq!(get_order(&store, order.content.id).await, order);
            let again = insert_order(&store, &order, NONE).await;
            assert!(matches!(again, Err(StoreError::Conflict)));
        }
        assert_eq!(table::get(&store, id()).await.unwrap(), None);
    }

    async fn an_authorization_is_settled_once(store: Store) {
        let order = order(id(), &["dns:a.example", "dns:b.example"], NOW);
        insert_order(&store, &order, NONE).await.unwrap();
        let (first, second) = (order.authorizations[0].key, order.authorizations[1].key);
        let valid = AcmeAuthorizationState::Valid(proof(ChallengeMethod::Http01, Some(7)));
        settle(&store, first, valid.clone()).await.unwrap();
        assert!(matches!(settle(&store, first, valid.clone()).await, Err(StoreError::Conflict)));
        let failure = AcmeFailure::new(AcmeErrorKind::Dns, "no such name\nat all");
        let invalid = AcmeAuthorizationState::Invalid { method: ChallengeMethod::Dns01, failure };
        settle(&store, second, invalid.clone()).await.unwrap();
        let stored = get_order(&store, order.content.id).await;
        assert_eq!(stored.authorizations[0].state, valid);
        assert_eq!(stored.authorizations[0].expires_at, NOW.plus_seconds(5_000));
        assert_eq!(stored.authorizations[1].state, invalid);
        assert_eq!(stored.at(NOW).state.as_str(), "invalid");
    }

    async fn the_newest_proof_is_found_and_given_up(store: Store) {
        let account = id();
        let find = |name: &str, since| {
            let store = store.clone();
            let name = name.parse().unwrap();
            async move {
                let span = (NOW.plus_seconds(since), NOW);
                let found = authorizations::newest_proof(&store, account, &name, span).await.unwrap();
                found.map(|(proof, _)| proof)
            }
        };
        let order = order(account, &["dns:a.example", "dns:*.a.example"], NOW);
        insert_order(&store, &order, NONE).await.unwrap();
        assert_eq!(find("dns:a.example", 0).await, None);
        let http = proof(ChallengeMethod::Http01, None);
        settle(&store, order.authorizations[0].key, AcmeAuthorizationState::Valid(http)).await.unwrap();
        assert_eq!(find("dns:a.example", 0).await, Some(http));
        assert_eq!(find("dns:a.example", 1).await, None);
        // http-01 shows nothing about a wildcard.
        assert_eq!(find("dns:*.a.example", 0).await, None);
        let dns = proof(ChallengeMethod::Dns01, Some(3));
        settle(&store, order.authorizations[1].key, AcmeAuthorizationState::Valid(dns)).await.unwrap();
        assert_eq!(find("dns:*.a.example", 0).await, Some(dns));
        // By the record, in whichever profile's ring it lies.
        for (account, name, record, there) in [
            (account, "dns:*.a.example", 3, true),
            (account, "dns:*.a.example", 4, false),
            (account, "dns:b.example", 3, false),
            (id(), "dns:*.a.example", 3, false),
        ] {
            let name = name.parse().unwrap();
            let found = authorizations::profile_of_record(&store, account, &name, record).await;
            let expected = there.then(|| order.content.profile.clone());
            assert_eq!(found.unwrap(), expected, "{name} {record}");
        }
        let other = "dns:a.example".parse().unwrap();
        let strangers = authorizations::newest_proof(&store, id(), &other, (NOW, NOW)).await;
        assert_eq!(strangers.unwrap(), None);

        let (key, name) = (order.authorizations[0].key, other);
        let give_up = || {
            let name = name.clone();
            one(&store, move |tx| {
                Box::pin(async move { authorizations::deactivate(tx, key, account, &name).await })
            })
        };
        give_up().await.unwrap();
        assert!(matches!(give_up().await, Err(StoreError::Conflict)));
        assert_eq!(find("dns:a.example", 0).await, None);
        assert_eq!(find("dns:*.a.example", 0).await, None);
    }

    async fn what_an_account_may_goes_with_it(store: Store) {
        let account = id();
        let order = order(account, &["dns:a.example"], NOW);
        insert_order(&store, &order, NONE).await.unwrap();
        let valid = AcmeAuthorizationState::Valid(proof(ChallengeMethod::Http01, None));
        settle(&store, order.authorizations[0].key, valid).await.unwrap();
        let revoked = one(&store, move |tx| {
            Box::pin(async move { authorizations::revoke_all(tx, account).await })
        });
        assert_eq!(revoked.await.unwrap(), 1);
        let stored = get_order(&store, order.content.id).await;
        assert_eq!(stored.authorizations[0].state, AcmeAuthorizationState::Revoked);
    }

    async fn an_order_is_processed_by_one_and_ends_once(store: Store) {
        let order = order(id(), &["dns:a.example"], NOW);
        let number = order.content.id;
        insert_order(&store, &order, NONE).await.unwrap();
        let csr = CsrDer::from_vec(vec![0x30, 0]);
        let begin = || {
            let csr = csr.clone();
            one(&store, move |tx| {
                Box::pin(async move { table::begin_processing(tx, number, &csr, NOW).await })
            })
        };
        begin().await.unwrap();
        assert!(matches!(begin().await, Err(StoreError::Conflict)));
        let state = get_order(&store, number).await.state;
        assert_eq!(state, AcmeOrderState::Processing { csr: csr.clone(), since: NOW });

        assert_eq!(table::abandoned(&store, UnixTime(0)..NOW, 10).await.unwrap(), []);
        let later = NOW.plus_seconds(1);
        assert_eq!(table::abandoned(&store, NOW..later, 10).await.unwrap(), [number]);
        // What was looked through before is not looked through again.
        assert_eq!(table::abandoned(&store, later..later.plus_seconds(9), 10).await.unwrap(), []);
        let take = |since| one(&store, move |tx| {
            Box::pin(async move { table::take_over(tx, number, since, later).await })
        });
        take(NOW).await.unwrap();
        assert!(matches!(take(NOW).await, Err(StoreError::Conflict)));

        let fail = || one(&store, move |tx| Box::pin(async move {
            let failure = AcmeFailure::new(AcmeErrorKind::BadCsr, "weak");
            table::fail(tx, number, &failure).await
        }));
        fail().await.unwrap();
        assert!(matches!(fail().await, Err(StoreError::Conflict)));
        let failure = AcmeFailure::new(AcmeErrorKind::BadCsr, "weak");
        assert_eq!(get_order(&store, number).await.state, AcmeOrderState::Invalid { failure });
        assert_eq!(table::abandoned(&store, UnixTime(0)..later.plus_seconds(9), 10).await.unwrap(), []);
    }

    async fn a_certificate_completes_its_order_in_its_own_transaction(store: Store) {
        let issuer = stored_issuer(&store, "issuing").await;
        let old = id();
        let mut order = order(id(), &["dns:host-1.corp.example"], NOW);
        order.content.replaces = Some(old);
        let number = order.content.id;
        insert_order(&store, &order, NONE).await.unwrap();
        assert!(!table::is_replaced(&store, old).await.unwrap());
        let issued = NewIssued { order: Some(number), ..new_issued(certificate(issuer.id, 1)) };
        let row = issued.certificate.clone();
        assert_eq!(store.record_issued(issued.clone()).await.unwrap(), Recorded::New);
        let state = get_order(&store, number).await.state;
        assert_eq!(state, AcmeOrderState::Valid { certificate: row.id });
        assert_eq!(table::account_of(&store, row.id).await.unwrap(), Some(order.content.account));
        assert!(table::is_replaced(&store, old).await.unwrap());
        let fail = one(&store, move |tx| Box::pin(async move {
            let failure = AcmeFailure::new(AcmeErrorKind::BadCsr, "weak");
            table::fail(tx, number, &failure).await
        }));
        assert!(matches!(fail.await, Err(StoreError::Conflict)));
        // The journal's follower was there first: the order gets the row that is there.
        let second = super::order(order.content.account, &["dns:host-2.corp.example"], NOW);
        insert_order(&store, &second, NONE).await.unwrap();
        let found = new_issued(certificate(issuer.id, 2));
        store.record_issued(found.clone()).await.unwrap();
        let mut late = found.clone();
        late.certificate.id = id();
        late.order = Some(second.content.id);
        let known = Recorded::Known(found.certificate.id);
        assert_eq!(store.record_issued(late).await.unwrap(), known);
        let state = get_order(&store, second.content.id).await.state;
        assert_eq!(state, AcmeOrderState::Valid { certificate: found.certificate.id });
    }

    async fn what_the_journal_brought_is_found_for_an_abandoned_order(store: Store) {
        let issuer = stored_issuer(&store, "issuing").await;
        let row = certificate(issuer.id, 5);
        store.record_issued(new_issued(row.clone())).await.unwrap();
        let name = "dns:host-5.corp.example".parse().unwrap();
        let find = |since| table::find_orphan(&store, &row.spki_sha256, &name, since);
        assert_eq!(find(NOW).await.unwrap(), Some(row.id));
        assert_eq!(find(NOW.plus_seconds(1)).await.unwrap(), None);
        let (order, certificate) = (id(), row.id);
        let complete = |certificate| one(&store, move |tx| {
            Box::pin(async move { table::complete(tx, order, certificate).await })
        });
        complete(certificate).await.unwrap();
        complete(certificate).await.unwrap();
        assert!(matches!(complete(id()).await, Err(StoreError::Conflict)));
        assert_eq!(find(NOW).await.unwrap(), None);
    }

    async fn orders_are_limited_by_account_and_by_names(store: Store) {
        let account = id();
        let limit = |most| Some(OrderLimit { most, since: NOW.plus_seconds(-10) });
        let at = |seconds: i64, name: &str| super::order(account, &[name], NOW.plus_seconds(seconds));
        let by_account = OrderLimits { account: limit(2), names: None };
        insert_order(&store, &at(-10, "dns:a.example"), by_account).await.unwrap();
        insert_order(&store, &at(-5, "dns:a.example"), by_account).await.unwrap();
        assert_eq!(insert_order(&store, &at(-4, "dns:a.example"), by_account).await.unwrap(), Inserted::Yes);
        let full = insert_order(&store, &at(0, "dns:b.example"), by_account).await.unwrap();
        assert_eq!(full, Inserted::AccountLimit(NOW.plus_seconds(-5)));
        let by_names = OrderLimits { account: None, names: limit(2) };
        let full = insert_order(&store, &at(0, "dns:a.example"), by_names).await.unwrap();
        assert_eq!(full, Inserted::NamesLimit(NOW.plus_seconds(-5)));
        assert_eq!(insert_order(&store, &at(0, "dns:b.example"), by_names).await.unwrap(), Inserted::Yes);
    }

    async fn limits_hold_when_many_ask_at_once(store: Store) {
        let account = id();
        let limits = OrderLimits {
            account: Some(OrderLimit { most: 5, since: NOW.plus_seconds(-10) }),
            names: None,
        };
        let tries = (0..20).map(|n| {
            let order = order(account, &[&format!("dns:h{n}.example")], NOW);
            let store = store.clone();
            tokio::spawn(async move { insert_order(&store, &order, limits).await.unwrap() })
        });
        let mut inserted = 0;
        for outcome in tries.collect::<Vec<_>>() {
            inserted += usize::from(outcome.await.unwrap() == Inserted::Yes);
        }
        assert_eq!(inserted, 5);
    }

    async fn orders_are_listed_newest_first_and_forgotten_when_over(store: Store) {
        let account = id();
        let mut made = Vec::new();
        for n in 0..5_i64 {
            let mut order = order(account, &["dns:a.example"], NOW.plus_seconds(n));
            order.content.id = model::Id::from_parts(1_800_000_000_000 + n.unsigned_abs(), &[1; 10]);
            for authorization in &mut order.authorizations {
                authorization.key.order = order.content.id;
            }
            insert_order(&store, &order, NONE).await.unwrap();
            made.push(order.content.id);
        }
        made.reverse();
        assert_eq!(table::list(&store, account, None, 3).await.unwrap(), made[..3]);
        assert_eq!(table::list(&store, account, Some(made[2]), 3).await.unwrap(), made[3..]);
        assert_eq!(table::list(&store, id(), None, 3).await.unwrap(), []);

        let oldest = made[4];
        let begin = one(&store, move |tx| Box::pin(async move {
            table::begin_processing(tx, oldest, &CsrDer::from_vec(vec![1]), NOW).await
        }));
        begin.await.unwrap();
        let expire = |at, limit| one(&store, move |tx| {
            Box::pin(async move { table::expire(tx, at, limit).await })
        });
        assert_eq!(expire(NOW.plus_seconds(602), 10).await.unwrap(), 1);
        assert_eq!(expire(NOW.plus_seconds(9_000), 2).await.unwrap(), 2);
        assert_eq!(table::list(&store, account, None, 9).await.unwrap().len(), 2);
        assert_eq!(expire(NOW.plus_seconds(9_000), 9).await.unwrap(), 1);
        // What is being issued stays.
        assert_eq!(table::list(&store, account, None, 9).await.unwrap(), [oldest]);
        let left = "SELECT order_id FROM acme_authorizations";
        let left = store.rows(Statement::new("acme_authorizations", left)).await.unwrap();
        assert!(left.iter().all(|row| row.parsed::<Id<AcmeOrder>>("order_id").unwrap() == oldest));
    }
}
