//! Strict DER in and out, signature verification and key-strength checks
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing
    )
)]

mod bytes;
mod digest;
mod key;
mod scheme;
mod verify;

pub use bytes::*;
pub use der::asn1::ObjectIdentifier as Oid;
pub use digest::{sha1, sha256};
pub use key::{KeyError, KeyKind, PublicKey, UnknownKeyKind, WeakKey};
pub use scheme::{SchemeError, SignatureScheme};
pub use verify::VerifyError;
