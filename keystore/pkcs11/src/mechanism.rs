//! Which mechanism a scheme is, what the token is handed, and what its answer means.

use keystore::{Approved, DigestAlgorithm, Digested, DriverError};
use signer_proto::KeySpec;
use x509::{Signature, SignatureScheme};

/// How a token signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mechanism {
    /// CKM_RSA_PKCS over a DigestInfo.
    RsaPkcs1,
    /// CKM_RSA_PKCS_PSS over a digest of so many octets, the salt as long.
    RsaPss(DigestAlgorithm),
    /// CKM_ECDSA over a digest.
    Ecdsa,
    /// CKM_EDDSA over the message.
    EdDsa,
    /// CKM_ML_DSA over the message, with an empty context.
    MlDsa,
}

/// Chooses the mechanism, and computes what the token is handed. Every token has the mechanisms
/// over digests, and few those that hash themselves; the message then need not travel.
///
/// # Errors
/// [`DriverError::SchemeMismatch`] for a scheme that is only verified.
pub(crate) fn prepare(
    scheme: SignatureScheme,
    message: Approved<'_>,
) -> Result<(Mechanism, Vec<u8>), DriverError> {
    use SignatureScheme as S;
    let digested = keystore::digest(scheme, message);
    Ok(match (scheme, digested) {
        (S::RsaPkcs1Sha256 | S::RsaPkcs1Sha384 | S::RsaPkcs1Sha512, Some(digested)) => {
            (Mechanism::RsaPkcs1, digest_info(&digested))
        }
        (S::RsaPssSha256 | S::RsaPssSha384 | S::RsaPssSha512, Some(digested)) => {
            (Mechanism::RsaPss(digested.algorithm), digested.octets)
        }
        (S::EcdsaP256Sha256 | S::EcdsaP384Sha384 | S::EcdsaP521Sha512, Some(digested)) => {
            (Mechanism::Ecdsa, digested.octets)
        }
        (S::Ed25519, None) => (Mechanism::EdDsa, message.as_bytes().to_vec()),
        (S::MlDsa44 | S::MlDsa65 | S::MlDsa87, None) => {
            (Mechanism::MlDsa, message.as_bytes().to_vec())
        }
        _ => return Err(DriverError::SchemeMismatch),
    })
}

/// RFC 8017 §9.2, note 1: the DER of DigestInfo up to the digest.
fn digest_info(digested: &Digested) -> Vec<u8> {
    let (hash, length) = match digested.algorithm {
        DigestAlgorithm::Sha256 => (1, 32),
        DigestAlgorithm::Sha384 => (2, 48),
        DigestAlgorithm::Sha512 => (3, 64),
    };
    let mut info = vec![0x30, 17 + length, 0x30, 0x0d, 0x06, 0x09];
    info.extend([0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00, 0x04, length]);
    info.extend_from_slice(&digested.octets);
    info
}

/// Brings the token's octets into the form that certificates have: `r || s` becomes
/// ECDSA-Sig-Value (RFC 3279 §2.2.3).
///
/// # Errors
/// [`DriverError::Crypto`] for what cannot be one.
pub(crate) fn signature(mechanism: Mechanism, octets: Vec<u8>) -> Result<Signature, DriverError> {
    if mechanism != Mechanism::Ecdsa {
        return Ok(Signature::from_vec(octets));
    }
    let half = octets.len() / 2;
    let (r, s) = octets.split_at_checked(half).unwrap_or_default();
    if half == 0 || r.len() != s.len() || half > 66 {
        return Err(DriverError::Crypto("the token's signature is no pair of numbers"));
    }
    let mut content = integer(r);
    content.extend(integer(s));
    let mut der = vec![0x30];
    if let Ok(length @ ..=0x7f) = u8::try_from(content.len()) {
        der.push(length);
    } else {
        // P-521: 139 octets at most.
        der.extend([0x81, u8::try_from(content.len()).unwrap_or(0)]);
    }
    der.extend(content);
    Ok(Signature::from_vec(der))
}

/// A non-negative INTEGER in its shortest form.
fn integer(octets: &[u8]) -> Vec<u8> {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let significant = octets.get(start..).unwrap_or_default();
    let pad = significant.first().is_none_or(|first| first & 0x80 != 0);
    let length = significant.len() + usize::from(pad);
    let mut der = vec![0x02, u8::try_from(length).unwrap_or(0)];
    if pad {
        der.push(0);
    }
    der.extend_from_slice(significant);
    der
}

/// Tells whether keys of this spec live in tokens at all.
pub(crate) fn is_possible(spec: KeySpec) -> bool {
    spec.kind().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_numbers_become_der() {
        for (raw, der) in [
            ("0102", "3006020101020102"),
            ("00ff", "3007020100020200ff"),
            ("80017fff", "30090203008001 02027fff"),
            ("00010000", "3006020101020100"),
        ] {
            let raw = hex::decode(raw).unwrap();
            let made = signature(Mechanism::Ecdsa, raw).unwrap();
            assert_eq!(hex::encode(made.as_bytes()), der.replace(' ', ""));
        }
        let long = signature(Mechanism::Ecdsa, vec![0xff; 132]).unwrap();
        assert_eq!(long.as_bytes()[..3], [0x30, 0x81, 138]);
        for length in [0, 1, 65, 134] {
            let refused = signature(Mechanism::Ecdsa, vec![1; length]);
            assert!(matches!(refused, Err(DriverError::Crypto(_))), "{length}");
        }
    }

    #[test]
    fn a_digest_info_is_as_rfc_8017_shows_it() {
        let message = Approved::admitted(b"abc");
        for (scheme, prefix) in [
            (SignatureScheme::RsaPkcs1Sha256, "3031300d060960864801650304020105000420"),
            (SignatureScheme::RsaPkcs1Sha384, "3041300d060960864801650304020205000430"),
            (SignatureScheme::RsaPkcs1Sha512, "3051300d060960864801650304020305000440"),
        ] {
            let (mechanism, info) = prepare(scheme, message).unwrap();
            assert_eq!(mechanism, Mechanism::RsaPkcs1);
            assert!(hex::encode(&info).starts_with(prefix), "{scheme}");
        }
        for scheme in SignatureScheme::ALL {
            let prepared = prepare(scheme, message);
            assert_eq!(prepared.is_ok(), scheme.is_matched(), "{scheme}");
        }
    }
}
