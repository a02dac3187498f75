//! The text of key policies, composed for the keys of a hierarchy.
//!
//! The signer reads it as docs/KEY-POLICY.md says; what it does not list is refused.

use std::fmt::Write as _;

use x509::{KeyKind, NameDer, SignatureScheme, UnixTime};

use crate::profile::Seconds;

/// The word for all names of a kind.
const ANY: &str = "any";

/// Names that a key may certify. An empty list of a kind admits none of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameScope {
    /// `any`, or domains with all below them.
    pub dns: Vec<String>,
    /// `any`, or networks.
    pub ip: Vec<String>,
    /// `any`, or domains of mailboxes.
    pub email: Vec<String>,
    /// `any`, or hosts of URIs.
    pub uri: Vec<String>,
    /// `any`, or domains of principal names.
    pub upn: Vec<String>,
}

/// A name in `--names` that is neither a domain nor a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a domain (corp.example) nor a network (10.0.0.0/8)")]
pub struct NotAScope(pub String);

impl NameScope {
    /// Admits any name: written out as `any`, so that nobody takes it for a limit.
    #[must_use]
    pub fn any() -> Self {
        let any = || vec![ANY.to_owned()];
        Self { dns: any(), ip: any(), email: any(), uri: any(), upn: any() }
    }

    /// Returns whether any DNS name is admitted.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.dns.iter().any(|name| name == ANY)
    }

    /// Reads `any`, or `corp.example,10.0.0.0/8`: a domain counts for DNS, mail, URIs and principal names.
    pub fn parse(text: &str) -> Result<Self, NotAScope> {
        let mut scope = Self::default();
        let mut any = false;
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            if let Ok(network) = part.parse::<ipnet::IpNet>() {
                scope.ip.push(network.trunc().to_string());
            } else if let Ok(address) = part.parse::<std::net::IpAddr>() {
                scope.ip.push(ipnet::IpNet::from(address).to_string());
            } else if part.eq_ignore_ascii_case(ANY) {
                // In the policy's text it is a word, not a domain of one label.
                any = true;
            } else if x509::check_dns_name(part, false).is_ok() {
                let domain = part.to_ascii_lowercase();
                for list in [&mut scope.dns, &mut scope.email, &mut scope.uri, &mut scope.upn] {
                    list.push(domain.clone());
                }
            } else {
                return Err(NotAScope(part.to_owned()));
            }
        }
        if any {
            // `any` beside a name would look like a limit and be none.
            return match scope == Self::default() {
                true => Ok(Self::any()),
                false => Err(NotAScope(text.to_owned())),
            };
        }
        if scope == Self::default() {
            return Err(NotAScope(text.to_owned()));
        }
        Ok(scope)
    }
}

/// What every policy of an authority needs.
#[derive(Debug, Clone)]
pub struct AuthorityPolicy {
    /// How it signs.
    pub scheme: SignatureScheme,
    /// Its subject, octet by octet.
    pub issuer: NameDer,
    /// Its last second.
    pub issuer_not_after: UnixTime,
    /// Whether others may have its key.
    pub imported: bool,
}

/// Kinds of keys that certificates may have.
const SUBJECT_KEY_KINDS: &[KeyKind] = &[
    KeyKind::P256,
    KeyKind::P384,
    KeyKind::P521,
    KeyKind::Ed25519,
    KeyKind::Rsa2048,
    KeyKind::Rsa3072,
    KeyKind::Rsa4096,
    KeyKind::MlDsa44,
    KeyKind::MlDsa65,
    KeyKind::MlDsa87,
];

fn list(values: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let quoted: Vec<String> =
        values.into_iter().map(|value| format!("\"{}\"", value.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

fn key_kinds() -> String {
    list(SUBJECT_KEY_KINDS.iter().map(|kind| kind.as_str()))
}

impl AuthorityPolicy {
    fn head(&self, purpose: &str) -> String {
        use base64::Engine as _;
        format!(
            "version = 1\npurpose = \"{purpose}\"\n{}signature = \"{}\"\nissuer = \"{}\"\nissuer_not_after = \"{}\"\n",
            if self.imported { "imported = true\n" } else { "" },
            self.scheme.as_str(),
            base64::engine::general_purpose::STANDARD.encode(self.issuer.as_bytes()),
            self.issuer_not_after,
        )
    }

    /// Composes the policy of an issuing CA's key.
    #[must_use]
    pub fn issuing(&self, names: &NameScope, max_validity: Seconds) -> String {
        let mut text = self.head("cert+crl");
        let _ = write!(
            text,
            r#"
[certificates]
max_validity = "{max_validity}"
max_backdate = "49h"
max_future = "5m"
subject_key_kinds = {kinds}
key_usage = ["digitalSignature", "contentCommitment", "keyEncipherment", "dataEncipherment", "keyAgreement"]
extended_key_usage = ["serverAuth", "clientAuth", "emailProtection"]
extensions = ["keyUsage", "extendedKeyUsage", "subjectAltName", "subjectKeyIdentifier", "authorityKeyIdentifier", "crlDistributionPoints", "authorityInfoAccess", "certificatePolicies", "tlsFeature", "ocspNoCheck", "microsoftSid"]
certificate_policies = ["any"]
subject_attributes = ["CN", "O", "OU", "C", "ST", "L", "serialNumber", "UID", "DC", "emailAddress", "givenName", "SN", "title", "STREET"]
common_name = "free"
proof_of_possession = false
hold = true

[certificates.names]
dns = {dns}
dns_excluded = []
wildcard = true
ip = {ip}
ip_excluded = []
email = {email}
uri = {uri}
upn = {upn}
sid = true

[budget]
per_hour = 100000
per_day = 1000000

[delegated]
responders = []
registrations = []

[crl]
max_next_update = "10d"
"#,
            kinds = key_kinds(),
            dns = list(&names.dns),
            ip = list(&names.ip),
            email = list(&names.email),
            uri = list(&names.uri),
            upn = list(&names.upn),
        );
        text
    }

    /// Composes the policy of a root's or an intermediate's key.
    #[must_use]
    pub fn authorities(
        &self,
        max_path_len: u8,
        max_validity: Seconds,
        self_signed: bool,
    ) -> String {
        let mut text = self.head("ca-cert+crl");
        let _ = write!(
            text,
            r#"
[authorities]
max_validity = "{max_validity}"
max_backdate = "193h"
max_path_len = {max_path_len}
self_signed = {self_signed}
subject_key_kinds = {kinds}
extensions = ["basicConstraints", "keyUsage", "subjectKeyIdentifier", "authorityKeyIdentifier", "crlDistributionPoints", "authorityInfoAccess", "certificatePolicies", "nameConstraints", "extendedKeyUsage", "policyConstraints", "inhibitAnyPolicy"]

[budget]
per_hour = 100
per_day = 1000

[crl]
max_next_update = "400d"
"#,
            kinds = key_kinds(),
        );
        text
    }

    /// Composes the policy of a responder's key that speaks for the issuer `issuer_key`.
    #[must_use]
    pub fn responder(&self, issuer_key: &str, responder_scheme: SignatureScheme) -> String {
        use base64::Engine as _;
        format!(
            "version = 1\npurpose = \"ocsp\"\nsignature = \"{}\"\nissuer_key = \"{issuer_key}\"\nissuer = \"{}\"\nmax_next_update = \"8d\"\nnever_issued = \"unauthorized\"\n",
            responder_scheme.as_str(),
            base64::engine::general_purpose::STANDARD.encode(self.issuer.as_bytes()),
        )
    }
}

/// Composes the policy of the server's TLS key. An empty list of names admits any, written out.
#[must_use]
pub fn tls_policy(scheme: SignatureScheme, names: &[String]) -> String {
    let names = match names {
        [] => list([ANY]),
        names => list(names),
    };
    format!(
        "version = 1\npurpose = \"tls\"\nsignature = \"{}\"\nserver_names = {names}\n",
        scheme.as_str(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_domains_and_networks() {
        let scope = NameScope::parse("Corp.Example, 10.1.2.3/8,fd00::1").expect("a scope");
        assert_eq!(scope.dns, ["corp.example"]);
        assert_eq!(scope.email, ["corp.example"]);
        assert_eq!(scope.ip, ["10.0.0.0/8", "fd00::1/128"]);
        assert!(!scope.is_any());
    }

    #[test]
    fn any_is_a_word_and_stands_alone() {
        for text in ["any", " ANY ", "any,any"] {
            assert_eq!(NameScope::parse(text), Ok(NameScope::any()), "{text}");
        }
        for text in ["any,corp.example", "10.0.0.0/8,any"] {
            assert_eq!(NameScope::parse(text), Err(NotAScope(text.into())));
        }
    }

    #[test]
    fn a_scope_of_nothing_or_nonsense_is_refused() {
        for text in ["", ",", "-x", "a..b", "10.0.0.0/99", "any\"]"] {
            assert!(NameScope::parse(text).is_err(), "{text}");
        }
    }
}
