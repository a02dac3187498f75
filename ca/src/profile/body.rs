//! The text of a profile: what day-to-day choices there are, under the key policy's ceiling.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::duration::Seconds;

/// The only version there is.
pub const VERSION: u32 = 1;

/// A profile as it is written.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    /// Always 1.
    pub version: u32,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The issuer's name; none: the newest active issuing CA.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The span that a request without one gets.
    pub validity: Seconds,
    /// The longest span that may be asked for.
    pub max_validity: Seconds,
    /// How far notBefore is set back for clocks that are late.
    #[serde(default = "one_hour")]
    pub backdate: Seconds,
    /// Kinds of subject keys (`p-256`, `rsa-2048`, ...).
    pub key_kinds: Vec<String>,
    /// Key usage bits; empty: what fits the key and the extended key usage.
    #[serde(default)]
    pub key_usage: Vec<String>,
    /// Extended key usages, by name or dotted; empty: no such extension.
    #[serde(default)]
    pub extended_key_usage: Vec<String>,
    /// Certificate policies, dotted.
    #[serde(default)]
    pub policies: Vec<String>,
    /// TLS feature status_request (RFC 7633).
    #[serde(default)]
    pub must_staple: bool,
    /// The subject.
    #[serde(default)]
    pub subject: SubjectRules,
    /// The subject alternative names.
    #[serde(default)]
    pub san: SanRules,
    /// Which URLs stand in the certificate.
    #[serde(default)]
    pub urls: UrlRules,
    /// How ACME offers the profile; none: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<AcmeRules>,
}

fn one_hour() -> Seconds {
    Seconds(3_600)
}

/// What becomes of the common name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommonName {
    /// Kept if it is among the alternative names, otherwise left out.
    #[default]
    FromSan,
    /// Any text, or none.
    Optional,
    /// Must be there.
    Required,
    /// Must not be there.
    Forbidden,
}

/// What the subject may hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubjectRules {
    /// What becomes of the common name.
    pub common_name: CommonName,
    /// Attributes that a request may set (`O`, `OU`, ...). Others are an error.
    pub allowed: Vec<String>,
    /// Attributes that every certificate gets.
    pub fixed: BTreeMap<String, String>,
}

/// What the subject alternative names may be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct SanRules {
    /// Whether there must be one.
    pub required: bool,
    /// Whether a dNSName may be a wildcard.
    pub wildcard: bool,
    /// At most so many.
    pub max: usize,
    /// Patterns for dNSName: `*`, `host.example`, `*.corp.example` (anything below).
    pub dns: Vec<String>,
    /// Networks for iPAddress: `*`, `10.0.0.0/8`.
    pub ip: Vec<String>,
    /// Domains for rfc822Name: `*`, `corp.example`.
    pub email: Vec<String>,
    /// Prefixes for uniformResourceIdentifier: `*`, `spiffe://corp.example/`.
    pub uri: Vec<String>,
    /// Domains for the user principal name: `*`, `corp.example`.
    pub upn: Vec<String>,
    /// Whether Microsoft's SID extension is taken over from the request.
    pub microsoft_sid: bool,
}

impl Default for SanRules {
    fn default() -> Self {
        Self {
            required: true,
            wildcard: false,
            max: 100,
            dns: Vec::new(),
            ip: Vec::new(),
            email: Vec::new(),
            uri: Vec::new(),
            upn: Vec::new(),
            microsoft_sid: false,
        }
    }
}

/// Which URLs stand in the certificate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct UrlRules {
    /// CRL distribution point.
    pub crl: bool,
    /// OCSP responder.
    pub ocsp: bool,
    /// The issuer's certificate.
    pub ca_issuers: bool,
}

impl Default for UrlRules {
    fn default() -> Self {
        Self { crl: true, ocsp: true, ca_issuers: true }
    }
}

/// Whether ACME validates names itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcmeMode {
    /// Every name is validated by a challenge.
    #[default]
    Challenge,
    /// Nothing is validated: whoever has an account may have the names that its external account
    /// key allows. Only together with `external_account = true`.
    Trusted,
}

/// How ACME offers a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct AcmeRules {
    /// Whether names are validated.
    pub mode: AcmeMode,
    /// Whether accounts need an external account binding (RFC 8555 §7.3.4).
    pub external_account: bool,
    /// The challenges that are offered: `http-01`, `dns-01`, `tls-alpn-01`.
    pub challenges: Vec<String>,
    /// For how long an order can be fulfilled.
    pub order_lifetime: Seconds,
    /// For how long a validation is good, for other orders of the account too; 0s: for its own
    /// order only.
    pub reuse: Seconds,
}

impl Default for AcmeRules {
    fn default() -> Self {
        Self {
            mode: AcmeMode::Challenge,
            external_account: false,
            challenges: ["http-01", "dns-01", "tls-alpn-01"].map(str::to_owned).to_vec(),
            order_lifetime: Seconds::days(1),
            reuse: Seconds(8 * 3_600),
        }
    }
}
