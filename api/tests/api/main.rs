//! The API by its router: the real store in memory, and no signer at all.

mod bench;
mod certificates;
mod health;
mod issuers;
mod permissions;
mod problems;
mod profiles;
mod tls;
mod tokens;
