//! Certificates from the CSR to the end, over the real signer core.

use axum::body::Body;
use http::Request;
use kit::SubjectKey;
use model::Role;
use serde_json::{Value, json};
use x509::{Certificate, Extension, ExtensionValue, GeneralName, Name, pem};

use crate::bench::{Answer, Bench};

const PATH: &str = "/api/v1/certificates";

fn csr(key: &SubjectKey, dns: &str) -> String {
    let names = ExtensionValue::SubjectAltName(vec![GeneralName::Dns(dns.into())]);
    let der = key.request(&Name::empty(), vec![Extension::non_critical(names)]);
    pem::encode(pem::CERTIFICATE_REQUEST, der.as_bytes())
}

fn wish(key: &SubjectKey) -> Value {
    json!({ "profile": "tls-server", "csr": csr(key, "www.corp.example") })
}

fn certificate(body: &Value) -> Certificate {
    let text = body["certificate"].as_str().expect("a certificate");
    Certificate::from_pem(text).expect("strict DER")
}

async fn with_key(bench: &Bench, key: &str, path: &str, body: &Value) -> Answer {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {}", bench.token(Role::Operator)))
        .header("idempotency-key", key)
        .body(Body::from(body.to_string()));
    bench.send(request.expect("a request")).await
}

/// Issues one and gives its path in the API.
async fn issued(bench: &Bench) -> (SubjectKey, String, Value) {
    let key = SubjectKey::new();
    let answer = bench.post(Role::Operator, PATH, wish(&key)).await;
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let location = answer.headers["location"].to_str().expect("a path").to_owned();
    (key, location, answer.json())
}

#[tokio::test]
async fn a_certificate_is_issued_with_its_path_and_shown_again() {
    let bench = Bench::with_signer().await;
    let (key, location, body) = issued(&bench).await;
    let leaf = certificate(&body);
    assert_eq!(leaf.tbs().public_key, *key.public());
    assert_eq!(body["serial"], leaf.tbs().serial.to_hex());
    assert_eq!(body["names"], json!(["www.corp.example"]));
    assert_eq!((&body["state"], &body["issuer"]), (&json!("valid"), &json!("issuing")));
    assert_eq!(body["requested_by"], "the-operator");
    let chain = body["chain"].as_array().expect("the path").iter();
    let chain: Vec<Certificate> = chain
        .map(|text| Certificate::from_pem(text.as_str().expect("PEM")).expect("strict DER"))
        .collect();
    assert_eq!(chain.len(), 2);
    assert_eq!(leaf.verify_by(&chain[0].tbs().public_key), Ok(()));
    assert_eq!(chain[0].verify_by(&chain[1].tbs().public_key), Ok(()));
    assert_eq!(bench.get(Role::Viewer, &location).await.json(), body);

    let request = Request::get(&location)
        .header("authorization", format!("Bearer {}", bench.token(Role::Viewer)))
        .header("accept", "application/pem-certificate-chain")
        .body(Body::empty());
    let pem = bench.send(request.expect("a request")).await;
    let blocks = pem::decode(&String::from_utf8_lossy(&pem.body)).expect("PEM");
    // Leaf and issuing CA; the root is the client's.
    assert_eq!(blocks.len(), 2);
}

#[tokio::test]
async fn subject_names_and_validity_beside_the_csr_go_before_it() {
    let bench = Bench::with_signer().await;
    let mut body = wish(&SubjectKey::new());
    body["subject"] = json!("CN=a.corp.example,O=Example");
    body["sans"] = json!(["a.corp.example", "ip:10.0.0.1"]);
    body["validity"] = json!("2d");
    let body = bench.post(Role::Operator, PATH, body).await.json();
    assert_eq!(body["subject"], "CN=a.corp.example,O=Example");
    assert_eq!(body["names"], json!(["a.corp.example", "10.0.0.1"]));
    let tbs = certificate(&body).tbs().clone();
    let now = bench.state.authority.now();
    let left = tbs.not_after.seconds_since(now);
    assert!((2 * 86_400 - 60..2 * 86_400).contains(&left), "{left}");
}

#[tokio::test]
async fn what_the_profile_forbids_is_refused_by_its_rule() {
    let bench = Bench::with_signer().await;
    let key = SubjectKey::new();
    for (field, value, rule) in [
        ("validity", json!("4000d"), "validity-not-offered"),
        ("sans", json!(["a@corp.example"]), "san-not-admitted"),
        ("sans", json!([]), "san-required"),
        ("subject", json!("CN=x,DC=example"), "subject-attribute-not-offered"),
    ] {
        let mut body = wish(&key);
        body[field] = value;
        let refused = bench.post(Role::Operator, PATH, body).await;
        assert_eq!(refused.problem(), (400, rule.into()), "{field}");
    }
}

#[tokio::test]
async fn a_request_with_the_same_key_is_answered_once() {
    let bench = Bench::with_signer().await;
    let body = wish(&SubjectKey::new());
    let first = with_key(&bench, "k1", PATH, &body).await;
    let again = with_key(&bench, "k1", PATH, &body).await;
    assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 201));
    assert_eq!(first.json(), again.json());
    assert!(!first.headers.contains_key("idempotent-replayed"));
    assert_eq!(again.headers["idempotent-replayed"], "true");
    let other = with_key(&bench, "k2", PATH, &body).await.json();
    assert_ne!(other["serial"], first.json()["serial"]);
    let reused = with_key(&bench, "k1", PATH, &wish(&SubjectKey::new())).await;
    assert_eq!(reused.problem(), (422, "idempotency-conflict".into()));
    let renew = format!("{PATH}/{}/renew", first.json()["id"].as_str().expect("an id"));
    let reused = with_key(&bench, "k1", &renew, &json!({})).await;
    assert_eq!(reused.problem(), (422, "idempotency-conflict".into()));
}

#[tokio::test]
async fn a_certificate_is_renewed_for_its_key_and_for_another() {
    let bench = Bench::with_signer().await;
    let (key, location, old) = issued(&bench).await;
    let renew = format!("{location}/renew");
    let same = bench.post(Role::Operator, &renew, json!({})).await;
    assert_eq!(same.status, 201);
    let same = same.json();
    assert_eq!(certificate(&same).tbs().public_key, *key.public());
    assert_eq!((&same["replaces"], &same["names"]), (&old["id"], &old["names"]));
    let fresh = SubjectKey::new();
    let body = json!({ "csr": csr(&fresh, "other.corp.example") });
    let other = bench.post(Role::Operator, &renew, body).await.json();
    assert_eq!(certificate(&other).tbs().public_key, *fresh.public());
    assert_eq!(other["names"], old["names"]);
    let refused = bench.post(Role::Operator, &renew, json!({ "csr": "x" })).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn a_certificate_is_held_released_and_revoked_for_good() {
    let bench = Bench::with_signer().await;
    let (_, location, _) = issued(&bench).await;
    let path = format!("{location}/revoke");
    let revoke =
        |reason: &'static str| bench.post(Role::Operator, &path, json!({ "reason": reason }));
    for (reason, state) in [
        ("certificateHold", "held"),
        ("removeFromCRL", "valid"),
        ("certificateHold", "held"),
        ("keyCompromise", "revoked"),
        ("keyCompromise", "revoked"),
    ] {
        let answer = revoke(reason).await;
        assert_eq!(answer.status, 200, "{reason}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["state"], state, "{reason}");
    }
    let refused = revoke("removeFromCRL").await;
    assert_eq!(refused.problem().0, 409);
    let shown = bench.get(Role::Viewer, &location).await.json();
    assert_eq!(shown["revocation"]["reason"], "keyCompromise");
    let renewed = bench.post(Role::Operator, &format!("{location}/renew"), json!({})).await;
    assert_eq!(renewed.problem(), (409, "state".into()));
}

#[tokio::test]
async fn without_its_signer_the_server_says_later_and_recovers() {
    let mut bench = Bench::with_signer().await;
    let (_, location, _) = issued(&bench).await;
    bench.ring.as_mut().expect("a ring").stop();
    let refused = bench.post(Role::Operator, PATH, wish(&SubjectKey::new())).await;
    assert_eq!(refused.problem(), (503, "signer-unavailable".into()));
    assert_eq!(refused.headers["retry-after"], "2");
    let revoke = format!("{location}/revoke");
    let refused = bench.post(Role::Operator, &revoke, json!({})).await;
    assert_eq!(refused.problem(), (503, "signer-unavailable".into()));
    assert_eq!(bench.get(Role::Viewer, &location).await.status, 200);
    // An outage is no refusal.
    let log = bench.get(Role::Auditor, "/api/v1/audit?action=certificate.refuse").await.json();
    assert_eq!(log["items"], json!([]));

    let ring = bench.ring.as_mut().expect("a ring");
    ring.try_open().expect("the ring opens");
    ring.unlock().expect("the credential unlocks");
    for _ in 0..200 {
        let answer = bench.post(Role::Operator, PATH, wish(&SubjectKey::new())).await;
        if answer.status == 201 {
            return;
        }
        assert_eq!(answer.problem(), (503, "signer-unavailable".into()));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("it did not recover within ten seconds");
}

#[tokio::test]
async fn what_is_ready_says_so() {
    let bench = Bench::with_signer().await;
    let ready = bench.get(Role::Viewer, "/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json()["issuing"]), (200, &json!(1)));
    let (_, _, _) = issued(&bench).await;
    let metrics = bench.get(Role::Viewer, "/metrics").await;
    let text = String::from_utf8(metrics.body).expect("text");
    for line in [
        "chancery_ready 1",
        "chancery_certificates_issued_total{profile=\"tls-server\"} 1",
        "chancery_certificates{issuer=\"issuing\",state=\"valid\"} 1",
        "chancery_ca_expiry_seconds{issuer=\"root\",ring=\"default\"} ",
    ] {
        assert!(text.lines().any(|of| of.starts_with(line)), "{line}:\n{text}");
    }
}
