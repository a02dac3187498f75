//! Issued certificates and their status.

use std::fmt;
use std::str::FromStr;

use x509::{CertificateDer, CrlReason, Serial, UnixTime};

use crate::{Id, Issuer, JournalPosition, ProfileName, TransitionError, UnknownState};

/// Is a certificate of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// Identifies it in the API.
    pub id: Id<IssuedCertificate>,
    /// The issuer that signed it.
    pub issuer: Id<Issuer>,
    /// The serial number, unique for the issuer.
    pub serial: Serial,
    /// The profile that it was issued from.
    pub profile: ProfileName,
    /// The subject as RFC 4514 text; may be empty.
    pub subject: String,
    /// The names for search: SAN values and common names, as text.
    pub names: Vec<String>,
    /// The first second of its validity.
    pub not_before: UnixTime,
    /// The last second of its validity (RFC 5280 §4.1.2.5: inclusive).
    pub not_after: UnixTime,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub spki_sha256: [u8; 32],
    /// The certificate.
    pub der: CertificateDer,
    /// Whether it is valid, held or revoked.
    pub status: CertificateStatus,
    /// The leaf of the signer's journal that holds its signature.
    pub journal: JournalPosition,
    /// Who asked for it: a token's name or a protocol account.
    pub requested_by: String,
    /// The time at which it was recorded.
    pub created_at: UnixTime,
    /// The certificate in whose place it was issued.
    pub replaces: Option<Id<IssuedCertificate>>,
}

/// The profile of what a CA issued before it was adopted.
pub const ADOPTED_PROFILE: &str = "adopted";

impl IssuedCertificate {
    /// Says whether only serial, end and status are known: its CA was adopted with an inventory
    /// that had no more.
    #[must_use]
    pub fn is_serial_alone(&self) -> bool {
        self.der.as_bytes().is_empty()
    }

    /// Gives the state at `now`: revoked and held outlive expiry.
    #[must_use]
    pub fn state(&self, now: UnixTime) -> CertificateState {
        match self.status {
            CertificateStatus::Revoked { .. } => CertificateState::Revoked,
            CertificateStatus::Held { .. } => CertificateState::Held,
            CertificateStatus::Valid if now > self.not_after => CertificateState::Expired,
            CertificateStatus::Valid => CertificateState::Valid,
        }
    }
}

/// Is what was said about a certificate since it was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CertificateStatus {
    /// Nothing was said against it.
    Valid,
    /// It is on hold (RFC 5280 §5.3.1 certificateHold) and may be released.
    Held {
        /// The time of the hold.
        since: UnixTime,
    },
    /// It is revoked, for good.
    Revoked {
        /// The time of the revocation.
        at: UnixTime,
        /// The reason (RFC 5280 §5.3.1).
        reason: CrlReason,
        /// The time since which the key is suspected (RFC 5280 §5.3.2).
        invalidity: Option<UnixTime>,
    },
}

impl CertificateStatus {
    /// Gives the status' name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Held { .. } => "held",
            Self::Revoked { .. } => "revoked",
        }
    }

    /// Revokes what is valid or held.
    ///
    /// # Errors
    /// [`TransitionError`] if it is revoked already, and for the two reasons that do not revoke:
    /// certificateHold and removeFromCRL (RFC 5280 §5.3.1).
    pub fn revoke(
        self,
        at: UnixTime,
        reason: CrlReason,
        invalidity: Option<UnixTime>,
    ) -> Result<Self, TransitionError> {
        let verb = match reason {
            CrlReason::CertificateHold => "revoke with certificateHold",
            CrlReason::RemoveFromCrl => "revoke with removeFromCRL",
            _ => "revoke",
        };
        match self {
            Self::Valid | Self::Held { .. } if verb == "revoke" => {
                Ok(Self::Revoked { at, reason, invalidity })
            }
            other => Err(TransitionError { from: other.as_str(), verb }),
        }
    }

    /// Puts what is valid on hold.
    ///
    /// # Errors
    /// [`TransitionError`] if it is held or revoked.
    pub fn hold(self, since: UnixTime) -> Result<Self, TransitionError> {
        match self {
            Self::Valid => Ok(Self::Held { since }),
            other => Err(TransitionError { from: other.as_str(), verb: "hold" }),
        }
    }

    /// Releases what is held.
    ///
    /// # Errors
    /// [`TransitionError`] unless it is held.
    pub fn release(self) -> Result<Self, TransitionError> {
        match self {
            Self::Held { .. } => Ok(Self::Valid),
            other => Err(TransitionError { from: other.as_str(), verb: "release" }),
        }
    }
}

/// Is a certificate's state as lists show it, with expiry derived from the clock.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum CertificateState {
    /// Valid and not expired.
    Valid,
    /// On hold.
    Held,
    /// Revoked.
    Revoked,
    /// Neither held nor revoked, and past its time.
    Expired,
}

impl CertificateState {
    /// Lists every state.
    pub const ALL: [Self; 4] = [Self::Valid, Self::Held, Self::Revoked, Self::Expired];

    /// Gives the state's name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Held => "held",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for CertificateState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownState)
    }
}

impl fmt::Display for CertificateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: CertificateStatus = CertificateStatus::Valid;
    const HELD: CertificateStatus = CertificateStatus::Held { since: UnixTime(5) };
    const REVOKED: CertificateStatus = CertificateStatus::Revoked {
        at: UnixTime(7),
        reason: CrlReason::KeyCompromise,
        invalidity: Some(UnixTime(3)),
    };

    #[test]
    fn revocation_is_one_way_and_release_is_from_held_only() {
        let revoke = |status: CertificateStatus| {
            status.revoke(UnixTime(7), CrlReason::KeyCompromise, Some(UnixTime(3)))
        };
        let refused = |from, verb| Err(TransitionError { from, verb });
        for (start, revoked, held, released) in [
            (VALID, Ok(REVOKED), Ok(HELD), refused("valid", "release")),
            (HELD, Ok(REVOKED), refused("held", "hold"), Ok(VALID)),
            (
                REVOKED,
                refused("revoked", "revoke"),
                refused("revoked", "hold"),
                refused("revoked", "release"),
            ),
        ] {
            assert_eq!(revoke(start), revoked);
            assert_eq!(start.hold(UnixTime(5)), held);
            assert_eq!(start.release(), released);
        }
    }

    #[test]
    fn two_reasons_do_not_revoke() {
        for (reason, verb) in [
            (CrlReason::CertificateHold, "revoke with certificateHold"),
            (CrlReason::RemoveFromCrl, "revoke with removeFromCRL"),
        ] {
            let refused = VALID.revoke(UnixTime(1), reason, None);
            assert_eq!(refused, Err(TransitionError { from: "valid", verb }));
        }
    }

    #[test]
    fn state_derives_expiry_after_the_last_second() {
        let mut certificate = IssuedCertificate {
            id: Id::from_parts(1, &[1; 10]),
            issuer: Id::from_parts(1, &[2; 10]),
            serial: Serial::from_unsigned(&[1]).unwrap(),
            profile: ProfileName::new("tls-server").unwrap(),
            subject: String::new(),
            names: vec![],
            not_before: UnixTime(0),
            not_after: UnixTime(10),
            spki_sha256: [0; 32],
            der: CertificateDer::from_vec(vec![]),
            status: VALID,
            journal: JournalPosition(0),
            requested_by: String::new(),
            created_at: UnixTime(0),
            replaces: None,
        };
        assert_eq!(certificate.state(UnixTime(10)), CertificateState::Valid);
        assert_eq!(certificate.state(UnixTime(11)), CertificateState::Expired);
        certificate.status = HELD;
        assert_eq!(certificate.state(UnixTime(11)), CertificateState::Held);
        certificate.status = REVOKED;
        assert_eq!(certificate.state(UnixTime(11)), CertificateState::Revoked);
    }
}
