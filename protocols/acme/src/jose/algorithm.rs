//! The algorithms of a JWS (RFC 7518 §3, RFC 8037).

use aws_lc_rs::{hmac, signature};

use crate::problem::Problem;

/// Signs requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureAlgorithm {
    Es256,
    Es384,
    Es512,
    Rs256,
    EdDsa,
}

impl SignatureAlgorithm {
    pub(crate) const ALL: [Self; 5] =
        [Self::Es256, Self::Es384, Self::Es512, Self::Rs256, Self::EdDsa];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Reads the name; what is not supported is told with what is (RFC 8555 §6.2).
    pub(crate) fn read(name: &str) -> Result<Self, Problem> {
        let found = Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name);
        found.ok_or_else(|| {
            let name: String = name.chars().take(32).collect();
            Problem::bad_algorithm(format!("the algorithm `{name}` does not sign requests here"))
        })
    }

    /// Gives what verifies it; the raw form of ECDSA signatures (RFC 7518 §3.4).
    pub(super) fn verification(self) -> &'static dyn signature::VerificationAlgorithm {
        match self {
            Self::Es256 => &signature::ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &signature::ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &signature::ECDSA_P521_SHA512_FIXED,
            Self::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
            Self::EdDsa => &signature::ED25519,
        }
    }
}

/// Binds external accounts (RFC 8555 §7.3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MacAlgorithm {
    Hs256,
    Hs384,
    Hs512,
}

impl MacAlgorithm {
    pub(crate) fn read(name: &str) -> Result<Self, Problem> {
        match name {
            "HS256" => Ok(Self::Hs256),
            "HS384" => Ok(Self::Hs384),
            "HS512" => Ok(Self::Hs512),
            _ => Err(Problem::malformed("an external account binding has HS256, HS384 or HS512")),
        }
    }

    /// Verifies a MAC in constant time.
    pub(crate) fn verify(self, key: &[u8], message: &[u8], mac: &[u8]) -> bool {
        let algorithm = match self {
            Self::Hs256 => hmac::HMAC_SHA256,
            Self::Hs384 => hmac::HMAC_SHA384,
            Self::Hs512 => hmac::HMAC_SHA512,
        };
        hmac::verify(&hmac::Key::new(algorithm, key), message, mac).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_signatures_sign_and_only_macs_bind() {
        for algorithm in SignatureAlgorithm::ALL {
            assert_eq!(SignatureAlgorithm::read(algorithm.as_str()).ok(), Some(algorithm));
            assert!(MacAlgorithm::read(algorithm.as_str()).is_err());
        }
        for other in ["none", "HS256", "RS512", "PS256", "ES256K", "es256", ""] {
            assert!(SignatureAlgorithm::read(other).is_err(), "{other}");
        }
        for name in ["HS256", "HS384", "HS512"] {
            assert!(MacAlgorithm::read(name).is_ok());
        }
        assert!(MacAlgorithm::read("none").is_err());
    }
}
