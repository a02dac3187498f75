//! What ACME keeps (RFC 8555 §7.1): accounts, orders, authorisations, external account keys.

mod account;
mod authorization;
mod external;
mod identifier;
mod order;
mod problem;
mod renewal;

pub use account::{AcmeAccount, AcmeAccountState, ExternalBinding};
pub use authorization::{
    AcmeAuthorization, AcmeAuthorizationState, AuthorizationKey, ChallengeMethod, ChallengeMethods,
    Proof,
};
pub use external::ExternalAccountKey;
pub use identifier::{AcmeIdentifier, IdentifierFault};
pub use order::{AcmeOrder, AcmeOrderState, OrderContent};
pub use problem::{AcmeErrorKind, AcmeFailure};
pub use renewal::RenewalPlan;
