//! The list of extensions.

use super::{
    AuthorityKeyIdentifier, BasicConstraints, Extension, ExtensionValue, KeyUsage, NameConstraints,
    encode_raw,
};
use crate::reader::{Parser, tag};
use crate::writer::Writer;
use crate::{DerError, GeneralName, Oid, oids};

/// Extensions in their order, none twice (RFC 5280 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Extensions(Vec<Extension>);

/// An extension before its value is looked at.
#[derive(Clone, Copy)]
pub(crate) struct RawExtension<'a> {
    pub(crate) oid: Oid,
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

impl Extensions {
    /// Takes the extensions in this order.
    ///
    /// # Errors
    /// [`DerError::DuplicateExtension`].
    pub fn new(extensions: Vec<Extension>) -> Result<Self, DerError> {
        let mut seen = Vec::with_capacity(extensions.len());
        for extension in &extensions {
            note(&mut seen, extension.oid())?;
        }
        Ok(Self(extensions))
    }

    /// Tells whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Counts the extensions.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Gives the extensions in their order.
    pub fn iter(&self) -> core::slice::Iter<'_, Extension> {
        self.0.iter()
    }

    /// Finds an extension.
    #[must_use]
    pub fn get(&self, oid: Oid) -> Option<&Extension> {
        self.0.iter().find(|extension| extension.oid() == oid)
    }

    /// Gives basicConstraints if present.
    #[must_use]
    pub fn basic_constraints(&self) -> Option<&BasicConstraints> {
        match self.value(oids::EXT_BASIC_CONSTRAINTS)? {
            ExtensionValue::BasicConstraints(value) => Some(value),
            _ => None,
        }
    }

    /// Gives keyUsage if present.
    #[must_use]
    pub fn key_usage(&self) -> Option<KeyUsage> {
        match self.value(oids::EXT_KEY_USAGE)? {
            ExtensionValue::KeyUsage(value) => Some(*value),
            _ => None,
        }
    }

    /// Gives the purposes of extKeyUsage if present.
    #[must_use]
    pub fn extended_key_usage(&self) -> Option<&[Oid]> {
        match self.value(oids::EXT_EXTENDED_KEY_USAGE)? {
            ExtensionValue::ExtendedKeyUsage(value) => Some(value),
            _ => None,
        }
    }

    /// Gives the names of subjectAltName if present.
    #[must_use]
    pub fn subject_alt_name(&self) -> Option<&[GeneralName]> {
        match self.value(oids::EXT_SUBJECT_ALT_NAME)? {
            ExtensionValue::SubjectAltName(value) => Some(value),
            _ => None,
        }
    }

    /// Gives subjectKeyIdentifier if present.
    #[must_use]
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        match self.value(oids::EXT_SUBJECT_KEY_IDENTIFIER)? {
            ExtensionValue::SubjectKeyIdentifier(value) => Some(value),
            _ => None,
        }
    }

    /// Gives authorityKeyIdentifier if present.
    #[must_use]
    pub fn authority_key_identifier(&self) -> Option<&AuthorityKeyIdentifier> {
        match self.value(oids::EXT_AUTHORITY_KEY_IDENTIFIER)? {
            ExtensionValue::AuthorityKeyIdentifier(value) => Some(value),
            _ => None,
        }
    }

    /// Gives nameConstraints if present.
    #[must_use]
    pub fn name_constraints(&self) -> Option<&NameConstraints> {
        match self.value(oids::EXT_NAME_CONSTRAINTS)? {
            ExtensionValue::NameConstraints(value) => Some(value),
            _ => None,
        }
    }

    /// Gives the number of cRLNumber if present.
    #[must_use]
    pub fn crl_number(&self) -> Option<u64> {
        match self.value(oids::EXT_CRL_NUMBER)? {
            ExtensionValue::CrlNumber(value) => Some(*value),
            _ => None,
        }
    }

    fn value(&self, oid: Oid) -> Option<&ExtensionValue> {
        self.get(oid).map(|extension| &extension.value)
    }

    /// Reads `Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension` from its content.
    pub(crate) fn parse(content: Parser<'_>) -> Result<Self, DerError> {
        parse_raw_list(content)?.iter().map(Extension::from_raw).collect::<Result<_, _>>().map(Self)
    }

    /// Writes the SEQUENCE; refuses an empty one.
    pub(crate) fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        if self.0.is_empty() {
            return Err(DerError::field("Extensions", "empty"));
        }
        writer.sequence(|w| {
            for extension in &self.0 {
                let value = extension.value.encode_content()?;
                encode_raw(w, &extension.oid(), extension.critical, &value);
            }
            Ok(())
        })
    }
}

impl<'a> IntoIterator for &'a Extensions {
    type Item = &'a Extension;
    type IntoIter = core::slice::Iter<'a, Extension>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Takes a list of extensions apart; the values stay as they are.
pub(crate) fn parse_raw_list(mut content: Parser<'_>) -> Result<Vec<RawExtension<'_>>, DerError> {
    let mut list = Vec::new();
    let mut seen = Vec::new();
    while !content.is_empty() {
        let mut fields = content.sequence("Extension")?;
        let oid = fields.oid("extnID")?;
        let explicit = fields.peek() == Some(tag::BOOLEAN);
        let critical = explicit && fields.boolean("critical")?;
        if explicit && !critical {
            // X.690 §11.5: a component equal to its DEFAULT is not encoded.
            return Err(DerError::field("critical", "DEFAULT encoded"));
        }
        let value = fields.value(tag::OCTET_STRING, "extnValue")?;
        fields.finish()?;
        note(&mut seen, oid)?;
        list.push(RawExtension { oid, critical, value });
    }
    if list.is_empty() { Err(DerError::field("Extensions", "empty")) } else { Ok(list) }
}

fn note(seen: &mut Vec<Oid>, oid: Oid) -> Result<(), DerError> {
    if seen.contains(&oid) {
        return Err(DerError::DuplicateExtension(oid));
    }
    seen.push(oid);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AccessDescription, CrlReason, DistributionPoint, IssuingDistributionPoint, Name,
        NameSubtree, PolicyConstraints, PolicyInformation, UnixTime,
    };
    use ExtensionValue as V;
    use proptest::prelude::*;

    fn roundtrip(extensions: &Extensions) -> Result<Extensions, DerError> {
        let mut writer = Writer::new();
        extensions.encode(&mut writer)?;
        let der = writer.finish();
        Extensions::parse(crate::reader::only(&der, tag::SEQUENCE, "Extensions")?)
    }

    fn parse_one(extension: &[u8]) -> Result<Extensions, DerError> {
        Extensions::parse(Parser::new(extension))
    }

    #[test]
    fn refuses_a_duplicate_extension() {
        let usage = Extension::critical(V::KeyUsage(KeyUsage::CRL_SIGN));
        let twice = Extensions::new(vec![usage.clone(), usage.clone()]);
        assert_eq!(twice, Err(DerError::DuplicateExtension(oids::EXT_KEY_USAGE)));
        let mut writer = Writer::new();
        let value = usage.value.encode_content().unwrap();
        encode_raw(&mut writer, &usage.oid(), true, &value);
        encode_raw(&mut writer, &usage.oid(), false, &value);
        let parsed = parse_one(&writer.finish());
        assert_eq!(parsed, Err(DerError::DuplicateExtension(oids::EXT_KEY_USAGE)));
    }

    #[test]
    fn refuses_critical_false_encoded() {
        let der = b"\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\x00\x04\x05\x30\x03\x01\x01\xff";
        assert_eq!(parse_one(der), Err(DerError::field("critical", "DEFAULT encoded")));
    }

    #[test]
    fn refuses_empty_lists() {
        assert_eq!(parse_one(b""), Err(DerError::field("Extensions", "empty")));
        assert_eq!(roundtrip(&Extensions::default()), Err(DerError::field("Extensions", "empty")));
        let san = b"\x30\x09\x06\x03\x55\x1d\x11\x04\x02\x30\x00";
        assert_eq!(parse_one(san), Err(DerError::field("SubjectAltName", "empty")));
        let eku = b"\x30\x09\x06\x03\x55\x1d\x25\x04\x02\x30\x00";
        assert_eq!(parse_one(eku), Err(DerError::field("ExtKeyUsageSyntax", "empty")));
    }

    #[test]
    fn refuses_trailing_octets_in_a_value() {
        let der = b"\x30\x0b\x06\x03\x55\x1d\x13\x04\x04\x30\x00\x05\x00";
        assert_eq!(parse_one(der), Err(DerError::Trailing));
    }

    #[test]
    fn refuses_an_unknown_extension_that_is_no_der_or_nests_deep() {
        let unknown = |der: Vec<u8>| {
            let mut writer = Writer::new();
            encode_raw(&mut writer, &Oid::new_unwrap("1.2.3"), false, &der);
            parse_one(&writer.finish())
        };
        assert!(unknown(vec![5, 0]).is_ok());
        assert_eq!(unknown(vec![]), Err(DerError::NotDer { why: "truncated" }));
        assert_eq!(
            unknown(vec![0x30, 0x80, 0, 0]),
            Err(DerError::NotDer { why: "indefinite length" })
        );
        let deep = (0..1000).fold(Vec::new(), |inner, _| {
            let mut writer = Writer::new();
            writer.value(tag::SEQUENCE, &inner);
            writer.finish()
        });
        assert_eq!(unknown(deep), Err(DerError::TooDeep));
    }

    #[test]
    fn refuses_a_known_extension_dressed_as_unknown() {
        let der = vec![0x03, 0x02, 0x01, 0x06];
        let value = V::Unknown { oid: oids::EXT_KEY_USAGE, der };
        let extensions = Extensions::new(vec![Extension::critical(value)]).unwrap();
        let refused = Err(DerError::field("Unknown", "the extension is a known one"));
        assert_eq!(roundtrip(&extensions), refused);
    }

    #[test]
    fn typed_getters_find_their_extension() {
        let extensions = Extensions::new(vec![
            Extension::critical(V::KeyUsage(KeyUsage::CRL_SIGN)),
            Extension::non_critical(V::SubjectKeyIdentifier(vec![1])),
            Extension::non_critical(V::ExtendedKeyUsage(vec![oids::EKU_SERVER_AUTH])),
        ])
        .unwrap();
        assert_eq!(extensions.key_usage(), Some(KeyUsage::CRL_SIGN));
        assert_eq!(extensions.subject_key_identifier(), Some(&[1][..]));
        assert_eq!(extensions.extended_key_usage(), Some(&[oids::EKU_SERVER_AUTH][..]));
        assert_eq!(extensions.basic_constraints(), None);
        assert_eq!(extensions.len(), 3);
    }

    fn any_general_name() -> impl Strategy<Value = GeneralName> {
        prop_oneof![
            "[a-z]{1,9}(\\.[a-z]{1,9}){0,3}".prop_map(GeneralName::Dns),
            any::<[u8; 4]>().prop_map(|o| GeneralName::Ip(o.into())),
            any::<[u8; 16]>().prop_map(|o| GeneralName::Ip(o.into())),
            "[a-z.]{1,9}@[a-z]{1,9}".prop_map(GeneralName::Email),
            "[a-z]{1,9}:[a-z/?=&]{1,20}".prop_map(GeneralName::Uri),
            "[^\0]{1,9}".prop_map(GeneralName::Upn),
            Just(GeneralName::Directory(Name::parse_rfc4514("CN=a+O=b,C=DE").unwrap())),
            (0_u32..1 << 20)
                .prop_map(|n| GeneralName::RegisteredId(Oid::from_arcs([1, 2, n]).unwrap())),
        ]
    }

    fn any_value() -> impl Strategy<Value = ExtensionValue> {
        let names = || prop::collection::vec(any_general_name(), 1..4);
        let constraints = |permitted: String| NameSubtree::Dns(permitted);
        prop_oneof![
            (any::<bool>(), any::<Option<u8>>()).prop_map(|(ca, len)| V::BasicConstraints(
                BasicConstraints { ca, path_len: len.filter(|_| ca) }
            )),
            (1_u16..1 << 9).prop_map(|bits| V::KeyUsage(KeyUsage::from_bits(bits).unwrap())),
            names().prop_map(V::SubjectAltName),
            names().prop_map(V::IssuerAltName),
            prop::collection::vec(any::<u8>(), 1..65).prop_map(V::SubjectKeyIdentifier),
            prop::collection::vec(any::<u8>(), 1..65)
                .prop_map(|id| V::AuthorityKeyIdentifier(AuthorityKeyIdentifier::from_key_id(&id))),
            "http://[a-z]{1,200}"
                .prop_map(|u| V::CrlDistributionPoints(vec![DistributionPoint::uri(u)])),
            "http://[a-z]{1,9}".prop_map(|u| V::AuthorityInfoAccess(vec![AccessDescription::uri(
                oids::AD_OCSP,
                u
            )])),
            "[a-z]{0,9}".prop_map(move |p| V::NameConstraints(NameConstraints {
                permitted: vec![constraints(p.clone())],
                excluded: vec![constraints(p)],
            })),
            (1_u32..99).prop_map(|n| V::CertificatePolicies(vec![PolicyInformation::new(
                Oid::from_arcs([1, 2, n]).unwrap()
            )])),
            any::<u32>().prop_map(|n| V::PolicyConstraints(PolicyConstraints {
                require_explicit_policy: Some(n),
                inhibit_policy_mapping: None,
            })),
            any::<u32>().prop_map(V::InhibitAnyPolicy),
            prop::collection::vec(any::<u16>(), 1..5).prop_map(V::TlsFeature),
            Just(V::OcspNoCheck),
            Just(V::MicrosoftSid("S-1-5-21-1-2-3-500".into())),
            any::<u64>().prop_map(V::CrlNumber),
            Just(V::ReasonCode(CrlReason::Superseded)),
            (0_i64..253_402_300_800).prop_map(|s| V::InvalidityDate(UnixTime(s))),
            Just(V::IssuingDistributionPoint(IssuingDistributionPoint {
                only_ca_certs: true,
                ..Default::default()
            })),
            any::<u32>().prop_map(|n| V::Unknown {
                oid: Oid::new_unwrap("1.2.3.4"),
                der: [&[2, 5, 1][..], &n.to_be_bytes()].concat(),
            }),
        ]
    }

    proptest! {
        #[test]
        fn encode_then_parse_gives_the_same(
            values in prop::collection::vec((any_value(), any::<bool>()), 1..6)
        ) {
            let list = values.into_iter().map(|(value, critical)| Extension { critical, value });
            if let Ok(extensions) = Extensions::new(list.collect()) {
                prop_assert_eq!(roundtrip(&extensions), Ok(extensions));
            }
        }
    }
}
