//! The tables, a module each.

pub mod acme;
pub mod audit;
pub mod certificates;
pub mod crls;
pub mod idempotency;
pub mod issuers;
pub mod journal_positions;
pub mod leases;
pub mod profiles;
pub mod tokens;
