//! The API by its router: the real store in memory, the real signer core or none at all.

mod acme;
mod bench;
mod certificates;
mod health;
mod issuers;
mod issuing;
mod journal;
mod odd_inputs;
mod own_certificate;
mod permissions;
mod problems;
mod profiles;
mod reconciliation;
mod secrets;
mod tls;
mod tokens;
