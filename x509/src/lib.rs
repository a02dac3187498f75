//! Strict DER in and out, signature verification and key-strength checks.
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
mod dns_name;
mod error;
mod key;
mod reader;
mod scheme;
mod serial;
mod time;
mod verify;
mod writer;

pub mod oids;

pub use der::asn1::ObjectIdentifier as Oid;

pub use bytes::{
    CertificateDer, CertificationRequestInfoDer, CrlDer, CsrDer, NameDer, OcspResponseDer,
    ResponseDataDer, Signature, SpkiDer, TbsCertListDer, TbsCertificateDer,
};
pub use digest::{sha1, sha256};
pub use dns_name::{DnsNameError, check_dns_name};
pub use error::DerError;
pub use key::{KeyError, KeyKind, PublicKey, UnknownKeyKind, WeakKey};
pub use scheme::{SchemeError, SignatureScheme};
pub use serial::{Serial, SerialError};
pub use time::{TimeError, UnixTime};
pub use verify::VerifyError;
