//! Accounts (RFC 8555 §7.1.2).

use x509::UnixTime;

use super::ExternalAccountKey;
use crate::{Id, TransitionError};

/// Is an account: a key that asked to have one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeAccount {
    /// Identifies it in its URL.
    pub id: Id<AcmeAccount>,
    /// SHA-256 of the canonical JWK (RFC 7638).
    pub thumbprint: [u8; 32],
    /// The public key as a canonical JWK.
    pub jwk: String,
    /// Whether it may act.
    pub state: AcmeAccountState,
    /// Contact URLs.
    pub contact: Vec<String>,
    /// When its holder agreed to the terms, if there were any.
    pub terms_agreed_at: Option<UnixTime>,
    /// The external account that it is bound to.
    pub external: Option<ExternalBinding>,
    /// When it was made.
    pub created_at: UnixTime,
    /// Grows with every change.
    pub revision: i64,
}

/// Ties an account to a key that an operator handed out (RFC 8555 §7.3.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalBinding {
    /// The external account key.
    pub key: Id<ExternalAccountKey>,
    /// The JWS that bound it, as the client sent it.
    pub jws: String,
}

/// Is whether an account may act (RFC 8555 §7.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AcmeAccountState {
    /// It may.
    Valid,
    /// Its holder gave it up.
    Deactivated {
        /// When.
        at: UnixTime,
    },
    /// An operator took it away.
    Revoked {
        /// When.
        at: UnixTime,
    },
}

impl AcmeAccountState {
    /// Gives the state's name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Deactivated { .. } => "deactivated",
            Self::Revoked { .. } => "revoked",
        }
    }

    /// Gives up what is valid.
    ///
    /// # Errors
    /// [`TransitionError`] if it is not.
    pub fn deactivate(self, at: UnixTime) -> Result<Self, TransitionError> {
        match self {
            Self::Valid => Ok(Self::Deactivated { at }),
            other => Err(TransitionError { from: other.as_str(), verb: "deactivate" }),
        }
    }

    /// Takes away what is valid.
    ///
    /// # Errors
    /// [`TransitionError`] if it is not.
    pub fn revoke(self, at: UnixTime) -> Result<Self, TransitionError> {
        match self {
            Self::Valid => Ok(Self::Revoked { at }),
            other => Err(TransitionError { from: other.as_str(), verb: "revoke" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn valid_is_left_once() {
        let at = UnixTime(7);
        let valid = AcmeAccountState::Valid;
        assert_eq!(valid.deactivate(at), Ok(AcmeAccountState::Deactivated { at }));
        assert_eq!(valid.revoke(at), Ok(AcmeAccountState::Revoked { at }));
        for gone in [AcmeAccountState::Deactivated { at }, AcmeAccountState::Revoked { at }] {
            let from = gone.as_str();
            assert_eq!(gone.deactivate(at), Err(TransitionError { from, verb: "deactivate" }));
            assert_eq!(gone.revoke(at), Err(TransitionError { from, verb: "revoke" }));
        }
    }
}
