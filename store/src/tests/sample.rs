//! Rows to test with.

use model::{
    ActiveIssuer, AuditAction, CertificateStatus, Clock, Id, IssuedCertificate, Issuer,
    IssuerCertificate, IssuerKind, IssuerName, IssuerState, JournalPosition, NewAuditEvent,
    ProfileName, RingName,
};
use x509::{CertificateDer, NameDer, Serial, UnixTime, sha256};

use crate::testing::TestClock;
use crate::{NewIssued, Store, issuers};

/// 2027-01-15T08:00:00Z, where the test clock stands.
pub const NOW: UnixTime = UnixTime(1_800_000_000);

pub fn id<T>() -> Id<T> {
    Id::generate(&TestClock::default())
}

pub fn issuer(name: &str) -> Issuer {
    Issuer {
        id: id(),
        name: IssuerName::new(name).unwrap(),
        subject: NameDer::from_vec(vec![0x30, 0]),
        parent: None,
        ring: RingName::default(),
        key_label: format!("{name}-key"),
        kind: IssuerKind::Issuing,
        is_issuing: true,
        state: IssuerState::Active(ActiveIssuer { certificate: own_certificate(1) }),
        responder: None,
        revision: 1,
        created_at: NOW,
    }
}

pub fn own_certificate(seed: u8) -> IssuerCertificate {
    IssuerCertificate {
        certificate: CertificateDer::from_vec(vec![seed; 40]),
        chain: vec![CertificateDer::from_vec(vec![seed, 1]), CertificateDer::from_vec(vec![2; 3])],
        not_after: UnixTime(NOW.0 + i64::from(seed)),
    }
}

/// Inserts an issuer of that name.
pub async fn stored_issuer(store: &Store, name: &str) -> Issuer {
    let issuer = issuer(name);
    let row = issuer.clone();
    store.write(move |tx| Box::pin(async move { issuers::insert(tx, &row).await })).await.unwrap();
    issuer
}

/// Makes a certificate whose values all follow from its number.
pub fn certificate(issuer: Id<Issuer>, number: u32) -> IssuedCertificate {
    let digest = sha256(&number.to_be_bytes());
    IssuedCertificate {
        id: id(),
        issuer,
        serial: Serial::from_unsigned(&digest[..19]).unwrap(),
        profile: ProfileName::new("tls-server").unwrap(),
        subject: format!("CN=host-{number}.corp.example"),
        names: vec![format!("host-{number}.corp.example")],
        not_before: NOW,
        not_after: NOW.plus_seconds(90 * 86_400),
        spki_sha256: digest,
        der: CertificateDer::from_vec(digest.iter().copied().cycle().take(900).collect()),
        status: CertificateStatus::Valid,
        journal: JournalPosition(number.into()),
        requested_by: "test".to_owned(),
        created_at: NOW,
        replaces: None,
    }
}

pub fn new_issued(certificate: IssuedCertificate) -> NewIssued {
    NewIssued {
        audit: NewAuditEvent {
            at: TestClock::default().now(),
            actor: "test".to_owned(),
            action: AuditAction::CertificateIssue,
            target: certificate.id.to_string(),
            detail: "{}".to_owned(),
            journal: Some(certificate.journal),
        },
        idempotency: None,
        ring: RingName::default(),
        order: None,
        certificate,
    }
}
