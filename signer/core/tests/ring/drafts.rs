//! Policies and certificates as an honest server drafts them.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x509::{
    AuthorityKeyIdentifier, BasicConstraints, Extension, ExtensionValue, Extensions, GeneralName,
    KeyUsage, Name, PublicKey, Serial, SignatureScheme, TbsCertificate, UnixTime, oids,
};

pub const DAY: i64 = 86_400;

fn name(text: &str) -> Name {
    Name::parse_rfc4514(text).unwrap()
}

pub fn root_name() -> Name {
    name("CN=Test Root,O=Test")
}

pub fn issuing_name() -> Name {
    name("CN=Test Issuing,O=Test")
}

fn base64(name: &Name) -> String {
    STANDARD.encode(name.der().as_bytes())
}

fn time(text: &str) -> UnixTime {
    UnixTime::parse_rfc3339(text).unwrap()
}

pub fn root_policy() -> String {
    format!(
        r#"version = 1
purpose = "ca-cert+crl"
signature = "ecdsa-p384-sha384"
issuer = "{}"
issuer_not_after = "2046-11-23T00:00:00Z"
[authorities]
max_validity = "7306d"
max_backdate = "1h"
max_path_len = 1
self_signed = true
subject_key_kinds = ["p-256", "p-384"]
extensions = ["basicConstraints", "keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier"]
"#,
        base64(&root_name())
    )
}

pub fn issuing_policy() -> String {
    issuing_policy_with(100, false)
}

pub fn issuing_policy_with(per_hour: u64, hold: bool) -> String {
    format!(
        r#"version = 1
purpose = "cert+crl"
signature = "ecdsa-p256-sha256"
issuer = "{}"
issuer_not_after = "2036-11-23T00:00:00Z"
[certificates]
max_validity = "398d"
max_backdate = "1h"
max_future = "5m"
subject_key_kinds = ["p-256"]
key_usage = ["digitalSignature"]
extended_key_usage = ["serverAuth"]
extensions = ["basicConstraints", "keyUsage", "extendedKeyUsage", "subjectAltName", "subjectKeyIdentifier", "authorityKeyIdentifier", "ocspNoCheck"]
certificate_policies = []
subject_attributes = ["CN"]
common_name = "in-san"
proof_of_possession = false
hold = {hold}
[certificates.names]
dns = ["corp.example"]
[budget]
per_hour = {per_hour}
per_day = 1000000
[crl]
max_next_update = "10d"
"#,
        base64(&issuing_name())
    )
}

pub fn responder_policy() -> String {
    responder_policy_with("unauthorized")
}

pub fn responder_policy_with(never_issued: &str) -> String {
    format!(
        r#"version = 1
purpose = "ocsp"
signature = "ecdsa-p256-sha256"
issuer_key = "issuing"
issuer = "{}"
max_next_update = "8d"
never_issued = "{never_issued}"
"#,
        base64(&issuing_name())
    )
}

/// A key of somebody else, new at every call.
pub fn subject_key() -> PublicKey {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let spki = pair.public_key().as_der().unwrap();
    PublicKey::parse(spki.as_ref()).unwrap()
}

fn authority(own: &PublicKey, issuer: Option<&PublicKey>, path_len: Option<u8>) -> Extensions {
    let usage = KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN);
    let mut list = vec![
        Extension::critical(ExtensionValue::BasicConstraints(BasicConstraints {
            ca: true,
            path_len,
        })),
        Extension::critical(ExtensionValue::KeyUsage(usage)),
        subject_key_id(own),
    ];
    list.extend(issuer.map(authority_key_id));
    Extensions::new(list).unwrap()
}

fn subject_key_id(key: &PublicKey) -> Extension {
    let id = key.key_identifier().to_vec();
    Extension::non_critical(ExtensionValue::SubjectKeyIdentifier(id))
}

fn authority_key_id(key: &PublicKey) -> Extension {
    let id = AuthorityKeyIdentifier::from_key_id(&key.key_identifier());
    Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(id))
}

pub fn root(serial: Serial, key: &PublicKey) -> TbsCertificate {
    TbsCertificate {
        serial,
        signature: SignatureScheme::EcdsaP384Sha384,
        issuer: root_name(),
        not_before: time("2026-11-23T00:00:00Z"),
        not_after: time("2046-11-23T00:00:00Z"),
        subject: root_name(),
        public_key: key.clone(),
        extensions: authority(key, None, None),
    }
}

pub fn issuing(serial: Serial, root: &PublicKey, key: &PublicKey) -> TbsCertificate {
    TbsCertificate {
        serial,
        signature: SignatureScheme::EcdsaP384Sha384,
        issuer: root_name(),
        not_before: time("2026-11-23T00:00:00Z"),
        not_after: time("2036-11-23T00:00:00Z"),
        subject: issuing_name(),
        public_key: key.clone(),
        extensions: authority(key, Some(root), Some(0)),
    }
}

/// Who issues leaves, and when.
pub struct Issuer {
    pub key: PublicKey,
    pub now: UnixTime,
}

pub fn leaf(serial: Serial, issuer: &Issuer, dns: &str) -> TbsCertificate {
    let key = subject_key();
    let list = vec![
        Extension::critical(ExtensionValue::KeyUsage(KeyUsage::DIGITAL_SIGNATURE)),
        Extension::non_critical(ExtensionValue::ExtendedKeyUsage(vec![oids::EKU_SERVER_AUTH])),
        Extension::non_critical(ExtensionValue::SubjectAltName(vec![GeneralName::Dns(
            dns.to_owned(),
        )])),
        subject_key_id(&key),
        authority_key_id(&issuer.key),
    ];
    TbsCertificate {
        serial,
        signature: SignatureScheme::EcdsaP256Sha256,
        issuer: issuing_name(),
        not_before: issuer.now,
        not_after: issuer.now.plus_seconds(90 * DAY),
        subject: name(&format!("CN={dns}")),
        public_key: key,
        extensions: Extensions::new(list).unwrap(),
    }
}

/// The certificate of the ring's own responder.
pub fn responder(serial: Serial, issuer: &Issuer, key: &PublicKey) -> TbsCertificate {
    let list = vec![
        Extension::critical(ExtensionValue::KeyUsage(KeyUsage::DIGITAL_SIGNATURE)),
        Extension::non_critical(ExtensionValue::ExtendedKeyUsage(vec![oids::EKU_OCSP_SIGNING])),
        Extension::non_critical(ExtensionValue::OcspNoCheck),
        subject_key_id(key),
        authority_key_id(&issuer.key),
    ];
    TbsCertificate {
        serial,
        signature: SignatureScheme::EcdsaP256Sha256,
        issuer: issuing_name(),
        not_before: issuer.now,
        not_after: issuer.now.plus_seconds(30 * DAY),
        subject: name("CN=Test Responder"),
        public_key: key.clone(),
        extensions: Extensions::new(list).unwrap(),
    }
}
