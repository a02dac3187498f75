//! SubjectPublicKeyInfo, strictly: which algorithms, with which parameters, in which encoding.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};
use der::asn1::{AnyRef, ObjectIdentifier as Oid};
use der::{Decode as _, Encode as _};
use spki::SubjectPublicKeyInfoRef;
use thiserror::Error;

use super::{ForOneScheme, KeyKind, Material, ec, rsa::RsaPublicKey};

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
    let bits = spki.subject_public_key.as_bytes().ok_or(KeyError::UnusedBits)?;
    let algorithm = spki.algorithm.oid;
    let parameters = spki.algorithm.parameters;
    match algorithm {
        RSA_ENCRYPTION => {
            if parameters != Some(AnyRef::NULL) {
                return Err(KeyError::Parameters(algorithm));
            }
            let key = RsaPublicKey::parse(bits)?;
            Ok((KeyKind::rsa(key.bits()), bits, Material::Rsa(key, ForOneScheme::new())))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PublicKey;
    use crate::key::samples::{rsa_spki, sample, sample_key, tlv};
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::signature::{KeyPair as _, PqdsaKeyPair, PqdsaSigningAlgorithm};
    use num_bigint::BigUint;

    fn error(der: &[u8]) -> KeyError {
        PublicKey::parse(der).expect_err("is refused")
    }

    fn oid(text: &str) -> Oid {
        Oid::new(text).unwrap()
    }

    #[test]
    fn parses_keys_made_by_openssl() {
        let cases = [
            ("rsa-1024", KeyKind::RsaOther(1024)),
            ("rsa-2048", KeyKind::Rsa2048),
            ("rsa-2048-e3", KeyKind::Rsa2048),
            ("rsa-2560", KeyKind::RsaOther(2560)),
            ("rsa-3072", KeyKind::Rsa3072),
            ("rsa-4096", KeyKind::Rsa4096),
            ("p-256", KeyKind::P256),
            ("p-384", KeyKind::P384),
            ("p-521", KeyKind::P521),
            ("ed25519", KeyKind::Ed25519),
        ];
        for (name, kind) in cases {
            assert_eq!(sample_key(name).kind(), kind, "{name}");
        }
    }

    #[test]
    fn parses_ml_dsa_and_refuses_other_lengths() {
        let cases: [(KeyKind, &'static PqdsaSigningAlgorithm); 3] = [
            (KeyKind::MlDsa44, &signature::ML_DSA_44_SIGNING),
            (KeyKind::MlDsa65, &signature::ML_DSA_65_SIGNING),
            (KeyKind::MlDsa87, &signature::ML_DSA_87_SIGNING),
        ];
        for (kind, algorithm) in cases {
            let pair = PqdsaKeyPair::generate(algorithm).unwrap();
            let spki = pair.public_key().as_der().unwrap().as_ref().to_vec();
            let key = PublicKey::parse(&spki).unwrap();
            assert_eq!(key.kind(), kind);
            assert_eq!(key.subject_public_key(), pair.public_key().as_ref());
            let algorithm = &spki[4..17];
            let expected = key.subject_public_key().len();
            for found in [0, expected - 1, expected + 1] {
                let bits = tlv(0x03, &vec![0; found + 1]);
                let der = tlv(0x30, &[algorithm, &bits].concat());
                assert_eq!(error(&der), KeyError::Length { expected, found });
            }
        }
    }

    #[test]
    fn refuses_algorithms_curves_and_point_forms() {
        let ec = oid("1.2.840.10045.2.1");
        let cases = [
            ("rsa-pss-2048", KeyError::Algorithm(oid("1.2.840.113549.1.1.10"))),
            ("ed448", KeyError::Algorithm(oid("1.3.101.113"))),
            ("x25519", KeyError::Algorithm(oid("1.3.101.110"))),
            ("p-224", KeyError::Curve(oid("1.3.132.0.33"))),
            ("secp256k1", KeyError::Curve(oid("1.3.132.0.10"))),
            ("p-256-explicit", KeyError::Parameters(ec)),
            ("p-256-compressed", KeyError::PointCompressed),
            ("p-256-hybrid", KeyError::PointForm),
        ];
        for (name, expected) in cases {
            assert_eq!(error(&sample(&format!("{name}.spki"))), expected, "{name}");
        }
    }

    #[test]
    fn refuses_points_off_the_curve_and_at_infinity() {
        for name in ["p-256", "p-384", "p-521"] {
            let good = sample(&format!("{name}.spki"));
            for index in [good.len() - 1, good.len() - 20, good.len() / 2] {
                let mut bad = good.clone();
                bad[index] ^= 1;
                assert_eq!(error(&bad), KeyError::PointNotOnCurve, "{name} {index}");
            }
            let point = sample_key(name).subject_public_key().len();
            let mut zero = good.clone();
            let start = good.len() - point + 1;
            zero[start..].fill(0);
            assert_eq!(error(&zero), KeyError::PointNotOnCurve, "{name} (0, 0)");
            let mut ones = good.clone();
            ones[start..].fill(0xff);
            assert_eq!(error(&ones), KeyError::PointNotOnCurve, "{name} above p");
        }
        let algorithm = sample("p-256.spki")[2..23].to_vec();
        let with_point = |octets: &[u8]| {
            let bits = tlv(0x03, &[&[0], octets].concat());
            tlv(0x30, &[algorithm.clone(), bits].concat())
        };
        assert_eq!(error(&with_point(&[0])), KeyError::PointAtInfinity);
        assert_eq!(error(&with_point(&[])), KeyError::PointForm);
        let short = KeyError::Length { expected: 65, found: 1 };
        assert_eq!(error(&with_point(&[4])), short);
    }

    #[test]
    fn refuses_other_parameters() {
        let cases = [
            // RSA: absent, an empty SEQUENCE
            ("06092a864886f70d010101", "1.2.840.113549.1.1.1"),
            ("06092a864886f70d0101013000", "1.2.840.113549.1.1.1"),
            // EC: absent, NULL (implicitlyCA)
            ("06072a8648ce3d0201", "1.2.840.10045.2.1"),
            ("06072a8648ce3d02010500", "1.2.840.10045.2.1"),
            // Ed25519 and ML-DSA-65: NULL
            ("06032b65700500", "1.3.101.112"),
            ("06096086480165030403120500", "2.16.840.1.101.3.4.3.18"),
        ];
        for (algorithm, name) in cases {
            let algorithm = tlv(0x30, &hex::decode(algorithm).unwrap());
            let der = tlv(0x30, &[algorithm, tlv(0x03, &[0; 33])].concat());
            assert_eq!(error(&der), KeyError::Parameters(oid(name)), "{name}");
        }
    }

    #[test]
    fn refuses_what_is_not_der() {
        let good = sample("ed25519.spki");
        for length in 0..good.len() {
            assert!(matches!(error(&good[..length]), KeyError::NotDer(_)), "{length}");
        }
        let trailing = [good.clone(), vec![0]].concat();
        assert!(matches!(error(&trailing), KeyError::NotDer(_)));
        let long_length = [&[0x30, 0x81, 0x2a], &good[2..]].concat();
        assert!(matches!(error(&long_length), KeyError::NotDer(_)));
        let indefinite = [&[0x30, 0x80], &good[2..], &[0, 0]].concat();
        assert!(matches!(error(&indefinite), KeyError::NotDer(_)));
        let mut unused = good.clone();
        unused[11] = 1;
        *unused.last_mut().unwrap() &= 0xfe;
        assert_eq!(error(&unused), KeyError::UnusedBits);
        let large = vec![0x30; 4097];
        assert_eq!(error(&large), KeyError::TooLarge(4097));
    }

    #[test]
    fn refuses_rsa_keys_that_are_not_der() {
        let good = rsa_spki(&BigUint::from(0x00c0_ffee_u32), &BigUint::from(3_u8));
        assert!(PublicKey::parse(&good).is_ok());
        let algorithm = good[2..17].to_vec();
        let with_key = |hex: &str| {
            let bits = [vec![0], hex::decode(hex).unwrap()].concat();
            tlv(0x30, &[algorithm.clone(), tlv(0x03, &bits)].concat())
        };
        assert!(PublicKey::parse(&with_key("3006020123020103")).is_ok());
        for (case, hex) in [
            ("negative modulus", "3006020183020103"),
            ("padded modulus", "300702020023020103"),
            ("padded exponent", "300702012302020003"),
            ("negative exponent", "30060201230201ff"),
            ("empty integer", "30050200020103"),
            ("a third integer", "3009020123020103020100"),
            ("trailing octet", "300602012302010300"),
            ("no exponent", "3003020123"),
            ("nothing", ""),
        ] {
            let found = error(&with_key(hex));
            assert!(matches!(found, KeyError::RsaPublicKey(_)), "{case}: {found}");
        }
        assert_eq!(error(&with_key("3006020100020103")), KeyError::RsaModulus);
    }

    #[test]
    fn no_mutation_of_one_octet_parses_to_the_same_key() {
        for name in ["rsa-2048", "p-256", "ed25519"] {
            let good = sample(&format!("{name}.spki"));
            let key = sample_key(name);
            for index in 0..good.len() {
                for bit in 0..8 {
                    let mut bad = good.clone();
                    bad[index] ^= 1 << bit;
                    if let Ok(other) = PublicKey::parse(&bad) {
                        assert_ne!(other, key);
                        assert_ne!(other.subject_public_key(), key.subject_public_key());
                    }
                }
            }
        }
    }
}
