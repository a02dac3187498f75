//! The certificate of tls-alpn-01 (RFC 8737 §3).

use const_oid::ObjectIdentifier;
use der::asn1::OctetString;
use der::{Decode as _, Encode as _, Reader as _, SliceReader};
use std::net::IpAddr;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::{Extension, Extensions};

use crate::dial::Host;
use crate::key_authorization::same;
use crate::tls::{PublicKey, content};

/// id-pe-acmeIdentifier (RFC 8737 §6.1).
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");
/// id-ce-subjectAltName.
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");

/// Checks that it is self-signed, names exactly the identifier, and has the digest in a critical
/// acmeIdentifier.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(der: &[u8], host: &Host, digest: &[u8; 32]) -> Result<(), &'static str> {
    let certificate = Certificate::from_der(der).map_err(|_| "it does not parse")?;
    if !is_self_signed(der, &certificate) {
        return Err("it is not self-signed");
    }
    let extensions = certificate.tbs_certificate().extensions().ok_or("it has no extensions")?;
    let names = only(extensions, SUBJECT_ALT_NAME).ok_or("it has not one subjectAltName")?;
    let names = SubjectAltName::from_der(names.extn_value.as_bytes());
    let names = names.map_err(|_| "its subjectAltName does not parse")?.0;
    match names.as_slice() {
        [name] if is_for(name, host) => {}
        _ => return Err("its subjectAltName is not the identifier alone"),
    }
    let acme = only(extensions, ACME_IDENTIFIER).ok_or("it has not one acmeIdentifier")?;
    if !acme.critical {
        return Err("its acmeIdentifier is not critical");
    }
    // Authorization ::= OCTET STRING (SIZE (32))
    let authorization = OctetString::from_der(acme.extn_value.as_bytes());
    let authorization = authorization.map_err(|_| "its acmeIdentifier does not parse")?;
    match same(authorization.as_bytes(), digest) {
        true => Ok(()),
        false => Err("its acmeIdentifier is not the digest of the key authorization"),
    }
}

fn only(extensions: &Extensions, oid: ObjectIdentifier) -> Option<&Extension> {
    let mut found = extensions.iter().filter(|extension| extension.extn_id == oid);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

fn is_for(name: &GeneralName, host: &Host) -> bool {
    match (name, host) {
        (GeneralName::DnsName(found), Host::Name(name)) => {
            found.as_str().eq_ignore_ascii_case(name)
        }
        (GeneralName::IpAddress(found), Host::Address(IpAddr::V4(address))) => {
            found.as_bytes() == address.octets()
        }
        (GeneralName::IpAddress(found), Host::Address(IpAddr::V6(address))) => {
            found.as_bytes() == address.octets()
        }
        _ => false,
    }
}

/// RFC 8737 §3: the names of issuer and subject are one, and its own key signed it.
fn is_self_signed(der: &[u8], certificate: &Certificate) -> bool {
    let tbs = certificate.tbs_certificate();
    let signed_by_itself = || {
        let algorithm = content(&certificate.signature_algorithm().to_der().ok()?)?;
        let key = PublicKey::of(tbs.subject_public_key_info())?;
        let signature = certificate.signature().as_bytes()?;
        let message = tbs_octets(der)?;
        let known = rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms;
        let mut fitting = known.all.iter().filter(|known| {
            key.is_for(**known) && known.signature_alg_id().as_ref() == algorithm.as_slice()
        });
        Some(fitting.any(|known| key.verifies(*known, message, signature)))
    };
    tbs.issuer() == tbs.subject() && signed_by_itself() == Some(true)
}

/// Gives the signed octets as they came.
fn tbs_octets(der: &[u8]) -> Option<&[u8]> {
    let mut outer = SliceReader::new(der).ok()?;
    let header = der::Header::decode(&mut outer).ok()?;
    header.tag().assert_eq(der::Tag::Sequence).ok()?;
    outer.tlv_bytes().ok()
}
