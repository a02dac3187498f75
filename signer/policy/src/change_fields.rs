//! Every field of every schema with the values that the tests of [`super::change`] give it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_proto::Digest;

use super::sample::{ISSUER, key, name};
use super::sample_keys as keys;

/// What putting `to` for `from` is, and what the way back is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Wider there, narrower back.
    Ordered,
    /// Wider both ways: neither holds the other.
    Neither,
}

/// One field: TOML values, the first of them the usual one; an empty one leaves the field out.
pub(crate) struct Field {
    pub(crate) section: &'static str,
    pub(crate) name: &'static str,
    pub(crate) values: &'static [&'static str],
    /// Positions in `values`: the second is wider than the first.
    pub(crate) wider: (usize, usize),
    pub(crate) way: Way,
}

const fn field(
    section: &'static str,
    name: &'static str,
    values: &'static [&'static str],
    wider: (usize, usize),
) -> Field {
    Field { section, name, values, wider, way: Way::Ordered }
}

const fn neither(
    section: &'static str,
    name: &'static str,
    values: &'static [&'static str],
) -> Field {
    Field { section, name, values, wider: (0, 1), way: Way::Neither }
}

const SCHEMES: &[&str] = &["\"ecdsa-p256-sha256\"", "\"ecdsa-p384-sha384\""];
const ISSUERS: &[&str] = &["\"@ISSUER@\"", "\"@OTHER@\""];
const KINDS: &[&str] = &[
    "[\"p-256\", \"p-384\", \"ed25519\"]",
    "[\"p-256\", \"p-384\", \"ed25519\", \"rsa-2048\"]",
    "[\"p-256\"]",
    "[\"p-384\", \"p-256\"]",
];
const OFFICERS: &[&str] = &[
    "[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKdqYzPHMAQ3/a7hBlm2HkCnDwK3ki19Z2Ev3xq0Zgc9 ann\", \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEK5ypzlF+eDeZQ65+ogXVbjPuYcKUZlmmQiAOCgDqT9 bob\"]",
    "[\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKdqYzPHMAQ3/a7hBlm2HkCnDwK3ki19Z2Ev3xq0Zgc9 ann\", \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEK5ypzlF+eDeZQ65+ogXVbjPuYcKUZlmmQiAOCgDqT9 bob\", \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIP0AunlyAQBZz8bMU03uNnp7WSeg0JJoCnfR+5v/2wJp cyd\"]",
];
const URLS: &[&str] = &[
    "[\"http://pki.corp.example/\"]",
    "",
    "[\"http://pki.corp.example/crl/\", \"http://pki.corp.example/ocsp/\", \"http://pki.corp.example/ca/\"]",
    "[\"http://pki.corp.example/\", \"http://crl.corp.example/\"]",
    "[]",
];
const HOSTS: &[&str] = &[
    "[\"corp.example\"]",
    "[\"any\"]",
    "[\"a.corp.example\"]",
    "[\"corp.example\", \"lab.test\"]",
];
const NETWORKS: &[&str] = &[
    "[\"10.0.0.0/8\"]",
    "[\"any\"]",
    "[\"10.0.0.0/9\", \"10.128.0.0/9\"]",
    "[\"10.1.0.0/16\"]",
    "[\"10.0.0.0/8\", \"fd00::/8\"]",
];
const HIDDEN_HOSTS: &[&str] = &[
    "[\"secret.corp.example\"]",
    "",
    "[\"corp.example\"]",
    "[\"secret.corp.example\", \"b.corp.example\"]",
    "[\"a.secret.corp.example\"]",
];
const HIDDEN_NETWORKS: &[&str] =
    &["[\"10.9.0.0/16\"]", "[]", "[\"10.8.0.0/15\"]", "[\"10.9.9.0/24\"]", "[\"10.1.0.0/16\"]"];
const FLAG: &[&str] = &["true", "false"];

pub(crate) const LEAVES: &[Field] = &[
    field("", "imported", &["", "true", "false"], (0, 1)),
    neither("", "signature", SCHEMES),
    neither("", "issuer", ISSUERS),
    field(
        "",
        "issuer_not_after",
        &["\"2036-11-23T00:00:00Z\"", "\"2046-11-23T00:00:00Z\"", "\"2027-01-15T00:00:00Z\""],
        (0, 1),
    ),
    field("certificates", "max_validity", &["\"398d\"", "\"825d\"", "\"90d\"", "\"10d\""], (0, 1)),
    field("certificates", "max_backdate", &["\"1h\"", "\"2h\"", "", "\"59s\""], (2, 0)),
    field("certificates", "max_future", &["\"5m\"", "\"1h\"", "", "\"0s\""], (2, 1)),
    field("certificates", "subject_key_kinds", KINDS, (0, 1)),
    field(
        "certificates",
        "key_usage",
        &[
            "[\"digitalSignature\", \"keyAgreement\"]",
            "[\"digitalSignature\", \"keyEncipherment\", \"keyAgreement\"]",
            "[\"digitalSignature\"]",
        ],
        (0, 1),
    ),
    field(
        "certificates",
        "extended_key_usage",
        &[
            "[\"serverAuth\", \"clientAuth\", \"emailProtection\"]",
            "[\"serverAuth\", \"clientAuth\", \"emailProtection\", \"codeSigning\"]",
            "[\"serverAuth\"]",
            "[\"clientAuth\", \"serverAuth\", \"anyExtendedKeyUsage\"]",
        ],
        (0, 1),
    ),
    field(
        "certificates",
        "extensions",
        &[
            "[\"basicConstraints\", \"keyUsage\", \"extendedKeyUsage\", \"subjectAltName\", \"subjectKeyIdentifier\", \"authorityKeyIdentifier\", \"crlDistributionPoints\", \"authorityInfoAccess\", \"certificatePolicies\", \"microsoftSid\"]",
            "[\"basicConstraints\", \"keyUsage\", \"extendedKeyUsage\", \"subjectAltName\", \"subjectKeyIdentifier\", \"authorityKeyIdentifier\", \"crlDistributionPoints\", \"authorityInfoAccess\", \"certificatePolicies\", \"microsoftSid\", \"tlsFeature\"]",
            "[\"keyUsage\", \"extendedKeyUsage\", \"subjectAltName\", \"subjectKeyIdentifier\", \"authorityKeyIdentifier\"]",
        ],
        (0, 1),
    ),
    field(
        "certificates",
        "certificate_policies",
        &["[\"1.2.3.4\"]", "[\"any\"]", "", "[\"1.2.3.4\", \"1.2.3.5\"]"],
        (2, 0),
    ),
    field(
        "certificates",
        "subject_attributes",
        &["[\"CN\", \"O\"]", "[\"CN\", \"O\", \"emailAddress\"]", "[\"CN\"]"],
        (0, 1),
    ),
    field("certificates", "common_name", &["\"in-san\"", "\"free\"", ""], (2, 1)),
    field("certificates", "proof_of_possession", &["false", "true", ""], (1, 2)),
    field(
        "certificates",
        "evidence",
        &["", "[[\"possession\"]]", "[[\"possession\"], [\"validation\"]]", "[[\"validation\"]]"],
        (3, 0),
    ),
    field("certificates", "validation_max_age", &["", "\"31d\"", "\"1h\""], (0, 1)),
    field("certificates", "hold", &["", "true", "false"], (0, 1)),
    field("certificates", "status_urls", URLS, (0, 1)),
    field("certificates.names", "dns", HOSTS, (0, 3)),
    field("certificates.names", "dns_excluded", HIDDEN_HOSTS, (0, 1)),
    field("certificates.names", "wildcard", &["true", "false", ""], (2, 0)),
    field("certificates.names", "ip", NETWORKS, (0, 4)),
    field("certificates.names", "ip_excluded", HIDDEN_NETWORKS, (0, 1)),
    field("certificates.names", "email", HOSTS, (0, 1)),
    field("certificates.names", "uri", HOSTS, (2, 0)),
    field("certificates.names", "upn", HOSTS, (0, 3)),
    field("certificates.names", "sid", FLAG, (1, 0)),
    field("budget", "per_second", &["", "10", "9"], (2, 0)),
    field("budget", "per_hour", &["100", "101", "", "10"], (0, 2)),
    field("budget", "per_day", &["1000", "", "10"], (0, 1)),
    field("budget", "total", &["100000", "", "100001"], (0, 2)),
    field("budget", "per_name_per_day", &["5", "", "6", "0"], (0, 1)),
    field("officers", "keys", OFFICERS, (0, 1)),
    field("officers", "threshold", &["2", "1", ""], (0, 1)),
    neither("delegated", "responders", &["[]", "[\"@LEAF@\"]", "[\"@LEAF@\", \"@P384@\"]"]),
    neither("delegated", "registrations", &["[]", "[\"@P384@\"]", ""]),
    field("tripwires", "certificates_per_minute", &["600", "", "601"], (0, 1)),
    field("tripwires", "refusals_per_minute", &["", "60", "6"], (1, 0)),
    field("crl", "max_next_update", &["\"10d\"", "\"11d\"", "", "\"1d\""], (0, 1)),
    field("crl", "min_interval", &["\"60s\"", "", "\"30s\"", "\"2m\""], (0, 1)),
];

pub(crate) const AUTHORITIES: &[Field] = &[
    field("", "imported", &["", "true", "false"], (0, 1)),
    neither("", "signature", SCHEMES),
    neither("", "issuer", ISSUERS),
    field(
        "",
        "issuer_not_after",
        &["\"2046-11-23T00:00:00Z\"", "\"2056-11-23T00:00:00Z\"", "\"2030-11-23T00:00:00Z\""],
        (0, 1),
    ),
    field("authorities", "max_validity", &["\"7306d\"", "\"9000d\"", "\"3000d\""], (0, 1)),
    field("authorities", "max_backdate", &["\"1h\"", "\"2h\"", "\"30s\""], (0, 1)),
    field("authorities", "max_future", &["", "\"1h\"", "\"0s\""], (0, 1)),
    field("authorities", "max_path_len", &["1", "2", "0"], (0, 1)),
    field("authorities", "self_signed", FLAG, (1, 0)),
    field("authorities", "subject_key_kinds", KINDS, (0, 1)),
    field(
        "authorities",
        "extensions",
        &[
            "[\"basicConstraints\", \"keyUsage\", \"subjectKeyIdentifier\", \"authorityKeyIdentifier\", \"certificatePolicies\", \"crlDistributionPoints\", \"nameConstraints\"]",
            "[\"basicConstraints\", \"keyUsage\", \"subjectKeyIdentifier\", \"authorityKeyIdentifier\", \"certificatePolicies\", \"crlDistributionPoints\", \"nameConstraints\", \"extendedKeyUsage\"]",
            "[\"basicConstraints\", \"keyUsage\", \"subjectKeyIdentifier\", \"authorityKeyIdentifier\"]",
        ],
        (0, 1),
    ),
    field("authorities", "certificate_policies", &["[\"1.2.3.4\"]", "", "[]"], (0, 1)),
    field("authorities", "status_urls", URLS, (0, 1)),
    field(
        "authorities.names",
        "dns",
        &["[\"corp.example\"]", "", "[]", "[\"a.corp.example\"]"],
        (0, 1),
    ),
    field("authorities.names", "dns_excluded", HIDDEN_HOSTS, (0, 1)),
    field("authorities.names", "ip", NETWORKS, (0, 4)),
    field("authorities.names", "ip_excluded", HIDDEN_NETWORKS, (0, 1)),
    field("authorities.names", "email", HOSTS, (0, 3)),
    field("authorities.names", "uri", &["", "[\"corp.example\"]"], (1, 0)),
    field("authorities.names", "upn", &["", "[\"corp.example\"]"], (1, 0)),
    field("budget", "per_second", &["1", "", "2"], (0, 2)),
    field("budget", "per_hour", &["100", "101", "10"], (0, 1)),
    field("budget", "total", &["", "10", "9"], (1, 0)),
    field("budget", "per_day", &["1000", "", "10"], (0, 1)),
    field("tripwires", "certificates_per_minute", &["600", "", "601"], (0, 1)),
    field("tripwires", "refusals_per_minute", &["", "60", "6"], (1, 0)),
    field("crl", "max_next_update", &["\"400d\"", "\"401d\"", "", "\"1d\""], (2, 0)),
    field("crl", "min_interval", &["\"60s\"", "", "\"30s\"", "\"2m\""], (0, 1)),
];

pub(crate) const RESPONDER: &[Field] = &[
    field("", "imported", &["", "true", "false"], (0, 1)),
    neither("", "signature", SCHEMES),
    neither("", "issuer", ISSUERS),
    neither("", "issuer_key", &["\"issuing\"", "\"sub\""]),
    field("", "max_next_update", &["\"8d\"", "\"9d\"", "\"1d\""], (0, 1)),
    field("", "never_issued", &["\"revoked\"", "\"unauthorized\"", ""], (1, 0)),
];

pub(crate) const SERVER: &[Field] = &[
    field("", "imported", &["", "true", "false"], (0, 1)),
    neither("", "signature", SCHEMES),
    field(
        "",
        "server_names",
        &["[\"ca.corp.example\"]", "[\"ca.corp.example\", \"10.0.0.1\"]", "[\"any\"]", "[]"],
        (0, 1),
    ),
    field("", "tls12", &["", "true", "false"], (0, 1)),
];

/// The schemas by their purpose, in the order of the documentation.
pub(crate) const SCHEMAS: [(&str, &[Field]); 4] =
    [("cert+crl", LEAVES), ("ca-cert+crl", AUTHORITIES), ("ocsp", RESPONDER), ("tls", SERVER)];

/// Writes the policy whose fields have the values at these positions.
pub(crate) fn text(purpose: &str, fields: &[Field], picked: &[usize]) -> String {
    let mut text = format!("version = 1\npurpose = \"{purpose}\"\n");
    let mut section = "";
    for (field, at) in fields.iter().zip(picked) {
        if field.section != section {
            section = field.section;
            text += &format!("[{section}]\n");
        }
        let value = field.values[*at];
        if !value.is_empty() {
            text += &format!("{} = {value}\n", field.name);
        }
    }
    let der = |subject: &str| STANDARD.encode(name(subject).der().as_bytes());
    let pin = |text: &str| Digest(key(text).spki_sha256()).to_string();
    text.replace("@ISSUER@", &der(ISSUER))
        .replace("@OTHER@", &der("CN=Other"))
        .replace("@LEAF@", &pin(keys::LEAF))
        .replace("@P384@", &pin(keys::P384))
}
