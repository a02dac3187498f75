//! The server's TLS key as rustls sees it: a public half, and signatures that the signer makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use signer_client::{CallError, HandshakeSigner};
use signer_proto::{KeyLabel, SignHandshake, Transcript};
use x509::{KeyKind, PublicKey, SignatureScheme};

use super::key_exchange;

/// What stands before the hash in what a server signs (RFC 8446 §4.4.3).
const FRAME: &[u8] =
    b"                                                                TLS 1.3, server CertificateVerify\0";
/// How often at most failures are written to the log.
const COMPLAINTS: Duration = Duration::from_secs(10);

/// Is the server's TLS key: it lies in the signer's ring.
#[derive(Debug, Clone)]
pub struct OwnKey {
    public: PublicKey,
    way: Arc<Way>,
}

/// Is the way to a key of the ring; one for all handshakes.
#[derive(Debug)]
pub struct Way {
    label: KeyLabel,
    signer: HandshakeSigner,
    begun: Instant,
    /// When failures were last told, in milliseconds after `begun`; before the first, far back.
    told: AtomicI64,
}

impl Way {
    /// Names the key and what signs with it.
    #[must_use]
    pub fn new(label: KeyLabel, signer: HandshakeSigner) -> Self {
        Self { label, signer, begun: Instant::now(), told: AtomicI64::new(i64::MIN / 2) }
    }

    /// Gives the key's label.
    #[must_use]
    pub const fn label(&self) -> &KeyLabel {
        &self.label
    }

    fn sign(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, Error> {
        // The signer builds the frame itself: what is not in it, it would not sign.
        let signed = match message.strip_prefix(FRAME) {
            Some(hash) => {
                let transcript = Transcript(hash.to_vec());
                let call = SignHandshake { key: self.label.clone(), scheme, transcript };
                self.signer.sign(&call)
            }
            // Only the listener for old clients comes here.
            None => match key_exchange::read(&self.label, scheme, message) {
                Some(call) => self.signer.sign(&call),
                None => {
                    let why = "neither CertificateVerify of TLS 1.3 nor a key exchange of TLS 1.2";
                    return Err(Error::General(why.to_owned()));
                }
            },
        };
        match signed {
            Ok(signed) => {
                crate::meters::count_handshake("signed");
                Ok(signed.signature.as_bytes().to_vec())
            }
            Err(error) => Err(self.failed(error)),
        }
    }

    fn failed(&self, error: CallError) -> Error {
        crate::meters::count_handshake(match &error {
            CallError::Refused(refusal) => refusal.rule.as_str(),
            CallError::Unavailable { .. } => "unavailable",
            CallError::DeadlineExceeded => "late",
            CallError::Protocol(_) => "protocol",
        });
        let now = i64::try_from(self.begun.elapsed().as_millis()).unwrap_or(i64::MAX);
        let told = self.told.load(Ordering::Relaxed);
        let pause = i64::try_from(COMPLAINTS.as_millis()).unwrap_or(i64::MAX);
        let due = now.saturating_sub(told) >= pause
            && self.told.compare_exchange(told, now, Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if due {
            let error = crate::problem::chain(&error);
            tracing::warn!(key = %self.label, error, "the signer signs no TLS handshakes");
        }
        Error::General(error.to_string())
    }
}

impl OwnKey {
    /// Takes a key by its public half.
    #[must_use]
    pub const fn new(public: PublicKey, way: Arc<Way>) -> Self {
        Self { public, way }
    }

    /// Gives the public key.
    #[must_use]
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Gives what rustls signs handshakes with.
    pub(super) fn signing(&self) -> Arc<dyn SigningKey> {
        Arc::new(self.clone())
    }

    /// Names what the key signs with, in our words and in those of TLS (RFC 8446 §4.2.3).
    fn scheme(&self) -> Option<(SignatureScheme, rustls::SignatureScheme)> {
        let scheme = SignatureScheme::default_for(self.public.kind())?;
        let named = match scheme {
            SignatureScheme::EcdsaP256Sha256 => rustls::SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::EcdsaP384Sha384 => rustls::SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::EcdsaP521Sha512 => rustls::SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::Ed25519 => rustls::SignatureScheme::ED25519,
            _ => return None,
        };
        Some((scheme, named))
    }
}

impl SigningKey for OwnKey {
    fn choose_scheme(&self, offered: &[rustls::SignatureScheme]) -> Option<Box<dyn Signer>> {
        let (scheme, named) = self.scheme()?;
        let way = Arc::clone(&self.way);
        offered.contains(&named).then(|| Box::new(OneHandshake { scheme, named, way }) as _)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(SubjectPublicKeyInfoDer::from(self.public.spki().as_bytes()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.public.kind() {
            KeyKind::Ed25519 => SignatureAlgorithm::ED25519,
            _ => SignatureAlgorithm::ECDSA,
        }
    }
}

/// Is what signs one handshake.
#[derive(Debug)]
struct OneHandshake {
    scheme: SignatureScheme,
    named: rustls::SignatureScheme,
    way: Arc<Way>,
}

impl Signer for OneHandshake {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.way.sign(self.scheme, message)
    }

    fn scheme(&self) -> rustls::SignatureScheme {
        self.named
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: KeyKind) -> OwnKey {
        let signer = HandshakeSigner::new("/nonexistent".into(), Duration::from_millis(50));
        let label = KeyLabel::new("server.tls").expect("a label");
        let public = kit::SubjectKey::of(kind).public().clone();
        OwnKey::new(public, Arc::new(Way::new(label, signer)))
    }

    #[test]
    fn signs_by_the_one_scheme_of_its_kind_and_if_it_is_offered() {
        use rustls::SignatureScheme as Named;
        for (kind, named, algorithm) in [
            (KeyKind::P256, Named::ECDSA_NISTP256_SHA256, SignatureAlgorithm::ECDSA),
            (KeyKind::P384, Named::ECDSA_NISTP384_SHA384, SignatureAlgorithm::ECDSA),
            (KeyKind::Ed25519, Named::ED25519, SignatureAlgorithm::ED25519),
        ] {
            let key = key(kind);
            let chosen = key.choose_scheme(&[Named::RSA_PSS_SHA256, named]).map(|s| s.scheme());
            assert_eq!(chosen, Some(named));
            assert!(key.choose_scheme(&[Named::RSA_PSS_SHA256]).is_none());
            assert_eq!(key.algorithm(), algorithm);
        }
        assert!(key(KeyKind::Rsa2048).choose_scheme(&[Named::RSA_PSS_SHA256]).is_none());
    }

    #[test]
    fn asks_for_nothing_but_what_a_server_signs() {
        let key = key(KeyKind::P256);
        let offered = [rustls::SignatureScheme::ECDSA_NISTP256_SHA256];
        let signer = key.choose_scheme(&offered).expect("a signer");
        let refused = signer.sign(b"the parameters of something else");
        let why = "neither CertificateVerify of TLS 1.3 nor a key exchange of TLS 1.2";
        assert_eq!(refused, Err(Error::General(why.to_owned())));
        let exchange = [&[1; 64][..], &[3, 0, 29, 32], &[7; 32]].concat();
        for sound in [[FRAME, &[7; 32]].concat(), exchange] {
            let unavailable = signer.sign(&sound).expect_err("nobody is there").to_string();
            assert!(unavailable.contains("cannot be reached"), "{unavailable}");
        }
    }
}
