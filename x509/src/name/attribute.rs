//! Attributes of names: their types and values.

use core::fmt;
use core::str::FromStr;

use super::{NameError, StringKind};
use crate::reader::{Parser, tag};
use crate::writer::Writer;
use crate::{DerError, Oid};

/// An AttributeTypeAndValue whose value is a string.
///
/// ```text
/// AttributeTypeAndValue ::= SEQUENCE { type AttributeType, value AttributeValue }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    attribute_type: AttributeType,
    kind: StringKind,
    value: String,
}

/// The type of a name's attribute (RFC 5280 Appendix A.1, RFC 4519).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AttributeType {
    /// commonName, `CN`.
    CommonName,
    /// surname, `SN`.
    Surname,
    /// serialNumber, `serialNumber`.
    SerialNumber,
    /// countryName, `C`.
    Country,
    /// localityName, `L`.
    Locality,
    /// stateOrProvinceName, `ST`.
    StateOrProvince,
    /// streetAddress, `STREET`.
    Street,
    /// organizationName, `O`.
    Organization,
    /// organizationalUnitName, `OU`.
    OrganizationalUnit,
    /// title, `title`.
    Title,
    /// givenName, `givenName`.
    GivenName,
    /// domainComponent, `DC`.
    DomainComponent,
    /// emailAddress of PKCS#9, `emailAddress`.
    EmailAddress,
    /// userId, `UID`.
    UserId,
    /// Any other type; never one of those above.
    Other(Oid),
}

/// Says that a text names no attribute type. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown attribute type")]
pub struct UnknownAttributeType;

const KNOWN: [(AttributeType, &str, Oid); 14] = [
    (AttributeType::CommonName, "CN", Oid::new_unwrap("2.5.4.3")),
    (AttributeType::Surname, "SN", Oid::new_unwrap("2.5.4.4")),
    (AttributeType::SerialNumber, "serialNumber", Oid::new_unwrap("2.5.4.5")),
    (AttributeType::Country, "C", Oid::new_unwrap("2.5.4.6")),
    (AttributeType::Locality, "L", Oid::new_unwrap("2.5.4.7")),
    (AttributeType::StateOrProvince, "ST", Oid::new_unwrap("2.5.4.8")),
    (AttributeType::Street, "STREET", Oid::new_unwrap("2.5.4.9")),
    (AttributeType::Organization, "O", Oid::new_unwrap("2.5.4.10")),
    (AttributeType::OrganizationalUnit, "OU", Oid::new_unwrap("2.5.4.11")),
    (AttributeType::Title, "title", Oid::new_unwrap("2.5.4.12")),
    (AttributeType::GivenName, "givenName", Oid::new_unwrap("2.5.4.42")),
    (AttributeType::DomainComponent, "DC", Oid::new_unwrap("0.9.2342.19200300.100.1.25")),
    (AttributeType::EmailAddress, "emailAddress", Oid::new_unwrap("1.2.840.113549.1.9.1")),
    (AttributeType::UserId, "UID", Oid::new_unwrap("0.9.2342.19200300.100.1.1")),
];

/// Names that others use for the same types.
const ALIASES: [(AttributeType, &str); 4] = [
    (AttributeType::StateOrProvince, "S"),
    (AttributeType::GivenName, "GN"),
    (AttributeType::EmailAddress, "E"),
    (AttributeType::EmailAddress, "email"),
];

impl AttributeType {
    /// Finds the type of an object identifier.
    #[must_use]
    pub fn from_oid(oid: Oid) -> Self {
        KNOWN.iter().find(|known| known.2 == oid).map_or(Self::Other(oid), |known| known.0)
    }

    /// Gives the object identifier.
    #[must_use]
    pub fn oid(self) -> Oid {
        match self {
            Self::Other(oid) => oid,
            // Every other variant is in the table; the default is never reached.
            known => {
                KNOWN.iter().find(|row| row.0 == known).map_or(crate::oids::POLICY_ANY, |row| row.2)
            }
        }
    }

    /// Gives the short name, or the dotted form of an object identifier without one.
    #[must_use]
    pub fn as_string(self) -> String {
        self.to_string()
    }

    /// Gives the short name if the type has one.
    #[must_use]
    pub fn short_name(self) -> Option<&'static str> {
        KNOWN.iter().find(|row| row.0 == self).map(|row| row.1)
    }

    /// Gives the string type in which we write values (RFC 5280 Appendix A.1).
    const fn preferred_kind(self) -> StringKind {
        match self {
            Self::Country | Self::SerialNumber => StringKind::Printable,
            Self::DomainComponent | Self::EmailAddress => StringKind::Ia5,
            _ => StringKind::Utf8,
        }
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.short_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "{}", self.oid()),
        }
    }
}

impl FromStr for AttributeType {
    type Err = UnknownAttributeType;

    fn from_str(text: &str) -> Result<Self, UnknownAttributeType> {
        let known = KNOWN.iter().map(|row| (row.0, row.1)).chain(ALIASES);
        for (attribute_type, name) in known {
            if name.eq_ignore_ascii_case(text) {
                return Ok(attribute_type);
            }
        }
        Oid::new(text).map(Self::from_oid).map_err(|_| UnknownAttributeType)
    }
}

impl Attribute {
    /// Makes an attribute with the string type that its type asks for.
    ///
    /// # Errors
    /// [`NameError::Attribute`] if the value is empty, has NUL or characters outside that type, or
    /// is a country other than two letters.
    pub fn new(attribute_type: AttributeType, value: &str) -> Result<Self, NameError> {
        // RFC 5280 Appendix A.1: X520countryName has exactly two characters (ISO 3166).
        let is_code = value.len() == 2 && value.bytes().all(|b| b.is_ascii_alphabetic());
        if attribute_type == AttributeType::Country && !is_code {
            let why = "not a country code of two letters";
            return Err(NameError::Attribute { attribute: attribute_type, why });
        }
        Self::with_kind(attribute_type, attribute_type.preferred_kind(), value)
    }

    /// Makes an attribute with a string type of one's choice.
    ///
    /// # Errors
    /// [`NameError::Attribute`] if the value is empty, has NUL or characters outside that type.
    pub fn with_kind(
        attribute_type: AttributeType,
        kind: StringKind,
        value: &str,
    ) -> Result<Self, NameError> {
        match kind.encode(value) {
            Ok(_) => Ok(Self { attribute_type, kind, value: value.to_owned() }),
            Err(DerError::Field { why, .. }) => {
                Err(NameError::Attribute { attribute: attribute_type, why })
            }
            Err(other) => Err(NameError::Encoding(other)),
        }
    }

    /// Gives the type.
    #[must_use]
    pub fn attribute_type(&self) -> AttributeType {
        self.attribute_type
    }

    /// Gives the value as text.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Gives the ASN.1 type of the value.
    #[must_use]
    pub fn kind(&self) -> StringKind {
        self.kind
    }

    /// Reads type and value.
    pub(super) fn parse(pair: &mut Parser<'_>) -> Result<Self, DerError> {
        let attribute_type = AttributeType::from_oid(pair.oid("AttributeType")?);
        Self::parse_value(attribute_type, pair)
    }

    /// Reads a value of a known type.
    pub(super) fn parse_value(
        attribute_type: AttributeType,
        parser: &mut Parser<'_>,
    ) -> Result<Self, DerError> {
        let tlv = parser.any()?;
        let kind = StringKind::from_tag(tlv.tag)
            .ok_or(DerError::Unsupported { what: "an attribute value that is no string" })?;
        Ok(Self { attribute_type, kind, value: kind.decode(tlv.content)? })
    }

    /// Gives the DER of the value alone.
    pub(super) fn value_der(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        // The constructors checked that the value can be written.
        writer.value(self.kind.tag(), &self.kind.encode(&self.value).unwrap_or_default());
        writer.finish()
    }

    /// Gives the DER of type and value.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut content = Writer::new();
        content.oid(&self.attribute_type.oid());
        content.raw(&self.value_der());
        let mut writer = Writer::new();
        writer.value(tag::SEQUENCE, &content.finish());
        writer.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_roundtrip_as_text_and_oid() {
        for (attribute_type, name, oid) in KNOWN {
            assert_eq!(name.parse(), Ok(attribute_type));
            assert_eq!(name.to_lowercase().parse(), Ok(attribute_type));
            assert_eq!(oid.to_string().parse(), Ok(attribute_type));
            assert_eq!(attribute_type.oid(), oid);
            assert_eq!(attribute_type.to_string(), name);
        }
        let other = AttributeType::Other(Oid::new_unwrap("1.2.3"));
        assert_eq!("1.2.3".parse(), Ok(other));
        assert_eq!(other.to_string(), "1.2.3");
        assert_eq!("X".parse::<AttributeType>(), Err(UnknownAttributeType));
    }

    #[test]
    fn refuses_values_outside_the_type() {
        for (attribute, value, why) in [
            (AttributeType::Country, "DEU", "not a country code of two letters"),
            (AttributeType::Country, "D1", "not a country code of two letters"),
            (AttributeType::SerialNumber, "a_b", "character outside its type"),
            (AttributeType::DomainComponent, "ü", "character outside its type"),
            (AttributeType::CommonName, "", "empty"),
            (AttributeType::CommonName, "a\0", "contains NUL"),
        ] {
            assert_eq!(
                Attribute::new(attribute, value),
                Err(NameError::Attribute { attribute, why })
            );
        }
    }
}
