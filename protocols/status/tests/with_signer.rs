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
            signer: connect(Sockets::of_server(&run)),
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
