//! What becomes of accounts, orders and certificates later: keys rolled over, accounts bound and
//! given up, certificates revoked and renewed, limits, several servers.

use acme::{Limits, NewExternalKey, Settings};
use aws_lc_rs::hmac;
use kit::SubjectKey;
use model::{CertificateStatus, Id, RenewalPlan};
use serde_json::{Value, json};
use store::acme::{accounts, renewal_plans};
use store::{DatabaseUrl, certificates};
use x509::CrlReason;

use crate::bench::{Bench, csr, order_of, profile, serve};
use crate::client::{Client, Key, b64};

pub fn bind(client: &Client, url: &str, kid: &str, secret: &[u8]) -> Value {
    let header = json!({ "alg": "HS256", "kid": kid, "url": client.url(url) });
    let (protected, payload) = (b64(header.to_string()), b64(client.key.jwk().to_string()));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mac = hmac::sign(&key, format!("{protected}.{payload}").as_bytes());
    json!({ "protected": protected, "payload": payload, "signature": b64(mac) })
}

pub async fn external(bench: &Bench, profile: &str, names: &[&str]) -> (String, Vec<u8>) {
    use base64::Engine as _;
    let wanted = NewExternalKey {
        name: "web team".to_owned(),
        profile: profile.parse().expect("a name"),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        max_accounts: Some(1),
        validity: Some(3_600),
    };
    let (key, secret) = bench.acme.make_external_key(wanted, "tester").await.expect("a key");
    assert!(!key.sealed.windows(16).any(|part| secret.reveal().windows(16).any(|s| s == part)));
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(secret.reveal());
    (key.id.to_string(), secret.expect("base64url"))
}

pub async fn row(bench: &Bench, order: &Value) -> model::IssuedCertificate {
    let url = order["certificate"].as_str().expect("a URL");
    let id = url.rsplit('/').next().expect("an id").parse().expect("an id");
    certificates::get(&bench.store, id).await.expect("the database").expect("the certificate")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rolled_over_and_the_old_one_is_nobodys() {
    let bench = Bench::start().await;
    let mut client = bench.client().await;
    let kid = client.kid.clone().expect("an account");
    let fresh = Client::new(bench.address, Key::p256());
    let url = client.url("/acme/key-change");
    let header = json!({ "alg": fresh.key.alg(), "jwk": fresh.key.jwk(), "url": url });
    let payload = json!({ "account": kid, "oldKey": client.key.jwk() }).to_string();
    let inner = fresh.jws(&header.to_string(), payload.as_bytes());
    client.post("/acme/key-change", inner).await.expect(200);
    // Signed by the old key, the JWS is nobody's.
    let refused = client.read(&kid).await;
    assert_eq!((refused.status, refused.problem().as_str()), (400, "malformed"));
    client.key = fresh.key;
    client.read(&kid).await.expect(200);
    bench.issue(&client, &["a.corp.example"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_changes_and_is_given_up_for_good() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let kid = client.kid.clone().expect("an account");
    let contact = json!({ "contact": ["mailto:a@corp.example"] });
    let changed = client.post(&kid, contact.clone()).await.expect(200).json();
    assert_eq!(changed["contact"], contact["contact"]);
    assert_eq!(client.read(&kid).await.expect(200).json()["contact"], contact["contact"]);
    let (order, _) = bench.issue(&client, &["a.corp.example"]).await;
    let orders = client.read(changed["orders"].as_str().expect("a URL")).await.expect(200).json();
    assert_eq!(orders["orders"].as_array().map(Vec::len), Some(1));
    let gone = client.post(&kid, json!({ "status": "deactivated" })).await.expect(200).json();
    assert_eq!(gone["status"], "deactivated");
    for url in [kid.as_str(), order["certificate"].as_str().expect("a URL")] {
        let refused = client.read(url).await;
        assert_eq!((refused.status, refused.problem().as_str()), (401, "unauthorized"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_listed_page_by_page() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    for _ in 0..60 {
        client.post("/acme/new-order", order_of(&["a.corp.example"])).await.expect(201);
    }
    let kid = client.kid.clone().expect("an account");
    let first = client.read(&format!("{kid}/orders")).await.expect(200);
    let next = first.links("next");
    let second = client.read(&next[0]).await.expect(200);
    assert!(second.links("next").is_empty());
    let count = |reply: &crate::client::Reply| reply.json()["orders"].as_array().map(Vec::len);
    assert_eq!((count(&first), count(&second)), (Some(50), Some(10)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_key_binds_one_account_to_its_profile_and_names() {
    let bench = Bench::start().await;
    let body = profile("dns = [\"*\"]", "external_account = true");
    bench.profile("bound", body).await;
    let (kid, secret) = external(&bench, "bound", &["*.team.example"]).await;
    let mut client = Client::new(bench.address, Key::p256());
    let directory = client.get("/acme/profile/bound/directory").await.expect(200).json();
    assert_eq!(directory["meta"]["externalAccountRequired"], true);
    let url = directory["newAccount"].as_str().expect("a URL").to_owned();
    let binding = bind(&client, &url, &kid, &secret);
    let payload = json!({ "externalAccountBinding": binding });
    let made = client.register_at(&url, payload.clone()).await.expect(201).json();
    assert!(made["externalAccountBinding"].is_object());
    let mut wanted = order_of(&["a.team.example"]);
    wanted["profile"] = json!("bound");
    bench.ready(&client, "/acme/new-order", wanted.clone()).await;
    wanted["identifiers"][0]["value"] = json!("a.corp.example");
    let refused = client.post("/acme/new-order", wanted.clone()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (400, "rejectedIdentifier"));
    let other = client.post("/acme/new-order", order_of(&["a.team.example"])).await;
    assert_eq!((other.status, other.problem().as_str()), (403, "unauthorized"));
    // It has room for one.
    let mut second = Client::new(bench.address, Key::p256());
    let payload = json!({ "externalAccountBinding": bind(&second, &url, &kid, &secret) });
    let full = second.register_at(&url, payload).await;
    assert_eq!((full.status, full.problem().as_str()), (403, "unauthorized"));
    // Taken back, its account orders no more.
    let id = kid.parse().expect("an id");
    bench.acme.revoke_external_key(id, "tester").await.expect("taken back");
    wanted["identifiers"][0]["value"] = json!("b.team.example");
    let over = client.post("/acme/new-order", wanted).await;
    assert_eq!((over.status, over.problem().as_str()), (403, "unauthorized"));
    assert_eq!(bench.issued().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn trust_needs_no_challenge_and_reaches_no_other_profile() {
    let bench = Bench::start().await;
    let rules = "mode = \"trusted\"\nexternal_account = true";
    bench.profile("trusted", profile("dns = [\"*\"]", rules)).await;
    let (kid, secret) = external(&bench, "trusted", &["*.team.example"]).await;
    let mut client = Client::new(bench.address, Key::p256());
    let url = "/acme/profile/trusted/new-account";
    let binding = bind(&client, url, &kid, &secret);
    client.register_at(url, json!({ "externalAccountBinding": binding })).await.expect(201);
    let url = "/acme/profile/trusted/new-order";
    let order = client.post(url, order_of(&["a.team.example"])).await.expect(201).json();
    assert_eq!(order["status"], "ready");
    let csr = csr(&SubjectKey::new(), &["a.team.example"]);
    let finalize = order["finalize"].as_str().expect("a URL");
    let done =
        client.post(finalize, json!({ "csr": b64(csr.as_bytes()) })).await.expect(200).json();
    assert_eq!(done["status"], "valid");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_revoked_by_account_by_key_and_by_whoever_has_the_names() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let revoke = |der: &[u8], reason: u8| json!({ "certificate": b64(der), "reason": reason });
    let status = |row: model::IssuedCertificate| match row.status {
        CertificateStatus::Revoked { reason, .. } => Some(reason),
        _ => None,
    };
    let (order, _) = bench.issue(&client, &["a.corp.example"]).await;
    let der = row(&bench, &order).await.der;
    client.post("/acme/revoke-cert", revoke(der.as_bytes(), 4)).await.expect(200);
    assert_eq!(status(row(&bench, &order).await), Some(CrlReason::Superseded));
    let again = client.post("/acme/revoke-cert", revoke(der.as_bytes(), 4)).await;
    assert_eq!((again.status, again.problem().as_str()), (400, "alreadyRevoked"));

    // By the certificate's own key.
    let (_, order) = bench.ready(&client, "/acme/new-order", order_of(&["a.corp.example"])).await;
    let signer = Client::new(bench.address, Key::p256());
    let request = own_csr(&signer.key, "a.corp.example");
    let finalize = order["finalize"].as_str().expect("a URL");
    let done = client.post(finalize, json!({ "csr": b64(request) })).await.expect(200).json();
    let der = row(&bench, &done).await.der;
    signer.post("/acme/revoke-cert", revoke(der.as_bytes(), 1)).await.expect(200);
    assert_eq!(status(row(&bench, &done).await), Some(CrlReason::KeyCompromise));

    // By another account, once it has shown control over all names.
    let (order, _) = bench.issue(&client, &["a.corp.example", "b.corp.example"]).await;
    let der = row(&bench, &order).await.der;
    let other = bench.client().await;
    bench.ready(&other, "/acme/new-order", order_of(&["a.corp.example"])).await;
    let refused = other.post("/acme/revoke-cert", revoke(der.as_bytes(), 0)).await;
    assert_eq!((refused.status, refused.problem().as_str()), (403, "unauthorized"));
    assert_eq!(status(row(&bench, &order).await), None);
    bench.ready(&other, "/acme/new-order", order_of(&["b.corp.example"])).await;
    other.post("/acme/revoke-cert", revoke(der.as_bytes(), 0)).await.expect(200);
    assert_eq!(status(row(&bench, &order).await), Some(CrlReason::Unspecified));
}

/// A CSR by a key that signs requests, too.
fn own_csr(key: &Key, name: &str) -> Vec<u8> {
    let Key::Ec(_, _, pair) = key else { panic!("no EC key") };
    use aws_lc_rs::signature::KeyPair as _;
    let point = pair.public_key().as_ref();
    let prefix = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08,
        0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
    ];
    let spki = [&prefix[..], point].concat();
    let info = x509::CertificationRequestInfo {
        subject: x509::Name::empty(),
        public_key: x509::PublicKey::parse(&spki).expect("a key"),
        extensions: x509::Extensions::new(vec![crate::bench::san(&[name])]).expect("extensions"),
    };
    let info = info.encode().expect("it encodes");
    let raw = key.sign(info.as_bytes());
    let signature = x509::Signature::from_vec(der_of(&raw));
    let scheme = x509::SignatureScheme::EcdsaP256Sha256;
    x509::Csr::assemble(&info, scheme, &signature).as_bytes().to_vec()
}

/// r and s as DER (RFC 3279 §2.2.3).
fn der_of(raw: &[u8]) -> Vec<u8> {
    let integer = |octets: &[u8]| {
        let first = octets.iter().position(|octet| *octet != 0).unwrap_or(0);
        let octets = &octets[first..];
        let pad: &[u8] = if octets[0] & 0x80 != 0 { &[0] } else { &[] };
        let length = u8::try_from(octets.len() + pad.len()).expect("short");
        [&[2, length][..], pad, octets].concat()
    };
    let (r, s) = raw.split_at(raw.len() / 2);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(both.len()).expect("short")][..], &both].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn renewal_windows_move_with_plans_and_revocations() {
    let bench = Bench::start().await;
    let client = bench.client().await;
    let (order, _) = bench.issue(&client, &["a.corp.example"]).await;
    let certificate = row(&bench, &order).await;
    let id = certificate_id(&bench, &certificate);
    let url = format!("/acme/renewal-info/{id}");
    let usual = client.get(&url).await.expect(200);
    let seconds: u32 = usual.header("retry-after").expect("Retry-After").parse().expect("seconds");
    assert!((60..=21_600).contains(&seconds));
    let time = |reply: &crate::client::Reply, end: &str| {
        let text = reply.json()["suggestedWindow"][end].as_str().expect("a time").to_owned();
        model::UnixTime::parse_rfc3339(&text).expect("a time")
    };
    let now = bench.authority.now();
    assert!(time(&usual, "start") > now.plus_seconds(50 * 86_400));
    assert!(time(&usual, "end") < certificate.not_after);

    let plan = RenewalPlan {
        id: Id::generate(bench.authority.clock()),
        issuer: None,
        profile: Some("acme".parse().expect("a name")),
        issued_before: None,
        start: now,
        end: now.plus_seconds(600),
        explanation: Some("https://status.corp.example/1".to_owned()),
        created_at: now,
    };
    let insert = bench
        .store
        .write(move |tx| Box::pin(async move { renewal_plans::insert(tx, &plan).await }));
    insert.await.expect("a plan");
    bench.ring.clock.pass(2);
    let moved = client.get(&url).await.expect(200);
    assert_eq!(time(&moved, "start"), now);
    assert_eq!(moved.json()["explanationURL"], "https://status.corp.example/1");

    // Renewed by the advice: once.
    let mut wanted = order_of(&["a.corp.example"]);
    wanted["replaces"] = json!(id);
    let (_, renewal) = bench.ready(&client, "/acme/new-order", wanted.clone()).await;
    assert_eq!(renewal["replaces"], id);
    let csr = csr(&SubjectKey::new(), &["a.corp.example"]);
    let finalize = renewal["finalize"].as_str().expect("a URL");
    let done =
        client.post(finalize, json!({ "csr": b64(csr.as_bytes()) })).await.expect(200).json();
    assert_eq!(row(&bench, &done).await.replaces, Some(certificate.id));
    let twice = client.post("/acme/new-order", wanted).await;
    assert_eq!((twice.status, twice.problem().as_str()), (409, "alreadyReplaced"));

    let der = b64(certificate.der.as_bytes());
    client.post("/acme/revoke-cert", json!({ "certificate": der })).await.expect(200);
    let over = client.get(&url).await.expect(200);
    assert!(time(&over, "end") < bench.authority.now());
}

pub fn certificate_id(bench: &Bench, certificate: &model::IssuedCertificate) -> String {
    let path = bench.authority.path(certificate.issuer);
    let issuer = x509::Certificate::parse(path[0].as_bytes()).expect("a certificate");
    let key = issuer.tbs().public_key.key_identifier();
    let serial = certificate.serial.as_bytes();
    let pad: &[u8] = if serial[0] & 0x80 != 0 { &[0] } else { &[] };
    format!("{}.{}", b64(key), b64([pad, serial].concat()))
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_tell_when_to_come_again() {
    let limits = Limits { orders_per_account: 3, orders_per_names: 2, ..Limits::default() };
    let bench = Bench::with(Settings { limits, ..Settings::new() }).await;
    let client = bench.client().await;
    let order = |name: &str| order_of(&[name]);
    client.post("/acme/new-order", order("a.corp.example")).await.expect(201);
    client.post("/acme/new-order", order("a.corp.example")).await.expect(201);
    let names = client.post("/acme/new-order", order("a.corp.example")).await;
    assert_eq!((names.status, names.problem().as_str()), (429, "rateLimited"));
    assert!(names.header("retry-after").is_some());
    client.post("/acme/new-order", order("b.corp.example")).await.expect(201);
    let account = client.post("/acme/new-order", order("c.corp.example")).await;
    assert_eq!((account.status, account.problem().as_str()), (429, "rateLimited"));
    bench.ring.clock.pass(3_601);
    client.post("/acme/new-order", order("c.corp.example")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_have_their_requests_and_accounts() {
    let bench = Bench::start().await;
    let limits = Limits { requests_per_ip: 8, accounts_per_ip: 1, ..Limits::default() };
    let settings = Settings { limits, ..Settings::new() };
    let address = from_one_address(&bench, settings).await;
    // Each asks for a nonce and for an account: four requests.
    let (mut first, mut second) =
        (Client::new(address, Key::p256()), Client::new(address, Key::p256()));
    first.register().await.expect(201);
    let more = second.register().await;
    assert_eq!((more.status, more.problem().as_str()), (429, "rateLimited"));
    let wait = more.header("retry-after").and_then(|wait| wait.parse::<u32>().ok());
    assert_eq!(wait, Some(3_600));
    assert!(more.header("replay-nonce").is_some());
    let thumbprint = second.key.thumbprint();
    assert!(
        accounts::find_by_thumbprint(&bench.store, &thumbprint).await.expect("an answer").is_none()
    );
    for _ in 0..4 {
        first.get("/acme/directory").await.expect(200);
    }
    let refused = first.get("/acme/directory").await;
    assert_eq!((refused.status, refused.problem().as_str()), (429, "rateLimited"));
    assert_eq!(refused.header("retry-after"), Some("2"));
    bench.ring.clock.pass(2);
    first.get("/acme/directory").await.expect(200);
}

/// Serves as if everybody came from one address.
async fn from_one_address(bench: &Bench, settings: Settings) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let parts = acme::AcmeParts {
        authority: bench.authority.clone(),
        settings,
        bases: acme::Bases::new([format!("http://{address}")]),
        validator: None,
    };
    let state = acme::AcmeState::open(parts).await.expect("it opens");
    let router = acme::routes(state).layer(axum::Extension(acme::Applicant([10, 0, 0, 1].into())));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stands_misfortune_is_served() {
    let bench = Bench::with(Settings { dangerous_chaos: true, ..Settings::new() }).await;
    let mut client = Client::new(bench.address, Key::p256());
    while client.register().await.status >= 300 {}
    let mut refused = 0;
    for _ in 0..200 {
        let reply = client.post("/acme/new-order", order_of(&["a.corp.example"])).await;
        if reply.status == 400 {
            assert_eq!(reply.problem(), "badNonce");
            assert!(reply.header("replay-nonce").is_some());
            refused += 1;
        } else {
            reply.expect(201);
        }
    }
    assert!((1..60).contains(&refused), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_of_one_database_serve_one_client_and_limit_it_once() {
    let Some(url) = store::testing::fresh_postgres().await else {
        return;
    };
    let limits = Limits { orders_per_account: 12, ..Limits::default() };
    let settings = Settings { limits, ..Settings::new() };
    let bench = Bench::on(settings.clone(), &url).await;
    let mut servers = vec![bench.address];
    for _ in 0..2 {
        // They answer under one name, as behind a balancer.
        servers.push(twin(&bench, settings.clone()).await);
    }
    let mut client = bench.client().await;
    let nonce = client.nonce().await;
    for (number, server) in servers.iter().enumerate() {
        client.address = *server;
        let mut draft = client.draft(&client.kid.clone().expect("an account"), None).await;
        draft.host = bench.address.to_string();
        draft.header["nonce"] = json!(nonce);
        let reply = client.send(draft).await;
        // Redeemed at one, a nonce is bad at all.
        assert_eq!(reply.status, if number == 0 { 200 } else { 400 }, "{}", reply.text());
    }
    let mut made = 0;
    for turn in 0..30 {
        client.address = servers[turn % 3];
        let name = format!("host-{turn}.corp.example");
        let mut draft = client.draft("/acme/new-order", Some(order_of(&[&name]))).await;
        draft.host = bench.address.to_string();
        let reply = client.send(draft).await;
        made += usize::from(reply.status == 201);
        assert!(matches!(reply.status, 201 | 429), "{}", reply.text());
    }
    assert_eq!(made, 12);
    bench.store.close().await;
}

async fn twin(bench: &Bench, settings: Settings) -> std::net::SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let parts = acme::AcmeParts {
        authority: bench.authority.clone(),
        settings,
        bases: acme::Bases::new([format!("http://{}", bench.address)]),
        validator: None,
    };
    let state = acme::AcmeState::open(parts).await.expect("it opens");
    let router = acme::routes(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_validator_nothing_is_validated_and_nothing_breaks() {
    let bench = Bench::on(Settings::new(), &DatabaseUrl::memory()).await;
    let (_, address) = serve(&bench.authority, Settings::new(), None).await;
    let mut client = Client::new(address, Key::p256());
    client.register().await.expect(201);
    let order = client.post("/acme/new-order", order_of(&["a.corp.example"])).await.expect(201);
    let url = order.json()["authorizations"][0].as_str().expect("a URL").to_owned();
    let challenge = client.read(&url).await.json()["challenges"][0].clone();
    let reply = client.post(challenge["url"].as_str().expect("a URL"), json!({})).await;
    assert_eq!((reply.status, reply.problem().as_str()), (503, "serverInternal"));
    assert_eq!(client.read(&url).await.json()["status"], "pending");
}
