//! What is served while the signer is away: everything that was signed before.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use ca::{Authority, AuthorityParts, PublicUrls};
use http_body_util::BodyExt as _;
use model::{
    ActiveIssuer, Clock, Id, Issuer, IssuerCertificate, IssuerKind, IssuerName, IssuerState,
    RingName, UnixTime,
};
use signer_client::{ClientOptions, SignerClient, Sockets};
use status::{StatusState, routes};
use store::{Store, crls, issuers};
use tower::ServiceExt as _;
use x509::{
    CertId, CertIdHash, CertificateDer, CrlDer, ForeignCertificate, OcspErrorStatus, OcspRequest,
    OcspResponse, Serial,
};

const ROOT: &[u8] = include_bytes!("fixtures/root.der");
const NOW: i64 = 1_800_000_000;

#[derive(Clone)]
struct At(i64);

impl Clock for At {
    fn unix_millis(&self) -> u64 {
        u64::try_from(self.0 * 1000).expect("after 1970")
    }
}

fn issuer(name: &str, kind: IssuerKind) -> Issuer {
    let certificate = ForeignCertificate::parse(ROOT).expect("a certificate");
    Issuer {
        id: Id::generate(&At(NOW)),
        name: IssuerName::new(name).expect("a name"),
        subject: certificate.subject().der().clone(),
        parent: None,
        ring: RingName::default(),
        key_label: name.into(),
        kind,
        is_issuing: kind == IssuerKind::Issuing,
        state: IssuerState::Active(ActiveIssuer {
            certificate: IssuerCertificate {
                certificate: CertificateDer::from_vec(ROOT.to_vec()),
                chain: vec![],
                not_after: certificate.not_after(),
            },
        }),
        responder: None,
        revision: 1,
        created_at: UnixTime(NOW),
    }
}

/// An authority with `root` and `issuing`, of which `root` has a CRL, and no signer.
async fn app() -> Router {
    let folder = tempfile::tempdir().expect("a folder");
    let store =
        Store::open(&"sqlite::memory:".parse().expect("a URL"), At(NOW)).await.expect("a database");
    let root = issuer("root", IssuerKind::Root);
    let crl = crls::StoredCrl {
        meta: crls::CrlMeta {
            number: 7,
            this_update: UnixTime(NOW - 100),
            next_update: UnixTime(NOW + 200),
        },
        der: CrlDer::from_vec(b"a CRL".to_vec()),
    };
    store
        .write(move |tx| {
            Box::pin(async move {
                issuers::insert(tx, &root).await?;
                issuers::insert(tx, &issuer("issuing", IssuerKind::Issuing)).await?;
                crls::put(tx, root.id, &crl).await
            })
        })
        .await
        .expect("written");
    let authority = Authority::open(AuthorityParts {
        store,
        rings: SignerClient::connect(Sockets::of_server(folder.path()), ClientOptions::default())
            .into(),
        clock: Arc::new(At(NOW)),
        urls: PublicUrls::new("http://pki.corp.example").expect("a base"),
    })
    .await
    .expect("opens without a signer");
    routes(StatusState { authority })
}

async fn get(app: &Router, path: &str, headers: &[(header::HeaderName, &str)]) -> Response {
    let mut request = Request::builder().uri(format!("/.well-known/pki/{path}"));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    app.clone().oneshot(request).await.expect("an answer")
}

async fn post(app: &Router, path: &str, media_type: &str, body: Vec<u8>) -> Response {
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("/.well-known/pki/{path}"))
        .header(header::CONTENT_TYPE, media_type)
        .body(Body::from(body))
        .expect("a request");
    app.clone().oneshot(request).await.expect("an answer")
}

async fn bytes(response: Response) -> Vec<u8> {
    let body = response.into_body().collect().await.expect("a body");
    body.to_bytes().to_vec()
}

fn text(response: &Response, name: header::HeaderName) -> &str {
    response.headers()[name].to_str().expect("text")
}

fn request() -> Vec<u8> {
    request_for(&[1])
}

fn request_for(serial: &[u8]) -> Vec<u8> {
    let certificate = ForeignCertificate::parse(ROOT).expect("a certificate");
    let id = CertId::for_certificate(
        CertIdHash::Sha1,
        certificate.subject(),
        certificate.public_key(),
        Serial::from_unsigned(serial).expect("positive"),
    );
    let request = OcspRequest { requests: vec![id], nonce: None };
    request.encode().expect("encodes")
}

async fn status_of(response: Response) -> OcspErrorStatus {
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(&response, header::CONTENT_TYPE), "application/ocsp-response");
    assert_eq!(text(&response, header::CACHE_CONTROL), "no-store");
    match OcspResponse::parse(&bytes(response).await).expect("a response") {
        OcspResponse::Error(status) => status,
        OcspResponse::Successful(_) => panic!("a signed answer without a signer"),
    }
}

#[tokio::test]
async fn a_crl_is_served_from_the_database() {
    let app = app().await;
    let crl = get(&app, "crl/root.crl", &[]).await;
    assert_eq!(crl.status(), StatusCode::OK);
    assert_eq!(text(&crl, header::CONTENT_TYPE), "application/pkix-crl");
    assert_eq!(text(&crl, header::LAST_MODIFIED), "Fri, 15 Jan 2027 07:58:20 GMT");
    assert_eq!(text(&crl, header::EXPIRES), "Fri, 15 Jan 2027 08:03:20 GMT");
    let control = "max-age=200, public, no-transform, must-revalidate";
    assert_eq!(text(&crl, header::CACHE_CONTROL), control);
    let etag = text(&crl, header::ETAG).to_owned();
    assert_eq!(bytes(crl).await, b"a CRL");

    let again = get(&app, "crl/root.crl", &[(header::IF_NONE_MATCH, &etag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(text(&again, header::ETAG), etag);
    assert_eq!(bytes(again).await, b"");
}

#[tokio::test]
async fn an_issuer_without_a_crl_says_try_again() {
    let response = get(&app().await, "crl/issuing.crl", &[]).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(&response, header::RETRY_AFTER), "5");
}

#[tokio::test]
async fn a_ca_certificate_is_served_as_der() {
    let response = get(&app().await, "ca/root.cer", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(text(&response, header::CONTENT_TYPE), "application/pkix-cert");
    assert_eq!(bytes(response).await, ROOT);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let app = app().await;
    for path in [
        "crl/nobody.crl",
        "crl/root",
        "crl/root.cer",
        "crl/..%2froot.crl",
        "crl/ROOT.crl",
        "ca/nobody.cer",
        "ca/root.crl",
        "ocsp/nobody/MA==",
        // A root has no OCSP: its certificates have their status on the CRL alone.
        "ocsp/root/MA==",
        "",
    ] {
        assert_eq!(get(&app, path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn ocsp_says_try_later_in_every_form_of_asking() {
    use base64::Engine as _;
    let app = app().await;
    // One that has all that clients escape, or do not.
    let encoded = (1..=14)
        .map(|length| [vec![0x7b; length], vec![0xff, 0xfe, 0xfb, 0xef, 0xbe]].concat())
        .map(|serial| base64::engine::general_purpose::STANDARD.encode(request_for(&serial)))
        .find(|form| form.contains('+') && form.contains('/') && form.ends_with('='))
        .expect("one of these lengths has it");
    let escaped = encoded.replace('+', "%2B").replace('/', "%2F").replace('=', "%3d");
    let slashed = format!("/{encoded}");
    for form in [encoded.trim_end_matches('='), &encoded, &escaped, &slashed] {
        let response = get(&app, &format!("ocsp/issuing/{form}"), &[]).await;
        assert_eq!(status_of(response).await, OcspErrorStatus::TryLater, "{form}");
    }
    let response = post(&app, "ocsp/issuing", "application/ocsp-request", request()).await;
    assert_eq!(status_of(response).await, OcspErrorStatus::TryLater);
}

#[tokio::test]
async fn nonsense_is_malformed() {
    let app = app().await;
    for form in ["%21", "AAAA", "MAA"] {
        let response = get(&app, &format!("ocsp/issuing/{form}"), &[]).await;
        assert_eq!(status_of(response).await, OcspErrorStatus::MalformedRequest, "{form}");
    }
    let mut trailing = request();
    trailing.push(0);
    let response = post(&app, "ocsp/issuing", "application/ocsp-request", trailing).await;
    assert_eq!(status_of(response).await, OcspErrorStatus::MalformedRequest);
}

#[tokio::test]
async fn refuses_other_media_types_and_large_bodies() {
    let app = app().await;
    let response = post(&app, "ocsp/issuing", "application/json", request()).await;
    assert_eq!(response.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = vec![0x30; 16 * 1024 + 1];
    let response = post(&app, "ocsp/issuing", "application/ocsp-request", large).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let response = post(&app, "crl/root.crl", "text/plain", vec![]).await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
}
