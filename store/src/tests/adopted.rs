use model::{CertificateStatus, Id, IssuedCertificate, Issuer, RingName};
use x509::{CertificateDer, CrlReason, Serial, UnixTime};

use super::both_engines;
use super::sample::{NOW, certificate, id, stored_issuer};
use crate::{AdoptedContent, Store, StoreError, certificates, complete_adopted, record_adopted};

/// A certificate of which serial, end and status are known.
fn old(issuer: Id<Issuer>, number: u32) -> IssuedCertificate {
    IssuedCertificate {
        subject: String::new(),
        names: Vec::new(),
        not_before: UnixTime(0),
        spki_sha256: [0; 32],
        der: CertificateDer::from_vec(Vec::new()),
        ..certificate(issuer, number)
    }
}

async fn record(store: &Store, rows: Vec<IssuedCertificate>) -> Result<u64, StoreError> {
    let ring = RingName::default();
    store.write(move |tx| Box::pin(async move { record_adopted(tx, &ring, &rows).await })).await
}

async fn complete(
    store: &Store,
    issuer: Id<Issuer>,
    serial: Serial,
    content: AdoptedContent,
) -> Option<bool> {
    let write = store.write(move |tx| {
        Box::pin(async move { complete_adopted(tx, issuer, serial, &content).await })
    });
    write.await.unwrap()
}

both_engines! {
    async fn adopted_serials_are_recorded_once_and_counted_by_status(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        let mut rows: Vec<IssuedCertificate> = (0..300).map(|n| old(issuer.id, n)).collect();
        rows[7].status = CertificateStatus::Revoked {
            at: UnixTime(5),
            reason: CrlReason::Superseded,
            invalidity: None,
        };
        assert_eq!(record(&store, rows.clone()).await.unwrap(), 300);
        // The same part of the journal again, with ids of its own, and one more.
        let mut again: Vec<IssuedCertificate> =
            rows.iter().map(|row| IssuedCertificate { id: id(), ..row.clone() }).collect();
        again.push(old(issuer.id, 300));
        assert_eq!(record(&store, again).await.unwrap(), 1);
        let counts = certificates::count_by_state(&store, NOW).await.unwrap();
        assert_eq!((counts[&issuer.id].valid, counts[&issuer.id].revoked), (300, 1));
        let found = certificates::get_by_serial(&store, issuer.id, rows[7].serial).await.unwrap();
        assert_eq!(found, Some(rows[7].clone()));
        assert!(found.unwrap().is_serial_alone());
    }

    async fn a_certificate_is_put_to_its_serial_once(store: Store) {
        let issuer = stored_issuer(&store, "one").await;
        record(&store, vec![old(issuer.id, 1)]).await.unwrap();
        let whole = certificate(issuer.id, 1);
        let content = AdoptedContent {
            subject: whole.subject.clone(),
            names: whole.names.clone(),
            not_before: whole.not_before.0,
            spki_sha256: whole.spki_sha256,
            der: whole.der.as_bytes().to_vec(),
        };
        let stored = complete(&store, issuer.id, whole.serial, content.clone()).await;
        assert_eq!(stored, Some(true));
        let other = AdoptedContent { der: vec![9; 90], ..content.clone() };
        assert_eq!(complete(&store, issuer.id, whole.serial, other).await, Some(false));
        let unknown = certificate(issuer.id, 2).serial;
        assert_eq!(complete(&store, issuer.id, unknown, content).await, None);
        let found = certificates::get_by_serial(&store, issuer.id, whole.serial).await.unwrap();
        let found = found.unwrap();
        assert_eq!((&found.der, &found.names), (&whole.der, &whole.names));
        let name = certificates::NameFilter::Suffix(".corp.example".to_owned());
        let filter = certificates::Filter { name: Some(name), ..Default::default() };
        let listed = certificates::list(&store, &filter, NOW, None, 9).await.unwrap();
        assert_eq!(listed.items, [found]);
    }
}
