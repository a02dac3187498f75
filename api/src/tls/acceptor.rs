//! TLS 1.3 and nothing older.

use std::sync::Arc;

use rustls::version::TLS13;
use rustls::{ServerConfig, crypto};
use tokio_rustls::TlsAcceptor;

use super::Resolver;

/// Makes the acceptor of the HTTPS listener.
///
/// # Errors
/// [`rustls::Error`] if the provider has no TLS 1.3, which would be a defect.
pub fn acceptor(resolver: Arc<Resolver>) -> Result<TlsAcceptor, rustls::Error> {
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    // RFC 9113 §3.2: the client that knows both gets HTTP/2.
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
