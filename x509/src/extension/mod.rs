//! Extensions of certificates and CRLs: one file an extension.

mod basic_constraints;
mod distribution_points;
mod extended_key_usage;
mod info_access;
mod issuing_distribution_point;
mod key_identifiers;
mod key_usage;
mod list;
mod microsoft_sid;
mod name_constraints;
mod policies;
mod policy_constraints;
mod reasons;
mod tls_feature;
mod value;

pub use basic_constraints::BasicConstraints;
pub use distribution_points::DistributionPoint;
pub use info_access::AccessDescription;
pub use issuing_distribution_point::IssuingDistributionPoint;
pub use key_identifiers::AuthorityKeyIdentifier;
pub use key_usage::{KeyUsage, UnknownKeyUsage};
pub use list::Extensions;
pub use name_constraints::{NameConstraints, NameSubtree};
pub use policies::{PolicyInformation, PolicyQualifier};
pub use policy_constraints::PolicyConstraints;
pub use reasons::ReasonFlags;
pub use value::ExtensionValue;

pub(crate) use list::{RawExtension, parse_raw_list};
pub(crate) use value::encode_raw;

use crate::{DerError, Oid};

/// An extension with its criticality.
///
/// ```text
/// Extension ::= SEQUENCE {
///     extnID     OBJECT IDENTIFIER,
///     critical   BOOLEAN DEFAULT FALSE,
///     extnValue  OCTET STRING }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Whether who does not know the extension must reject the certificate.
    pub critical: bool,
    /// The value.
    pub value: ExtensionValue,
}

impl Extension {
    /// Makes a critical extension.
    #[must_use]
    pub fn critical(value: ExtensionValue) -> Self {
        Self { critical: true, value }
    }

    /// Makes an extension that is not critical.
    #[must_use]
    pub fn non_critical(value: ExtensionValue) -> Self {
        Self { critical: false, value }
    }

    /// Gives the object identifier.
    #[must_use]
    pub fn oid(&self) -> Oid {
        self.value.oid()
    }

    /// Reads an extension whose parts were taken apart already.
    pub(crate) fn from_raw(raw: &RawExtension<'_>) -> Result<Self, DerError> {
        let value = ExtensionValue::parse(raw.oid, raw.value)?;
        Ok(Self { critical: raw.critical, value })
    }
}
