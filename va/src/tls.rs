//! TLS with targets that nobody has to trust: whoever asks for a certificate has none yet.

use std::sync::Arc;

use der::{AnyRef, Decode as _, Encode as _};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::{ClientConfig, DigitallySignedStruct, Error, PeerMisbehaved, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

/// Makes a configuration that takes any certificate whose key signs the handshake, and offers
/// these protocols.
///
/// # Errors
/// rustls', where the provider has no common protocol version.
pub(crate) fn trusting_anybody(protocols: &[&[u8]]) -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let anybody = Anybody { algorithms: provider.signature_verification_algorithms };
    let mut config = builder(provider)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(anybody))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    // Each validation stands for itself.
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Arc::new(config))
}

fn builder(
    provider: Arc<CryptoProvider>,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, Error> {
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// Believes every certificate. The handshake's signature is checked all the same: the certificate
/// then is of who speaks.
#[derive(Debug)]
struct Anybody {
    algorithms: WebPkiSupportedAlgorithms,
}

impl Anybody {
    /// rustls' own function would refuse the critical acmeIdentifier extension, which it does not
    /// know.
    fn verify(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let mut by_scheme = self.algorithms.mapping.iter();
        let Some((_, algorithms)) = by_scheme.find(|(scheme, _)| *scheme == signed.scheme) else {
            return Err(PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme.into());
        };
        let bad = || Error::InvalidCertificate(rustls::CertificateError::BadSignature);
        let key = public_key(certificate)
            .ok_or(Error::InvalidCertificate(rustls::CertificateError::BadEncoding))?;
        let mut fitting = algorithms.iter().filter(|algorithm| key.is_for(**algorithm));
        if fitting.any(|algorithm| key.verifies(*algorithm, message, signed.signature())) {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(bad())
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verify(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A certificate's key as rustls' algorithms take it.
pub(crate) struct PublicKey {
    /// The content of its AlgorithmIdentifier.
    algorithm: Vec<u8>,
    octets: Vec<u8>,
}

impl PublicKey {
    /// Reads it out of a SubjectPublicKeyInfo.
    pub(crate) fn of(spki: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        let algorithm = content(&spki.algorithm.to_der().ok()?)?;
        Some(Self { algorithm, octets: spki.subject_public_key.as_bytes()?.to_vec() })
    }

    pub(crate) fn is_for(&self, algorithm: &dyn SignatureVerificationAlgorithm) -> bool {
        self.algorithm == algorithm.public_key_alg_id().as_ref()
    }

    pub(crate) fn verifies(
        &self,
        algorithm: &dyn SignatureVerificationAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> bool {
        algorithm.verify_signature(&self.octets, message, signature).is_ok()
    }
}

/// Takes the header off a DER value.
pub(crate) fn content(der: &[u8]) -> Option<Vec<u8>> {
    Some(AnyRef::from_der(der).ok()?.value().to_vec())
}

fn public_key(certificate: &CertificateDer<'_>) -> Option<PublicKey> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    PublicKey::of(certificate.tbs_certificate().subject_public_key_info())
}
