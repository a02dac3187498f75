//! What a document says, in a form that two parsers can be compared by.

use der::asn1::{GeneralizedTime, ObjectIdentifier as Oid, OctetString};
use der::oid::AssociatedOid;
use der::{Decode as _, Encode as _};
use x509_cert::certificate::Rfc5280;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::{CrlNumber, CrlReason};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, NameConstraints,
    SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::request::ExtensionReq;
use x509_cert::time::Time;

/// An alternative name: the number of its form and its octets.
pub type AlternativeName = (u8, Vec<u8>);

/// What a certificate says.
#[derive(Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The serial number without leading zeros.
    pub serial: Vec<u8>,
    /// The DER of the inner AlgorithmIdentifier.
    pub algorithm: Vec<u8>,
    /// The DER of the issuer.
    pub issuer: Vec<u8>,
    /// The DER of the subject.
    pub subject: Vec<u8>,
    /// notBefore and notAfter in seconds.
    pub validity: (i64, i64),
    /// The DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// Object identifier and criticality of every extension, in order.
    pub extensions: Vec<(String, bool)>,
    /// The names of subjectAltName, in order.
    pub alternative_names: Vec<AlternativeName>,
    /// What the key may be used for.
    pub powers: Powers,
    /// The content of signatureValue.
    pub signature: Vec<u8>,
}

/// What the extensions allow a key to do.
#[derive(Debug, PartialEq, Eq)]
pub struct Powers {
    /// cA and pathLenConstraint.
    pub basic_constraints: Option<(bool, Option<u8>)>,
    /// The bits of keyUsage, digitalSignature being 1.
    pub key_usage: Option<u16>,
    /// The purposes of extKeyUsage, in order.
    pub purposes: Vec<String>,
    /// subjectKeyIdentifier and the keyIdentifier of authorityKeyIdentifier.
    pub key_identifiers: (Option<Vec<u8>>, Option<Vec<u8>>),
    /// How many subtrees nameConstraints permits and excludes.
    pub subtrees: (usize, usize),
}

impl Powers {
    fn by_x509_cert(extensions: &[Extension]) -> der::Result<Self> {
        let constraints: Option<BasicConstraints> = find(extensions)?;
        let usage: Option<KeyUsage> = find(extensions)?;
        let purposes: Option<ExtendedKeyUsage> = find(extensions)?;
        let subject: Option<SubjectKeyIdentifier> = find(extensions)?;
        let authority: Option<AuthorityKeyIdentifier> = find(extensions)?;
        let names: Option<NameConstraints> = find(extensions)?;
        let octets = |octets: OctetString| octets.as_bytes().to_vec();
        let count = |trees: Option<Vec<_>>| trees.map_or(0, |trees| trees.len());
        Ok(Self {
            basic_constraints: constraints.map(|limit| (limit.ca, limit.path_len_constraint)),
            key_usage: usage.map(|usage| usage.0.bits()),
            purposes: purposes.map_or(vec![], |list| list.0.iter().map(Oid::to_string).collect()),
            key_identifiers: (
                subject.map(|identifier| octets(identifier.0)),
                authority.and_then(|identifier| identifier.key_identifier.map(octets)),
            ),
            subtrees: names.map_or((0, 0), |names| {
                (count(names.permitted_subtrees), count(names.excluded_subtrees))
            }),
        })
    }

    fn by_us(extensions: &x509::Extensions) -> Self {
        let purposes = extensions.extended_key_usage().unwrap_or_default();
        Self {
            basic_constraints: extensions
                .basic_constraints()
                .map(|limit| (limit.ca, limit.path_len)),
            key_usage: extensions.key_usage().map(x509::KeyUsage::bits),
            purposes: purposes.iter().map(Oid::to_string).collect(),
            key_identifiers: (
                extensions.subject_key_identifier().map(<[u8]>::to_vec),
                extensions
                    .authority_key_identifier()
                    .and_then(|identifier| identifier.key_id.clone()),
            ),
            subtrees: extensions
                .name_constraints()
                .map_or((0, 0), |names| (names.permitted.len(), names.excluded.len())),
        }
    }
}

impl CertificateFacts {
    /// Reads a certificate through x509-cert.
    ///
    /// # Errors
    /// x509-cert does not accept it.
    pub fn by_x509_cert(der: &[u8]) -> der::Result<Self> {
        let certificate = x509_cert::Certificate::from_der(der)?;
        let tbs = certificate.tbs_certificate();
        let validity = tbs.validity();
        let extensions = tbs.extensions().map_or(&[][..], Vec::as_slice);
        Ok(Self {
            serial: unsigned(tbs.serial_number().as_bytes()),
            algorithm: tbs.signature().to_der()?,
            issuer: tbs.issuer().to_der()?,
            subject: tbs.subject().to_der()?,
            validity: (seconds(validity.not_before), seconds(validity.not_after)),
            spki: tbs.subject_public_key_info().to_der()?,
            extensions: identities(extensions),
            alternative_names: alternative_names(extensions)?,
            powers: Powers::by_x509_cert(extensions)?,
            signature: certificate.signature().raw_bytes().to_vec(),
        })
    }

    /// Takes what our parser read.
    ///
    /// # Errors
    /// An object identifier does not encode.
    pub fn by_us(certificate: &x509::Certificate) -> der::Result<Self> {
        let tbs = certificate.tbs();
        Ok(Self {
            serial: tbs.serial.as_bytes().to_vec(),
            algorithm: tbs.signature.algorithm_identifier_der(),
            issuer: tbs.issuer.der().as_bytes().to_vec(),
            subject: tbs.subject.der().as_bytes().to_vec(),
            validity: (tbs.not_before.0, tbs.not_after.0),
            spki: tbs.public_key.spki().as_bytes().to_vec(),
            extensions: our_identities(&tbs.extensions),
            alternative_names: our_alternative_names(&tbs.extensions)?,
            powers: Powers::by_us(&tbs.extensions),
            signature: certificate.signature().as_bytes().to_vec(),
        })
    }
}

/// What a certification request says.
#[derive(Debug, PartialEq, Eq)]
pub struct CsrFacts {
    /// The DER of the subject.
    pub subject: Vec<u8>,
    /// The DER of the SubjectPublicKeyInfo.
    pub spki: Vec<u8>,
    /// Object identifier and criticality of every requested extension, in order.
    pub extensions: Vec<(String, bool)>,
    /// The requested alternative names, in order.
    pub alternative_names: Vec<AlternativeName>,
    /// The DER of the AlgorithmIdentifier.
    pub algorithm: Vec<u8>,
    /// The content of the signature.
    pub signature: Vec<u8>,
}

impl CsrFacts {
    /// Reads a request through x509-cert.
    ///
    /// # Errors
    /// x509-cert does not accept it.
    pub fn by_x509_cert(der: &[u8]) -> der::Result<Self> {
        let csr = x509_cert::request::CertReq::from_der(der)?;
        let mut extensions = Vec::new();
        for attribute in csr.info.attributes.iter() {
            if attribute.oid == ExtensionReq::OID {
                for value in attribute.values.iter() {
                    extensions.extend(ExtensionReq::from_der(&value.to_der()?)?.0);
                }
            }
        }
        Ok(Self {
            subject: csr.info.subject.to_der()?,
            spki: csr.info.public_key.to_der()?,
            extensions: identities(&extensions),
            alternative_names: alternative_names(&extensions)?,
            algorithm: csr.algorithm.to_der()?,
            signature: csr.signature.raw_bytes().to_vec(),
        })
    }

    /// Takes what our parser read.
    ///
    /// # Errors
    /// An object identifier does not encode.
    pub fn by_us(csr: &x509::Csr) -> der::Result<Self> {
        Ok(Self {
            subject: csr.subject().der().as_bytes().to_vec(),
            spki: csr.public_key().spki().as_bytes().to_vec(),
            extensions: our_identities(csr.extensions()),
            alternative_names: our_alternative_names(csr.extensions())?,
            algorithm: csr.scheme().algorithm_identifier_der(),
            signature: csr.signature().as_bytes().to_vec(),
        })
    }
}

/// Serial, time, reason code and invalidity date of an entry.
pub type EntryFacts = (Vec<u8>, i64, Option<u32>, Option<i64>);

/// What a revocation list says.
#[derive(Debug, PartialEq, Eq)]
pub struct CrlFacts {
    /// The DER of the issuer.
    pub issuer: Vec<u8>,
    /// thisUpdate and nextUpdate in seconds.
    pub updates: (i64, i64),
    /// What every entry says, in order.
    pub entries: Vec<EntryFacts>,
    /// Object identifier and criticality of every extension, in order.
    pub extensions: Vec<(String, bool)>,
    /// The number without leading zeros.
    pub number: Vec<u8>,
    /// The DER of the AlgorithmIdentifier.
    pub algorithm: Vec<u8>,
    /// The content of signatureValue.
    pub signature: Vec<u8>,
}

impl CrlFacts {
    /// Reads a list through x509-cert.
    ///
    /// # Errors
    /// x509-cert does not accept it.
    pub fn by_x509_cert(der: &[u8]) -> der::Result<Self> {
        let list = x509_cert::crl::CertificateList::<Rfc5280>::from_der(der)?;
        let tbs = &list.tbs_cert_list;
        let extensions = tbs.crl_extensions.as_deref().unwrap_or_default();
        let number: Option<CrlNumber> = find(extensions)?;
        let revoked = tbs.revoked_certificates.as_deref().unwrap_or_default();
        let entries = revoked.iter().map(|entry| {
            let extensions = entry.crl_entry_extensions.as_deref().unwrap_or_default();
            let reason: Option<CrlReason> = find(extensions)?;
            let invalidity = extensions
                .iter()
                .find(|extension| extension.extn_id == x509::oids::EXT_INVALIDITY_DATE)
                .map(|extension| GeneralizedTime::from_der(extension.extn_value.as_bytes()))
                .transpose()?;
            Ok((
                unsigned(entry.serial_number.as_bytes()),
                seconds(entry.revocation_date),
                reason.map(|reason| reason as u32),
                invalidity.map(|date| date.to_unix_duration().as_secs().cast_signed()),
            ))
        });
        Ok(Self {
            issuer: tbs.issuer.to_der()?,
            updates: (seconds(tbs.this_update), tbs.next_update.map_or(i64::MAX, seconds)),
            entries: entries.collect::<der::Result<_>>()?,
            extensions: identities(extensions),
            number: number.map_or(vec![], |number| unsigned(number.0.as_bytes())),
            algorithm: tbs.signature.to_der()?,
            signature: list.signature.raw_bytes().to_vec(),
        })
    }

    /// Takes what our parser read.
    pub fn by_us(crl: &x509::Crl) -> Self {
        let entries = crl.entries().iter().map(|entry| {
            (
                entry.serial.as_bytes().to_vec(),
                entry.revoked_at.0,
                entry.reason.map(|reason| u32::from(reason.code())),
                entry.invalidity.map(|time| time.0),
            )
        });
        Self {
            issuer: crl.issuer().der().as_bytes().to_vec(),
            updates: (crl.this_update().0, crl.next_update().0),
            entries: entries.collect(),
            extensions: our_identities(crl.extensions()),
            number: unsigned(&crl.number().to_be_bytes()),
            algorithm: crl.scheme().algorithm_identifier_der(),
            signature: crl.signature().as_bytes().to_vec(),
        }
    }
}

/// Finds and decodes an extension.
fn find<'a, T: der::Decode<'a, Error = der::Error> + AssociatedOid>(
    extensions: &'a [Extension],
) -> der::Result<Option<T>> {
    extensions
        .iter()
        .find(|extension| extension.extn_id == T::OID)
        .map(|extension| T::from_der(extension.extn_value.as_bytes()))
        .transpose()
}

/// Strips the zeros that only make an INTEGER positive.
pub fn unsigned(octets: &[u8]) -> Vec<u8> {
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    octets[zeros..].to_vec()
}

/// Gives a time in seconds.
pub fn seconds(time: Time) -> i64 {
    i64::try_from(time.to_unix_duration().as_secs()).expect("before the year 10000")
}

/// Gives object identifier and criticality of every extension.
pub fn identities(extensions: &[Extension]) -> Vec<(String, bool)> {
    extensions.iter().map(|extension| (extension.extn_id.to_string(), extension.critical)).collect()
}

/// Gives the names of subjectAltName, which is there at most once.
///
/// # Errors
/// x509-cert does not accept the extension.
pub fn alternative_names(extensions: &[Extension]) -> der::Result<Vec<AlternativeName>> {
    let Some(extension) =
        extensions.iter().find(|extension| extension.extn_id == SubjectAltName::OID)
    else {
        return Ok(vec![]);
    };
    let names = SubjectAltName::from_der(extension.extn_value.as_bytes())?;
    names.0.iter().map(alternative_name).collect()
}

fn alternative_name(name: &GeneralName) -> der::Result<AlternativeName> {
    Ok(match name {
        GeneralName::OtherName(other) => {
            let octets = [other.type_id.to_der()?, other.value.to_der()?].concat();
            (0, octets)
        }
        GeneralName::Rfc822Name(text) => (1, text.as_bytes().to_vec()),
        GeneralName::DnsName(text) => (2, text.as_bytes().to_vec()),
        GeneralName::DirectoryName(name) => (4, name.to_der()?),
        GeneralName::EdiPartyName(name) => (5, name.to_der()?),
        GeneralName::UniformResourceIdentifier(text) => (6, text.as_bytes().to_vec()),
        GeneralName::IpAddress(octets) => (7, octets.as_bytes().to_vec()),
        GeneralName::RegisteredId(oid) => (8, oid.as_bytes().to_vec()),
    })
}

/// Gives object identifier and criticality of our extensions.
pub fn our_identities(extensions: &x509::Extensions) -> Vec<(String, bool)> {
    extensions.iter().map(|extension| (extension.oid().to_string(), extension.critical)).collect()
}

/// Gives the names of our subjectAltName.
///
/// # Errors
/// An object identifier does not encode.
pub fn our_alternative_names(extensions: &x509::Extensions) -> der::Result<Vec<AlternativeName>> {
    let names = extensions.subject_alt_name().unwrap_or_default();
    names.iter().map(our_alternative_name).collect()
}

/// Gives a name of ours in the same form.
///
/// # Errors
/// An object identifier does not encode.
pub fn our_alternative_name(name: &x509::GeneralName) -> der::Result<AlternativeName> {
    use x509::GeneralName as Ours;
    Ok(match name {
        Ours::OtherName { type_id, value } => (0, [type_id.to_der()?, value.clone()].concat()),
        Ours::Upn(text) => {
            let value = crate::tlv::tlv(0x0c, text.as_bytes());
            (0, [x509::oids::MS_UPN.to_der()?, value].concat())
        }
        Ours::Email(text) => (1, text.as_bytes().to_vec()),
        Ours::Dns(text) => (2, text.as_bytes().to_vec()),
        Ours::Directory(name) => (4, name.der().as_bytes().to_vec()),
        Ours::Uri(text) => (6, text.as_bytes().to_vec()),
        Ours::Ip(std::net::IpAddr::V4(ip)) => (7, ip.octets().to_vec()),
        Ours::Ip(std::net::IpAddr::V6(ip)) => (7, ip.octets().to_vec()),
        Ours::RegisteredId(oid) => (8, oid.as_bytes().to_vec()),
    })
}
