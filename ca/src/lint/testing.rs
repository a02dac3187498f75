//! Honest certificates, and ways to bend them.

use x509::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, DistributionPoint, Extension,
    ExtensionValue, Extensions, GeneralName, KeyUsage, Name, Oid, PolicyInformation, PublicKey,
    Serial, SignatureScheme, TbsCertificate, UnixTime, oids,
};

/// A P-256 key (made by openssl for these tests; its private half is gone).
const SPKI: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

/// The key that the honest certificates have.
pub(crate) fn key() -> PublicKey {
    let bytes: Vec<u8> = (0..SPKI.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&SPKI[i..i + 2], 16).expect("hex"))
        .collect();
    PublicKey::parse(&bytes).expect("a P-256 key")
}

fn name(common_name: &str) -> Name {
    Name::from_attributes(&[(x509::AttributeType::CommonName, common_name)]).expect("encodes")
}

fn extension(critical: bool, value: ExtensionValue) -> Extension {
    Extension { critical, value }
}

fn build(subject: Name, extensions: Vec<Extension>) -> TbsCertificate {
    TbsCertificate {
        serial: Serial::from_unsigned(&[7; 19]).expect("positive"),
        signature: SignatureScheme::EcdsaP256Sha256,
        issuer: name("Issuing CA"),
        not_before: UnixTime(1_700_000_000),
        not_after: UnixTime(1_707_776_000),
        subject,
        public_key: key(),
        extensions: Extensions::new(extensions).expect("no duplicates"),
    }
}

/// A TLS server's certificate.
pub(super) fn leaf() -> TbsCertificate {
    let uri = |uri: &str| GeneralName::Uri(uri.into());
    build(
        name("www.corp.example"),
        vec![
            extension(true, ExtensionValue::KeyUsage(KeyUsage::DIGITAL_SIGNATURE)),
            extension(false, ExtensionValue::ExtendedKeyUsage(vec![oids::EKU_SERVER_AUTH])),
            extension(
                false,
                ExtensionValue::SubjectAltName(vec![GeneralName::Dns("www.corp.example".into())]),
            ),
            extension(false, ExtensionValue::SubjectKeyIdentifier(key().key_identifier().to_vec())),
            extension(
                false,
                ExtensionValue::AuthorityKeyIdentifier(AuthorityKeyIdentifier::from_key_id(
                    &[9; 20],
                )),
            ),
            extension(
                false,
                ExtensionValue::CrlDistributionPoints(vec![DistributionPoint::uri(
                    "http://pki.corp.example/x.crl",
                )]),
            ),
            extension(
                false,
                ExtensionValue::AuthorityInfoAccess(vec![AccessDescription {
                    method: oids::AD_CA_ISSUERS,
                    location: uri("http://pki.corp.example/x.cer"),
                }]),
            ),
        ],
    )
}

/// A subordinate CA's certificate.
pub(super) fn subordinate() -> TbsCertificate {
    build(
        name("Another CA"),
        vec![
            extension(
                true,
                ExtensionValue::BasicConstraints(BasicConstraints { ca: true, path_len: Some(0) }),
            ),
            extension(
                true,
                ExtensionValue::KeyUsage(KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN)),
            ),
            extension(false, ExtensionValue::SubjectKeyIdentifier(key().key_identifier().to_vec())),
            extension(
                false,
                ExtensionValue::AuthorityKeyIdentifier(AuthorityKeyIdentifier::from_key_id(
                    &[9; 20],
                )),
            ),
        ],
    )
}

/// A certificate policy by its dotted number.
pub(super) fn policy(dotted: &str) -> PolicyInformation {
    PolicyInformation::new(dotted.parse().expect("dotted"))
}

fn edit(tbs: &mut TbsCertificate, act: impl FnOnce(&mut Vec<Extension>)) {
    let mut all: Vec<Extension> = tbs.extensions.iter().cloned().collect();
    act(&mut all);
    tbs.extensions = Extensions::new(all).expect("no duplicates");
}

/// Puts an extension in, in place of the one of the same type.
pub(super) fn replace(tbs: &mut TbsCertificate, critical: bool, value: ExtensionValue) {
    let new = extension(critical, value);
    let oid = new.oid();
    edit(tbs, |all| {
        all.retain(|old| old.oid() != oid);
        all.push(new);
    });
}

/// Takes an extension out.
pub(super) fn remove(tbs: &mut TbsCertificate, oid: Oid) {
    edit(tbs, |all| all.retain(|old| old.oid() != oid));
}

/// Marks an extension.
pub(super) fn set_critical(tbs: &mut TbsCertificate, oid: Oid, critical: bool) {
    edit(tbs, |all| {
        for old in all.iter_mut().filter(|old| old.oid() == oid) {
            old.critical = critical;
        }
    });
}
