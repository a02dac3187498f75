//! What each key may sign: a closed world. What a policy does not list is refused.
//!
//! [`KeyPolicy::parse`] reads the TOML of docs/KEY-POLICY.md. Every admission takes bytes, parses
//! them strictly, holds them against the policy and gives [`Admitted`]: the only token for which
//! a signature is made. Everything here is a pure function of its arguments.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod admitted;
mod authority;
mod budget;
mod change;
mod constraints;
mod delegated;
mod evidence;
mod extensions;
mod issuer;
mod key_policy;
mod leaf;
mod malformed;
mod names;
mod request;
mod ring;
mod section;
mod status;
mod subject;
mod subject_key;
mod tls;
mod tripwires;
mod usage;
mod validity;

#[cfg(test)]
mod admission_tests;
#[cfg(test)]
mod authority_tests;
#[cfg(test)]
mod change_fields;
#[cfg(test)]
mod change_search;
#[cfg(test)]
mod change_tests;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sample_keys;
#[cfg(test)]
mod text_tests;

pub use admitted::{Admitted, Meaning};
pub use budget::Budget;
pub use change::{Change, ChangeKind, compare};
pub use evidence::{
    Facts, Given, IssuedCertificate, OFFICER_NAMESPACE, Validation, certificate_summary, records,
};
pub use key_policy::KeyPolicy;
pub use request::admit_request;
pub use ring::{AdmitContext, RingKey, RingKeys};
pub use section::{PolicyError, PolicyErrors};
pub use status::{CrlAdmission, NeverIssued, OcspAdmission, OcspRules};
pub use tls::{HandshakeAdmission, ServerNames, TlsRules};
pub use tripwires::Tripwires;
