//! Private keys in memory, and what they sign.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, PqdsaKeyPair,
    PqdsaSigningAlgorithm, RsaEncoding, RsaKeyPair,
};
use keystore::DriverError;
use signer_proto::KeySpec;
use x509::{Signature, SignatureScheme, SpkiDer};

/// A parsed private key. AWS-LC holds the numbers and wipes them when this is dropped.
pub(crate) enum KeyPair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
    MlDsa(PqdsaKeyPair),
}

/// Which of the library's algorithms a spec means.
enum Algorithm {
    Ecdsa(&'static EcdsaSigningAlgorithm),
    Ed25519,
    Rsa(KeySize),
    MlDsa(&'static PqdsaSigningAlgorithm),
}

fn algorithm(spec: KeySpec) -> Option<Algorithm> {
    Some(match spec {
        KeySpec::P256 => Algorithm::Ecdsa(&signature::ECDSA_P256_SHA256_ASN1_SIGNING),
        KeySpec::P384 => Algorithm::Ecdsa(&signature::ECDSA_P384_SHA384_ASN1_SIGNING),
        KeySpec::P521 => Algorithm::Ecdsa(&signature::ECDSA_P521_SHA512_ASN1_SIGNING),
        KeySpec::Ed25519 => Algorithm::Ed25519,
        KeySpec::Rsa2048 => Algorithm::Rsa(KeySize::Rsa2048),
        KeySpec::Rsa3072 => Algorithm::Rsa(KeySize::Rsa3072),
        KeySpec::Rsa4096 => Algorithm::Rsa(KeySize::Rsa4096),
        KeySpec::MlDsa44 => Algorithm::MlDsa(&signature::ML_DSA_44_SIGNING),
        KeySpec::MlDsa65 => Algorithm::MlDsa(&signature::ML_DSA_65_SIGNING),
        KeySpec::MlDsa87 => Algorithm::MlDsa(&signature::ML_DSA_87_SIGNING),
        KeySpec::HmacSha256 | KeySpec::Aes256 => return None,
    })
}

fn rsa_encoding(scheme: SignatureScheme) -> Option<&'static dyn RsaEncoding> {
    Some(match scheme {
        SignatureScheme::RsaPkcs1Sha256 => &signature::RSA_PKCS1_SHA256,
        SignatureScheme::RsaPkcs1Sha384 => &signature::RSA_PKCS1_SHA384,
        SignatureScheme::RsaPkcs1Sha512 => &signature::RSA_PKCS1_SHA512,
        SignatureScheme::RsaPssSha256 => &signature::RSA_PSS_SHA256,
        SignatureScheme::RsaPssSha384 => &signature::RSA_PSS_SHA384,
        SignatureScheme::RsaPssSha512 => &signature::RSA_PSS_SHA512,
        _ => return None,
    })
}

impl KeyPair {
    /// Draws a new key.
    ///
    /// # Errors
    /// [`DriverError::SpecUnsupported`] for a symmetric key.
    pub(crate) fn generate(spec: KeySpec) -> Result<Self, DriverError> {
        match algorithm(spec).ok_or(DriverError::SpecUnsupported(spec))? {
            Algorithm::Ecdsa(curve) => EcdsaKeyPair::generate(curve).map(Self::Ecdsa),
            Algorithm::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
            Algorithm::Rsa(size) => RsaKeyPair::generate(size).map(Self::Rsa),
            Algorithm::MlDsa(set) => PqdsaKeyPair::generate(set).map(Self::MlDsa),
        }
        .map_err(|_| DriverError::Crypto("the key was not generated"))
    }

    /// Parses the private key of a spec; none if the octets are no such key.
    pub(crate) fn from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<Self> {
        match algorithm(spec)? {
            Algorithm::Ecdsa(curve) => EcdsaKeyPair::from_pkcs8(curve, pkcs8).map(Self::Ecdsa),
            Algorithm::Ed25519 => Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::Ed25519),
            Algorithm::Rsa(_) => RsaKeyPair::from_pkcs8(pkcs8).map(Self::Rsa),
            Algorithm::MlDsa(set) => PqdsaKeyPair::from_pkcs8(set, pkcs8).map(Self::MlDsa),
        }
        .ok()
    }

    /// Lends the PKCS#8 encoding (RFC 5208; ML-DSA as its seed, RFC 9881 §6) to `take`; it is
    /// wiped on return.
    pub(crate) fn with_pkcs8<T>(&self, take: impl FnOnce(&[u8]) -> T) -> Result<T, DriverError> {
        match self {
            Self::Ecdsa(pair) => pair.to_pkcs8v1().map(|der| take(der.as_ref())),
            Self::Ed25519(pair) => pair.to_pkcs8v1().map(|der| take(der.as_ref())),
            Self::Rsa(pair) => pair.as_der().map(|der| take(der.as_ref())),
            Self::MlDsa(pair) => pair.to_pkcs8v1().map(|der| take(der.as_ref())),
        }
        .map_err(|_| DriverError::Crypto("the private key was not encoded"))
    }

    /// Returns the public key as derived from the private one.
    pub(crate) fn spki(&self) -> Result<SpkiDer, DriverError> {
        match self {
            Self::Ecdsa(pair) => encode(pair.public_key()),
            Self::Ed25519(pair) => encode(pair.public_key()),
            Self::Rsa(pair) => encode(pair.public_key()),
            Self::MlDsa(pair) => encode(pair.public_key()),
        }
        .map_err(|_| DriverError::Crypto("the public key was not encoded"))
    }

    /// Signs a whole message. The caller has seen that the scheme fits the key.
    pub(crate) fn sign(
        &self,
        scheme: SignatureScheme,
        message: &[u8],
    ) -> Result<Signature, DriverError> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(pair) => {
                pair.sign(&random, message).map(|signature| signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => {
                pair.try_sign(message).map(|signature| signature.as_ref().to_vec())
            }
            Self::Rsa(pair) => {
                let encoding = rsa_encoding(scheme).ok_or(DriverError::SchemeMismatch)?;
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature).map(|()| signature)
            }
            Self::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                pair.sign(message, &mut signature).map(|_| signature)
            }
        }
        .map(Signature::from_vec)
        .map_err(|_| DriverError::Crypto("the message was not signed"))
    }
}

fn encode(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Result<SpkiDer, Unspecified> {
    key.as_der().map(|der| SpkiDer::from_vec(der.as_ref().to_vec()))
}
