//! Inputs that a client should not send: each gets its rule, none a 500.

use http::Method;
use kit::SubjectKey;
use model::Role;
use serde_json::{Value, json};
use x509::{Name, pem};

use crate::bench::Bench;

const CERTIFICATES: &str = "/api/v1/certificates";
/// Overflows if it is added to anything.
const FOR_EVER: &str = "106751991167300d";

fn csr() -> String {
    let der = SubjectKey::new().request(&Name::empty(), vec![]);
    pem::encode(pem::CERTIFICATE_REQUEST, der.as_bytes())
}

/// Makes a profile that admits almost anything.
async fn lenient(bench: &Bench) {
    let body = format!(
        r#"
        version = 1
        validity = "1d"
        max_validity = "{FOR_EVER}"
        key_kinds = ["p-256"]
        [subject]
        common_name = "optional"
        allowed = ["O", "OU", "C", "emailAddress", "UID", "DC", "serialNumber"]
        [san]
        required = false
        wildcard = true
        max = 10000
        dns = ["*"]
        ip = ["*"]
        email = ["*"]
        uri = ["*"]
        upn = ["*"]
        "#
    );
    let profile = json!({ "name": "lenient", "body": body });
    let made = bench.post(Role::Admin, "/api/v1/profiles", profile).await;
    assert_eq!(made.status, 201, "{:?}", made.json());
}

#[tokio::test]
async fn odd_subjects_and_names_are_the_clients_fault() {
    let bench = Bench::with_signer().await;
    lenient(&bench).await;
    let wish = |member: &str, value: Value| {
        let mut wish = json!({ "profile": "lenient", "csr": csr() });
        wish[member] = value;
        wish
    };
    let many: Vec<String> = (0..9_000).map(|n| format!("h{n}.corp.example")).collect();
    let long = "x".repeat(5_000);
    let mut wishes = vec![
        wish("sans", json!(many)),
        wish("validity", json!(FOR_EVER)),
        wish("validity", json!("9999999999999999999999d")),
    ];
    for subject in [
        "",
        "CN=",
        "CN=\\00",
        "CN=a\\0Ab",
        "C=XYZ",
        "C=d\u{e9}",
        "CN=\u{202e}evil",
        "DC=\u{e9}.x",
        "emailAddress=\u{e9}@x",
        "CN=a+CN=b",
        "UID=#0500",
        "1.2.3=#0500",
        "CN=#0500",
        "serialNumber=\u{e9}",
        &format!("CN={long}"),
        &format!("O={long}"),
        &format!("UID={long}"),
    ] {
        wishes.push(wish("subject", json!(subject)));
    }
    for san in [
        "",
        "dns:",
        "dns:*",
        "dns:*.example",
        "dns:a\u{0}b",
        "dns:\u{e9}.example",
        "dns:a.",
        "dns:.a",
        "email:\u{e9}@x",
        "email:@",
        "email:a@b@c",
        "email:\"a b\"@x.example",
        "uri:",
        "uri:x",
        "uri:http://",
        "uri:http://\u{e9}/",
        "uri:http://[::1",
        "uri:http://a b/",
        "uri:spiffe://x/\u{0}",
        "upn:",
        "upn:@",
        "upn:a",
        "upn:\u{e9}@x",
        "upn:a\u{0}@x.example",
        "ip:::ffff:10.0.0.1",
        &format!("uri:http://{long}/"),
        &format!("uri:http://a/{long}"),
        &format!("upn:{long}@x"),
        &format!("email:{long}@x.example"),
    ] {
        wishes.push(wish("sans", json!([san])));
    }
    for wish in wishes {
        let answer = bench.post(Role::Operator, CERTIFICATES, wish.clone()).await;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        let shown: String = wish.to_string().chars().take(200).collect();
        assert!(answer.status == 201 || answer.status == 400, "{shown}: {told}");
    }
}

#[tokio::test]
async fn a_date_of_compromise_in_the_future_is_malformed() {
    let bench = Bench::with_signer().await;
    let wish = json!({ "profile": "tls-server", "csr": csr(), "sans": ["www.corp.example"] });
    let issued = bench.post(Role::Operator, CERTIFICATES, wish).await;
    let location = issued.headers["location"].to_str().expect("a path");
    let path = format!("{location}/revoke");
    for (date, expected) in [
        ("2999-01-01T00:00:00Z", (400, "invalidity-date".to_owned())),
        ("1969-12-31T23:59:59Z", (400, "invalidity-date".to_owned())),
        ("0000-01-01T00:00:00Z", (400, "invalidity-date".to_owned())),
        ("yesterday", (400, "json-malformed".to_owned())),
    ] {
        let body = json!({ "reason": "keyCompromise", "invalidity_date": date });
        let refused = bench.post(Role::Operator, &path, body).await;
        assert_eq!(refused.problem(), expected, "{date}");
    }
    let body = json!({ "reason": "keyCompromise", "invalidity_date": "2020-01-01T00:00:00Z" });
    let revoked = bench.post(Role::Operator, &path, body).await;
    assert_eq!(revoked.status, 200);
}

#[tokio::test]
async fn spans_that_end_after_the_world_are_refused_or_harmless() {
    let bench = Bench::with_signer().await;
    let token = json!({ "name": "ci", "role": "viewer", "validity": FOR_EVER });
    let answer = bench.post(Role::Admin, "/api/v1/tokens", token).await;
    assert_eq!(answer.problem(), (400, "validity-malformed".to_owned()));
    for member in ["validity", "leaf_validity"] {
        let mut wish = json!({
            "name": "web", "kind": "issuing", "parent": "root", "subject": "CN=Web",
            "key": "p-256", "validity": "1d",
        });
        wish[member] = json!(FOR_EVER);
        let answer = bench.post(Role::Admin, "/api/v1/issuers", wish).await;
        assert_eq!(answer.problem(), (400, "ca-request-malformed".to_owned()), "{member}");
    }
}

#[tokio::test]
async fn odd_queries_are_the_clients_fault() {
    let bench = Bench::new().await;
    for query in [
        "certificates?cursor=s1_00",
        "certificates?cursor=n-1",
        "certificates?cursor=n9223372036854775807",
        "certificates?cursor=e1_1",
        "certificates?cursor=s1_%00",
        "certificates?name=%00",
        "certificates?name=%25",
        "certificates?name_suffix=%25%5C_",
        "certificates?name_suffix=",
        "certificates?name=%ff",
        "certificates?serial=",
        "certificates?serial=zz",
        "certificates?serial=-1",
        "certificates?limit=0",
        "certificates?limit=65536",
        "certificates?limit=-1",
        "certificates?issuer=%00",
        "certificates?profile=%00",
        "certificates?state=gone",
        "certificates?expires_before=2030",
        "certificates?expires_before=9999-12-31T23:59:59Z&expires_after=0000-01-01T00:00:00Z",
        "certificates?unknown=1",
        "certificates?limit=1&limit=2",
        "certificates/%00",
        "certificates/x",
        "certificates/%2e%2e",
        "issuers/%00",
        "issuers/ROOT",
        "profiles/%00",
        "audit?cursor=x",
        "audit?cursor=-1",
        "audit?actor=%00",
        "audit?target=%00",
        "audit?action=nothing",
        "audit?limit=1000",
    ] {
        let answer =
            bench.ask(Some(Role::Admin), Method::GET, &format!("/api/v1/{query}"), None).await;
        let status = answer.status.as_u16();
        assert!(
            [200, 400, 404].contains(&status),
            "{query}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
}
