//! Hierarchy, profiles, lint, issue, revoke, CRL, OCSP, recovery.
//!
//! [`Authority`] has the verbs that everything uses; it never holds key material.
//! docs/ISSUANCE.md follows one certificate through it.

mod audit;
mod authority;
pub mod ceremony;
mod courier;
mod crl;
pub mod hierarchy;
mod issue;
mod issuers;
mod jobs;
mod lease;
pub mod lint;
mod log;
mod ocsp;
mod own;
pub mod profile;
mod readiness;
mod reconcile;
mod recover;
mod revoke;
mod rings;
mod seal;
mod urls;
mod wants;

pub use audit::{AnchorError, AuditCheck};
pub use authority::{Authority, AuthorityParts};
pub use crl::{CrlEntry, StatusError};
pub use issue::{
    Assembled, CheckedOrder, Draft, DraftError, DraftOrder, DraftRequest, Idempotency, IssueError,
    IssueRequest, Issued, IssuerFacts, OrderRequest, Prepared, Wanted,
};
pub use jobs::Jobs;
pub use log::{JournalEntries, LogError, LogProof, LogTile, RingLog};
pub use ocsp::{Cacheable, OcspReply};
pub use own::{OwnWish, TLS_KEY};
pub use readiness::{
    CrlReadiness, IssuerMetrics, Readiness, RingMetrics, RingReadiness, SignerReadiness,
};
pub use reconcile::{Finding, FindingKind, Reconciliation, Standing};
pub use recover::{RecoverError, RecoveryReport};
pub use revoke::RevokeRequest;
pub use rings::{RingLink, RingTwice, Rings};
pub use seal::Secret;
pub use urls::{NotABase, PublicUrls};
