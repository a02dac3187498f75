//! TBSCertificate (RFC 5280 §4.1.2), strict both ways.

use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{
    DerError, Extensions, Name, PublicKey, Serial, SignatureScheme, TbsCertificateDer, UnixTime,
};

/// The most octets that a TBSCertificate may have.
pub(crate) const MAX_TBS: usize = 32 * 1024;

/// What a certificate says, before it is signed; version 3 without unique identifiers.
///
/// ```text
/// TBSCertificate ::= SEQUENCE {
///     version              [0] Version DEFAULT v1,
///     serialNumber             CertificateSerialNumber,
///     signature                AlgorithmIdentifier,
///     issuer                   Name,
///     validity                 SEQUENCE { notBefore Time, notAfter Time },
///     subject                  Name,
///     subjectPublicKeyInfo     SubjectPublicKeyInfo,
///     extensions           [3] Extensions }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TbsCertificate {
    /// The serial number.
    pub serial: Serial,
    /// How the certificate will be signed: a matched scheme. Of a certificate by somebody else's
    /// ECDSA key this tells the digest only ([`SignatureScheme::made_by`]).
    pub signature: SignatureScheme,
    /// The issuer's name; not empty.
    pub issuer: Name,
    /// The first second of validity.
    pub not_before: UnixTime,
    /// The last second of validity.
    pub not_after: UnixTime,
    /// The subject's name.
    pub subject: Name,
    /// The subject's key.
    pub public_key: PublicKey,
    /// The extensions; at least one.
    pub extensions: Extensions,
}

impl TbsCertificate {
    /// Parses strictly: what decodes must encode to the same bytes. At most 32 KiB.
    ///
    /// # Errors
    /// [`DerError`].
    pub fn parse(der: &[u8]) -> Result<Self, DerError> {
        if der.len() > MAX_TBS {
            return Err(DerError::TooLarge { limit: MAX_TBS });
        }
        let mut fields = only(der, tag::SEQUENCE, "TBSCertificate")?;
        let tbs = Self::parse_fields(&mut fields)?;
        fields.finish()?;
        if tbs.encode()?.as_bytes() != der {
            return Err(DerError::NonCanonical);
        }
        Ok(tbs)
    }

    fn parse_fields(fields: &mut Parser<'_>) -> Result<Self, DerError> {
        let mut version = fields.nested(tag::context_constructed(0), "version")?;
        if version.value(tag::INTEGER, "version")? != [2] {
            return Err(DerError::field("version", "not v3"));
        }
        version.finish()?;
        let serial = Serial::from_integer_content(fields.value(tag::INTEGER, "serialNumber")?)?;
        let signature =
            SignatureScheme::from_algorithm_identifier(fields.sequence_der("signature")?)?;
        let issuer = Name::parse(fields.sequence_der("issuer")?)?;
        let mut validity = fields.sequence("validity")?;
        let not_before = validity.time("notBefore")?;
        let not_after = validity.time("notAfter")?;
        validity.finish()?;
        let subject = Name::parse(fields.sequence_der("subject")?)?;
        let public_key = PublicKey::parse(fields.sequence_der("subjectPublicKeyInfo")?)?;
        // RFC 5280 §4.1.2.8: conforming CAs never write unique identifiers.
        if matches!(fields.peek(), Some(0x81 | 0x82)) {
            return Err(DerError::Unsupported { what: "a unique identifier" });
        }
        let mut explicit = fields.nested(tag::context_constructed(3), "extensions")?;
        let extensions = Extensions::parse(explicit.sequence("extensions")?)?;
        explicit.finish()?;
        Ok(Self {
            serial,
            signature,
            issuer,
            not_before,
            not_after,
            subject,
            public_key,
            extensions,
        })
    }

    /// Writes the DER: UTCTime through 2049, GeneralizedTime after (RFC 5280 §4.1.2.5).
    ///
    /// # Errors
    /// [`DerError`] for an empty issuer, a scheme that is only verified, a validity that ends before it
    /// begins or lies outside 1950 to 9999, extensions that are empty or break their rules, more
    /// than 32 KiB.
    pub fn encode(&self) -> Result<TbsCertificateDer, DerError> {
        if self.issuer.is_empty() {
            // RFC 5280 §4.1.2.4: MUST be a non-empty distinguished name.
            return Err(DerError::field("issuer", "empty"));
        }
        if !self.signature.is_matched() {
            return Err(DerError::field("signature", "a scheme that is only verified"));
        }
        if self.not_after < self.not_before {
            return Err(DerError::field("validity", "ends before it begins"));
        }
        let mut writer = Writer::with_capacity(2048);
        writer.raw(&[tag::context_constructed(0), 3, tag::INTEGER, 1, 2]);
        writer.serial(&self.serial);
        writer.raw(self.signature.algorithm_identifier());
        writer.raw(self.issuer.der().as_bytes());
        writer.sequence(|w| {
            w.time(self.not_before)?;
            w.time(self.not_after)
        })?;
        writer.raw(self.subject.der().as_bytes());
        writer.raw(self.public_key.spki().as_bytes());
        writer.nested(tag::context_constructed(3), |w| self.extensions.encode(w))?;
        let content = writer.finish();
        let mut writer = Writer::with_capacity(content.len() + 4);
        writer.value(tag::SEQUENCE, &content);
        let der = writer.finish();
        if der.len() > MAX_TBS {
            return Err(DerError::TooLarge { limit: MAX_TBS });
        }
        Ok(TbsCertificateDer::from_vec(der))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::samples::sample_key;
    use crate::{Extension, ExtensionValue, GeneralName, KeyUsage, Oid};

    /// A certificate of everything that is usual.
    pub(crate) fn sample_tbs() -> TbsCertificate {
        let extensions = vec![
            Extension::critical(ExtensionValue::KeyUsage(KeyUsage::DIGITAL_SIGNATURE)),
            Extension::non_critical(ExtensionValue::SubjectAltName(vec![GeneralName::Dns(
                "www.corp.example".into(),
            )])),
        ];
        TbsCertificate {
            serial: Serial::from_hex("80ff").unwrap(),
            signature: SignatureScheme::EcdsaP256Sha256,
            issuer: Name::parse_rfc4514("CN=Issuing CA,O=Corp").unwrap(),
            not_before: UnixTime(1_700_000_000),
            not_after: UnixTime(1_800_000_000),
            subject: Name::parse_rfc4514("CN=www.corp.example").unwrap(),
            public_key: sample_key("p-256"),
            extensions: Extensions::new(extensions).unwrap(),
        }
    }

    /// The fields of a TBSCertificate, to be exchanged one by one.
    fn fields() -> Vec<Vec<u8>> {
        let der = sample_tbs().encode().unwrap();
        let mut parser = only(der.as_bytes(), tag::SEQUENCE, "").unwrap();
        let mut fields = Vec::new();
        while !parser.is_empty() {
            fields.push(parser.any().unwrap().whole.to_vec());
        }
        fields
    }

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.value(tag, content);
        writer.finish()
    }

    /// Parses a TBSCertificate in which one field is another.
    fn with(index: usize, field: &[u8]) -> Result<TbsCertificate, DerError> {
        let mut fields = fields();
        fields[index] = field.to_vec();
        TbsCertificate::parse(&wrap(tag::SEQUENCE, &fields.concat()))
    }

    #[test]
    fn roundtrips() {
        let tbs = sample_tbs();
        assert_eq!(TbsCertificate::parse(tbs.encode().unwrap().as_bytes()), Ok(tbs.clone()));
        let late = TbsCertificate { not_after: UnixTime::NEVER, ..tbs };
        assert_eq!(TbsCertificate::parse(late.encode().unwrap().as_bytes()), Ok(late));
    }

    #[test]
    fn refuses_every_truncation_and_any_trailing_octet() {
        let der = sample_tbs().encode().unwrap().into_vec();
        for length in 0..der.len() {
            assert!(TbsCertificate::parse(&der[..length]).is_err(), "{length}");
        }
        let trailing = [&der[..], &[0]].concat();
        assert_eq!(TbsCertificate::parse(&trailing), Err(DerError::Trailing));
        let inside = [fields().concat(), vec![5, 0]].concat();
        let inside = TbsCertificate::parse(&wrap(tag::SEQUENCE, &inside));
        assert_eq!(inside, Err(DerError::Trailing));
    }

    #[test]
    fn refuses_versions_other_than_3() {
        let refused = Err(DerError::field("version", "not v3"));
        for version in [0, 1, 3] {
            assert_eq!(with(0, &[0xa0, 3, 2, 1, version]), refused);
        }
        let without = TbsCertificate::parse(&wrap(tag::SEQUENCE, &fields()[1..].concat()));
        assert_eq!(without, Err(DerError::field("version", "another type")));
    }

    #[test]
    fn refuses_serial_numbers_that_are_none() {
        use crate::SerialError as E;
        for (content, error) in [
            (&[][..], E::NotMinimal),
            (&[0], E::Zero),
            (&[0, 1], E::NotMinimal),
            (&[0x80], E::Negative),
            (&[1; 21], E::TooLong),
        ] {
            let serial = wrap(tag::INTEGER, content);
            assert_eq!(with(1, &serial), Err(DerError::Serial(error)));
        }
    }

    #[test]
    fn refuses_null_parameters_where_there_are_none() {
        // ecdsa-with-SHA256 followed by NULL (RFC 5758 §3.2: absent).
        let algorithm = b"\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00";
        let error = crate::SchemeError::Parameters(SignatureScheme::EcdsaP256Sha256);
        assert_eq!(with(2, algorithm), Err(DerError::Scheme(error)));
    }

    #[test]
    fn refuses_to_encode_schemes_that_are_only_verified() {
        let refused = DerError::field("signature", "a scheme that is only verified");
        for signature in SignatureScheme::ALL {
            let tbs = TbsCertificate { signature, ..sample_tbs() };
            assert_eq!(tbs.encode().is_ok(), signature.is_matched(), "{signature}");
            assert!(signature.is_matched() || tbs.encode() == Err(refused.clone()));
        }
    }

    #[test]
    fn refuses_an_empty_issuer_and_accepts_an_empty_subject() {
        assert_eq!(with(3, &[0x30, 0]), Err(DerError::field("issuer", "empty")));
        assert!(with(5, &[0x30, 0]).unwrap().subject.is_empty());
    }

    #[test]
    fn refuses_times_in_the_wrong_form() {
        let utc = b"\x17\x0d231114221320Z".to_vec();
        let field = DerError::field;
        for (not_after, error) in [
            (&b"\x18\x0f20300101000000Z"[..], field("notAfter", "GeneralizedTime before 2050")),
            (b"\x18\x0f20491231235959Z", field("notAfter", "GeneralizedTime before 2050")),
            (b"\x17\x0b3001010000Z", field("UTCTime", "not of the form YYMMDDHHMMSSZ")),
            (b"\x17\x11300101000000+0000", field("UTCTime", "not of the form YYMMDDHHMMSSZ")),
            (b"\x17\x0d300230000000Z", field("UTCTime", "no such date and time")),
            (
                b"\x18\x1120500101000000.5Z",
                field("GeneralizedTime", "not of the form YYYYMMDDHHMMSSZ"),
            ),
            (b"\x04\x00", field("notAfter", "another type")),
            // UTCTime has no 2050: 50 is 1950, before notBefore.
            (b"\x17\x0d500101000000Z", field("validity", "ends before it begins")),
        ] {
            let validity = wrap(tag::SEQUENCE, &[&utc[..], not_after].concat());
            assert_eq!(with(4, &validity), Err(error), "{not_after:02x?}");
        }
    }

    #[test]
    fn refuses_a_name_of_60_kilobytes() {
        let value = wrap(0x0c, &vec![b'a'; 60_000]);
        let pair = wrap(0x30, &[b"\x06\x03\x55\x04\x03", &value[..]].concat());
        let name = wrap(0x30, &wrap(0x31, &pair));
        assert_eq!(with(5, &name), Err(DerError::TooLarge { limit: MAX_TBS }));
    }

    #[test]
    fn refuses_unique_identifiers_and_missing_or_empty_extensions() {
        let mut fields = fields();
        fields.insert(7, b"\x81\x02\x00\x01".to_vec());
        let unique = TbsCertificate::parse(&wrap(tag::SEQUENCE, &fields.concat()));
        assert_eq!(unique, Err(DerError::Unsupported { what: "a unique identifier" }));
        let missing = TbsCertificate::parse(&wrap(tag::SEQUENCE, &fields[..7].concat()));
        assert_eq!(missing, Err(DerError::field("extensions", "missing")));
        let empty = with(7, &wrap(0xa3, &wrap(0x30, &[])));
        assert_eq!(empty, Err(DerError::field("Extensions", "empty")));
    }

    #[test]
    fn refuses_an_indefinite_length_and_a_non_minimal_one() {
        let content = fields().concat();
        let indefinite = [&[0x30, 0x80][..], &content, &[0, 0]].concat();
        let refused = Err(DerError::NotDer { why: "indefinite length" });
        assert_eq!(TbsCertificate::parse(&indefinite), refused);
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        let long = [&[0x30, 0x83, 0][..], &length, &content].concat();
        let refused = Err(DerError::NotDer { why: "non-minimal length" });
        assert_eq!(TbsCertificate::parse(&long), refused);
    }

    #[test]
    fn refuses_to_encode_more_than_32_kilobytes() {
        let mut tbs = sample_tbs();
        let mut der = Writer::new();
        der.value(tag::OCTET_STRING, &vec![0; MAX_TBS]);
        let value = ExtensionValue::Unknown { oid: Oid::new_unwrap("1.2.3"), der: der.finish() };
        tbs.extensions = Extensions::new(vec![Extension::non_critical(value)]).unwrap();
        assert_eq!(tbs.encode(), Err(DerError::TooLarge { limit: MAX_TBS }));
    }
}
