//! Issuers: our own CAs, from the wish to the grave.

use std::fmt;
use std::str::FromStr;

use x509::{CertificateDer, CsrDer, NameDer, SpkiDer, TbsCertificateDer, UnixTime};

use crate::{Id, IssuerName, RingName, TransitionError, UnknownState};

/// Is one of our certification authorities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Identifies it.
    pub id: Id<Issuer>,
    /// The name in URLs.
    pub name: IssuerName,
    /// The subject DN.
    pub subject: NameDer,
    /// The issuer above it, if that is ours.
    pub parent: Option<Id<Issuer>>,
    /// The ring that holds its key.
    pub ring: RingName,
    /// The key's label in the ring.
    pub key_label: String,
    /// What it stands for in the hierarchy.
    pub kind: IssuerKind,
    /// Issues leaf certificates.
    pub is_issuing: bool,
    /// Where it is in its life.
    pub state: IssuerState,
    /// The current delegated OCSP responder (RFC 6960 §4.2.2.2).
    pub responder: Option<Responder>,
    /// Counts the changes from 1; changes are compare-and-set on it.
    pub revision: i64,
    /// The time of its making.
    pub created_at: UnixTime,
}

/// Is an issuer's place in the hierarchy.
#[derive(
    Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum IssuerKind {
    /// Self-signed.
    Root,
    /// Signs CAs only.
    Intermediate,
    /// Signs leaves.
    Issuing,
}

impl IssuerKind {
    /// Lists every kind.
    pub const ALL: [Self; 3] = [Self::Root, Self::Intermediate, Self::Issuing];

    /// Gives the kind's name in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Intermediate => "intermediate",
            Self::Issuing => "issuing",
        }
    }
}

impl FromStr for IssuerKind {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownState)
    }
}

impl fmt::Display for IssuerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Is a delegated OCSP responder's key and certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responder {
    /// The ring that holds the `ocsp` key: the issuer's, or one that follows it.
    pub ring: RingName,
    /// The `ocsp` key's label in its ring.
    pub key_label: String,
    /// Its certificate, signed by the issuer.
    pub certificate: CertificateDer,
    /// The last second of the certificate's validity.
    pub not_after: UnixTime,
}

/// Is an issuer's own certificate with the path to the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerCertificate {
    /// The CA certificate.
    pub certificate: CertificateDer,
    /// The certificates above it, root last; empty for a root.
    pub chain: Vec<CertificateDer>,
    /// The last second of the CA certificate's validity.
    pub not_after: UnixTime,
}

/// Is where an issuer is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IssuerState {
    /// Waits for its certificate.
    Pending(PendingIssuer),
    /// Issues.
    Active(ActiveIssuer),
    /// Issues no more; its CRL and OCSP go on.
    Draining(DrainingIssuer),
    /// Is done.
    Retired(RetiredIssuer),
}

/// Is an issuer that waits for its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingIssuer {
    /// What is to be signed.
    pub request: PendingRequest,
    /// The public key, once it exists.
    pub spki: Option<SpkiDer>,
    /// The time of the request.
    pub requested_at: UnixTime,
}

/// Is what an operator is asked to have signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PendingRequest {
    /// A wish in words, for a key that does not exist yet; crate `ca` knows the text.
    Wish(String),
    /// The to-be-signed certificate, for a parent of ours.
    Tbs(TbsCertificateDer),
    /// A certification request, for a foreign parent.
    Csr(CsrDer),
}

/// Is an issuer that issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveIssuer {
    /// Its certificate.
    pub certificate: IssuerCertificate,
}

/// Is an issuer that issues no more but still answers for what it issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrainingIssuer {
    /// Its certificate.
    pub certificate: IssuerCertificate,
    /// The time since which it issues no more.
    pub since: UnixTime,
}

/// Is an issuer that is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetiredIssuer {
    /// Its certificate.
    pub certificate: IssuerCertificate,
    /// The time of its retirement.
    pub at: UnixTime,
}

impl PendingIssuer {
    /// Takes the certificate and issues.
    #[must_use]
    pub fn activate(self, certificate: IssuerCertificate) -> ActiveIssuer {
        ActiveIssuer { certificate }
    }
}

impl ActiveIssuer {
    /// Takes a new certificate for the same key.
    #[must_use]
    pub fn renew(self, certificate: IssuerCertificate) -> Self {
        Self { certificate }
    }

    /// Stops issuing.
    #[must_use]
    pub fn drain(self, since: UnixTime) -> DrainingIssuer {
        DrainingIssuer { certificate: self.certificate, since }
    }
}

impl DrainingIssuer {
    /// Ends.
    #[must_use]
    pub fn retire(self, at: UnixTime) -> RetiredIssuer {
        RetiredIssuer { certificate: self.certificate, at }
    }
}

impl IssuerState {
    /// Gives the state's name in lower case.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending(_) => "pending",
            Self::Active(_) => "active",
            Self::Draining(_) => "draining",
            Self::Retired(_) => "retired",
        }
    }

    /// Gives the issuer's certificate; a pending issuer has none.
    #[must_use]
    pub const fn certificate(&self) -> Option<&IssuerCertificate> {
        match self {
            Self::Pending(_) => None,
            Self::Active(state) => Some(&state.certificate),
            Self::Draining(state) => Some(&state.certificate),
            Self::Retired(state) => Some(&state.certificate),
        }
    }

    /// Takes a pending issuer's certificate.
    ///
    /// # Errors
    /// [`TransitionError`] unless pending.
    pub fn activate(self, certificate: IssuerCertificate) -> Result<Self, TransitionError> {
        match self {
            Self::Pending(state) => Ok(Self::Active(state.activate(certificate))),
            other => Err(other.refuse("activate")),
        }
    }

    /// Takes a new certificate for an active issuer's key.
    ///
    /// # Errors
    /// [`TransitionError`] unless active.
    pub fn renew(self, certificate: IssuerCertificate) -> Result<Self, TransitionError> {
        match self {
            Self::Active(state) => Ok(Self::Active(state.renew(certificate))),
            other => Err(other.refuse("renew")),
        }
    }

    /// Stops an active issuer from issuing.
    ///
    /// # Errors
    /// [`TransitionError`] unless active.
    pub fn drain(self, since: UnixTime) -> Result<Self, TransitionError> {
        match self {
            Self::Active(state) => Ok(Self::Draining(state.drain(since))),
            other => Err(other.refuse("drain")),
        }
    }

    /// Ends a draining issuer.
    ///
    /// # Errors
    /// [`TransitionError`] unless draining.
    pub fn retire(self, at: UnixTime) -> Result<Self, TransitionError> {
        match self {
            Self::Draining(state) => Ok(Self::Retired(state.retire(at))),
            other => Err(other.refuse("retire")),
        }
    }

    const fn refuse(&self, verb: &'static str) -> TransitionError {
        TransitionError { from: self.as_str(), verb }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(not_after: i64) -> IssuerCertificate {
        IssuerCertificate {
            certificate: CertificateDer::from_vec(vec![1]),
            chain: vec![CertificateDer::from_vec(vec![2])],
            not_after: UnixTime(not_after),
        }
    }

    fn states() -> [IssuerState; 4] {
        let pending = IssuerState::Pending(PendingIssuer {
            request: PendingRequest::Wish("cn".to_owned()),
            spki: None,
            requested_at: UnixTime(1),
        });
        let active = pending.clone().activate(certificate(9)).unwrap();
        let draining = active.clone().drain(UnixTime(2)).unwrap();
        let retired = draining.clone().retire(UnixTime(3)).unwrap();
        [pending, active, draining, retired]
    }

    #[test]
    fn life_goes_one_way() {
        type Step = fn(IssuerState) -> Result<IssuerState, TransitionError>;
        let steps: [(&str, &str, Step); 4] = [
            ("activate", "pending", |state| state.activate(certificate(9))),
            ("renew", "active", |state| state.renew(certificate(10))),
            ("drain", "active", |state| state.drain(UnixTime(2))),
            ("retire", "draining", |state| state.retire(UnixTime(3))),
        ];
        for state in states() {
            for (verb, from, step) in steps {
                let name = state.as_str();
                match step(state.clone()) {
                    Ok(_) => assert_eq!(name, from),
                    Err(error) => {
                        assert_ne!(name, from);
                        assert_eq!(error, TransitionError { from: name, verb });
                    }
                }
            }
        }
    }

    #[test]
    fn certificate_stays_to_the_end_and_renewal_replaces_it() {
        let [pending, active, draining, retired] = states();
        assert_eq!(pending.certificate(), None);
        for state in [&active, &draining, &retired] {
            assert_eq!(state.certificate(), Some(&certificate(9)));
        }
        let renewed = active.renew(certificate(10)).unwrap();
        assert_eq!(renewed.certificate(), Some(&certificate(10)));
    }
}
