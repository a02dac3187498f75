//! Strict DER in and out, signature verification and key-strength checks.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod bytes;
mod certificate;
#[cfg(test)]
mod confusion;
mod crl;
mod csr;
mod digest;
mod dns_name;
mod encrypted_key;
mod error;
mod extension;
mod foreign;
mod general_name;
mod key;
mod name;
mod ocsp;
mod reader;
mod scheme;
mod serial;
mod tbs;
mod time;
mod verify;
mod well_formed;
mod writer;

pub mod oids;
pub mod pem;

pub use der::asn1::ObjectIdentifier as Oid;

pub use bytes::{
    CertificateDer, CertificationRequestInfoDer, CrlDer, CsrDer, NameDer, OcspResponseDer,
    ResponseDataDer, Signature, SpkiDer, TbsCertListDer, TbsCertificateDer,
};
pub use certificate::Certificate;
pub use crl::{
    Crl, CrlReason, RevokedEntry, TbsCertListFields, UnknownCrlReason, encode_tbs_cert_list,
};
pub use csr::{CertificationRequestInfo, Csr};
pub use digest::{sha1, sha256, sha384, sha512};
pub use dns_name::{DnsNameError, check_dns_name};
pub use encrypted_key::{EncryptedKey, EncryptedKeyError, Prf};
pub use error::DerError;
pub use extension::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, DistributionPoint, Extension,
    ExtensionValue, Extensions, IssuingDistributionPoint, KeyUsage, NameConstraints, NameSubtree,
    PolicyConstraints, PolicyInformation, PolicyQualifier, ReasonFlags, UnknownKeyUsage,
};
pub use foreign::{Deviation, ForeignCertificate, ForeignCrl, ForeignEntry};
pub use general_name::GeneralName;
pub use key::{KeyError, KeyKind, PublicKey, UnknownKeyKind, WeakKey};
pub use name::{Attribute, AttributeType, Name, NameError, StringKind, UnknownAttributeType};
pub use ocsp::{
    CertId, CertIdHash, CertStatus, OcspBasicResponse, OcspErrorStatus, OcspRequest, OcspResponse,
    ResponseData, SingleResponse, assemble_ocsp_response, ocsp_error,
};
pub use scheme::{SchemeError, SignatureScheme};
pub use serial::{Serial, SerialError};
pub use tbs::TbsCertificate;
pub use time::{TimeError, UnixTime};
pub use verify::VerifyError;
