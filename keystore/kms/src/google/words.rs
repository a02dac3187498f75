//! Algorithms in the words of Google.

use google_cloud_kms_v1::model::crypto_key_version::CryptoKeyVersionAlgorithm as Algorithm;
use signer_proto::KeySpec;
use x509::{PublicKey, SignatureScheme};

use super::RsaPadding;
use crate::cloud::{CallError, Form};

/// Returns the algorithm of a key to make; ML-DSA over external μ, so that no message is too
/// long. None for what Google does not have.
pub(super) fn algorithm(spec: KeySpec, padding: RsaPadding) -> Option<Algorithm> {
    use RsaPadding::{Pkcs1, Pss};
    Some(match (spec, padding) {
        (KeySpec::P256, _) => Algorithm::EcSignP256Sha256,
        (KeySpec::P384, _) => Algorithm::EcSignP384Sha384,
        (KeySpec::Ed25519, _) => Algorithm::EcSignEd25519,
        (KeySpec::Rsa2048, Pkcs1) => Algorithm::RsaSignPkcs12048Sha256,
        (KeySpec::Rsa3072, Pkcs1) => Algorithm::RsaSignPkcs13072Sha256,
        (KeySpec::Rsa4096, Pkcs1) => Algorithm::RsaSignPkcs14096Sha256,
        (KeySpec::Rsa2048, Pss) => Algorithm::RsaSignPss2048Sha256,
        (KeySpec::Rsa3072, Pss) => Algorithm::RsaSignPss3072Sha256,
        (KeySpec::Rsa4096, Pss) => Algorithm::RsaSignPss4096Sha256,
        (KeySpec::MlDsa44, _) => Algorithm::PqSignMlDsa44ExternalMu,
        (KeySpec::MlDsa65, _) => Algorithm::PqSignMlDsa65ExternalMu,
        (KeySpec::MlDsa87, _) => Algorithm::PqSignMlDsa87ExternalMu,
        (KeySpec::P521 | KeySpec::HmacSha256 | KeySpec::Aes256, _) => return None,
    })
}

/// Returns what a key of the algorithm signs; none for one that we do not use.
pub(super) fn form(algorithm: &Algorithm) -> Option<Form> {
    use SignatureScheme as S;
    Some(match algorithm {
        Algorithm::EcSignP256Sha256 => Form::Only(S::EcdsaP256Sha256),
        Algorithm::EcSignP384Sha384 => Form::Only(S::EcdsaP384Sha384),
        Algorithm::EcSignEd25519 => Form::Only(S::Ed25519),
        Algorithm::RsaSignPkcs12048Sha256
        | Algorithm::RsaSignPkcs13072Sha256
        | Algorithm::RsaSignPkcs14096Sha256 => Form::Only(S::RsaPkcs1Sha256),
        Algorithm::RsaSignPkcs14096Sha512 => Form::Only(S::RsaPkcs1Sha512),
        Algorithm::RsaSignPss2048Sha256
        | Algorithm::RsaSignPss3072Sha256
        | Algorithm::RsaSignPss4096Sha256 => Form::Only(S::RsaPssSha256),
        Algorithm::RsaSignPss4096Sha512 => Form::Only(S::RsaPssSha512),
        Algorithm::PqSignMlDsa44 => Form::Only(S::MlDsa44),
        Algorithm::PqSignMlDsa65 => Form::Only(S::MlDsa65),
        Algorithm::PqSignMlDsa87 => Form::Only(S::MlDsa87),
        Algorithm::PqSignMlDsa44ExternalMu
        | Algorithm::PqSignMlDsa65ExternalMu
        | Algorithm::PqSignMlDsa87ExternalMu => Form::Mu,
        _ => return None,
    })
}

/// Reads a public key: PEM of a SubjectPublicKeyInfo, or the raw octets of ML-DSA.
pub(super) fn public_key(spec: KeySpec, octets: &[u8]) -> Result<PublicKey, CallError> {
    let der = match spec {
        KeySpec::MlDsa44 => spki(0x11, octets),
        KeySpec::MlDsa65 => spki(0x12, octets),
        KeySpec::MlDsa87 => spki(0x13, octets),
        _ => std::str::from_utf8(octets)
            .ok()
            .and_then(|text| x509::pem::decode_one(text, "PUBLIC KEY").ok())
            .ok_or_else(|| CallError::Refused("its public key is no PEM".to_owned()))?,
    };
    PublicKey::parse(&der).map_err(|error| CallError::Refused(format!("its public key: {error}")))
}

/// Wraps a raw ML-DSA key as a SubjectPublicKeyInfo (RFC 9881 §4). Its length, 1,312 to 2,592
/// octets, needs two octets of length at every level.
fn spki(parameter_set: u8, key: &[u8]) -> Vec<u8> {
    let algorithm =
        [0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, parameter_set];
    let long = |tag: u8, length: usize| {
        let [.., high, low] = (length as u64).to_be_bytes();
        [tag, 0x82, high, low]
    };
    let mut bits = long(0x03, key.len() + 1).to_vec();
    bits.push(0);
    bits.extend_from_slice(key);
    let mut der = long(0x30, algorithm.len() + bits.len()).to_vec();
    der.extend_from_slice(&algorithm);
    der.extend_from_slice(&bits);
    der
}
