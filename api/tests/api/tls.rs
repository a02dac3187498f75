//! The HTTPS listener: TLS 1.3 only, a certificate that is swapped, a graceful end.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use chancery_server::listen::{Listener, shutdown};
use chancery_server::tls::{Handshakes, OwnCertificate, OwnKey, Resolver, Way, acceptor};
use kit::{Plan, Ring};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{self, CryptoProvider};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme, SupportedProtocolVersion};
use signer_client::HandshakeSigner;
use signer_proto::{KeyLabel, KeySpec, Purpose};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Takes any certificate whose key signs the handshake; which one it was is then looked at.
#[derive(Debug)]
struct Anything(Arc<CryptoProvider>);

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

const TLS: &str = "server.tls";

/// A ring with a `tls` key.
fn ring() -> Ring {
    let ring = Ring::locked(Plan::default());
    ring.unlock().expect("the credential unlocks");
    ring.generate(TLS, Purpose::Tls, KeySpec::P256);
    let scheme = x509::SignatureScheme::EcdsaP256Sha256;
    ring.set_policy(TLS, &ca::hierarchy::tls_policy(scheme, &[]));
    ring
}

/// The way to a key of a ring.
pub fn way(run: &std::path::Path, label: &str) -> Way {
    // The machine may be busy: this is no test of the deadline.
    let signer = HandshakeSigner::new(run.join("issue.sock"), Duration::from_secs(5));
    Way::new(KeyLabel::new(label).expect("a label"), signer)
}

/// Makes a certificate for the key; nobody signed it.
fn certificate(key: &OwnKey, serial: u8) -> OwnCertificate {
    // The signature is not looked at here: rustls verifies the handshake's.
    let name = x509::Name::parse_rfc4514("CN=localhost").expect("a name");
    let tbs = x509::TbsCertificate {
        serial: x509::Serial::from_unsigned(&[serial]).expect("a serial"),
        signature: x509::SignatureScheme::default_for(key.public().kind()).expect("a scheme"),
        issuer: name.clone(),
        not_before: x509::UnixTime(1_700_000_000),
        not_after: x509::UnixTime(2_000_000_000),
        subject: name,
        public_key: key.public().clone(),
        extensions: x509::Extensions::new(vec![x509::Extension::non_critical(
            x509::ExtensionValue::SubjectAltName(vec![x509::GeneralName::Dns("localhost".into())]),
        )])
        .expect("extensions"),
    };
    let der = x509::Certificate::assemble(
        &tbs.encode().expect("DER"),
        tbs.signature,
        &x509::Signature::from_vec(vec![0x30, 6, 2, 1, 1, 2, 1, 1]),
    );
    OwnCertificate::new(&der, &[]).expect("a certificate")
}

async fn ask(
    address: std::net::SocketAddr,
    versions: &[&'static SupportedProtocolVersion],
) -> std::io::Result<(Vec<u8>, String)> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything(provider)))
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await?;
    let shown = stream.get_ref().1.peer_certificates().expect("certificates")[0].to_vec();
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await?;
    let mut answer = Vec::new();
    // Some ends come without close_notify; what came is what counts.
    let _ = stream.read_to_end(&mut answer).await;
    Ok((shown, String::from_utf8_lossy(&answer).into_owned()))
}

/// Counts the handshakes in the journal.
fn handshakes_in(ring: &Ring) -> u32 {
    let ledger = ring.ledger();
    let counts = ledger.events().filter_map(|event| match event {
        signer_proto::Event::HandshakesSigned(signed) => Some(signed.count),
        _ => None,
    });
    counts.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_tls_1_3_and_a_certificate_that_is_swapped_without_a_restart() {
    let mut ring = ring();
    let key = OwnKey::new(ring.public(TLS), Arc::new(way(&ring.run_dir(), TLS)));
    let resolver = Arc::new(Resolver::default());
    let acceptor = acceptor(Arc::clone(&resolver)).expect("TLS");
    let handshakes = Handshakes::start(acceptor).expect("threads");
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), Some(handshakes)).await;
    let listener = listener.expect("a socket");
    let address = listener.address();
    let (end, ends) = shutdown();
    let router = Router::new().route("/", get(|| async { "hello" }));
    let running = tokio::spawn(listener.run(router, ends));

    let new = &[&rustls::version::TLS13];
    assert!(ask(address, new).await.is_err(), "there is no certificate yet");
    for serial in [1, 2] {
        let certificate = certificate(&key, serial);
        resolver.swap(&key, &certificate);
        let (shown, answer) = ask(address, new).await.expect("an answer");
        assert_eq!(shown, certificate.path()[0].as_bytes());
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"), "{answer}");
    }
    assert!(ask(address, &[&rustls::version::TLS12]).await.is_err());

    // Without the signer there is no handshake, and with it again there is: connections are made
    // anew, as they are after an unlocking.
    ring.stop();
    assert!(ask(address, new).await.is_err());
    ring.try_open().expect("the ring opens");
    assert!(ask(address, new).await.is_err(), "it is locked");
    ring.unlock().expect("the credential unlocks");
    assert!(ask(address, new).await.is_ok());
    ring.stop();
    ring.try_open().expect("the ring opens");
    assert_eq!(handshakes_in(&ring), 3);

    end.send(true).expect("it hears");
    let ended = tokio::time::timeout(Duration::from_secs(5), running).await;
    ended.expect("in time").expect("no panic");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await;
    let listener = listener.expect("a socket");
    let address = listener.address();
    let (end, ends) = shutdown();
    let (entered, arrived) = tokio::sync::oneshot::channel();
    let entered = Arc::new(std::sync::Mutex::new(Some(entered)));
    let slow = get(move || async move {
        let entered = entered.lock().ok().and_then(|mut entered| entered.take());
        let _ = entered.map(|entered| entered.send(()));
        tokio::time::sleep(Duration::from_millis(300)).await;
        "done"
    });
    let running = tokio::spawn(listener.run(Router::new().route("/", slow), ends));
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request).await.expect("sent");
    arrived.await.expect("under way");
    end.send(true).expect("it hears");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.ends_with("done"), "{answer}");
    running.await.expect("no panic");
}

#[tokio::test]
async fn headers_over_the_limits_are_refused() {
    let listener = Listener::bind(([127, 0, 0, 1], 0).into(), None).await;
    let listener = listener.expect("a socket");
    let address = listener.address();
    let (_end, ends) = shutdown();
    let router = Router::new().route("/", get(|| async { "hello" }));
    tokio::spawn(listener.run(router, ends));
    let long = format!("x: {}\r\n", "a".repeat(chancery_server::limits::HEADERS * 4));
    let many = "x: a\r\n".repeat(chancery_server::limits::HEADER_FIELDS);
    for (headers, status) in [("", "200"), (&*long, "431"), (&*many, "431")] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
        // The server may hang up before it has read everything.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        // What it did not read makes the system reset the connection, with or without the answer.
        let refused = status == "431" && answer.is_empty();
        let expected = format!("HTTP/1.1 {status}");
        assert!(answer.starts_with(&expected) || refused, "{answer}");
    }
}
