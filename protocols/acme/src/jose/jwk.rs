//! Public keys as JWK (RFC 7517, RFC 7518 §6, RFC 8037 §2) and their thumbprints (RFC 7638).

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use x509::{PublicKey, sha256};

use super::{SignatureAlgorithm, decode};
use crate::problem::Problem;

/// Octets of the largest modulus: 8,192 bits, as much as signatures are verified for.
const MAX_MODULUS: usize = 1024;

/// Is a public key that may sign requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Jwk {
    Ec { curve: Curve, x: Vec<u8>, y: Vec<u8> },
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ed25519 { x: Vec<u8> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    const ALL: [Self; 3] = [Self::P256, Self::P384, Self::P521];

    const fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    /// Octets of a coordinate (RFC 7518 §6.2.1.2).
    const fn width(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The SubjectPublicKeyInfo up to the point (RFC 5480 §2).
    const fn spki_prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => &[
                0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
            ],
            Self::P384 => &[
                0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06,
                0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00,
            ],
            Self::P521 => &[
                0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
                0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
            ],
        }
    }
}

/// The SubjectPublicKeyInfo of Ed25519 up to the key (RFC 8410 §4).
const ED25519_PREFIX: [u8; 12] =
    [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// `AlgorithmIdentifier` of rsaEncryption with its NULL (RFC 3279 §2.3.1).
const RSA_ALGORITHM: [u8; 15] =
    [0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];

fn text<'v>(jwk: &'v Value, member: &str) -> Result<&'v str, Problem> {
    let found = jwk.get(member).and_then(Value::as_str);
    found.ok_or_else(|| Problem::malformed(format!("the JWK has no text `{member}`")))
}

fn octets(jwk: &Value, member: &str) -> Result<Vec<u8>, Problem> {
    decode(&format!("the JWK's `{member}`"), text(jwk, member)?)
}

impl Jwk {
    /// Reads a key.
    pub(crate) fn read(jwk: &Value) -> Result<Self, Problem> {
        if !jwk.is_object() {
            return Err(Problem::malformed("the JWK is no object"));
        }
        // Whoever sends it has lost it.
        if jwk.get("d").is_some() || jwk.get("k").is_some() {
            return Err(Problem::bad_public_key("the JWK holds more than a public key"));
        }
        match text(jwk, "kty")? {
            "EC" => Self::read_ec(jwk),
            "RSA" => Self::read_rsa(jwk),
            "OKP" if text(jwk, "crv")? == "Ed25519" => {
                let x = octets(jwk, "x")?;
                if x.len() != 32 {
                    return Err(Problem::bad_public_key("an Ed25519 key has 32 octets"));
                }
                Ok(Self::Ed25519 { x })
            }
            _ => Err(Problem::bad_public_key(
                "keys are EC (P-256, P-384, P-521), RSA or OKP (Ed25519)",
            )),
        }
    }

    fn read_ec(jwk: &Value) -> Result<Self, Problem> {
        let name = text(jwk, "crv")?;
        let curve = Curve::ALL.into_iter().find(|curve| curve.as_str() == name);
        let curve = curve.ok_or_else(|| {
            Problem::bad_public_key("the curve is none of P-256, P-384 and P-521")
        })?;
        let (x, y) = (octets(jwk, "x")?, octets(jwk, "y")?);
        if x.len() != curve.width() || y.len() != curve.width() {
            let width = curve.width();
            let why = format!("coordinates of {name} have {width} octets (RFC 7518 §6.2.1)");
            return Err(Problem::bad_public_key(why));
        }
        Ok(Self::Ec { curve, x, y })
    }

    fn read_rsa(jwk: &Value) -> Result<Self, Problem> {
        let (n, e) = (octets(jwk, "n")?, octets(jwk, "e")?);
        // RFC 7518 §6.3.1: the minimum number of octets, or one key would have many thumbprints.
        if n.first().is_none_or(|first| *first == 0) || e.first().is_none_or(|first| *first == 0) {
            return Err(Problem::bad_public_key("RSA numbers have no leading zero octets"));
        }
        if n.len() < 256 || n.len() > MAX_MODULUS || e.len() > 4 {
            return Err(Problem::bad_public_key("RSA keys have 2,048 to 8,192 bits"));
        }
        Ok(Self::Rsa { n, e })
    }

    /// Writes the members that count, in the one order (RFC 7638 §3.2).
    pub(crate) fn canonical(&self) -> String {
        let b64 = |octets: &[u8]| URL_SAFE_NO_PAD.encode(octets);
        match self {
            Self::Ec { curve, x, y } => format!(
                r#"{{"crv":"{}","kty":"EC","x":"{}","y":"{}"}}"#,
                curve.as_str(),
                b64(x),
                b64(y)
            ),
            Self::Rsa { n, e } => {
                format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, b64(e), b64(n))
            }
            Self::Ed25519 { x } => {
                format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, b64(x))
            }
        }
    }

    /// Gives SHA-256 of [`Self::canonical`].
    pub(crate) fn thumbprint(&self) -> [u8; 32] {
        sha256(self.canonical().as_bytes())
    }

    /// Gives the key as certificates have it.
    pub(crate) fn spki(&self) -> Vec<u8> {
        match self {
            Self::Ec { curve, .. } => [curve.spki_prefix(), &self.point()].concat(),
            Self::Ed25519 { x } => [&ED25519_PREFIX[..], x].concat(),
            Self::Rsa { n, e } => {
                let key = tlv(0x30, &[integer(n), integer(e)].concat());
                let bits = tlv(0x03, &[&[0][..], &key].concat());
                tlv(0x30, &[&RSA_ALGORITHM[..], &bits].concat())
            }
        }
    }

    /// Refuses keys that must not stand for anybody.
    pub(crate) fn check_strength(&self) -> Result<(), Problem> {
        let key = PublicKey::parse(&self.spki())
            .map_err(|error| Problem::bad_public_key(format!("the key is unusable: {error}")))?;
        key.check_strength()
            .map_err(|weak| Problem::bad_public_key(format!("the key is weak: {weak}")))
    }

    fn point(&self) -> Vec<u8> {
        match self {
            Self::Ec { x, y, .. } => [&[4][..], x, y].concat(),
            Self::Ed25519 { x } => x.clone(),
            Self::Rsa { .. } => Vec::new(),
        }
    }

    fn fits(&self, algorithm: SignatureAlgorithm) -> bool {
        use SignatureAlgorithm as A;
        matches!(
            (self, algorithm),
            (Self::Ec { curve: Curve::P256, .. }, A::Es256)
                | (Self::Ec { curve: Curve::P384, .. }, A::Es384)
                | (Self::Ec { curve: Curve::P521, .. }, A::Es512)
                | (Self::Rsa { .. }, A::Rs256)
                | (Self::Ed25519 { .. }, A::EdDsa)
        )
    }

    /// Verifies a signature.
    pub(crate) fn verify(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), Problem> {
        if !self.fits(algorithm) {
            return Err(Problem::bad_algorithm(format!(
                "the algorithm {} is not that of the key",
                algorithm.as_str()
            )));
        }
        let verified = match self {
            Self::Rsa { n, e } => RsaPublicKeyComponents { n, e }.verify(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                message,
                signature,
            ),
            Self::Ec { .. } | Self::Ed25519 { .. } => {
                UnparsedPublicKey::new(algorithm.verification(), self.point())
                    .verify(message, signature)
            }
        };
        verified.map_err(|_| Problem::malformed("the JWS's signature does not verify"))
    }
}

/// Writes an unsigned INTEGER.
fn integer(magnitude: &[u8]) -> Vec<u8> {
    let pad = magnitude.first().is_some_and(|first| first & 0x80 != 0);
    tlv(0x02, &[if pad { &[0][..] } else { &[] }, magnitude].concat())
}

/// Writes a value of at most 65,535 octets.
fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let [_, _, _, _, _, _, high, low] = (length as u64).to_be_bytes();
    let head: &[u8] = match length {
        0..=0x7f => &[tag, low],
        0x80..=0xff => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    [head, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use model::AcmeErrorKind;

    fn read(text: &str) -> Result<Jwk, (AcmeErrorKind, StatusCode)> {
        Jwk::read(&serde_json::from_str(text).expect("JSON")).map_err(|p| (p.kind(), p.status()))
    }

    #[test]
    fn thumbprints_are_those_of_the_rfcs() {
        // RFC 7638 §3.1.
        let rsa = read(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        );
        let rsa = rsa.expect("an RSA key");
        let thumbprint = URL_SAFE_NO_PAD.encode(rsa.thumbprint());
        assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
        assert!(PublicKey::parse(&rsa.spki()).is_ok());
        // RFC 8037 Appendix A.3.
        let ed =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let ed = read(ed).expect("an Ed25519 key");
        let thumbprint = URL_SAFE_NO_PAD.encode(ed.thumbprint());
        assert_eq!(thumbprint, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(PublicKey::parse(&ed.spki()).is_ok());
    }

    #[test]
    fn refuses_keys_that_are_none_of_ours() {
        use AcmeErrorKind::{BadPublicKey, Malformed};
        let x = "A".repeat(43);
        for (text, kind) in [
            ("[]".to_owned(), Malformed),
            ("{}".to_owned(), Malformed),
            (r#"{"kty":"oct","k":"AAAA"}"#.to_owned(), BadPublicKey),
            (r#"{"kty":"OKP","crv":"X25519","x":"AAAA"}"#.to_owned(), BadPublicKey),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#.to_owned(), BadPublicKey),
            (r#"{"kty":"OKP","crv":"Ed25519","x":"A=="}"#.to_owned(), Malformed),
            (format!(r#"{{"kty":"EC","crv":"P-256K","x":"{x}","y":"{x}"}}"#), BadPublicKey),
            (format!(r#"{{"kty":"EC","crv":"P-384","x":"{x}","y":"{x}"}}"#), BadPublicKey),
            (format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#), Malformed),
            (
                format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{x}","d":"{x}"}}"#),
                BadPublicKey,
            ),
            (r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned(), BadPublicKey),
            (format!(r#"{{"kty":"RSA","n":"AA{}","e":"AQAB"}}"#, "A".repeat(342)), BadPublicKey),
        ] {
            assert_eq!(read(&text), Err((kind, StatusCode::BAD_REQUEST)), "{text}");
        }
    }
}
