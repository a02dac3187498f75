//! SubjectPublicKeyInfo, strictly: which algorithms, with which parameters, in which encoding.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use der::asn1::{AnyRef, ObjectIdentifier as Oid};
use der::{Decode as _, Encode as _};
use spki::SubjectPublicKeyInfoRef;
use thiserror::Error;

use super::{KeyKind, Material, ec, rsa::RsaPublicKey};

/// Larger than the largest key that is supported (ML-DSA-87: 2,614 octets).
const MAX_SPKI: usize = 4096;

const RSA_ENCRYPTION: Oid = Oid::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: Oid = Oid::new_unwrap("1.2.840.10045.2.1");
const ED25519: Oid = Oid::new_unwrap("1.3.101.112");
const ML_DSA_44: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: Oid = Oid::new_unwrap("2.16.840.1.101.3.4.3.19");
const P256: Oid = Oid::new_unwrap("1.2.840.10045.3.1.7");
const P384: Oid = Oid::new_unwrap("1.3.132.0.34");
const P521: Oid = Oid::new_unwrap("1.3.132.0.35");

/// Why a SubjectPublicKeyInfo is refused; always the fault of whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The encoding is longer than any supported key.
    #[error("public key of {0} octets is too large")]
    TooLarge(usize),
    /// The octets are not the DER of a SubjectPublicKeyInfo.
    #[error("public key is not a DER SubjectPublicKeyInfo")]
    NotDer(#[source] der::Error),
    /// The octets decode, and encode differently.
    #[error("public key encoding is not canonical")]
    NonCanonical,
    /// The algorithm is not one of the supported ones.
    #[error("public key algorithm {0} is not supported")]
    Algorithm(Oid),
    /// The algorithm's parameters are not the ones its RFC demands (RFC 3279 §2.3.1: NULL for RSA;
    /// RFC 5480 §2.1.1: a named curve for EC; RFC 8410 §3, RFC 9881 §2: absent).
    #[error("parameters of public key algorithm {0} are not the exact ones")]
    Parameters(Oid),
    /// The named curve is not one of the supported ones.
    #[error("elliptic curve {0} is not supported")]
    Curve(Oid),
    /// subjectPublicKey is not a whole number of octets.
    #[error("public key BIT STRING has unused bits")]
    UnusedBits,
    /// subjectPublicKey is not the DER of an RSAPublicKey (RFC 8017 §A.1.1).
    #[error("RSA public key is not a DER RSAPublicKey")]
    RsaPublicKey(#[source] der::Error),
    /// The RSA modulus is zero.
    #[error("RSA modulus is zero")]
    RsaModulus,
    /// The key has another length than its algorithm's.
    #[error("public key has {found} octets instead of {expected}")]
    Length {
        /// The algorithm's length in octets.
        expected: usize,
        /// The length that was found, in octets.
        found: usize,
    },
    /// The EC point is compressed (RFC 5480 §2.2 makes it optional; it is not supported).
    #[error("elliptic curve point is compressed")]
    PointCompressed,
    /// The EC point has no known form (SEC 1 §2.3.3), the hybrid forms included.
    #[error("elliptic curve point has an unknown form")]
    PointForm,
    /// The EC point is the point at infinity (SEC 1 §2.3.3).
    #[error("elliptic curve point is the point at infinity")]
    PointAtInfinity,
    /// The EC point is not on its curve, or a coordinate is not below the field's prime.
    #[error("elliptic curve point is not on its curve")]
    PointNotOnCurve,
    /// The cryptographic library refuses a key that the checks here pass.
    #[error("public key was refused by the cryptographic library")]
    Rejected,
}

/// Parses a SubjectPublicKeyInfo into its kind, the octets of subjectPublicKey and the key itself.
pub(super) fn parse(der: &[u8]) -> Result<(KeyKind, &[u8], Material), KeyError> {
    if der.len() > MAX_SPKI {
        return Err(KeyError::TooLarge(der.len()));
    }
    let spki = SubjectPublicKeyInfoRef::from_der(der).map_err(KeyError::NotDer)?;
    if spki.to_der().map_err(KeyError::NotDer)? != der {
        return Err(KeyError::NonCanonical);
    }
    let bits = spki
        .subject_public_key
        .as_bytes()
        .ok_or(KeyError::UnusedBits)?;
    let algorithm = spki.algorithm.oid;
    let parameters = spki.algorithm.parameters;
    match algorithm {
        RSA_ENCRYPTION => {
            if parameters != Some(AnyRef::NULL) {
                return Err(KeyError::Parameters(algorithm));
            }
            let key = RsaPublicKey::parse(bits)?;
            Ok((KeyKind::rsa(key.bits()), bits, Material::Rsa(key)))
        }
        EC_PUBLIC_KEY => {
            let kind = named_curve(parameters)?;
            Ok((kind, bits, Material::Parsed(ec::parse_point(kind, bits)?)))
        }
        ED25519 | ML_DSA_44 | ML_DSA_65 | ML_DSA_87 => {
            if parameters.is_some() {
                return Err(KeyError::Parameters(algorithm));
            }
            let (kind, expected, verifier) = raw_key(algorithm)?;
            if bits.len() != expected {
                let found = bits.len();
                return Err(KeyError::Length { expected, found });
            }
            let key = ParsedPublicKey::new(verifier, bits).map_err(|_| KeyError::Rejected)?;
            Ok((kind, bits, Material::Parsed(key)))
        }
        other => Err(KeyError::Algorithm(other)),
    }
}

/// RFC 5480 §2.1.1: namedCurve is the only alternative that PKIX allows.
fn named_curve(parameters: Option<AnyRef<'_>>) -> Result<KeyKind, KeyError> {
    let oid = parameters
        .and_then(|any| any.decode_as::<Oid>().ok())
        .ok_or(KeyError::Parameters(EC_PUBLIC_KEY))?;
    match oid {
        P256 => Ok(KeyKind::P256),
        P384 => Ok(KeyKind::P384),
        P521 => Ok(KeyKind::P521),
        other => Err(KeyError::Curve(other)),
    }
}

/// The kinds whose subjectPublicKey is a fixed number of octets without further structure.
fn raw_key(
    algorithm: Oid,
) -> Result<(KeyKind, usize, &'static dyn VerificationAlgorithm), KeyError> {
    match algorithm {
        ED25519 => Ok((KeyKind::Ed25519, 32, &signature::ED25519)),
        // FIPS 204 §4 table 2.
        ML_DSA_44 => Ok((KeyKind::MlDsa44, 1312, &signature::ML_DSA_44)),
        ML_DSA_65 => Ok((KeyKind::MlDsa65, 1952, &signature::ML_DSA_65)),
        ML_DSA_87 => Ok((KeyKind::MlDsa87, 2592, &signature::ML_DSA_87)),
        other => Err(KeyError::Algorithm(other)),
    }
}
