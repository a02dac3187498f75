//! authorityInfoAccess and subjectInfoAccess (RFC 5280 §4.2.2).

use crate::reader::{only, tag};
use crate::writer::Writer;
use crate::{DerError, GeneralName, Oid};

const PATH: &str = "AccessDescriptions";

/// Where more about the issuer or the subject is found.
///
/// ```text
/// AccessDescription ::= SEQUENCE {
///     accessMethod   OBJECT IDENTIFIER,
///     accessLocation GeneralName }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AccessDescription {
    /// What is found there, `oids::AD_OCSP` for example.
    pub method: Oid,
    /// The place.
    pub location: GeneralName,
}

impl AccessDescription {
    /// Makes a description of a place given by its URI.
    #[must_use]
    pub fn uri(method: Oid, uri: impl Into<String>) -> Self {
        Self { method, location: GeneralName::Uri(uri.into()) }
    }
}

pub(super) fn parse(value: &[u8]) -> Result<Vec<AccessDescription>, DerError> {
    let mut list = only(value, tag::SEQUENCE, PATH)?;
    let mut descriptions = Vec::new();
    while !list.is_empty() {
        let mut fields = list.sequence("AccessDescription")?;
        let method = fields.oid("accessMethod")?;
        let location = GeneralName::parse(&mut fields)?;
        fields.finish()?;
        descriptions.push(AccessDescription { method, location });
    }
    if descriptions.is_empty() { Err(DerError::field(PATH, "empty")) } else { Ok(descriptions) }
}

pub(super) fn encode(
    descriptions: &[AccessDescription],
    writer: &mut Writer,
) -> Result<(), DerError> {
    if descriptions.is_empty() {
        return Err(DerError::field(PATH, "empty"));
    }
    writer.sequence(|w| {
        descriptions.iter().try_for_each(|description| {
            w.sequence(|w| {
                w.oid(&description.method);
                description.location.encode(w)
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oids::{AD_CA_ISSUERS, AD_OCSP};

    #[test]
    fn roundtrips_and_refuses_an_empty_list() {
        let list = vec![
            AccessDescription::uri(AD_OCSP, "http://pki.example/ocsp"),
            AccessDescription::uri(AD_CA_ISSUERS, "http://pki.example/ca.cer"),
        ];
        let mut writer = Writer::new();
        encode(&list, &mut writer).unwrap();
        assert_eq!(parse(&writer.finish()), Ok(list));
        assert_eq!(parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
    }
}
