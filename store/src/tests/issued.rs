use model::{Id, IssuedCertificate};
use x509::CertificateDer;

use super::both_engines;
use super::sample::{NOW, certificate, id, new_issued, stored_issuer};
use crate::{
    IdempotencyEntry, NewIssued, Recorded, Store, StoreError, audit, certificates, idempotency,
};

fn keyed(issued: NewIssued, token: Id<model::ApiToken>, key: &str) -> NewIssued {
    let entry = IdempotencyEntry {
        token,
        key: key.to_owned(),
        request_sha256: [7; 32],
        certificate: issued.certificate.id,
        created_at: NOW,
    };
    NewIssued { idempotency: Some(entry), ..issued }
}

async fn total(store: &Store) -> u64 {
    let counts = certificates::count_by_state(store, NOW).await.unwrap();
    counts.values().map(|counts| counts.valid).sum()
}

async fn events(store: &Store, of: Id<IssuedCertificate>) -> usize {
    let filter = audit::Filter { target: Some(of.to_string()), ..Default::default() };
    audit::list(store, &filter, None, 100).await.unwrap().len()
}

both_engines! {
    async fn record_keeps_everything(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let mut new = certificate(issuer.id, 1);
        new.names = vec!["b.example".to_owned(), "odd\nname\0\\".to_owned(), "b.example".to_owned()];
        new.replaces = Some(id());
        let token = id();
        let issued = keyed(new_issued(new.clone()), token, "k");
        assert_eq!(store.record_issued(issued.clone()).await.unwrap(), Recorded::New);
        assert_eq!(certificates::get(&store, new.id).await.unwrap(), Some(new.clone()));
        let by_serial = certificates::get_by_serial(&store, issuer.id, new.serial).await.unwrap();
        assert_eq!(by_serial, Some(new.clone()));
        let entry = idempotency::get(&store, token, "k").await.unwrap();
        assert_eq!(entry, issued.idempotency);
        let event = &audit::list(&store, &audit::Filter::default(), None, 2).await.unwrap()[..];
        let [event] = event else { panic!("{event:?}") };
        assert_eq!((event.at, &event.target), (issued.audit.at, &issued.audit.target));
        assert_eq!((event.action, event.journal), (issued.audit.action, issued.audit.journal));
        assert_eq!(total(&store).await, 1);
    }

    async fn record_again_changes_nothing(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let first = certificate(issuer.id, 1);
        assert_eq!(store.record_issued(new_issued(first.clone())).await.unwrap(), Recorded::New);
        // Recovery from the journal finds the same bytes and makes a new id for them.
        let again = IssuedCertificate { id: id(), ..first.clone() };
        let token = id();
        let known = store.record_issued(keyed(new_issued(again.clone()), token, "k")).await;
        assert_eq!(known.unwrap(), Recorded::Known(first.id));
        assert_eq!(certificates::get(&store, again.id).await.unwrap(), None);
        assert_eq!((total(&store).await, events(&store, first.id).await), (1, 1));
        let entry = idempotency::get(&store, token, "k").await.unwrap().unwrap();
        assert_eq!(entry.certificate, first.id);
        // And once more, as a client's retry: the key stands for the same by now.
        let known = store.record_issued(keyed(new_issued(again), token, "k")).await;
        assert_eq!(known.unwrap(), Recorded::Known(first.id));
    }

    async fn record_refuses_other_bytes_for_a_serial(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let first = certificate(issuer.id, 1);
        store.record_issued(new_issued(first.clone())).await.unwrap();
        let der = CertificateDer::from_vec(vec![1; 900]);
        let other = IssuedCertificate { id: id(), der, ..first.clone() };
        let refused = store.record_issued(new_issued(other.clone())).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        assert_eq!(certificates::get(&store, first.id).await.unwrap(), Some(first));
        assert_eq!((total(&store).await, events(&store, other.id).await), (1, 0));
    }

    async fn record_refuses_a_taken_id_key_and_unknown_issuer(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let token = id();
        let first = certificate(issuer.id, 1);
        store.record_issued(keyed(new_issued(first.clone()), token, "k")).await.unwrap();
        let taken_id = IssuedCertificate { id: first.id, ..certificate(issuer.id, 2) };
        for bad in [
            new_issued(taken_id),
            keyed(new_issued(certificate(issuer.id, 3)), token, "k"),
            new_issued(certificate(id(), 4)),
        ] {
            let serial = bad.certificate.serial;
            let refused = store.record_issued(bad).await;
            assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
            let there = certificates::get_by_serial(&store, issuer.id, serial).await.unwrap();
            assert_eq!(there, None);
        }
        assert_eq!(total(&store).await, 1);
        // The same key of another token is another key.
        let other = keyed(new_issued(certificate(issuer.id, 5)), id(), "k");
        assert_eq!(store.record_issued(other).await.unwrap(), Recorded::New);
    }

    async fn record_refuses_what_cannot_be_stored(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let nul = IssuedCertificate { subject: "a\0b".to_owned(), ..certificate(issuer.id, 1) };
        let far = model::JournalPosition(u64::MAX);
        let far = IssuedCertificate { journal: far, ..certificate(issuer.id, 2) };
        let long = keyed(new_issued(certificate(issuer.id, 3)), id(), &"k".repeat(1025));
        for (bad, why) in [
            (new_issued(nul), "a text holds the character U+0000"),
            (new_issued(far), "a number is above 2^63 - 1"),
            (long, "a key is longer than 1,024 octets"),
        ] {
            match store.record_issued(bad).await {
                Err(StoreError::Malformed(said)) => assert_eq!(said, why),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(total(&store).await, 0);
    }

    async fn one_bad_row_does_not_fail_its_group(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let first = certificate(issuer.id, 1000);
        store.record_issued(new_issued(first.clone())).await.unwrap();
        let calls = (0..200).map(|number| {
            let store = store.clone();
            let new = match number {
                50 => IssuedCertificate { der: CertificateDer::from_vec(vec![5]), ..first.clone() },
                51 => certificate(id(), 51),
                52 => IssuedCertificate { id: id(), ..first.clone() },
                _ => certificate(issuer.id, number),
            };
            tokio::spawn(async move { store.record_issued(new_issued(new)).await })
        });
        for (number, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
            match (number, call.await.unwrap()) {
                (50 | 51, outcome) => assert!(matches!(outcome, Err(StoreError::Conflict))),
                (52, outcome) => assert_eq!(outcome.unwrap(), Recorded::Known(first.id)),
                (_, outcome) => assert_eq!(outcome.unwrap(), Recorded::New),
            }
        }
        assert_eq!(total(&store).await, 198);
    }

    async fn the_same_certificate_at_once_is_there_once(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let first = certificate(issuer.id, 1);
        let calls: Vec<_> = (0..40)
            .map(|_| {
                let (store, new) = (store.clone(), IssuedCertificate { id: id(), ..first.clone() });
                tokio::spawn(async move { store.record_issued(new_issued(new)).await.unwrap() })
            })
            .collect();
        let mut new = 0;
        for call in calls {
            new += u32::from(call.await.unwrap() == Recorded::New);
        }
        assert_eq!((new, total(&store).await), (1, 1));
    }

    async fn idempotency_entries_expire(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let token = id();
        for (number, age) in [(1, 10), (2, 0)] {
            let mut issued =
                keyed(new_issued(certificate(issuer.id, number)), token, &number.to_string());
            issued.idempotency.as_mut().unwrap().created_at = NOW.plus_seconds(-age);
            store.record_issued(issued).await.unwrap();
        }
        let expire = |before: i64| {
            store.write(move |tx| {
                Box::pin(async move { idempotency::expire(tx, NOW.plus_seconds(before)).await })
            })
        };
        assert_eq!(expire(-10).await.unwrap(), 0);
        assert_eq!(expire(-9).await.unwrap(), 1);
        assert_eq!(idempotency::get(&store, token, "1").await.unwrap(), None);
        assert!(idempotency::get(&store, token, "2").await.unwrap().is_some());
    }
}
