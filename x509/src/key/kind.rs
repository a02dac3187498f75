//! The kinds of keys that are known.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The algorithm and size of a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyKind {
    /// RSA with a modulus of 2048 bits.
    Rsa2048,
    /// RSA with a modulus of 3072 bits.
    Rsa3072,
    /// RSA with a modulus of 4096 bits.
    Rsa4096,
    /// RSA with a modulus of any other size, in bits; never one of the three sizes above.
    RsaOther(u16),
    /// ECDSA on NIST P-256.
    P256,
    /// ECDSA on NIST P-384.
    P384,
    /// ECDSA on NIST P-521.
    P521,
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// ML-DSA-44 (FIPS 204, RFC 9881).
    MlDsa44,
    /// ML-DSA-65 (FIPS 204, RFC 9881).
    MlDsa65,
    /// ML-DSA-87 (FIPS 204, RFC 9881).
    MlDsa87,
}

/// The text is not the name of a key kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown key kind name")]
pub struct UnknownKeyKind;

impl KeyKind {
    /// Every kind that a key may be generated as.
    pub const ALL: [KeyKind; 10] = [
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::P256,
        Self::P384,
        Self::P521,
        Self::Ed25519,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
    ];

    /// Returns the kind of an RSA key whose modulus has this many bits.
    pub fn rsa(bits: u16) -> Self {
        match bits {
            2048 => Self::Rsa2048,
            3072 => Self::Rsa3072,
            4096 => Self::Rsa4096,
            other => Self::RsaOther(other),
        }
    }

    /// Returns the size of the modulus in bits, `None` unless the key is RSA.
    pub fn rsa_bits(self) -> Option<u16> {
        match self {
            Self::Rsa2048 => Some(2048),
            Self::Rsa3072 => Some(3072),
            Self::Rsa4096 => Some(4096),
            Self::RsaOther(bits) => Some(bits),
            _ => None,
        }
    }

    /// Returns the name; every unusual RSA size is `rsa-other`, where Display gives the size.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::RsaOther(_) => "rsa-other",
            Self::P256 => "p-256",
            Self::P384 => "p-384",
            Self::P521 => "p-521",
            Self::Ed25519 => "ed25519",
            Self::MlDsa44 => "ml-dsa-44",
            Self::MlDsa65 => "ml-dsa-65",
            Self::MlDsa87 => "ml-dsa-87",
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RsaOther(bits) => write!(f, "rsa-{bits}"),
            kind => f.write_str(kind.as_str()),
        }
    }
}

impl FromStr for KeyKind {
    type Err = UnknownKeyKind;

    fn from_str(name: &str) -> Result<Self, UnknownKeyKind> {
        if let Some(kind) = Self::ALL.into_iter().find(|kind| kind.as_str() == name) {
            return Ok(kind);
        }
        let digits = name.strip_prefix("rsa-").ok_or(UnknownKeyKind)?;
        let bits: u16 = digits.parse().map_err(|_| UnknownKeyKind)?;
        // One spelling per kind: no sign, no leading zero.
        if bits.to_string() == digits { Ok(Self::rsa(bits)) } else { Err(UnknownKeyKind) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_parses_back() {
        for kind in KeyKind::ALL.into_iter().chain([KeyKind::RsaOther(1024)]) {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
    }

    #[test]
    fn refuses_other_spellings() {
        for name in ["", "rsa", "rsa-", "rsa-02048", "rsa-+2048", "rsa-99999", "P-256", "rsa-other"]
        {
            assert_eq!(name.parse::<KeyKind>(), Err(UnknownKeyKind), "{name}");
        }
    }
}
