//! Authorisations and their challenges (RFC 8555 §7.1.4, §7.1.5, §7.1.6).

use std::fmt;
use std::str::FromStr;

use x509::UnixTime;

use super::{AcmeAccount, AcmeFailure, AcmeIdentifier, AcmeOrder};
use crate::{Id, TransitionError, UnknownState};

/// Is how control over an identifier is shown. Device attestation and draft methods get places of
/// their own here when they come.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ChallengeMethod {
    /// A file on port 80 (RFC 8555 §8.3).
    Http01,
    /// A TXT record (RFC 8555 §8.4).
    Dns01,
    /// A TLS handshake (RFC 8737).
    TlsAlpn01,
}

impl ChallengeMethod {
    /// Lists every method.
    pub const ALL: [Self; 3] = [Self::Http01, Self::Dns01, Self::TlsAlpn01];

    /// Gives the method's registered name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
        }
    }

    /// Tells whether it can show control over an identifier.
    #[must_use]
    pub fn fits(self, identifier: &AcmeIdentifier) -> bool {
        match (self, identifier) {
            // RFC 8555 §8.3, RFC 8737 §3: wildcards by dns-01 alone.
            (Self::Http01 | Self::TlsAlpn01, name) => !name.is_wildcard(),
            // RFC 8738 §7: dns-01 is not for addresses.
            (Self::Dns01, AcmeIdentifier::Ip(_)) => false,
            (Self::Dns01, AcmeIdentifier::Dns(_)) => true,
        }
    }

    const fn bit(self) -> i64 {
        match self {
            Self::Http01 => 1,
            Self::Dns01 => 2,
            Self::TlsAlpn01 => 4,
        }
    }
}

impl fmt::Display for ChallengeMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ChallengeMethod {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|method| method.as_str() == text).ok_or(UnknownState)
    }
}

/// Is a set of methods.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct ChallengeMethods(i64);

impl ChallengeMethods {
    /// Takes those that fit the identifier.
    #[must_use]
    pub fn fitting(methods: &[ChallengeMethod], identifier: &AcmeIdentifier) -> Self {
        let fits = methods.iter().filter(|method| method.fits(identifier));
        Self(fits.fold(0, |bits, method| bits | method.bit()))
    }

    /// Reads the number that [`Self::bits`] gives.
    ///
    /// # Errors
    /// [`UnknownState`] for bits that no method has.
    pub fn from_bits(bits: i64) -> Result<Self, UnknownState> {
        if (0..8).contains(&bits) { Ok(Self(bits)) } else { Err(UnknownState) }
    }

    /// Gives the set as a number.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Tells whether the method is in the set.
    #[must_use]
    pub const fn has(self, method: ChallengeMethod) -> bool {
        self.0 & method.bit() != 0
    }

    /// Tells whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Gives the methods.
    pub fn iter(self) -> impl Iterator<Item = ChallengeMethod> {
        ChallengeMethod::ALL.into_iter().filter(move |method| self.has(*method))
    }
}

/// Is what a validation left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    /// How; none if the profile trusts its accounts and nothing was validated.
    pub method: Option<ChallengeMethod>,
    /// When.
    pub at: UnixTime,
    /// The position of the validation's record in the signer's journal.
    pub record: Option<u64>,
}

/// Is the state of an authorisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AcmeAuthorizationState {
    /// A challenge has to be met.
    Pending,
    /// Control was shown.
    Valid(Proof),
    /// A challenge was not met.
    Invalid {
        /// Which.
        method: ChallengeMethod,
        /// Why not.
        failure: AcmeFailure,
    },
    /// The client gave it up.
    Deactivated,
    /// The server took it back.
    Revoked,
    /// Its time is over.
    Expired,
}

impl AcmeAuthorizationState {
    /// Gives the state's name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Valid(_) => "valid",
            Self::Invalid { .. } => "invalid",
            Self::Deactivated => "deactivated",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Lets time pass: what is pending or valid expires.
    #[must_use]
    pub fn at(self, now: UnixTime, expires: UnixTime) -> Self {
        match self {
            Self::Pending | Self::Valid(_) if now >= expires => Self::Expired,
            other => other,
        }
    }

    /// Takes a validation that succeeded.
    ///
    /// # Errors
    /// [`TransitionError`] unless it is pending.
    pub fn succeed(self, proof: Proof) -> Result<Self, TransitionError> {
        match self {
            Self::Pending => Ok(Self::Valid(proof)),
            other => Err(TransitionError { from: other.as_str(), verb: "validate" }),
        }
    }

    /// Takes a validation that failed.
    ///
    /// # Errors
    /// [`TransitionError`] unless it is pending.
    pub fn fail(
        self,
        method: ChallengeMethod,
        failure: AcmeFailure,
    ) -> Result<Self, TransitionError> {
        match self {
            Self::Pending => Ok(Self::Invalid { method, failure }),
            other => Err(TransitionError { from: other.as_str(), verb: "fail" }),
        }
    }

    /// Gives up what is pending or valid (RFC 8555 §7.5.2).
    ///
    /// # Errors
    /// [`TransitionError`] if it is neither.
    pub fn deactivate(self) -> Result<Self, TransitionError> {
        match self {
            Self::Pending | Self::Valid(_) => Ok(Self::Deactivated),
            other => Err(TransitionError { from: other.as_str(), verb: "deactivate" }),
        }
    }
}

/// Names an authorisation: the order that it was made for, and its place there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AuthorizationKey {
    /// The order.
    pub order: Id<AcmeOrder>,
    /// The place, from 0.
    pub number: u16,
}

/// Is an authorisation. Each belongs to one order: what is reused is what was proved, not the row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeAuthorization {
    /// Names it.
    pub key: AuthorizationKey,
    /// Whose it is.
    pub account: Id<AcmeAccount>,
    /// What is to be shown control over, without `*.`.
    pub identifier: AcmeIdentifier,
    /// Whether the order asks for a wildcard.
    pub wildcard: bool,
    /// The token of all its challenges (RFC 8555 §8.1: at least 128 bits of entropy).
    pub token: String,
    /// The challenges that it offers.
    pub methods: ChallengeMethods,
    /// Its state.
    pub state: AcmeAuthorizationState,
    /// The first second at which it is no longer good.
    pub expires_at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::AcmeErrorKind;

    const PROOF: Proof =
        Proof { method: Some(ChallengeMethod::Http01), at: UnixTime(5), record: Some(7) };

    fn failure() -> AcmeFailure {
        AcmeFailure::new(AcmeErrorKind::Connection, "refused")
    }

    #[test]
    fn transitions_are_those_of_rfc_8555() {
        use AcmeAuthorizationState as S;
        let method = ChallengeMethod::Http01;
        let invalid = S::Invalid { method, failure: failure() };
        assert_eq!(S::Pending.succeed(PROOF), Ok(S::Valid(PROOF)));
        assert_eq!(S::Pending.fail(method, failure()), Ok(invalid.clone()));
        assert_eq!(S::Pending.deactivate(), Ok(S::Deactivated));
        assert_eq!(S::Valid(PROOF).deactivate(), Ok(S::Deactivated));
        for end in [invalid, S::Deactivated, S::Revoked, S::Expired] {
            let from = end.as_str();
            assert_eq!(end.clone().succeed(PROOF), Err(TransitionError { from, verb: "validate" }));
            assert_eq!(
                end.clone().fail(method, failure()),
                Err(TransitionError { from, verb: "fail" })
            );
            assert_eq!(end.deactivate(), Err(TransitionError { from, verb: "deactivate" }));
        }
    }

    #[test]
    fn what_is_pending_or_valid_expires() {
        use AcmeAuthorizationState as S;
        let end = UnixTime(10);
        assert_eq!(S::Pending.at(UnixTime(9), end), S::Pending);
        assert_eq!(S::Pending.at(end, end), S::Expired);
        assert_eq!(S::Valid(PROOF).at(end, end), S::Expired);
        assert_eq!(S::Deactivated.at(end, end), S::Deactivated);
    }

    #[test]
    fn methods_fit_what_they_can_show() {
        let offered = |text: &str| {
            let identifier = text.parse().unwrap();
            let methods = ChallengeMethods::fitting(&ChallengeMethod::ALL, &identifier);
            assert_eq!(ChallengeMethods::from_bits(methods.bits()), Ok(methods));
            methods.iter().map(ChallengeMethod::as_str).collect::<Vec<_>>()
        };
        assert_eq!(offered("dns:a.example"), ["http-01", "dns-01", "tls-alpn-01"]);
        assert_eq!(offered("dns:*.a.example"), ["dns-01"]);
        assert_eq!(offered("ip:10.0.0.1"), ["http-01", "tls-alpn-01"]);
        assert!(ChallengeMethods::from_bits(8).is_err());
    }
}
