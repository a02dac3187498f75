use model::{
    AcmeAccount, ExternalAccountKey, ExternalBinding, IssuerName, ProfileName, RenewalPlan,
};

use super::{account, insert_account, one, table};
use crate::acme::{eab_keys, renewal_plans};
use crate::tests::both_engines;
use crate::tests::sample::{NOW, id};
use crate::{Store, StoreError, leases};

fn eab(max_accounts: Option<i64>) -> ExternalAccountKey {
    ExternalAccountKey {
        id: id(),
        name: "web team".to_owned(),
        profile: ProfileName::new("acme").unwrap(),
        names: vec!["*.corp.example".to_owned(), "10.0.0.0/8".to_owned()],
        sealed: vec![1, 2, 3],
        max_accounts,
        accounts: 0,
        created_at: NOW,
        expires_at: Some(NOW.plus_seconds(100)),
        revoked_at: None,
    }
}

fn bound(seed: u8, key: &ExternalAccountKey) -> AcmeAccount {
    let external = Some(ExternalBinding { key: key.id, jws: "{}".to_owned() });
    AcmeAccount { external, ..account(seed) }
}

both_engines! {
    async fn accounts_are_found_by_id_and_key_and_change_by_revision(store: Store) {
        let first = account(1);
        insert_account(&store, &first).await.unwrap();
        let again = AcmeAccount { id: id(), ..first.clone() };
        assert!(matches!(insert_account(&store, &again).await, Err(StoreError::Conflict)));
        assert_eq!(table::get(&store, first.id).await.unwrap(), Some(first.clone()));
        let found = table::find_by_thumbprint(&store, &[1; 32]).await.unwrap();
        assert_eq!(found, Some(first.clone()));
        assert_eq!(table::find_by_thumbprint(&store, &[9; 32]).await.unwrap(), None);

        let update = |row: AcmeAccount| {
            one(&store, move |tx| Box::pin(async move { table::update(tx, &row).await }))
        };
        let state = first.state.deactivate(NOW).unwrap();
        let changed = AcmeAccount { thumbprint: [2; 32], contact: vec![], state, ..first.clone() };
        assert_eq!(update(changed.clone()).await.unwrap(), 2);
        assert!(matches!(update(changed.clone()).await, Err(StoreError::Conflict)));
        let there = table::get(&store, first.id).await.unwrap();
        assert_eq!(there, Some(AcmeAccount { revision: 2, ..changed }));
        assert!(matches!(update(account(5)).await, Err(StoreError::NotFound)));

        let other = account(7);
        insert_account(&store, &other).await.unwrap();
        let taken = AcmeAccount { thumbprint: [2; 32], ..other };
        assert!(matches!(update(taken).await, Err(StoreError::Conflict)));
    }

    async fn external_keys_count_their_accounts_and_end(store: Store) {
        let (two, any) = (eab(Some(2)), eab(None));
        for key in [two.clone(), any.clone()] {
            one(&store, |tx| Box::pin(async move { eab_keys::insert(tx, &key).await })).await.unwrap();
        }
        assert_eq!(eab_keys::get(&store, two.id).await.unwrap(), Some(two.clone()));
        insert_account(&store, &bound(1, &two)).await.unwrap();
        // One whose key has an account already is undone as a whole.
        assert!(matches!(insert_account(&store, &bound(1, &two)).await, Err(StoreError::Conflict)));
        insert_account(&store, &bound(2, &two)).await.unwrap();
        assert!(matches!(insert_account(&store, &bound(3, &two)).await, Err(StoreError::NotFound)));
        assert_eq!(eab_keys::get(&store, two.id).await.unwrap().unwrap().accounts, 2);

        let late = AcmeAccount { created_at: NOW.plus_seconds(100), ..bound(4, &any) };
        assert!(matches!(insert_account(&store, &late).await, Err(StoreError::NotFound)));
        let revoke = |id| one(&store, move |tx| Box::pin(async move { eab_keys::revoke(tx, id, NOW).await }));
        revoke(any.id).await.unwrap();
        assert!(matches!(revoke(any.id).await, Err(StoreError::Conflict)));
        assert!(matches!(revoke(id()).await, Err(StoreError::NotFound)));
        assert!(matches!(insert_account(&store, &bound(5, &any)).await, Err(StoreError::NotFound)));
        let mut listed: Vec<_> = eab_keys::list(&store).await.unwrap().into_iter().map(|key| (key.id, key.revoked_at)).collect();
        let mut expected = vec![(two.id, None), (any.id, Some(NOW))];
        listed.sort();
        expected.sort();
        assert_eq!(listed, expected);
    }

    async fn renewal_plans_come_and_go(store: Store) {
        let plan = RenewalPlan {
            id: id(),
            issuer: Some(IssuerName::new("issuing").unwrap()),
            profile: None,
            issued_before: Some(NOW),
            start: NOW,
            end: NOW.plus_seconds(60),
            explanation: Some("https://status.corp.example/1".to_owned()),
            created_at: NOW,
        };
        let row = plan.clone();
        one(&store, |tx| Box::pin(async move { renewal_plans::insert(tx, &row).await })).await.unwrap();
        assert_eq!(renewal_plans::list(&store).await.unwrap(), std::slice::from_ref(&plan));
        let delete = |id| one(&store, move |tx| Box::pin(async move { renewal_plans::delete(tx, id).await }));
        delete(plan.id).await.unwrap();
        assert!(matches!(delete(plan.id).await, Err(StoreError::NotFound)));
        assert_eq!(renewal_plans::list(&store).await.unwrap(), []);
    }

    async fn live_leases_are_counted_by_their_beginning(store: Store) {
        for (name, ttl) in [("acme/a", 30), ("acme/b", 30), ("acme/c", 1), ("crl/a", 30)] {
            one(&store, move |tx| Box::pin(async move {
                leases::try_acquire(tx, name, "me", NOW, ttl).await
            })).await.unwrap();
        }
        let live = |at| leases::count_live(&store, "acme/", at);
        assert_eq!(live(NOW).await.unwrap(), 3);
        assert_eq!(live(NOW.plus_seconds(5)).await.unwrap(), 2);
        assert_eq!(live(NOW.plus_seconds(50)).await.unwrap(), 0);
    }
}
