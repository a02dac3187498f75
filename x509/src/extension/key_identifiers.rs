//! authorityKeyIdentifier and subjectKeyIdentifier (RFC 5280 §4.2.1.1, §4.2.1.2).

use crate::general_name::{encode_general_names, parse_general_names};
use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{DerError, GeneralName, Serial};

const PATH: &str = "AuthorityKeyIdentifier";

/// Which key signed.
///
/// ```text
/// AuthorityKeyIdentifier ::= SEQUENCE {
///     keyIdentifier             [0] KeyIdentifier            OPTIONAL,
///     authorityCertIssuer       [1] GeneralNames             OPTIONAL,
///     authorityCertSerialNumber [2] CertificateSerialNumber  OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AuthorityKeyIdentifier {
    /// The issuer's subjectKeyIdentifier.
    pub key_id: Option<Vec<u8>>,
    /// The names of the issuer's issuer; empty if absent, present only with the serial number.
    pub authority_cert_issuer: Vec<GeneralName>,
    /// The serial number of the issuer's certificate.
    pub authority_cert_serial: Option<Serial>,
}

impl AuthorityKeyIdentifier {
    /// Makes the usual form, which has the key identifier only.
    #[must_use]
    pub fn from_key_id(key_id: &[u8]) -> Self {
        Self {
            key_id: Some(key_id.to_vec()),
            authority_cert_issuer: Vec::new(),
            authority_cert_serial: None,
        }
    }

    pub(super) fn parse(value: &[u8]) -> Result<Self, DerError> {
        let mut fields = only(value, tag::SEQUENCE, PATH)?;
        let key_id = fields.optional(tag::context(0))?.map(<[u8]>::to_vec);
        let authority_cert_issuer = match fields.optional(tag::context_constructed(1))? {
            Some(content) => parse_general_names(Parser::new(content), "authorityCertIssuer")?,
            None => Vec::new(),
        };
        let authority_cert_serial =
            fields.optional(tag::context(2))?.map(Serial::from_integer_content).transpose()?;
        fields.finish()?;
        let identifier = Self { key_id, authority_cert_issuer, authority_cert_serial };
        identifier.check()?;
        Ok(identifier)
    }

    pub(super) fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| {
            if let Some(key_id) = &self.key_id {
                w.value(tag::context(0), key_id);
            }
            if !self.authority_cert_issuer.is_empty() {
                let names = &self.authority_cert_issuer;
                encode_general_names(w, tag::context_constructed(1), names, "authorityCertIssuer")?;
            }
            if let Some(serial) = &self.authority_cert_serial {
                w.serial_as(tag::context(2), serial);
            }
            Ok(())
        })
    }

    fn check(&self) -> Result<(), DerError> {
        if self.authority_cert_issuer.is_empty() == self.authority_cert_serial.is_some() {
            // RFC 5280 Appendix A.2: both present or both absent.
            return Err(DerError::field(
                PATH,
                "issuer without serial number or the other way round",
            ));
        }
        match &self.key_id {
            Some(key_id) => check_key_id(key_id),
            None if self.authority_cert_serial.is_none() => Err(DerError::field(PATH, "empty")),
            None => Ok(()),
        }
    }
}

/// SubjectKeyIdentifier ::= KeyIdentifier, an OCTET STRING
pub(super) fn parse_subject_key_identifier(value: &[u8]) -> Result<Vec<u8>, DerError> {
    let mut parser = Parser::new(value);
    let key_id = parser.value(tag::OCTET_STRING, "SubjectKeyIdentifier")?;
    parser.finish()?;
    check_key_id(key_id)?;
    Ok(key_id.to_vec())
}

pub(super) fn encode_subject_key_identifier(
    key_id: &[u8],
    writer: &mut Writer,
) -> Result<(), DerError> {
    check_key_id(key_id)?;
    writer.value(tag::OCTET_STRING, key_id);
    Ok(())
}

fn check_key_id(key_id: &[u8]) -> Result<(), DerError> {
    if (1..=64).contains(&key_id.len()) {
        Ok(())
    } else {
        Err(DerError::field("KeyIdentifier", "not of 1 to 64 octets"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;

    fn roundtrip(identifier: &AuthorityKeyIdentifier) -> Result<AuthorityKeyIdentifier, DerError> {
        let mut writer = Writer::new();
        identifier.encode(&mut writer)?;
        AuthorityKeyIdentifier::parse(&writer.finish())
    }

    #[test]
    fn roundtrips() {
        let short = AuthorityKeyIdentifier::from_key_id(&[7; 20]);
        assert_eq!(roundtrip(&short), Ok(short));
        let full = AuthorityKeyIdentifier {
            key_id: Some(vec![1]),
            authority_cert_issuer: vec![GeneralName::Directory(
                Name::parse_rfc4514("CN=a").unwrap(),
            )],
            authority_cert_serial: Some(Serial::from_hex("80").unwrap()),
        };
        assert_eq!(roundtrip(&full), Ok(full));
    }

    #[test]
    fn refuses_what_identifies_nothing() {
        assert_eq!(AuthorityKeyIdentifier::parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
        let half =
            Err(DerError::field(PATH, "issuer without serial number or the other way round"));
        assert_eq!(AuthorityKeyIdentifier::parse(&[0x30, 3, 0x82, 1, 1]), half);
        let short = Err(DerError::field("KeyIdentifier", "not of 1 to 64 octets"));
        assert_eq!(AuthorityKeyIdentifier::parse(&[0x30, 2, 0x80, 0]), short);
        assert_eq!(parse_subject_key_identifier(&[4, 0]).err(), short.err());
    }
}
