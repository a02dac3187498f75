use model::{Id, Issuer, IssuerKind, IssuerState, PendingIssuer, PendingRequest, Responder};
use x509::{CertificateDer, CsrDer, SpkiDer, TbsCertificateDer};

use super::both_engines;
use super::sample::{NOW, id, issuer, own_certificate, stored_issuer};
use crate::{Store, StoreError, issuers};

async fn insert(store: &Store, row: &Issuer) -> Result<(), StoreError> {
    let row = row.clone();
    store.write(move |tx| Box::pin(async move { issuers::insert(tx, &row).await })).await
}

async fn update(
    store: &Store,
    id: Id<Issuer>,
    revision: i64,
    state: &IssuerState,
) -> Result<i64, StoreError> {
    let state = state.clone();
    store
        .write(move |tx| {
            Box::pin(async move { issuers::update_state(tx, id, revision, &state).await })
        })
        .await
}

fn pending(request: PendingRequest, spki: Option<SpkiDer>) -> IssuerState {
    IssuerState::Pending(PendingIssuer { request, spki, requested_at: NOW })
}

both_engines! {
    async fn every_state_comes_back_as_it_went(store: Store) {
        let wish = pending(PendingRequest::Wish("kind = \"root\"".to_owned()), None);
        let spki = Some(SpkiDer::from_vec(vec![4; 9]));
        let tbs = PendingRequest::Tbs(TbsCertificateDer::from_vec(vec![1; 5]));
        let csr = PendingRequest::Csr(CsrDer::from_vec(vec![2; 5]));
        let active = wish.clone().activate(own_certificate(3)).unwrap();
        let draining = active.clone().drain(NOW.plus_seconds(1)).unwrap();
        let retired = draining.clone().retire(NOW.plus_seconds(2)).unwrap();
        let states =
            [wish, pending(tbs, spki.clone()), pending(csr, spki), active, draining, retired];
        let parent = stored_issuer(&store, "parent").await;
        for (number, state) in states.into_iter().enumerate() {
            let row = Issuer {
                state: state.clone(),
                parent: Some(parent.id),
                kind: IssuerKind::ALL[number % 3],
                is_issuing: number % 2 == 0,
                ..issuer(&format!("issuer-{number}"))
            };
            insert(&store, &row).await.unwrap();
            assert_eq!(issuers::get(&store, row.id).await.unwrap(), Some(row.clone()));
            assert_eq!(issuers::get_by_name(&store, &row.name).await.unwrap(), Some(row));
            // And by way of an update.
            let other = stored_issuer(&store, &format!("other-{number}")).await;
            assert_eq!(update(&store, other.id, 1, &state).await.unwrap(), 2);
            let there = issuers::get(&store, other.id).await.unwrap();
            assert_eq!(there, Some(Issuer { state, revision: 2, ..other }));
        }
        assert_eq!(issuers::list(&store).await.unwrap().len(), 13);
    }

    async fn names_and_ids_are_taken_once(store: Store) {
        let one = stored_issuer(&store, "one").await;
        let same_name = Issuer { id: id(), ..one.clone() };
        let same_id = Issuer { id: one.id, ..issuer("two") };
        let orphan = Issuer { parent: Some(id()), ..issuer("three") };
        for row in [same_name, same_id, orphan] {
            let refused = insert(&store, &row).await;
            assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        }
        assert_eq!(issuers::list(&store).await.unwrap(), [one]);
        assert_eq!(issuers::get(&store, id()).await.unwrap(), None);
        assert_eq!(issuers::get_by_name(&store, &issuer("two").name).await.unwrap(), None);
    }

    async fn lists_are_by_name(store: Store) {
        for name in ["b", "a-b", "a", "ab", "0"] {
            stored_issuer(&store, name).await;
        }
        let names: Vec<_> =
            issuers::list(&store).await.unwrap().iter().map(|i| i.name.to_string()).collect();
        assert_eq!(names, ["0", "a", "a-b", "ab", "b"]);
    }

    async fn state_and_responder_change_by_revision(store: Store) {
        let one = stored_issuer(&store, "one").await;
        let drained = one.state.clone().drain(NOW).unwrap();
        let missing = update(&store, id(), 1, &drained).await;
        assert!(matches!(missing, Err(StoreError::NotFound)), "{missing:?}");
        let refused = update(&store, one.id, 2, &drained).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        assert_eq!(update(&store, one.id, 1, &drained).await.unwrap(), 2);

        let responder = Responder {
            ring: model::RingName::new("follower").unwrap(),
            key_label: "ocsp-1".to_owned(),
            certificate: CertificateDer::from_vec(vec![8; 8]),
            not_after: NOW,
        };
        let update = |revision, responder: Option<Responder>| {
            let id = one.id;
            store.write(move |tx| {
                Box::pin(async move {
                    issuers::update_responder(tx, id, revision, responder.as_ref()).await
                })
            })
        };
        let refused = update(1, Some(responder.clone())).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        assert_eq!(update(2, Some(responder.clone())).await.unwrap(), 3);
        let there = issuers::get(&store, one.id).await.unwrap().unwrap();
        assert_eq!((there.responder, there.state), (Some(responder), drained));
        assert_eq!(update(3, None).await.unwrap(), 4);
        let there = issuers::get(&store, one.id).await.unwrap().unwrap();
        assert_eq!((there.responder, there.revision), (None, 4));
    }
}
