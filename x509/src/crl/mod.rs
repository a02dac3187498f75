//! Certificate revocation lists (RFC 5280 §5).

mod encode;
mod entry;
mod parse;
mod reason;

pub use encode::{TbsCertListFields, encode_tbs_cert_list};
pub use entry::RevokedEntry;
pub use parse::Crl;
pub use reason::{CrlReason, UnknownCrlReason};
