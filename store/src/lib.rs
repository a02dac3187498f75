//! All SQL: SQLite and PostgreSQL from one text.
//!
//! [`Store::open`] brings the schema up to date. [`Store::write`] runs a transaction,
//! [`Store::record_issued`] records certificates in groups. Each table has a module of free
//! functions: writing ones over `&mut Tx`, reading ones over any [`Source`].

mod adopted;
mod bulk;
mod engine;
mod error;
mod group;
mod issued;
mod migrate;
mod open;
mod table;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
mod tx;
mod url;

pub use adopted::{AdoptedContent, complete_adopted, record_adopted};
pub use error::{OpenError, Outage, StoreError, UrlError};
pub use issued::{IdempotencyEntry, NewIssued, Recorded};
pub use open::Store;
pub use table::{
    acme, audit, certificates, crls, idempotency, issuers, journal_positions, leases, profiles,
    tokens,
};
pub use tx::{BoxFuture, Source, Tx};
pub use url::DatabaseUrl;

#[cfg(test)]
mod tests;
