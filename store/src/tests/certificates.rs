use model::{CertificateStatus, IssuedCertificate, Issuer, RingName};
use x509::{CrlReason, UnixTime};

use super::both_engines;
use super::sample::{NOW, certificate, id, issuer, new_issued, stored_issuer};
use crate::certificates::{self, Counts, Place};
use crate::{NewIssued, Store, StoreError, issuers};

const HELD: CertificateStatus = CertificateStatus::Held { since: NOW };
const REVOKED: CertificateStatus = CertificateStatus::Revoked {
    at: NOW,
    reason: CrlReason::KeyCompromise,
    invalidity: Some(UnixTime(NOW.0 - 60)),
};

async fn set(
    store: &Store,
    of: &IssuedCertificate,
    from: CertificateStatus,
    to: CertificateStatus,
) -> Result<(), StoreError> {
    let id = of.id;
    store
        .write(move |tx| {
            Box::pin(async move { certificates::set_status(tx, id, &from, &to).await })
        })
        .await
}

both_engines! {
    async fn claims_come_in_the_journals_order_and_page_by_page(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        for position in [7_u32, 3, 5, 900_000] {
            let new = certificate(issuer.id, position);
            store.record_issued(new_issued(new)).await.unwrap();
        }
        let ring = RingName::default();
        let positions = async |after, below| {
            let claims = certificates::claims(&store, &ring, after, below).await.unwrap();
            claims.iter().map(|claim| claim.journal).collect::<Vec<_>>()
        };
        assert_eq!(positions(Place::START, i64::MAX).await, [3, 5, 7, 900_000]);
        assert_eq!(positions(Place::START, 7).await, [3, 5]);
        let first = certificates::claims(&store, &ring, Place::START, 4).await.unwrap().remove(0);
        let there = certificate(issuer.id, 3);
        assert_eq!(first.serial, there.serial.as_bytes());
        assert!(first.der == there.der.as_bytes() && first.ring == "default");
        assert_eq!((first.issuer.clone(), first.id.is_empty()), (issuer.id.to_string(), false));
        assert_eq!(positions(first.place(), i64::MAX).await, [5, 7, 900_000]);
    }

    async fn claims_are_those_of_a_ring_and_those_of_no_ring_that_is_their_issuers(store: Store) {
        let near = stored_issuer(&store, "near").await;
        let far = Issuer { ring: RingName::new("far").unwrap(), ..issuer("far") };
        let row = far.clone();
        let insert = store.write(move |tx| Box::pin(async move { issuers::insert(tx, &row).await }));
        insert.await.unwrap();
        for (position, of, ring) in
            [(1, near.id, "default"), (2, far.id, "far"), (3, near.id, "far"), (4, far.id, "none")]
        {
            let ring = RingName::new(ring).unwrap();
            let new = NewIssued { ring, ..new_issued(certificate(of, position)) };
            store.record_issued(new).await.unwrap();
        }
        for (ring, expected) in
            [("default", vec![1, 3, 4]), ("far", vec![2, 3, 4]), ("other", vec![3, 4])]
        {
            let ring = RingName::new(ring).unwrap();
            let claims = certificates::claims(&store, &ring, Place::START, i64::MAX).await.unwrap();
            let positions: Vec<_> = claims.iter().map(|claim| claim.journal).collect();
            assert_eq!(positions, expected, "{ring}");
        }
    }

    async fn the_newest_certificate_of_a_key_is_its_issuers(store: Store) {
        let (one, two) = (stored_issuer(&store, "one").await, stored_issuer(&store, "two").await);
        let key = [7; 32];
        for (position, of) in [(5, one.id), (3, one.id), (9, two.id)] {
            let new = IssuedCertificate { spki_sha256: key, ..certificate(of, position) };
            store.record_issued(new_issued(new)).await.unwrap();
        }
        let newest = async |of, key| {
            let found = certificates::newest_for_key(&store, of, key).await.unwrap();
            found.map(|found| found.journal.0)
        };
        assert_eq!(newest(one.id, key).await, Some(5));
        assert_eq!(newest(two.id, key).await, Some(9));
        assert_eq!((newest(one.id, [8; 32]).await, newest(id(), key).await), (None, None));
    }

    async fn absent_certificates_are_none(store: Store) {
        assert_eq!(certificates::get(&store, id()).await.unwrap(), None);
        let serial = certificate(id(), 1).serial;
        assert_eq!(certificates::get_by_serial(&store, id(), serial).await.unwrap(), None);
    }

    async fn status_changes_only_from_what_it_was(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let new = certificate(issuer.id, 1);
        store.record_issued(new_issued(new.clone())).await.unwrap();
        let valid = CertificateStatus::Valid;
        for (from, to) in [(valid, HELD), (HELD, valid), (valid, HELD), (HELD, REVOKED)] {
            set(&store, &new, from, to).await.unwrap();
            let there = certificates::get(&store, new.id).await.unwrap().unwrap();
            assert_eq!(there, IssuedCertificate { status: to, ..new.clone() });
        }
        let later = CertificateStatus::Held { since: NOW.plus_seconds(1) };
        for from in [valid, HELD, later] {
            let refused = set(&store, &new, from, HELD).await;
            assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        }
        let refused = set(&store, &certificate(issuer.id, 2), valid, HELD).await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }

    async fn a_hold_of_another_time_is_another_hold(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let new = IssuedCertificate { status: HELD, ..certificate(issuer.id, 1) };
        store.record_issued(new_issued(new.clone())).await.unwrap();
        let other = CertificateStatus::Held { since: NOW.plus_seconds(1) };
        let refused = set(&store, &new, other, REVOKED).await;
        assert!(matches!(refused, Err(StoreError::Conflict)), "{refused:?}");
        set(&store, &new, HELD, other).await.unwrap();
        set(&store, &new, other, REVOKED).await.unwrap();
    }

    async fn counts_follow_every_change(store: Store) {
        let (one, two) = (stored_issuer(&store, "one").await, stored_issuer(&store, "two").await);
        let mut all = Vec::new();
        for number in 0..10 {
            let issuer = if number < 7 { one.id } else { two.id };
            let mut new = certificate(issuer, number);
            if number < 2 {
                new.not_after = NOW.plus_seconds(-3601);
            }
            store.record_issued(new_issued(new.clone())).await.unwrap();
            all.push(new);
        }
        set(&store, &all[2], CertificateStatus::Valid, HELD).await.unwrap();
        set(&store, &all[3], CertificateStatus::Valid, HELD).await.unwrap();
        set(&store, &all[3], HELD, REVOKED).await.unwrap();
        set(&store, &all[0], CertificateStatus::Valid, REVOKED).await.unwrap();
        // The time of a hold changes, the count of held ones does not.
        let later = CertificateStatus::Held { since: NOW.plus_seconds(1) };
        set(&store, &all[2], HELD, later).await.unwrap();
        let counts = certificates::count_by_state(&store, NOW).await.unwrap();
        assert_eq!(counts.len(), 2);
        assert_eq!(counts[&one.id], Counts { valid: 3, held: 1, revoked: 2, expired: 1 });
        assert_eq!(counts[&two.id], Counts { valid: 3, ..Counts::default() });
        let much_later = NOW.plus_seconds(91 * 86_400);
        let counts = certificates::count_by_state(&store, much_later).await.unwrap();
        assert_eq!(counts[&one.id], Counts { valid: 0, held: 1, revoked: 2, expired: 4 });
    }
}
