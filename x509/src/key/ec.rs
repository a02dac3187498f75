//! EC points: uncompressed, on the curve, not infinity.

use aws_lc_rs::signature::{self, ParsedPublicKey, VerificationAlgorithm};

use super::{KeyError, KeyKind};

/// Parses an ECPoint (RFC 5480 §2.2, SEC 1 §2.3.4). aws-lc checks the curve equation; all three
/// curves have cofactor 1, so a point on the curve is in the right group.
pub(super) fn parse_point(kind: KeyKind, octets: &[u8]) -> Result<ParsedPublicKey, KeyError> {
    let (field, verifier): (usize, &'static dyn VerificationAlgorithm) = match kind {
        KeyKind::P256 => (32, &signature::ECDSA_P256_SHA256_ASN1),
        KeyKind::P384 => (48, &signature::ECDSA_P384_SHA384_ASN1),
        KeyKind::P521 => (66, &signature::ECDSA_P521_SHA512_ASN1),
        _ => return Err(KeyError::PointForm),
    };
    match octets {
        [0x00] => return Err(KeyError::PointAtInfinity),
        [0x02 | 0x03, ..] => return Err(KeyError::PointCompressed),
        [0x04, ..] => {}
        _ => return Err(KeyError::PointForm),
    }
    let expected = 1 + 2 * field;
    if octets.len() != expected {
        let found = octets.len();
        return Err(KeyError::Length { expected, found });
    }
    ParsedPublicKey::new(verifier, octets).map_err(|_| KeyError::PointNotOnCurve)
}
