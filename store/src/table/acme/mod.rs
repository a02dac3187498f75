//! ACME: accounts, external account keys, orders, nonces, planned renewals.

pub mod accounts;
pub mod authorizations;
pub mod eab_keys;
mod lists;
pub mod nonces;
pub mod orders;
pub mod renewal_plans;
