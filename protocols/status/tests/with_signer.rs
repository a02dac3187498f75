//! OCSP over HTTP with the real signer behind it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use ca::ceremony::{BootstrapPlan, bootstrap};
use ca::{Authority, AuthorityParts, IssueRequest, Jobs, PublicUrls, RevokeRequest};
use http_body_util::BodyExt as _;
use kit::{KitClock, Plan, Ring, SubjectKey};
use model::{Clock, IssuedCertificate};
use signer_client::{ClientOptions, SignerClient, Sockets};
use signer_log::checkpoint::{Checkpoint, origin};
use signer_log::merkle::CompactRange;
use signer_log::note::{Algorithm, Note, NoteKey};
use signer_log::proof::{verify_consistency, verify_inclusion};
use signer_proto::Purpose;
use status::{StatusState, routes};
use store::Store;
use tower::ServiceExt as _;
use x509::{
    CertId, CertIdHash, CertStatus, Certificate, Crl, CrlReason, Csr, GeneralName, OcspRequest,
    OcspResponse,
};

struct Shared(Arc<KitClock>);

impl Clock for Shared {
    fn unix_millis(&self) -> u64 {
        u64::try_from(signer::Clock::wall_ms(&*self.0)).expect("after 1970")
    }
}

struct Bench {
    app: Router,
    authority: Authority,
    issuing: Certificate,
    issued: IssuedCertificate,
    _jobs: Jobs,
    _ring: Ring,
}

impl Bench {
    async fn start() -> Self {
        let ring = Ring::locked(Plan::default());
        ring.unlock().expect("the credential unlocks");
        let urls = PublicUrls::new("http://pki.corp.example").expect("a base");
        let run = ring.run_dir();
        let connect = |sockets| SignerClient::connect(sockets, ClientOptions::default());
        let operator = connect(Sockets::of_operator(&run));
        let plan = BootstrapPlan::new("Corp", vec![], urls.clone());
        let made = bootstrap(&operator.into(), &plan, ring.clock.now()).await.expect("a hierarchy");
        let url = "sqlite::memory:".parse().expect("a URL");
        let clock = || Shared(Arc::clone(&ring.clock));
        let parts = AuthorityParts {
            store: Store::open(&url, clock()).await.expect("a database"),
            rings: connect(Sockets::of_server(&run)).into(),
            clock: Arc::new(clock()),
            urls,
        };
        let authority = Authority::open(parts).await.expect("it opens");
        authority.recover().await.expect("the journal is taken over");
        let jobs = authority.jobs();
        let issued = issue(&authority).await;
        let bench = Self {
            app: routes(StatusState { authority: authority.clone() }),
            authority,
            issuing: Certificate::parse(made.issuing.as_bytes()).expect("strict"),
            issued,
            _jobs: jobs,
            _ring: ring,
        };
        for _ in 0..500 {
            if bench.get(&bench.path(), None).await.headers().contains_key(header::ETAG) {
                return bench;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no responder within ten seconds");
    }

    fn request(&self) -> Vec<u8> {
        let tbs = self.issuing.tbs();
        let serial = self.issued.serial;
        let id = CertId::for_certificate(CertIdHash::Sha1, &tbs.subject, &tbs.public_key, serial);
        let request = OcspRequest { requests: vec![id], nonce: None };
        request.encode().expect("encodes")
    }

    fn path(&self) -> String {
        let encoded = base64::engine::general_purpose::STANDARD.encode(self.request());
        format!("ocsp/issuing/{}", encoded.replace('+', "%2B").replace('/', "%2F"))
    }

    async fn get(&self, path: &str, known: Option<&str>) -> Response {
        let request = Request::builder().uri(format!("/.well-known/pki/{path}"));
        let request = match known {
            Some(etag) => request.header(header::IF_NONE_MATCH, etag),
            None => request,
        };
        let request = request.body(Body::empty()).expect("a request");
        self.app.clone().oneshot(request).await.expect("an answer")
    }
}

async fn issue(authority: &Authority) -> IssuedCertificate {
    let csr = SubjectKey::new().request(&x509::Name::empty(), vec![]);
    let asked = IssueRequest {
        profile: "tls-server".parse().expect("a name"),
        csr: Csr::parse(csr.as_bytes()).expect("a CSR"),
        subject: None,
        names: Some(vec![GeneralName::Dns("www.corp.example".into())]),
        validity: None,
        requested_by: "tester".into(),
        idempotency: None,
        replaces: None,
    };
    authority.issue(asked).await.expect("it is issued").certificate
}

fn text(response: &Response, name: header::HeaderName) -> String {
    response.headers()[name].to_str().expect("text").to_owned()
}

async fn bytes(response: Response) -> Vec<u8> {
    let body = response.into_body().collect().await.expect("a body");
    body.to_bytes().to_vec()
}

async fn status(response: Response) -> CertStatus {
    assert_eq!(response.status(), StatusCode::OK);
    match OcspResponse::parse(&bytes(response).await).expect("a response") {
        OcspResponse::Successful(basic) => basic.data.responses[0].status,
        OcspResponse::Error(status) => panic!("{status:?}"),
    }
}

#[tokio::test]
async fn an_answer_may_be_kept_until_it_changes() {
    let bench = Bench::start().await;
    let path = bench.path();
    let first = bench.get(&path, None).await;
    assert_eq!(text(&first, header::CONTENT_TYPE), "application/ocsp-response");
    let control = text(&first, header::CACHE_CONTROL);
    assert_eq!(control, "max-age=3600, public, no-transform, must-revalidate");
    assert!(first.headers().contains_key(header::LAST_MODIFIED));
    assert!(first.headers().contains_key(header::EXPIRES));
    let etag = text(&first, header::ETAG);
    assert_eq!(status(first).await, CertStatus::Good);

    let again = bench.get(&path, Some(&etag)).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(bytes(again).await, b"");

    let asked = RevokeRequest {
        id: bench.issued.id,
        reason: CrlReason::Superseded,
        invalidity: None,
        by: "tester".into(),
    };
    bench.authority.revoke(asked).await.expect("it is revoked");
    let changed = bench.get(&path, Some(&etag)).await;
    assert_ne!(text(&changed, header::ETAG), etag);
    assert!(matches!(status(changed).await, CertStatus::Revoked { .. }));
}

#[tokio::test]
async fn post_answers_what_get_answers() {
    let bench = Bench::start().await;
    let request = Request::builder()
        .method(Method::POST)
        .uri("/.well-known/pki/ocsp/issuing")
        .header(header::CONTENT_TYPE, "application/ocsp-request")
        .body(Body::from(bench.request()))
        .expect("a request");
    let posted = bench.app.clone().oneshot(request).await.expect("an answer");
    assert_eq!(text(&posted, header::CACHE_CONTROL), "no-store");
    let got = bench.get(&bench.path(), None).await;
    assert_eq!(bytes(posted).await, bytes(got).await);
}

#[tokio::test]
async fn every_url_in_a_certificate_is_served() {
    let bench = Bench::start().await;
    let leaf = Certificate::parse(bench.issued.der.as_bytes()).expect("strict");
    let text = format!("{:?}", leaf.tbs().extensions);
    for path in ["crl/issuing.crl", "ca/issuing.cer"] {
        assert!(text.contains(&format!("http://pki.corp.example/.well-known/pki/{path}")));
    }
    let ca = bytes(bench.get("ca/issuing.cer", None).await).await;
    assert_eq!(ca, bench.issuing.der().as_bytes());
    let crl = bytes(bench.get("crl/issuing.crl", None).await).await;
    let crl = Crl::parse(&crl).expect("a CRL");
    crl.verify_by(&bench.issuing.tbs().public_key).expect("it verifies");
}

async fn read(bench: &Bench, path: &str) -> (StatusCode, String, Vec<u8>) {
    let path = format!("log/{path}");
    let response = bench.get(&path, None).await;
    let control = response.headers()[header::CACHE_CONTROL].to_str().expect("text").to_owned();
    let status = response.status();
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    (status, control, body.to_vec())
}

async fn log_key(bench: &Bench) -> NoteKey {
    let description = bench.authority.signer().describe().await.expect("a description");
    let log = description.keys.0.iter().find(|key| key.purpose == Purpose::Log).expect("a log key");
    let spki = log.spki.as_ref().expect("a public key");
    NoteKey::of_spki(&origin(description.instance), Algorithm::Ed25519, spki).expect("Ed25519")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_checked_with_what_is_public() {
    let bench = Bench::start().await;
    let key = log_key(&bench).await;
    let (status, control, note) = read(&bench, "default/checkpoint").await;
    assert_eq!((status, control.as_str()), (StatusCode::OK, "public, max-age=1"));
    let note = Note::parse(&note).expect("a note");
    let checkpoint = Checkpoint::verify(&note, &key).expect("signed by the log");
    let width = checkpoint.size;
    assert!(width < 256, "one partial tile");
    let instance = key.name().strip_prefix("chancery/").expect("an origin");
    let (status, control, tile) = read(&bench, &format!("{instance}/tile/0/000.p/{width}")).await;
    assert_eq!((status, control.as_str()), (StatusCode::OK, "public, max-age=600"));
    let (hashes, _) = tile.as_chunks::<32>();
    let mut tree = CompactRange::default();
    hashes.iter().for_each(|hash| tree.append(*hash));
    assert_eq!((tree.size(), tree.root()), (checkpoint.size, checkpoint.root));
    for (path, first) in [("inclusion?index=3&size=", 3), ("consistency?old=4&new=", 4)] {
        let (status, control, json) = read(&bench, &format!("default/proof/{path}{width}")).await;
        assert_eq!((status, control.contains("immutable")), (StatusCode::OK, true));
        let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
        let decode = |text: &serde_json::Value| -> [u8; 32] {
            let text = text.as_str().expect("base64");
            let octets = base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
            octets.try_into().expect("a hash")
        };
        let root = decode(&json["root"]);
        assert_eq!(root, checkpoint.root);
        let proof: Vec<_> = json["hashes"].as_array().expect("a list").iter().map(decode).collect();
        if path.starts_with("inclusion") {
            verify_inclusion(&hashes[3], (first, width), &proof, &root).expect("it is there");
        } else {
            let mut old = CompactRange::default();
            hashes[..4].iter().for_each(|hash| old.append(*hash));
            verify_consistency((first, &old.root()), (width, &root), &proof).expect("consistent");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_nothing_else() {
    let bench = Bench::start().await;
    for path in [
        "default/tile/entries/000",
        "default/tile/data/000",
        "default/tile/0/000",
        "default/tile/0/999.p/1",
        "default/tile/0/0",
        "default/checkpoint/cosigned",
        "00112233445566778899aabbccddeeff/checkpoint",
        "default/proof/inclusion?index=0&size=999999",
        "default/proof/consistency?old=2&new=1",
    ] {
        assert_eq!(read(&bench, path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    for path in ["inclusion", "inclusion?index=0", "inclusion?index=a&size=1", "consistency?a=b"] {
        let (status, ..) = read(&bench, &format!("default/proof/{path}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
    }
    let (.., note) = read(&bench, "default/checkpoint").await;
    let text = String::from_utf8(note).expect("text");
    let bent = text.replacen("\n", "0\n", 2);
    for (note, expected) in [
        (text, StatusCode::OK),
        (bent, StatusCode::UNPROCESSABLE_ENTITY),
        ("no note".to_owned(), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let request = Request::builder()
            .method(Method::POST)
            .uri("/.well-known/pki/log/default/checkpoint")
            .body(Body::from(note))
            .expect("a request");
        let response = bench.app.clone().oneshot(request).await.expect("an answer");
        assert_eq!(response.status(), expected);
    }
}
