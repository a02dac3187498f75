//! The error types of ACME (RFC 8555 §6.7 and its successors).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::UnknownState;

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $text:literal;)*) => {
        /// Is an error type, without `urn:ietf:params:acme:error:`.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        pub enum AcmeErrorKind {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl AcmeErrorKind {
            /// Lists every type.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Gives the type's name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// The account does not exist.
    AccountDoesNotExist = "accountDoesNotExist";
    /// The certificate that the order replaces was replaced already (RFC 9773 §7.4).
    AlreadyReplaced = "alreadyReplaced";
    /// The certificate is revoked already.
    AlreadyRevoked = "alreadyRevoked";
    /// The CSR is unacceptable.
    BadCsr = "badCSR";
    /// The anti-replay nonce is unacceptable.
    BadNonce = "badNonce";
    /// The key of the JWS is not supported.
    BadPublicKey = "badPublicKey";
    /// The revocation reason is not allowed.
    BadRevocationReason = "badRevocationReason";
    /// The algorithm of the JWS is not supported.
    BadSignatureAlgorithm = "badSignatureAlgorithm";
    /// CAA records forbid issuance.
    Caa = "caa";
    /// Several errors, told as subproblems.
    Compound = "compound";
    /// The validator could not connect.
    Connection = "connection";
    /// A DNS query failed.
    Dns = "dns";
    /// The request must have an external account binding.
    ExternalAccountRequired = "externalAccountRequired";
    /// What was found did not match the challenge.
    IncorrectResponse = "incorrectResponse";
    /// A contact URL is invalid.
    InvalidContact = "invalidContact";
    /// The order asks for a profile that is not offered.
    InvalidProfile = "invalidProfile";
    /// The request is malformed.
    Malformed = "malformed";
    /// The order is not ready to be finalized.
    OrderNotReady = "orderNotReady";
    /// A limit is exceeded.
    RateLimited = "rateLimited";
    /// No certificate is issued for the identifier.
    RejectedIdentifier = "rejectedIdentifier";
    /// The server failed.
    ServerInternal = "serverInternal";
    /// The validator met a TLS error.
    Tls = "tls";
    /// The client may not.
    Unauthorized = "unauthorized";
    /// The scheme of a contact URL is not supported.
    UnsupportedContact = "unsupportedContact";
    /// The type of an identifier is not supported.
    UnsupportedIdentifier = "unsupportedIdentifier";
    /// Somebody has to visit a page first.
    UserActionRequired = "userActionRequired";
}

impl fmt::Display for AcmeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AcmeErrorKind {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == text).ok_or(UnknownState)
    }
}

/// Is why an order or a challenge failed, as it is kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcmeFailure {
    /// The type.
    #[serde(rename = "type")]
    pub kind: AcmeErrorKind,
    /// For a person; no secret.
    pub detail: String,
}

impl AcmeFailure {
    /// Makes a failure.
    #[must_use]
    pub fn new(kind: AcmeErrorKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        for kind in AcmeErrorKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(*kind));
        }
        assert_eq!("badCsr".parse::<AcmeErrorKind>(), Err(UnknownState));
    }
}
