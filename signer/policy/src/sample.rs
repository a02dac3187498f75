//! An honest ring, policies and certificates, for tests to bend.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_proto::{Evidence, KeyLabel, Purpose, Refusal, Rule};
use x509::{
    AccessDescription, AuthorityKeyIdentifier, BasicConstraints, CsrDer, DistributionPoint,
    Extension, ExtensionValue, Extensions, GeneralName, KeyUsage, Name, Oid, PublicKey, Serial,
    SignatureScheme, TbsCertificate, UnixTime, oids,
};

use super::sample_keys as keys;
use super::{
    AdmitContext, Facts, Given, IssuedCertificate, KeyPolicy, RingKey, RingKeys, ServerNames,
    Validation,
};

pub(crate) const DAY: i64 = 86_400;

pub(crate) fn now() -> UnixTime {
    UnixTime::parse_rfc3339("2026-11-23T00:00:00Z").unwrap()
}

pub(crate) fn key(base64: &str) -> PublicKey {
    PublicKey::parse(&STANDARD.decode(base64).unwrap()).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse_rfc4514(text).unwrap()
}

pub(crate) fn request(base64: &str) -> Evidence {
    Evidence::Request(CsrDer::from_vec(STANDARD.decode(base64).unwrap()))
}

pub(crate) fn label(text: &str) -> KeyLabel {
    KeyLabel::new(text).unwrap()
}

pub(crate) const ISSUER: &str = "CN=Corp Issuing CA,O=Corp";

const LEAVES: &str = r#"
version = 1
purpose = "cert+crl"
signature = "ecdsa-p256-sha256"
issuer = "@ISSUER@"
issuer_not_after = "2036-11-23T00:00:00Z"
[certificates]
max_validity = "398d"
max_backdate = "1h"
max_future = "5m"
subject_key_kinds = ["p-256", "p-384", "rsa-2048", "rsa-3072", "ed25519", "ml-dsa-44"]
key_usage = ["digitalSignature", "contentCommitment", "keyEncipherment", "keyAgreement"]
extended_key_usage = ["serverAuth", "clientAuth", "emailProtection"]
extensions = ["basicConstraints", "keyUsage", "extendedKeyUsage", "subjectAltName", "subjectKeyIdentifier", "authorityKeyIdentifier", "crlDistributionPoints", "authorityInfoAccess", "certificatePolicies", "tlsFeature", "ocspNoCheck", "microsoftSid"]
certificate_policies = ["1.2.3.4"]
subject_attributes = ["CN", "O", "emailAddress"]
common_name = "in-san"
proof_of_possession = false
status_urls = ["http://pki.corp.example/"]
[certificates.names]
dns = ["corp.example"]
dns_excluded = ["secret.corp.example"]
wildcard = true
ip = ["10.0.0.0/8"]
ip_excluded = ["10.9.0.0/16"]
email = ["corp.example"]
uri = ["corp.example"]
upn = ["corp.example"]
sid = true
[budget]
per_hour = 10
per_day = 100
[crl]
max_next_update = "10d"
min_interval = "60s"
"#;

const AUTHORITIES: &str = r#"
version = 1
purpose = "ca-cert+crl"
signature = "ecdsa-p256-sha256"
issuer = "@ISSUER@"
issuer_not_after = "2046-11-23T00:00:00Z"
[authorities]
max_validity = "7306d"
max_backdate = "1h"
max_path_len = 1
self_signed = true
subject_key_kinds = ["p-256", "p-384"]
extensions = ["basicConstraints", "keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier", "crlDistributionPoints", "authorityInfoAccess", "certificatePolicies", "nameConstraints", "extendedKeyUsage", "policyConstraints", "inhibitAnyPolicy"]
"#;

const RESPONDER: &str = r#"
version = 1
purpose = "ocsp"
signature = "ecdsa-p256-sha256"
issuer_key = "issuing"
issuer = "@ISSUER@"
max_next_update = "8d"
"#;

fn filled(text: &str) -> String {
    text.replace("@ISSUER@", &STANDARD.encode(name(ISSUER).der().as_bytes()))
}

pub(crate) fn leaf_policy() -> String {
    filled(LEAVES)
}

pub(crate) fn authority_policy() -> String {
    filled(AUTHORITIES)
}

pub(crate) fn responder_policy() -> String {
    filled(RESPONDER)
}

/// What the policy of the ring's `tls` key lists.
pub(crate) fn server_names() -> ServerNames {
    let text = "version = 1\npurpose = \"tls\"\nsignature = \"ecdsa-p256-sha256\"\n\
        server_names = [\"www.corp.example\", \"10.1.2.3\"]\n";
    KeyPolicy::parse(text).unwrap().tls().unwrap().names().clone()
}

/// A ring and the policy of its key `issuing`.
pub(crate) struct World {
    pub(crate) policy: KeyPolicy,
    pub(crate) public_key: PublicKey,
    pub(crate) label: KeyLabel,
    pub(crate) ring: RingKeys,
    pub(crate) evidence: Vec<Evidence>,
    pub(crate) facts: Journal,
}

/// What evidence may point to: positions count from zero.
#[derive(Default)]
pub(crate) struct Journal {
    issued: Vec<IssuedCertificate>,
    validations: Vec<Validation>,
}

impl Journal {
    pub(crate) fn issue(&mut self, issued: IssuedCertificate) -> u64 {
        self.issued.push(issued);
        self.issued.len() as u64 - 1
    }

    pub(crate) fn validate(&mut self, validation: Validation) -> u64 {
        self.validations.push(validation);
        self.validations.len() as u64 - 1
    }
}

fn at<T: Clone>(leaves: &[T], position: u64) -> Option<T> {
    leaves.get(usize::try_from(position).ok()?).cloned()
}

impl Facts for Journal {
    fn issued(&self, position: u64) -> Result<Option<IssuedCertificate>, Refusal> {
        Ok(at(&self.issued, position))
    }
    fn validation(&self, position: u64) -> Result<Option<Validation>, Refusal> {
        Ok(at(&self.validations, position))
    }
}

impl World {
    pub(crate) fn with(policy: &str) -> Self {
        let mut ring = RingKeys::default();
        let mut add = |key_text: &str, name: &str, purpose, speaks_for| {
            let serves = (purpose == Purpose::Tls).then(server_names);
            let added = RingKey { label: label(name), purpose, speaks_for, serves };
            ring.insert(&key(key_text), added);
        };
        add(keys::ISSUER, "issuing", Purpose::CertAndCrl, None);
        add(keys::RESPONDER, "ocsp", Purpose::Ocsp, Some(label("issuing")));
        add(keys::TLS, "tls", Purpose::Tls, None);
        add(keys::SUBCA, "sub", Purpose::CertAndCrl, None);
        Self {
            policy: KeyPolicy::parse(policy).unwrap(),
            public_key: key(keys::ISSUER),
            label: label("issuing"),
            ring,
            evidence: Vec::new(),
            facts: Journal::default(),
        }
    }

    pub(crate) fn leaves() -> Self {
        Self::with(&leaf_policy())
    }

    /// The leaf policy with one line replaced.
    pub(crate) fn leaves_but(line: &str, by: &str) -> Self {
        let text = leaf_policy();
        assert_eq!(text.matches(line).count(), 1, "{line}");
        Self::with(&text.replace(line, by))
    }

    pub(crate) fn given(&self) -> Given<'_> {
        Given { evidence: &self.evidence, facts: &self.facts }
    }

    pub(crate) fn context(&self) -> AdmitContext<'_> {
        AdmitContext {
            now: now(),
            key: &self.label,
            public_key: &self.public_key,
            ring: &self.ring,
        }
    }

    pub(crate) fn admit_der(&self, der: &[u8]) -> Result<(), Refusal> {
        let admitted = match self.policy.purpose() {
            Purpose::CertAndCrl => {
                self.policy.admit_certificate(&self.context(), der, &self.given())?
            }
            _ => self.policy.admit_authority(&self.context(), der)?,
        };
        assert_eq!(admitted.bytes(), der);
        assert_eq!(admitted.scheme(), self.policy.scheme());
        Ok(())
    }

    pub(crate) fn admit(&self, draft: &Draft) -> Result<(), Refusal> {
        self.admit_der(&draft.der())
    }

    pub(crate) fn verdict_der(&self, der: &[u8]) -> Result<(), Rule> {
        self.admit_der(der).map_err(|refusal| refusal.rule)
    }

    /// The rule that refuses the draft.
    pub(crate) fn verdict(&self, draft: &Draft) -> Result<(), Rule> {
        self.admit(draft).map_err(|refusal| refusal.rule)
    }
}

/// A certificate to be.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) signature: SignatureScheme,
    pub(crate) issuer: Name,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
    pub(crate) subject: Name,
    pub(crate) key: PublicKey,
    pub(crate) extensions: Vec<Extension>,
}

impl Draft {
    fn new(subject: &str, key_text: &str) -> Self {
        let key = key(key_text);
        let issuer_id = super::sample::key(keys::ISSUER).key_identifier();
        let identifier = ExtensionValue::SubjectKeyIdentifier(key.key_identifier().to_vec());
        let authority = AuthorityKeyIdentifier::from_key_id(&issuer_id);
        Self {
            signature: SignatureScheme::EcdsaP256Sha256,
            issuer: name(ISSUER),
            not_before: now().plus_seconds(-60),
            not_after: now().plus_seconds(90 * DAY),
            subject: if subject.is_empty() { Name::empty() } else { name(subject) },
            key,
            extensions: vec![
                Extension::non_critical(identifier),
                Extension::non_critical(ExtensionValue::AuthorityKeyIdentifier(authority)),
            ],
        }
    }

    /// Replaces the extension of the same type, or adds it.
    pub(crate) fn set(&mut self, extension: Extension) {
        self.without(extension.oid());
        self.extensions.push(extension);
    }

    pub(crate) fn without(&mut self, oid: Oid) {
        self.extensions.retain(|extension| extension.oid() != oid);
    }

    pub(crate) fn make_critical(&mut self, oid: Oid, critical: bool) {
        for extension in self.extensions.iter_mut().filter(|extension| extension.oid() == oid) {
            extension.critical = critical;
        }
    }

    pub(crate) fn names(&mut self, names: Vec<GeneralName>) {
        let critical = self.subject.is_empty();
        self.set(Extension { critical, value: ExtensionValue::SubjectAltName(names) });
    }

    pub(crate) fn usage(&mut self, usage: KeyUsage) {
        self.set(Extension::critical(ExtensionValue::KeyUsage(usage)));
    }

    pub(crate) fn extended(&mut self, usages: &[Oid]) {
        self.set(Extension::non_critical(ExtensionValue::ExtendedKeyUsage(usages.to_vec())));
    }

    pub(crate) fn constraints(&mut self, ca: bool, path_len: Option<u8>) {
        let value = ExtensionValue::BasicConstraints(BasicConstraints { ca, path_len });
        self.set(Extension { critical: ca, value });
    }

    /// Takes another key and the identifier that belongs to it.
    pub(crate) fn rekey(&mut self, key_text: &str) {
        self.key = key(key_text);
        let identifier = self.key.key_identifier().to_vec();
        self.set(Extension::non_critical(ExtensionValue::SubjectKeyIdentifier(identifier)));
    }

    pub(crate) fn der(&self) -> Vec<u8> {
        let tbs = TbsCertificate {
            serial: Serial::from_unsigned(&[1, 2, 3, 4]).unwrap(),
            signature: self.signature,
            issuer: self.issuer.clone(),
            not_before: self.not_before,
            not_after: self.not_after,
            subject: self.subject.clone(),
            public_key: self.key.clone(),
            extensions: Extensions::new(self.extensions.clone()).unwrap(),
        };
        tbs.encode().unwrap().into_vec()
    }
}

pub(crate) fn dns(name: &str) -> GeneralName {
    GeneralName::Dns(name.to_owned())
}

/// A TLS server's certificate.
pub(crate) fn server() -> Draft {
    let mut draft = Draft::new("CN=www.corp.example", keys::LEAF);
    draft.constraints(false, None);
    draft.usage(KeyUsage::DIGITAL_SIGNATURE);
    draft.extended(&[oids::EKU_SERVER_AUTH]);
    draft.names(vec![dns("www.corp.example"), GeneralName::Ip("10.1.2.3".parse().unwrap())]);
    places(&mut draft);
    draft
}

pub(crate) fn places(draft: &mut Draft) {
    let point = DistributionPoint::uri("http://pki.corp.example/crl/1.crl");
    draft.set(Extension::non_critical(ExtensionValue::CrlDistributionPoints(vec![point])));
    let access = vec![
        AccessDescription::uri(oids::AD_OCSP, "http://pki.corp.example/ocsp/1"),
        AccessDescription::uri(oids::AD_CA_ISSUERS, "http://pki.corp.example/ca/1.cer"),
    ];
    draft.set(Extension::non_critical(ExtensionValue::AuthorityInfoAccess(access)));
}

/// The certificate of the ring's own responder.
pub(crate) fn responder() -> Draft {
    let mut draft = Draft::new("CN=Corp OCSP", keys::RESPONDER);
    draft.usage(KeyUsage::DIGITAL_SIGNATURE);
    draft.extended(&[oids::EKU_OCSP_SIGNING]);
    draft.set(Extension::non_critical(ExtensionValue::OcspNoCheck));
    draft
}

/// A subordinate CA whose key is in another ring.
pub(crate) fn subordinate() -> Draft {
    let mut draft = Draft::new("CN=Corp Sub CA,O=Corp", keys::P384);
    draft.not_after = now().plus_seconds(3_650 * DAY);
    draft.constraints(true, Some(0));
    draft.usage(KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN));
    draft
}

/// The self-signed certificate of `issuing`.
pub(crate) fn root() -> Draft {
    let mut draft = Draft::new(ISSUER, keys::ISSUER);
    draft.not_after = now().plus_seconds(7_300 * DAY);
    draft.constraints(true, None);
    draft.usage(KeyUsage::KEY_CERT_SIGN.union(KeyUsage::CRL_SIGN));
    draft
}

/// Another certificate than [`server`] with this subject, usage and names.
pub(crate) fn subject(subject: &str, usages: &[Oid], names: Vec<GeneralName>) -> Draft {
    let mut draft = Draft::new(subject, keys::LEAF);
    draft.usage(KeyUsage::DIGITAL_SIGNATURE);
    draft.extended(usages);
    draft.names(names);
    places(&mut draft);
    draft
}
