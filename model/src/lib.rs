//! Ids, entities, states as enums with transitions, audit events.
//!
//! Pure: no I/O. What a state does not have, its type does not hold, and a transition consumes
//! the state that it leaves.

mod acme;
mod audit;
mod certificate;
mod clock;
mod id;
mod issuer;
mod journal;
mod name;
mod profile;
mod role;
mod token;
mod transition;

pub use acme::{
    AcmeAccount, AcmeAccountState, AcmeAuthorization, AcmeAuthorizationState, AcmeErrorKind,
    AcmeFailure, AcmeIdentifier, AcmeOrder, AcmeOrderState, AuthorizationKey, ChallengeMethod,
    ChallengeMethods, ExternalAccountKey, ExternalBinding, IdentifierFault, OrderContent, Proof,
    RenewalPlan,
};
pub use audit::{AuditAction, AuditEvent, NewAuditEvent, UnknownAuditAction};
pub use certificate::{ADOPTED_PROFILE, CertificateState, CertificateStatus, IssuedCertificate};
pub use clock::Clock;
pub use id::{Id, IdError};
pub use issuer::{
    ActiveIssuer, DrainingIssuer, Issuer, IssuerCertificate, IssuerKind, IssuerState,
    PendingIssuer, PendingRequest, Responder, RetiredIssuer,
};
pub use journal::JournalPosition;
pub use name::{IssuerName, NameError, ProfileName, RingName};
pub use profile::Profile;
pub use role::{Permission, Role, UnknownRole};
pub use token::ApiToken;
pub use transition::{TransitionError, UnknownState};
pub use x509::UnixTime;
