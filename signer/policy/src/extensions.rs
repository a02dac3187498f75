//! Which extensions a certificate may carry, how critical, and what the ones about status say.

use signer_proto::{Refusal, Rule};
use x509::{
    AccessDescription, DistributionPoint, Extension, ExtensionValue, GeneralName, Oid,
    PolicyInformation, PolicyQualifier, TbsCertificate, oids,
};

use super::change::{Diff, equal};
use super::names::uri::{self, UriHost};
use super::section::{Scope, Section};
use super::usage::dotted;

/// Extensions that `[certificates]` can list.
pub(crate) const OF_LEAVES: &[(&str, Oid)] = &[
    ("basicConstraints", oids::EXT_BASIC_CONSTRAINTS),
    ("keyUsage", oids::EXT_KEY_USAGE),
    ("extendedKeyUsage", oids::EXT_EXTENDED_KEY_USAGE),
    ("subjectAltName", oids::EXT_SUBJECT_ALT_NAME),
    ("subjectKeyIdentifier", oids::EXT_SUBJECT_KEY_IDENTIFIER),
    ("authorityKeyIdentifier", oids::EXT_AUTHORITY_KEY_IDENTIFIER),
    ("crlDistributionPoints", oids::EXT_CRL_DISTRIBUTION_POINTS),
    ("authorityInfoAccess", oids::EXT_AUTHORITY_INFO_ACCESS),
    ("certificatePolicies", oids::EXT_CERTIFICATE_POLICIES),
    ("tlsFeature", oids::EXT_TLS_FEATURE),
    ("ocspNoCheck", oids::EXT_OCSP_NO_CHECK),
    ("microsoftSid", oids::MS_SID),
];

/// Extensions that `[authorities]` can list.
pub(crate) const OF_AUTHORITIES: &[(&str, Oid)] = &[
    ("basicConstraints", oids::EXT_BASIC_CONSTRAINTS),
    ("keyUsage", oids::EXT_KEY_USAGE),
    ("subjectKeyIdentifier", oids::EXT_SUBJECT_KEY_IDENTIFIER),
    ("authorityKeyIdentifier", oids::EXT_AUTHORITY_KEY_IDENTIFIER),
    ("crlDistributionPoints", oids::EXT_CRL_DISTRIBUTION_POINTS),
    ("authorityInfoAccess", oids::EXT_AUTHORITY_INFO_ACCESS),
    ("certificatePolicies", oids::EXT_CERTIFICATE_POLICIES),
    ("nameConstraints", oids::EXT_NAME_CONSTRAINTS),
    ("extendedKeyUsage", oids::EXT_EXTENDED_KEY_USAGE),
    ("policyConstraints", oids::EXT_POLICY_CONSTRAINTS),
    ("inhibitAnyPolicy", oids::EXT_INHIBIT_ANY_POLICY),
];

/// The only TLS feature that is certified: status_request, "must staple" (RFC 7633 §4.2.3.1).
const STATUS_REQUEST: u16 = 5;

/// What extensions may be there and where they may point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExtensionRules {
    listed: Vec<Oid>,
    status_urls: Scope<String>,
    policies: Scope<Oid>,
}

impl ExtensionRules {
    /// Reads `extensions`, `status_urls` and `certificate_policies`; `policies` holds if the last
    /// is absent.
    pub(crate) fn read(section: &mut Section, known: &[(&str, Oid)], policies: Scope<Oid>) -> Self {
        let listed = section.list("extensions", |text| {
            let entry = known.iter().find(|(name, _)| *name == text);
            entry
                .map(|(_, oid)| *oid)
                .ok_or_else(|| "is no extension that can be listed here".to_owned())
        });
        // An empty list says "no URL at all"; only an absent one says "any".
        let status_urls = section.optional_scope("status_urls", status_url).unwrap_or(Scope::Any);
        let policies = section.optional_scope("certificate_policies", dotted).unwrap_or(policies);
        Self { listed, status_urls, policies }
    }

    pub(crate) fn compare(&self, new: &Self, diff: &mut Diff) {
        let Self { listed, status_urls, policies } = self;
        diff.list("extensions", (listed, &new.listed), equal, name_of);
        // Every prefix ends with a slash: one that begins with another lies below it.
        let below = |prefix: &String, longer: &String| longer.starts_with(prefix.as_str());
        diff.scope("status_urls", (status_urls, &new.status_urls), below, String::clone);
        diff.scope("certificate_policies", (policies, &new.policies), equal, Oid::to_string);
    }

    /// Refuses extensions that are not listed, of the wrong criticality, or that point elsewhere.
    pub(crate) fn check(&self, tbs: &TbsCertificate) -> Result<(), Refusal> {
        self.check_as(tbs, &self.listed)
    }

    /// The same with another list, for certificates of delegates.
    pub(crate) fn check_as(&self, tbs: &TbsCertificate, listed: &[Oid]) -> Result<(), Refusal> {
        for extension in tbs.extensions.iter() {
            let oid = extension.oid();
            if !listed.contains(&oid) {
                return Err(Refusal::new(Rule::ExtensionRefused, format!("{oid} is not listed")));
            }
            check_criticality(tbs, extension)?;
            self.check_value(&extension.value)?;
        }
        Ok(())
    }

    fn check_value(&self, value: &ExtensionValue) -> Result<(), Refusal> {
        match value {
            ExtensionValue::CrlDistributionPoints(points) => {
                points.iter().try_for_each(|point| self.check_point(point))
            }
            ExtensionValue::AuthorityInfoAccess(list) => {
                list.iter().try_for_each(|access| self.check_access(access))
            }
            ExtensionValue::CertificatePolicies(list) => {
                list.iter().try_for_each(|policy| self.check_policy(policy))
            }
            ExtensionValue::TlsFeature(features) if features != &[STATUS_REQUEST] => {
                refuse("tlsFeature other than status_request")
            }
            // What the others say is held against rules of their own.
            _ => Ok(()),
        }
    }

    fn check_point(&self, point: &DistributionPoint) -> Result<(), Refusal> {
        // RFC 5280 §4.2.1.13: reasons split the status over CRLs, cRLIssuer gives it to another.
        if point.reasons.is_some() || !point.crl_issuer.is_empty() {
            return refuse("crlDistributionPoints with reasons or cRLIssuer");
        }
        point.full_name.iter().try_for_each(|name| self.check_place(name))
    }

    fn check_access(&self, access: &AccessDescription) -> Result<(), Refusal> {
        if ![oids::AD_OCSP, oids::AD_CA_ISSUERS].contains(&access.method) {
            return refuse(&format!("authorityInfoAccess with method {}", access.method));
        }
        self.check_place(&access.location)
    }

    fn check_place(&self, name: &GeneralName) -> Result<(), Refusal> {
        let GeneralName::Uri(uri) = name else {
            return refuse("a place of status that is no URI");
        };
        let listed = self.status_urls.admits(|prefix| uri.starts_with(prefix.as_str()));
        if listed && is_http(uri) { Ok(()) } else { refuse(&format!("place of status {uri:?}")) }
    }

    fn check_policy(&self, information: &PolicyInformation) -> Result<(), Refusal> {
        if !self.policies.admits(|listed| *listed == information.policy) {
            let detail = information.policy.to_string();
            return Err(Refusal::new(Rule::CertificatePolicyRefused, detail));
        }
        let fits = |qualifier: &PolicyQualifier| match qualifier {
            PolicyQualifier::Cps(uri) => is_http(uri),
            PolicyQualifier::UserNotice(_) => true,
        };
        if information.qualifiers.iter().all(fits) {
            Ok(())
        } else {
            refuse("a CPS that is no http URI")
        }
    }
}

fn name_of(extension: &Oid) -> String {
    let named = OF_LEAVES.iter().chain(OF_AUTHORITIES).find(|(_, oid)| oid == extension);
    named.map_or_else(|| extension.to_string(), |(name, _)| (*name).to_owned())
}

fn refuse(why: &str) -> Result<(), Refusal> {
    Err(Refusal::new(Rule::ExtensionRefused, why))
}

fn is_http(uri: &str) -> bool {
    let scheme = uri.starts_with("http://") || uri.starts_with("https://");
    scheme && uri::host(uri).is_some_and(|host| host != UriHost::None)
}

/// Reads a prefix for places of status. It ends with a slash, so that `http://pki.example` cannot
/// be continued to `http://pki.example.evil.example`.
fn status_url(text: &str) -> Result<String, String> {
    if is_http(text) && text.ends_with('/') && !text.contains(['?', '#']) {
        Ok(text.to_owned())
    } else {
        Err("is no http or https URL that ends with a slash".to_owned())
    }
}

/// Refuses an extension that is critical where it must not be, or the other way round.
fn check_criticality(tbs: &TbsCertificate, extension: &Extension) -> Result<(), Refusal> {
    let required = match &extension.value {
        // RFC 5280 §4.2.1.9: MUST in CA certificates, either in others.
        ExtensionValue::BasicConstraints(constraints) if constraints.ca => Some(true),
        // RFC 5280 §4.2.1.3: SHOULD; a client that skips it takes the key for anything.
        ExtensionValue::KeyUsage(_) => Some(true),
        // RFC 5280 §4.2.1.10, §4.2.1.11, §4.2.1.14: MUST.
        ExtensionValue::NameConstraints(_)
        | ExtensionValue::PolicyConstraints(_)
        | ExtensionValue::InhibitAnyPolicy(_) => Some(true),
        // RFC 5280 §4.1.2.6: MUST if the subject is empty; §4.2.1.6: SHOULD NOT otherwise.
        ExtensionValue::SubjectAltName(_) => Some(tbs.subject.is_empty()),
        // RFC 5280 §4.2.1.1, §4.2.1.2, §4.2.2.1: MUST NOT; §4.2.1.13, RFC 7633 §4.1, RFC 6960
        // §4.2.2.2.1: SHOULD NOT.
        ExtensionValue::AuthorityKeyIdentifier(_)
        | ExtensionValue::SubjectKeyIdentifier(_)
        | ExtensionValue::AuthorityInfoAccess(_)
        | ExtensionValue::CrlDistributionPoints(_)
        | ExtensionValue::TlsFeature(_)
        | ExtensionValue::OcspNoCheck
        | ExtensionValue::MicrosoftSid(_) => Some(false),
        _ => None,
    };
    match required {
        Some(critical) if critical != extension.critical => {
            let not = if critical { "not " } else { "" };
            refuse(&format!("{} is {not}critical", extension.oid()))
        }
        _ => Ok(()),
    }
}
