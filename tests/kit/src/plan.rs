//! What a ring of the tests is made of: policies with a limit for every attack to run into.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer::journal::testing::SimulatedDisk;
use signer::listen::Limits;

use crate::{Operators, name};

/// The root's key.
pub const ROOT: &str = "root";
/// The issuing CA's key.
pub const ISSUING: &str = "issuing";
/// The responder's key, which speaks for [`ISSUING`].
pub const RESPONDER: &str = "issuing.ocsp";
/// The key of a second issuing CA.
pub const OTHER: &str = "other";
/// The root's subject.
pub const ROOT_NAME: &str = "CN=Corp Root CA,O=Corp";
/// The issuing CA's subject.
pub const ISSUING_NAME: &str = "CN=Corp Issuing CA,O=Corp";
/// The second issuing CA's subject.
pub const OTHER_NAME: &str = "CN=Corp Other CA,O=Corp";

const LEAVES: &str = r#"version = 1
purpose = "cert+crl"
signature = "ecdsa-p256-sha256"
issuer = "@ISSUER@"
issuer_not_after = "2044-01-01T00:00:00Z"

[certificates]
max_validity = "398d"
max_backdate = "1h"
max_future = "5m"
subject_key_kinds = ["p-256", "p-384", "p-521", "ed25519", "rsa-2048", "rsa-3072", "rsa-4096", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87"]
key_usage = ["digitalSignature", "keyEncipherment", "keyAgreement"]
extended_key_usage = ["serverAuth", "clientAuth"]
extensions = ["basicConstraints", "keyUsage", "extendedKeyUsage", "subjectAltName", "subjectKeyIdentifier", "authorityKeyIdentifier", "crlDistributionPoints", "authorityInfoAccess", "certificatePolicies", "tlsFeature", "ocspNoCheck", "microsoftSid"]
certificate_policies = ["1.2.3.4"]
subject_attributes = ["CN", "O", "emailAddress"]
common_name = "in-san"
proof_of_possession = false
hold = false
status_urls = ["http://pki.corp.example/"]

[certificates.names]
dns = ["corp.example"]
dns_excluded = ["secret.corp.example"]
wildcard = true
ip = ["10.0.0.0/8", "fd00::/8"]
ip_excluded = ["10.9.0.0/16"]
email = ["corp.example"]
uri = ["corp.example"]
upn = ["corp.example"]
sid = true

[budget]
per_hour = 100000
per_day = 1000000

[crl]
max_next_update = "10d"
"#;

const AUTHORITIES: &str = r#"version = 1
purpose = "ca-cert+crl"
signature = "ecdsa-p384-sha384"
issuer = "@ISSUER@"
issuer_not_after = "2045-01-01T00:00:00Z"

[authorities]
max_validity = "7306d"
max_backdate = "1h"
max_path_len = 1
self_signed = true
subject_key_kinds = ["p-256", "p-384", "ed25519"]
extensions = ["basicConstraints", "keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier", "nameConstraints"]

[authorities.names]
dns = ["corp.example"]

[crl]
max_next_update = "400d"
"#;

const RESPONSES: &str = r#"version = 1
purpose = "ocsp"
signature = "ecdsa-p256-sha256"
issuer_key = "issuing"
issuer = "@ISSUER@"
max_next_update = "8d"
never_issued = "unauthorized"
"#;

fn filled(text: &str, issuer: &str) -> String {
    text.replace("@ISSUER@", &STANDARD.encode(name(issuer).der().as_bytes()))
}

/// What a ring is made of.
#[derive(Clone)]
pub struct Plan {
    /// The policy of [`ROOT`].
    pub root: String,
    /// The policy of [`ISSUING`].
    pub issuing: String,
    /// The policy of [`OTHER`].
    pub other: String,
    /// The policy of [`RESPONDER`].
    pub responder: String,
    /// Where the journal is, if not on the real disk.
    pub disk: Option<SimulatedDisk>,
    /// What a peer gets.
    pub limits: Limits,
    /// Who may connect, besides this process's uid.
    pub uids: Vec<u32>,
    /// Whether the sockets are served; without them [`crate::Ring::ask_inside`] is the way in.
    pub serve: bool,
    /// Who approves, from genesis on; nobody must where there is nobody.
    pub operators: Option<Arc<Operators>>,
    /// How many of them must.
    pub threshold: u8,
    /// Whether the signer is in this process in any case.
    pub inside: bool,
    /// Whether the signer is a process of its own in any case, as only root can have it.
    pub outside: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            root: filled(AUTHORITIES, ROOT_NAME),
            issuing: filled(LEAVES, ISSUING_NAME),
            other: filled(LEAVES, OTHER_NAME),
            responder: filled(RESPONSES, ISSUING_NAME),
            disk: None,
            limits: Limits::default(),
            uids: Vec::new(),
            serve: true,
            operators: None,
            threshold: 0,
            inside: false,
            outside: false,
        }
    }
}

fn replace_once(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "{from}");
    text.replace(from, to)
}

impl Plan {
    /// Keeps the signer in this process.
    #[must_use]
    pub fn inside(mut self) -> Self {
        self.inside = true;
        self
    }

    /// Tells whether the real program can do it: it has its own disk, limits and users.
    pub(crate) fn fits_outside(&self) -> bool {
        if self.operators.is_some() {
            return false;
        }
        let usual = format!("{:?}", self.limits) == format!("{:?}", Limits::default());
        !self.inside && self.disk.is_none() && self.uids.is_empty() && self.serve && usual
    }

    /// Replaces a piece of the policy of [`ISSUING`].
    #[must_use]
    pub fn issuing_but(mut self, from: &str, to: &str) -> Self {
        self.issuing = replace_once(&self.issuing, from, to);
        self
    }

    /// Replaces a piece of the policy of [`RESPONDER`].
    #[must_use]
    pub fn responder_but(mut self, from: &str, to: &str) -> Self {
        self.responder = replace_once(&self.responder, from, to);
        self
    }
}
