//! Public keys: strict SubjectPublicKeyInfo and what can be asked of a key.

mod close_primes;
mod ec;
mod edwards;
mod kind;
mod roca;
mod rsa;
#[cfg(test)]
pub(crate) mod samples;
mod small_factors;

mod strength;
mod subject_public_key;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use aws_lc_rs::signature::ParsedPublicKey;

use self::rsa::RsaPublicKey;
use crate::digest::{sha1, sha256};
use crate::{SignatureScheme, SpkiDer};
pub use kind::{KeyKind, UnknownKeyKind};

pub use strength::WeakKey;
pub use subject_public_key::KeyError;

/// A public key whose SubjectPublicKeyInfo was parsed strictly: one encoding per key.
///
/// ```text
/// SubjectPublicKeyInfo ::= SEQUENCE {
///     algorithm         AlgorithmIdentifier,
///     subjectPublicKey  BIT STRING }
/// ```
#[derive(Clone)]
pub struct PublicKey {
    kind: KeyKind,
    spki: SpkiDer,
    /// The content octets of subjectPublicKey, without the count of unused bits.
    bits: Vec<u8>,
    pub(crate) material: Material,
}

/// What verification and the strength checks work on.
#[derive(Clone)]
pub(crate) enum Material {
    /// Kept as numbers: a key serves several schemes and aws-lc binds a parsed key to one.
    Rsa(RsaPublicKey, ForOneScheme),
    /// A key with one scheme only, parsed by aws-lc (EC points are on their curve).
    Parsed(ParsedPublicKey),
}

/// An RSA key as aws-lc parses it, for the first scheme that something was verified with: most keys
/// only ever serve one. Parsing takes as long as verifying.
pub(crate) type ForOneScheme = OnceLock<(SignatureScheme, ParsedPublicKey)>;

impl PublicKey {
    /// Parses a complete SubjectPublicKeyInfo: DER only, algorithm parameters exactly as the
    /// algorithm's RFC demands, EC keys on a named curve as an uncompressed point that is on it.
    ///
    /// # Errors
    /// [`KeyError`]: malformed, unsupported, or a point that is not on its curve. Weak keys parse;
    /// [`PublicKey::check_strength`] refuses them.
    pub fn parse(spki_der: &[u8]) -> Result<Self, KeyError> {
        let (kind, bits, material) = subject_public_key::parse(spki_der)?;
        Ok(Self { kind, spki: SpkiDer::from_vec(spki_der.to_vec()), bits: bits.to_vec(), material })
    }

    /// Returns the algorithm and size.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Returns the SubjectPublicKeyInfo as it was parsed.
    pub fn spki(&self) -> &SpkiDer {
        &self.spki
    }

    /// Returns the content octets of subjectPublicKey: an RSAPublicKey, an uncompressed point, or
    /// the raw Ed25519 or ML-DSA key.
    pub fn subject_public_key(&self) -> &[u8] {
        &self.bits
    }

    /// Returns the SHA-1 of subjectPublicKey (RFC 5280 §4.2.1.2 method 1), which is also the
    /// issuerKeyHash of OCSP (RFC 6960 §4.1.1).
    pub fn key_identifier(&self) -> [u8; 20] {
        sha1(&self.bits)
    }

    /// Returns the SHA-256 of the SubjectPublicKeyInfo.
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(self.spki.as_bytes())
    }

    /// Refuses keys whose private half is known to be within reach: RSA of an unusual size or
    /// exponent, with the ROCA structure, with primes that are close or small, and Ed25519 points
    /// that are no ordinary points. EC and ML-DSA keys were fully checked when parsed.
    ///
    /// # Errors
    /// [`WeakKey`] names the first rule that the key breaks.
    pub fn check_strength(&self) -> Result<(), WeakKey> {
        match &self.material {
            Material::Rsa(key, _) => strength::check_rsa(key),
            Material::Parsed(_) if self.kind == KeyKind::Ed25519 => {
                edwards::check_point(&self.bits)
            }
            Material::Parsed(_) => Ok(()),
        }
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

impl Eq for PublicKey {}

impl Hash for PublicKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spki.hash(state);
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey").field("kind", &self.kind).field("spki", &self.spki).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{sample, sample_key};
    use super::*;

    #[test]
    fn key_identifiers_agree_with_openssl() {
        // `openssl x509 -ext subjectKeyIdentifier` of a certificate for this key would show the
        // SHA-1 of the BIT STRING content, here taken by its fixed place in the encoding.
        let key = sample_key("p-256");
        assert_eq!(key.subject_public_key(), &sample("p-256.spki")[26..]);
        assert_eq!(key.key_identifier(), sha1(&sample("p-256.spki")[26..]));
        assert_eq!(key.spki_sha256(), sha256(&sample("p-256.spki")));
        assert_eq!(key.spki().as_bytes(), sample("p-256.spki"));
    }

    #[test]
    fn debug_shows_no_key_octets() {
        let text = format!("{:?}", sample_key("ed25519"));
        assert!(text.starts_with("PublicKey { kind: Ed25519, spki: SpkiDer(44 octets"));
    }

    #[test]
    fn honest_keys_are_strong() {
        for name in
            ["rsa-2048", "rsa-2560", "rsa-3072", "rsa-4096", "p-256", "p-384", "p-521", "ed25519"]
        {
            assert_eq!(sample_key(name).check_strength(), Ok(()), "{name}");
        }
    }
}
