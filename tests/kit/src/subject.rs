//! Keys of somebody else, whose certificates the tests ask for.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair, PqdsaKeyPair, RsaKeyPair};
use x509::{
    CertificationRequestInfo, Csr, CsrDer, Extension, Extensions, KeyKind, Name, PublicKey,
    Signature, SignatureScheme,
};

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    MlDsa(PqdsaKeyPair),
}

/// A subject's key pair.
pub struct SubjectKey {
    pair: Pair,
    public: PublicKey,
}

fn public(key: &impl AsDer<aws_lc_rs::encoding::PublicKeyX509Der<'static>>) -> PublicKey {
    let spki = key.as_der().expect("a public key encodes");
    PublicKey::parse(spki.as_ref()).expect("a strict SPKI")
}

impl SubjectKey {
    /// Draws a P-256 key.
    #[must_use]
    pub fn new() -> Self {
        Self::of(KeyKind::P256)
    }

    /// Draws a key of a kind.
    ///
    /// # Panics
    /// For a kind that no certificate of ours has.
    #[must_use]
    pub fn of(kind: KeyKind) -> Self {
        let rsa = |size| RsaKeyPair::generate(size).map(Pair::Rsa);
        let pair = match kind {
            KeyKind::P256 => ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
            KeyKind::P384 => ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
            KeyKind::P521 => ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
            KeyKind::Ed25519 => Ed25519KeyPair::generate().map(Pair::Ed25519),
            KeyKind::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyKind::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyKind::MlDsa44 => ml_dsa(&signature::ML_DSA_44_SIGNING),
            KeyKind::MlDsa65 => ml_dsa(&signature::ML_DSA_65_SIGNING),
            KeyKind::MlDsa87 => ml_dsa(&signature::ML_DSA_87_SIGNING),
            other => panic!("no subject has a {other} key"),
        }
        .expect("a key");
        let public = match &pair {
            Pair::Ecdsa(pair) => public(pair.public_key()),
            Pair::Ed25519(pair) => public(pair.public_key()),
            Pair::Rsa(pair) => public(pair.public_key()),
            Pair::MlDsa(pair) => public(pair.public_key()),
        };
        assert_eq!(public.kind(), kind);
        Self { pair, public }
    }

    /// Returns the public key.
    #[must_use]
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a message by the default scheme of the kind.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> (SignatureScheme, Signature) {
        let scheme = SignatureScheme::default_for(self.public.kind()).expect("a known kind");
        let random = SystemRandom::new();
        let octets = match &self.pair {
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).expect("a signature");
                signature.as_ref().to_vec()
            }
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                let mut octets = vec![0; pair.public_modulus_len()];
                let encoding = match scheme {
                    SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
                    SignatureScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
                    _ => &signature::RSA_PKCS1_SHA256,
                };
                pair.sign(encoding, &random, message, &mut octets).expect("a signature");
                octets
            }
            Pair::MlDsa(pair) => {
                let mut octets = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut octets).expect("a signature");
                octets
            }
        };
        (scheme, Signature::from_vec(octets))
    }

    /// Makes a CSR.
    #[must_use]
    pub fn request(&self, subject: &Name, extensions: Vec<Extension>) -> CsrDer {
        let info = CertificationRequestInfo {
            subject: subject.clone(),
            public_key: self.public.clone(),
            extensions: Extensions::new(extensions).expect("no extension twice"),
        };
        let info = info.encode().expect("a CSR encodes");
        let (scheme, signature) = self.sign(info.as_bytes());
        Csr::assemble(&info, scheme, &signature)
    }
}

impl Default for SubjectKey {
    fn default() -> Self {
        Self::new()
    }
}

fn ecdsa(
    curve: &'static signature::EcdsaSigningAlgorithm,
) -> Result<Pair, aws_lc_rs::error::Unspecified> {
    EcdsaKeyPair::generate(curve).map(Pair::Ecdsa)
}

fn ml_dsa(
    set: &'static signature::PqdsaSigningAlgorithm,
) -> Result<Pair, aws_lc_rs::error::Unspecified> {
    PqdsaKeyPair::generate(set).map(Pair::MlDsa)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_signs_its_request() {
        let subject = crate::name("CN=www.corp.example");
        for kind in [
            KeyKind::P256,
            KeyKind::P384,
            KeyKind::P521,
            KeyKind::Ed25519,
            KeyKind::Rsa2048,
            KeyKind::MlDsa44,
        ] {
            let request = SubjectKey::of(kind).request(&subject, Vec::new());
            let csr = Csr::parse(request.as_bytes()).unwrap();
            csr.verify_self_signature().unwrap();
        }
    }
}
