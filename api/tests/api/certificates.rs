//! Certificates without a signer: lists, representations, and what is refused before it is asked.

use axum::body::Body;
use http::Request;
use model::Role;
use model::{
    AuditAction, CertificateStatus, Id, IssuedCertificate, Issuer, IssuerKind, IssuerState,
    JournalPosition, NewAuditEvent, PendingIssuer, PendingRequest, ProfileName, RingName, UnixTime,
};
use serde_json::{Value, json};
use store::NewIssued;
use x509::{CertificateDer, CrlReason, Serial};

use crate::bench::Bench;

const PATH: &str = "/api/v1/certificates";
const NOW: i64 = 1_800_000_000;

async fn issuer(bench: &Bench) -> Id<Issuer> {
    let issuer = Issuer {
        id: Id::from_parts(1, &[9; 10]),
        name: "issuing".parse().expect("a name"),
        subject: x509::Name::parse_rfc4514("CN=Issuing").expect("a name").der().clone(),
        parent: None,
        ring: RingName::default(),
        key_label: "issuing".into(),
        kind: IssuerKind::Issuing,
        is_issuing: true,
        state: IssuerState::Pending(PendingIssuer {
            request: PendingRequest::Wish(String::new()),
            spki: None,
            requested_at: UnixTime(NOW),
        }),
        responder: None,
        revision: 1,
        created_at: UnixTime(NOW),
    };
    let id = issuer.id;
    let write = bench
        .store
        .write(move |tx| Box::pin(async move { store::issuers::insert(tx, &issuer).await }));
    write.await.expect("an issuer");
    let reloaded = bench.state.authority.reload_issuers().await;
    assert!(reloaded.is_err(), "there is no signer");
    id
}

async fn record(bench: &Bench, issuer: Id<Issuer>, seed: u8) -> Id<IssuedCertificate> {
    let certificate = IssuedCertificate {
        id: Id::from_parts(NOW.unsigned_abs() * 1000, &[seed; 10]),
        issuer,
        serial: Serial::from_unsigned(&[seed]).expect("a serial"),
        profile: ProfileName::new("tls-server").expect("a name"),
        subject: String::new(),
        names: vec![format!("n{seed}.corp.example")],
        not_before: UnixTime(NOW),
        not_after: UnixTime(NOW + 86_400 * i64::from(seed)),
        spki_sha256: [seed; 32],
        der: CertificateDer::from_vec(vec![0x30, 0x01, seed]),
        status: if seed == 3 {
            CertificateStatus::Revoked {
                at: UnixTime(NOW),
                reason: CrlReason::KeyCompromise,
                invalidity: Some(UnixTime(NOW - 60)),
            }
        } else {
            CertificateStatus::Valid
        },
        journal: JournalPosition(seed.into()),
        requested_by: "test".into(),
        created_at: UnixTime(NOW),
        replaces: None,
    };
    let id = certificate.id;
    let audit = NewAuditEvent {
        at: UnixTime(NOW),
        actor: "test".into(),
        action: AuditAction::CertificateIssue,
        target: id.to_string(),
        detail: "{}".into(),
        journal: None,
    };
    let ring = RingName::default();
    let issued = NewIssued { certificate, idempotency: None, audit, ring, order: None };
    bench.store.record_issued(issued).await.expect("recorded");
    id
}

fn serials(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().expect("items").iter();
    items.filter_map(|item| item["serial"].as_str()).collect()
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let bench = Bench::new().await;
    let issuer = issuer(&bench).await;
    for seed in 1..=5 {
        record(&bench, issuer, seed).await;
    }
    for (query, expected) in [
        ("", &["05", "04", "03", "02", "01"][..]),
        ("?state=revoked", &["03"]),
        ("?state=valid", &["01", "02", "04", "05"]),
        ("?state=expired", &[]),
        ("?issuer=issuing&profile=tls-server&serial=02", &["02"]),
        ("?profile=device", &[]),
        ("?name=N4.corp.example", &["04"]),
        ("?expires_before=2027-01-17T08:00:00Z", &["01"]),
        ("?expires_after=2027-01-19T08:00:00Z", &["04", "05"]),
    ] {
        let list = bench.get(Role::Viewer, &format!("{PATH}{query}")).await.json();
        assert_eq!(serials(&list), expected, "{query}");
        assert_eq!(list["next"], Value::Null);
    }
    let suffix = bench.get(Role::Viewer, &format!("{PATH}?name_suffix=.corp.example")).await;
    assert_eq!(serials(&suffix.json()).len(), 5);
    let first = bench.get(Role::Viewer, &format!("{PATH}?limit=3")).await.json();
    assert_eq!(serials(&first), ["05", "04", "03"]);
    let next = first["next"].as_str().expect("more");
    let second = bench.get(Role::Viewer, &format!("{PATH}?limit=3&cursor={next}")).await.json();
    assert_eq!(serials(&second), ["02", "01"]);
}

#[tokio::test]
async fn odd_queries_are_refused() {
    let bench = Bench::new().await;
    for (query, rule) in [
        ("cursor=x", "cursor-malformed"),
        ("cursor=e1_1", "argument-malformed"),
        ("limit=0", "limit-out-of-range"),
        ("limit=1001", "limit-out-of-range"),
        ("state=eaten", "query-malformed"),
        ("issuer=nobody", "issuer-unknown"),
        ("serial=xyz", "serial-malformed"),
        ("name=a&name_suffix=b", "query-malformed"),
        ("expires_before=tomorrow", "query-malformed"),
    ] {
        let refused = bench.get(Role::Viewer, &format!("{PATH}?{query}")).await;
        assert_eq!(refused.problem(), (400, rule.into()), "{query}");
    }
}

#[tokio::test]
async fn a_certificate_is_shown_in_three_ways() {
    let bench = Bench::new().await;
    let issuer = issuer(&bench).await;
    let path = format!("{PATH}/{}", record(&bench, issuer, 3).await);
    let show = |accept: &'static str| {
        let request = Request::get(&path)
            .header("authorization", format!("Bearer {}", bench.token(Role::Viewer)))
            .header("accept", accept);
        bench.send(request.body(Body::empty()).expect("a request"))
    };
    let json = show("application/json").await.json();
    assert_eq!(json["state"], "revoked");
    assert_eq!(
        json["revocation"],
        json!({
            "reason": "keyCompromise",
            "at": "2027-01-15T08:00:00Z",
            "invalidity_date": "2027-01-15T07:59:00Z",
        })
    );
    assert_eq!(json["issuer"], "issuing");
    let pem = show("application/pem-certificate-chain").await;
    assert_eq!(pem.headers["content-type"], "application/pem-certificate-chain");
    assert_eq!(Some(&*String::from_utf8_lossy(&pem.body)), json["certificate"].as_str());
    let der = show("application/pkix-cert").await;
    assert_eq!(
        (&der.body[..], &der.headers["vary"]),
        (&[0x30, 1, 3][..], &"accept".parse().expect("a value"))
    );
    assert_eq!(show("text/html").await.problem(), (406, "not-acceptable".into()));
    let missing = format!("{PATH}/01980000-0000-7000-8000-000000000000");
    let missing = bench.get(Role::Viewer, &missing).await;
    assert_eq!(missing.problem(), (404, "not-found".into()));
}

#[tokio::test]
async fn what_cannot_be_issued_is_refused_and_noted() {
    let bench = Bench::new().await;
    let csr = kit::SubjectKey::new().request(&x509::Name::empty(), Vec::new());
    let csr = x509::Csr::parse(csr.as_bytes()).expect("a CSR");
    let mut broken = csr.der().as_bytes().to_vec();
    if let Some(last) = broken.last_mut() {
        *last ^= 1;
    }
    let broken = x509::pem::encode("CERTIFICATE REQUEST", &broken);
    let good = csr.to_pem();
    for (body, status, rule) in [
        (json!({ "profile": "tls-server", "csr": "MIIB" }), 400, "csr-not-der"),
        (json!({ "profile": "tls-server", "csr": broken }), 400, "csr-signature"),
        (json!({ "profile": "nobody", "csr": good }), 400, "profile-unknown"),
        (json!({ "profile": "tls-server", "csr": good, "sans": ["a b"] }), 400, "san-malformed"),
        (json!({ "profile": "tls-server", "csr": good, "subject": "x" }), 400, "subject-malformed"),
        (
            json!({ "profile": "tls-server", "csr": good, "validity": "soon" }),
            400,
            "json-malformed",
        ),
        (json!({ "profile": "tls-server", "csr": good }), 409, "no-issuer"),
    ] {
        let refused = bench.post(Role::Operator, PATH, body).await;
        assert_eq!(refused.problem(), (status, rule.into()));
    }
    let log = bench.get(Role::Auditor, "/api/v1/audit?action=certificate.refuse").await.json();
    let rules: Vec<&str> = log["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|event| event["detail"]["rule"].as_str())
        .collect();
    assert_eq!(
        rules,
        [
            "no-issuer",
            "subject-malformed",
            "san-malformed",
            "profile-unknown",
            "csr-signature",
            "csr-not-der"
        ]
    );
}

#[tokio::test]
async fn odd_revocations_are_refused() {
    let bench = Bench::new().await;
    let missing = format!("{PATH}/01980000-0000-7000-8000-000000000000");
    let revoke = format!("{missing}/revoke");
    let refused = bench.post(Role::Operator, &revoke, json!({ "reason": "boredom" })).await;
    assert_eq!(refused.problem(), (400, "reason-unknown".into()));
    let refused = bench.post(Role::Operator, &revoke, json!({ "reason": "keyCompromise" })).await;
    assert_eq!(refused.problem(), (404, "not-found".into()));
    let refused = bench.post(Role::Operator, &format!("{missing}/renew"), json!({})).await;
    assert_eq!(refused.problem(), (404, "not-found".into()));
}
