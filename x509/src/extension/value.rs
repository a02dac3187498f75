//! The values of extensions.

use super::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, DistributionPoint,
    IssuingDistributionPoint, KeyUsage, NameConstraints, PolicyConstraints, PolicyInformation,
    distribution_points, extended_key_usage, info_access, key_identifiers, microsoft_sid, policies,
    policy_constraints, tls_feature,
};
use crate::general_name::{encode_general_names, parse_general_names};
use crate::reader::{Parser, only, tag};
use crate::well_formed::check_well_formed;
use crate::writer::Writer;
use crate::{CrlReason, DerError, GeneralName, Oid, UnixTime, oids};

/// The value of an extension, by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionValue {
    /// RFC 5280 §4.2.1.9.
    BasicConstraints(BasicConstraints),
    /// RFC 5280 §4.2.1.3.
    KeyUsage(KeyUsage),
    /// RFC 5280 §4.2.1.12; at least one purpose.
    ExtendedKeyUsage(Vec<Oid>),
    /// RFC 5280 §4.2.1.6; at least one name.
    SubjectAltName(Vec<GeneralName>),
    /// RFC 5280 §4.2.1.7; at least one name.
    IssuerAltName(Vec<GeneralName>),
    /// RFC 5280 §4.2.1.2; 1 to 64 octets.
    SubjectKeyIdentifier(Vec<u8>),
    /// RFC 5280 §4.2.1.1.
    AuthorityKeyIdentifier(AuthorityKeyIdentifier),
    /// RFC 5280 §4.2.1.13; at least one point.
    CrlDistributionPoints(Vec<DistributionPoint>),
    /// RFC 5280 §4.2.2.1; at least one description.
    AuthorityInfoAccess(Vec<AccessDescription>),
    /// RFC 5280 §4.2.2.2; at least one description.
    SubjectInfoAccess(Vec<AccessDescription>),
    /// RFC 5280 §4.2.1.10.
    NameConstraints(NameConstraints),
    /// RFC 5280 §4.2.1.4; at least one policy.
    CertificatePolicies(Vec<PolicyInformation>),
    /// RFC 5280 §4.2.1.11.
    PolicyConstraints(PolicyConstraints),
    /// RFC 5280 §4.2.1.14.
    InhibitAnyPolicy(u32),
    /// RFC 7633 §4: numbers of TLS extensions, 5 being status_request ("must staple").
    TlsFeature(Vec<u16>),
    /// RFC 6960 §4.2.2.2.1.
    OcspNoCheck,
    /// The SID of an account in text form (MS-WCCE §2.2.2.7.7.4).
    MicrosoftSid(String),
    /// RFC 5280 §5.2.3 (CRL).
    CrlNumber(u64),
    /// RFC 5280 §5.2.5 (CRL).
    IssuingDistributionPoint(IssuingDistributionPoint),
    /// RFC 5280 §5.3.1 (CRL entry).
    ReasonCode(CrlReason),
    /// RFC 5280 §5.3.2 (CRL entry).
    InvalidityDate(UnixTime),
    /// Any other extension; never one of those above.
    Unknown {
        /// The extension's object identifier.
        oid: Oid,
        /// The content of extnValue: one DER value.
        der: Vec<u8>,
    },
}

impl ExtensionValue {
    /// Gives the extension's object identifier.
    #[must_use]
    pub fn oid(&self) -> Oid {
        match self {
            Self::BasicConstraints(_) => oids::EXT_BASIC_CONSTRAINTS,
            Self::KeyUsage(_) => oids::EXT_KEY_USAGE,
            Self::ExtendedKeyUsage(_) => oids::EXT_EXTENDED_KEY_USAGE,
            Self::SubjectAltName(_) => oids::EXT_SUBJECT_ALT_NAME,
            Self::IssuerAltName(_) => oids::EXT_ISSUER_ALT_NAME,
            Self::SubjectKeyIdentifier(_) => oids::EXT_SUBJECT_KEY_IDENTIFIER,
            Self::AuthorityKeyIdentifier(_) => oids::EXT_AUTHORITY_KEY_IDENTIFIER,
            Self::CrlDistributionPoints(_) => oids::EXT_CRL_DISTRIBUTION_POINTS,
            Self::AuthorityInfoAccess(_) => oids::EXT_AUTHORITY_INFO_ACCESS,
            Self::SubjectInfoAccess(_) => oids::EXT_SUBJECT_INFO_ACCESS,
            Self::NameConstraints(_) => oids::EXT_NAME_CONSTRAINTS,
            Self::CertificatePolicies(_) => oids::EXT_CERTIFICATE_POLICIES,
            Self::PolicyConstraints(_) => oids::EXT_POLICY_CONSTRAINTS,
            Self::InhibitAnyPolicy(_) => oids::EXT_INHIBIT_ANY_POLICY,
            Self::TlsFeature(_) => oids::EXT_TLS_FEATURE,
            Self::OcspNoCheck => oids::EXT_OCSP_NO_CHECK,
            Self::MicrosoftSid(_) => oids::MS_SID,
            Self::CrlNumber(_) => oids::EXT_CRL_NUMBER,
            Self::IssuingDistributionPoint(_) => oids::EXT_ISSUING_DISTRIBUTION_POINT,
            Self::ReasonCode(_) => oids::EXT_REASON_CODE,
            Self::InvalidityDate(_) => oids::EXT_INVALIDITY_DATE,
            Self::Unknown { oid, .. } => *oid,
        }
    }

    /// Reads the content of extnValue.
    pub(crate) fn parse(oid: Oid, value: &[u8]) -> Result<Self, DerError> {
        match parse_known(oid, value) {
            Some(known) => known,
            None => {
                check_well_formed(value)?;
                Ok(Self::Unknown { oid, der: value.to_vec() })
            }
        }
    }

    /// Gives the content of extnValue.
    pub(crate) fn encode_content(&self) -> Result<Vec<u8>, DerError> {
        let mut writer = Writer::new();
        let w = &mut writer;
        match self {
            Self::BasicConstraints(value) => value.encode(w)?,
            Self::KeyUsage(value) => value.encode(w)?,
            Self::ExtendedKeyUsage(value) => extended_key_usage::encode(value, w)?,
            Self::SubjectAltName(names) => {
                encode_general_names(w, tag::SEQUENCE, names, "SubjectAltName")?;
            }
            Self::IssuerAltName(names) => {
                encode_general_names(w, tag::SEQUENCE, names, "IssuerAltName")?;
            }
            Self::SubjectKeyIdentifier(key_id) => {
                key_identifiers::encode_subject_key_identifier(key_id, w)?;
            }
            Self::AuthorityKeyIdentifier(value) => value.encode(w)?,
            Self::CrlDistributionPoints(value) => distribution_points::encode(value, w)?,
            Self::AuthorityInfoAccess(value) | Self::SubjectInfoAccess(value) => {
                info_access::encode(value, w)?;
            }
            Self::NameConstraints(value) => value.encode(w)?,
            Self::CertificatePolicies(value) => policies::encode(value, w)?,
            Self::PolicyConstraints(value) => value.encode(w)?,
            Self::InhibitAnyPolicy(value) => w.unsigned(u64::from(*value)),
            Self::TlsFeature(value) => tls_feature::encode(value, w)?,
            Self::OcspNoCheck => w.value(tag::NULL, &[]),
            Self::MicrosoftSid(value) => microsoft_sid::encode(value, w)?,
            Self::CrlNumber(value) => w.unsigned(*value),
            Self::IssuingDistributionPoint(value) => value.encode(w)?,
            Self::ReasonCode(reason) => w.unsigned_as(tag::ENUMERATED, u64::from(reason.code())),
            Self::InvalidityDate(time) => w.generalized_time(*time)?,
            Self::Unknown { oid, der } => {
                // Otherwise the typed rules could be walked around.
                if parse_known(*oid, der).is_some() {
                    return Err(DerError::field("Unknown", "the extension is a known one"));
                }
                check_well_formed(der)?;
                w.raw(der);
            }
        }
        Ok(writer.finish())
    }
}

/// Reads the content of extnValue if the extension is one that we know.
fn parse_known(oid: Oid, value: &[u8]) -> Option<Result<ExtensionValue, DerError>> {
    use ExtensionValue as V;
    let names = |path| only(value, tag::SEQUENCE, path).and_then(|p| parse_general_names(p, path));
    Some(match oid {
        oids::EXT_BASIC_CONSTRAINTS => BasicConstraints::parse(value).map(V::BasicConstraints),
        oids::EXT_KEY_USAGE => KeyUsage::parse(value).map(V::KeyUsage),
        oids::EXT_EXTENDED_KEY_USAGE => extended_key_usage::parse(value).map(V::ExtendedKeyUsage),
        oids::EXT_SUBJECT_ALT_NAME => names("SubjectAltName").map(V::SubjectAltName),
        oids::EXT_ISSUER_ALT_NAME => names("IssuerAltName").map(V::IssuerAltName),
        oids::EXT_SUBJECT_KEY_IDENTIFIER => {
            key_identifiers::parse_subject_key_identifier(value).map(V::SubjectKeyIdentifier)
        }
        oids::EXT_AUTHORITY_KEY_IDENTIFIER => {
            AuthorityKeyIdentifier::parse(value).map(V::AuthorityKeyIdentifier)
        }
        oids::EXT_CRL_DISTRIBUTION_POINTS => {
            distribution_points::parse(value).map(V::CrlDistributionPoints)
        }
        oids::EXT_AUTHORITY_INFO_ACCESS => info_access::parse(value).map(V::AuthorityInfoAccess),
        oids::EXT_SUBJECT_INFO_ACCESS => info_access::parse(value).map(V::SubjectInfoAccess),
        oids::EXT_NAME_CONSTRAINTS => NameConstraints::parse(value).map(V::NameConstraints),
        oids::EXT_CERTIFICATE_POLICIES => policies::parse(value).map(V::CertificatePolicies),
        oids::EXT_POLICY_CONSTRAINTS => PolicyConstraints::parse(value).map(V::PolicyConstraints),
        oids::EXT_INHIBIT_ANY_POLICY => {
            policy_constraints::parse_inhibit_any_policy(value).map(V::InhibitAnyPolicy)
        }
        oids::EXT_TLS_FEATURE => tls_feature::parse(value).map(V::TlsFeature),
        oids::EXT_OCSP_NO_CHECK => {
            only(value, tag::NULL, "OcspNoCheck").and_then(Parser::finish).map(|()| V::OcspNoCheck)
        }
        oids::MS_SID => microsoft_sid::parse(value).map(V::MicrosoftSid),
        oids::EXT_ISSUING_DISTRIBUTION_POINT => {
            IssuingDistributionPoint::parse(value).map(V::IssuingDistributionPoint)
        }
        oids::EXT_CRL_NUMBER | oids::EXT_REASON_CODE | oids::EXT_INVALIDITY_DATE => {
            parse_primitive(oid, value)
        }
        _ => return None,
    })
}

/// Reads the extensions whose value is one primitive.
fn parse_primitive(oid: Oid, value: &[u8]) -> Result<ExtensionValue, DerError> {
    let mut parser = Parser::new(value);
    let parsed = match oid {
        oids::EXT_CRL_NUMBER => ExtensionValue::CrlNumber(parser.unsigned("CRLNumber")?),
        oids::EXT_REASON_CODE => {
            let content = parser.value(tag::ENUMERATED, "CRLReason")?;
            ExtensionValue::ReasonCode(CrlReason::parse(content)?)
        }
        _ => ExtensionValue::InvalidityDate(parser.generalized_time("InvalidityDate")?),
    };
    parser.finish()?;
    Ok(parsed)
}

/// Writes an Extension around the content of its extnValue.
pub(crate) fn encode_raw(writer: &mut Writer, oid: &Oid, critical: bool, value: &[u8]) {
    let mut fields = Writer::with_capacity(value.len() + 24);
    fields.oid(oid);
    // X.690 §11.5: DEFAULT FALSE is not encoded.
    if critical {
        fields.boolean(true);
    }
    fields.value(tag::OCTET_STRING, value);
    writer.value(tag::SEQUENCE, &fields.finish());
}
