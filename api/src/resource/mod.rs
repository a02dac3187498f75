//! What the API's bodies say.

mod audit;
mod certificate;
mod draft;
mod eab_key;
mod issuer;
mod journal;
mod name;
mod page;
mod profile;
mod reconciliation;
mod renewal_plan;
mod request;
mod time;
mod token;

pub use audit::{AuditCheckBody, AuditEventBody};
pub use certificate::{CertificateBody, CertificateSummary};
pub use draft::DraftBody;
pub use eab_key::{EabKeyBody, NewEabKeyBody};
pub use issuer::{IssuerBody, pem_of};
pub use journal::{JournalEntriesBody, JournalEntryBody};
pub use name::alternative_name;
pub use page::Page;
pub use profile::ProfileBody;
pub use reconciliation::ReconciliationBody;
pub use renewal_plan::RenewalPlanBody;
pub use request::{officer_signature, read_csr, read_signature};
pub use time::Time;
pub use token::{NewTokenBody, TokenBody};
