//! TLS servers with certificates that are bent as a test wants them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use kit::der::{Node, extension, tlv};
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509::Oid;

pub const ACME_IDENTIFIER: Oid = Oid::new_unwrap("1.3.6.1.5.5.7.1.31");
pub const SUBJECT_ALT_NAME: Oid = Oid::new_unwrap("2.5.29.17");

/// A certificate that is not made yet.
pub struct Shown {
    pub issuer: &'static str,
    pub subject: &'static str,
    /// Tag and content of each name.
    pub names: Vec<(u8, Vec<u8>)>,
    /// Whole extensions besides.
    pub extensions: Vec<Node>,
    /// Whether another key than its own signs it.
    pub forged: bool,
    /// What is negotiated.
    pub protocols: Vec<Vec<u8>>,
    pub versions: &'static [&'static rustls::SupportedProtocolVersion],
}

impl Shown {
    /// The certificate that RFC 8737 §3 asks for.
    pub fn for_name(name: &str, digest: &[u8]) -> Self {
        Self::with(vec![(0x82, name.as_bytes().to_vec())], digest)
    }

    pub fn with(names: Vec<(u8, Vec<u8>)>, digest: &[u8]) -> Self {
        Self {
            issuer: "ACME challenge",
            subject: "ACME challenge",
            names,
            extensions: vec![extension(ACME_IDENTIFIER, true, &tlv(0x04, digest))],
            forged: false,
            protocols: vec![b"acme-tls/1".to_vec()],
            versions: rustls::ALL_VERSIONS,
        }
    }

    /// Makes certificate and key.
    fn make(&self) -> CertifiedKey {
        let random = SystemRandom::new();
        let draw =
            || EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pkcs8 = draw();
        let pair = |pkcs8: &[u8]| {
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).unwrap()
        };
        let own = pair(pkcs8.as_ref());
        let spki = own.public_key().as_der().unwrap().as_ref().to_vec();
        let tbs = self.tbs(&spki);
        let signer = if self.forged { pair(draw().as_ref()) } else { own };
        let signature = signer.sign(&random, &tbs).unwrap();
        let bits = [&[0], signature.as_ref()].concat();
        let certificate = tlv(0x30, &[tbs, ecdsa_with_sha256(), tlv(0x03, &bits)].concat());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.as_ref().to_vec()));
        let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
        CertifiedKey::new(vec![CertificateDer::from(certificate)], key)
    }

    fn tbs(&self, spki: &[u8]) -> Vec<u8> {
        let name = |text: &str| {
            let cn = [tlv(0x06, &[0x55, 4, 3]), tlv(0x0c, text.as_bytes())].concat();
            tlv(0x30, &tlv(0x31, &tlv(0x30, &cn)))
        };
        let validity = [tlv(0x17, b"200101000000Z"), tlv(0x17, b"490101000000Z")].concat();
        let names: Vec<u8> = self.names.iter().flat_map(|(tag, name)| tlv(*tag, name)).collect();
        let mut extensions = Vec::new();
        if !self.names.is_empty() {
            extensions.extend(extension(SUBJECT_ALT_NAME, false, &tlv(0x30, &names)).encode());
        }
        extensions.extend(self.extensions.iter().flat_map(Node::encode));
        let mut fields = vec![
            tlv(0xa0, &tlv(0x02, &[2])),
            tlv(0x02, &[1]),
            ecdsa_with_sha256(),
            name(self.issuer),
            tlv(0x30, &validity),
            name(self.subject),
            spki.to_vec(),
        ];
        if !extensions.is_empty() {
            fields.push(tlv(0xa3, &tlv(0x30, &extensions)));
        }
        tlv(0x30, &fields.concat())
    }

    /// Serves it; the names that clients asked for are kept.
    pub async fn serve(self, address: SocketAddr) -> Names {
        self.serve_by(address, |stream| async move { drop(stream) }).await
    }

    /// Serves it, and has a function speak on each connection.
    pub async fn serve_by<F: Future<Output = ()> + Send + 'static>(
        self,
        address: SocketAddr,
        speak: impl Fn(TlsStream<TcpStream>) -> F + Send + Sync + 'static,
    ) -> Names {
        let names = Names::default();
        let shows = Shows { key: Arc::new(self.make()), names: names.clone() };
        let mut config = ServerConfig::builder_with_provider(
            rustls::crypto::aws_lc_rs::default_provider().into(),
        )
        .with_protocol_versions(self.versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shows));
        config.alpn_protocols = self.protocols;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(address).await.unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(stream).await {
                    speak(stream).await;
                }
            }
        });
        names
    }
}

fn ecdsa_with_sha256() -> Vec<u8> {
    tlv(0x30, &tlv(0x06, &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2]))
}

/// The names in the handshakes.
#[derive(Debug, Clone, Default)]
pub struct Names(Arc<Mutex<Vec<Option<String>>>>);

impl Names {
    pub fn asked(&self) -> Vec<Option<String>> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Debug)]
struct Shows {
    key: Arc<CertifiedKey>,
    names: Names,
}

impl ResolvesServerCert for Shows {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.names.0.lock().unwrap().push(hello.server_name().map(str::to_owned));
        Some(self.key.clone())
    }
}
