//! TLS 1.3 and nothing older; for old clients of the enrolment protocols alone, TLS 1.2 too.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::{self, cipher_suite};
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};
use tokio_rustls::TlsAcceptor;

use super::Resolver;

/// RFC 9325 §4.2: of TLS 1.2 forward secrecy and authenticated encryption alone. The server's key is
/// no RSA key, so that the suites for RSA would never be chosen.
const SUITES: [SupportedCipherSuite; 6] = [
    cipher_suite::TLS13_AES_256_GCM_SHA384,
    cipher_suite::TLS13_AES_128_GCM_SHA256,
    cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
];

/// Makes the acceptor of the HTTPS listener.
///
/// # Errors
/// [`rustls::Error`] if the provider has no TLS 1.3, which would be a defect.
pub fn acceptor(resolver: Arc<Resolver>) -> Result<TlsAcceptor, rustls::Error> {
    of_versions(&[&TLS13], resolver)
}

/// Makes the acceptor of the listener for old clients.
///
/// # Errors
/// As [`acceptor`].
pub fn acceptor_with_tls12(resolver: Arc<Resolver>) -> Result<TlsAcceptor, rustls::Error> {
    of_versions(&[&TLS13, &TLS12], resolver)
}

fn of_versions(
    versions: &[&'static SupportedProtocolVersion],
    resolver: Arc<Resolver>,
) -> Result<TlsAcceptor, rustls::Error> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites = SUITES.to_vec();
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(versions)?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    // RFC 9113 §3.2: the client that knows both gets HTTP/2.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
