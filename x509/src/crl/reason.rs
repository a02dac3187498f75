//! Why a certificate is revoked (RFC 5280 §5.3.1).

use core::fmt;
use core::str::FromStr;

use crate::DerError;

/// CRLReason, an ENUMERATED; the number 7 is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum CrlReason {
    /// No reason is given.
    Unspecified = 0,
    /// The subject's key is in other hands.
    KeyCompromise = 1,
    /// The CA's key is in other hands.
    CaCompromise = 2,
    /// The subject's name or affiliation changed.
    AffiliationChanged = 3,
    /// Another certificate took its place.
    Superseded = 4,
    /// The certificate is no longer needed.
    CessationOfOperation = 5,
    /// Suspended; may be released.
    CertificateHold = 6,
    /// Released; only in delta CRLs.
    RemoveFromCrl = 8,
    /// A privilege in the certificate was withdrawn.
    PrivilegeWithdrawn = 9,
    /// The attribute authority's key is in other hands.
    AaCompromise = 10,
}

/// Says that a text or number is no CRLReason. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown revocation reason")]
pub struct UnknownCrlReason;

impl CrlReason {
    /// All reasons in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// Gives the number of RFC 5280 §5.3.1.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Finds the reason of a number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }

    /// Gives the name of RFC 5280 §5.3.1, `keyCompromise` for example.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }

    /// Reads the content of the ENUMERATED.
    pub(crate) fn parse(content: &[u8]) -> Result<Self, DerError> {
        match *content {
            [code] => Self::from_code(code),
            _ => None,
        }
        .ok_or(DerError::field("CRLReason", "unknown reason"))
    }
}

impl FromStr for CrlReason {
    type Err = UnknownCrlReason;

    fn from_str(text: &str) -> Result<Self, UnknownCrlReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(UnknownCrlReason)
    }
}

impl fmt::Display for CrlReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_roundtrip() {
        for reason in CrlReason::ALL {
            assert_eq!(CrlReason::from_code(reason.code()), Some(reason));
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!(CrlReason::from_code(7), None);
        assert_eq!("KeyCompromise".parse::<CrlReason>(), Err(UnknownCrlReason));
    }

    #[test]
    fn refuses_unknown_and_long_numbers() {
        let refused = Err(DerError::field("CRLReason", "unknown reason"));
        for content in [&[7][..], &[0, 1], &[], &[11]] {
            assert_eq!(CrlReason::parse(content), refused);
        }
    }
}
