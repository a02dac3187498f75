//! The certificate that handshakes get: the newest one.

use std::sync::{Arc, PoisonError, RwLock};

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::CertificateDer;

use super::{OwnCertificate, OwnKey};

/// Hands out the current certificate; handshakes fail while there is none.
#[derive(Debug, Default)]
pub struct Resolver(RwLock<Option<Arc<CertifiedKey>>>);

impl Resolver {
    /// Puts a certificate in the place of the one before.
    pub fn swap(&self, key: &OwnKey, certificate: &OwnCertificate) {
        let path = certificate.path().iter();
        let path = path.map(|der| CertificateDer::from(der.as_bytes().to_vec()));
        let fresh = CertifiedKey::new(path.collect(), key.signing());
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *current = Some(Arc::new(fresh));
    }
}

impl ResolvesServerCert for Resolver {
    // Clients come by any name or address; whether it is the certificate's, they decide.
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}
