//! Profiles: day-to-day choices under the ceiling of the key policy.

mod acme;
mod body;
mod builtin;
mod duration;
mod pattern;
mod subject;
mod usage;

pub use acme::{AcmeOffer, admits};
pub use body::{AcmeMode, AcmeRules, CommonName, ProfileBody, SanRules, SubjectRules, UrlRules};
pub use builtin::BUILTIN;
pub use duration::{NotADuration, Seconds};
pub use pattern::{DnsPattern, DomainPattern, IpPattern, Pattern, Patterns, UriPattern};
pub use subject::Holder;

use model::ProfileName;
use x509::{AttributeType, KeyKind, KeyUsage, Oid, oids};

/// A profile that was read and checked.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name.
    pub name: ProfileName,
    /// SHA-256 of the text.
    pub digest: [u8; 32],
    /// The text, read.
    pub body: ProfileBody,
    pub(crate) key_kinds: Vec<KeyKind>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) extended_key_usage: Vec<Oid>,
    pub(crate) policies: Vec<Oid>,
    pub(crate) allowed_attributes: Vec<AttributeType>,
    pub(crate) fixed_attributes: Vec<(AttributeType, String)>,
    pub(crate) dns: Patterns<DnsPattern>,
    pub(crate) ip: Patterns<IpPattern>,
    pub(crate) email: Patterns<DomainPattern>,
    pub(crate) uri: Patterns<UriPattern>,
    pub(crate) upn: Patterns<DomainPattern>,
    pub(crate) acme: Option<AcmeOffer>,
}

/// What is wrong with the text of a profile: every fault with its path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the profile is not usable: {}", .0.join("; "))]
pub struct ProfileError(pub Vec<String>);

/// A request that the profile does not admit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct ProfileViolation {
    /// A stable name of the rule, in kebab-case.
    pub rule: &'static str,
    /// What exactly.
    pub detail: String,
}

impl ProfileViolation {
    pub(crate) fn new(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { rule, detail: detail.into() }
    }
}

/// Collects faults, so that a person sees all of them at once.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn take<T: Default>(&mut self, path: &str, result: Result<T, Vec<String>>) -> T {
        result.unwrap_or_else(|errors| {
            self.0.extend(errors.iter().map(|error| format!("{path}: {error}")));
            T::default()
        })
    }
}

fn each<T>(texts: &[String], read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, Vec<String>> {
    let unknown: Vec<String> = texts
        .iter()
        .filter(|text| read(text).is_none())
        .map(|text| format!("`{text}` is not known"))
        .collect();
    if unknown.is_empty() {
        Ok(texts.iter().filter_map(|text| read(text)).collect())
    } else {
        Err(unknown)
    }
}

/// Reads an extended key usage by its name in RFC 5280, or dotted.
#[must_use]
pub fn extended_key_usage(text: &str) -> Option<Oid> {
    Some(match text {
        "serverAuth" => oids::EKU_SERVER_AUTH,
        "clientAuth" => oids::EKU_CLIENT_AUTH,
        "codeSigning" => oids::EKU_CODE_SIGNING,
        "emailProtection" => oids::EKU_EMAIL,
        "OCSPSigning" => oids::EKU_OCSP_SIGNING,
        "anyExtendedKeyUsage" => oids::EKU_ANY,
        _ => text.parse().ok()?,
    })
}

/// Tells where an attribute stands in a subject, the most significant first.
fn significance(kind: AttributeType) -> u8 {
    match kind {
        AttributeType::DomainComponent => 0,
        AttributeType::Country => 1,
        AttributeType::StateOrProvince => 2,
        AttributeType::Locality => 3,
        AttributeType::Street => 4,
        AttributeType::Organization => 5,
        AttributeType::OrganizationalUnit => 6,
        _ => 7,
    }
}

impl Profile {
    /// Reads and checks a profile's text; the error lists every fault.
    pub fn parse(name: ProfileName, text: &str) -> Result<Self, ProfileError> {
        let body: ProfileBody =
            toml::from_str(text).map_err(|error| ProfileError(vec![error.to_string()]))?;
        let mut faults = Faults::default();
        if body.version != body::VERSION {
            faults.0.push(format!("version: {} is not 1", body.version));
        }
        if body.validity.0 <= 0 || body.validity > body.max_validity {
            faults.0.push("validity: must be positive and at most max_validity".into());
        }
        if body.backdate > Seconds::days(2) {
            faults.0.push("backdate: must be at most 2d".into());
        }
        let attribute = |text: &str| text.parse::<AttributeType>().ok();
        let usages: Vec<&str> = body.key_usage.iter().map(String::as_str).collect();
        let fixed: Vec<String> = body.subject.fixed.keys().cloned().collect();
        let mut fixed_attributes: Vec<_> = faults
            .take("subject.fixed", each(&fixed, attribute))
            .into_iter()
            .zip(body.subject.fixed.values().cloned())
            .collect();
        fixed_attributes.sort_by_key(|(kind, _)| significance(*kind));
        let profile = Self {
            digest: x509::sha256(text.as_bytes()),
            key_kinds: faults.take("key_kinds", each(&body.key_kinds, |t| t.parse().ok())),
            key_usage: faults.take(
                "key_usage",
                match usages.as_slice() {
                    [] => Ok(None),
                    some => KeyUsage::from_names(some)
                        .map(Some)
                        .map_err(|error| vec![error.to_string()]),
                },
            ),
            extended_key_usage: faults
                .take("extended_key_usage", each(&body.extended_key_usage, extended_key_usage)),
            policies: faults.take("policies", each(&body.policies, |t| t.parse().ok())),
            allowed_attributes: faults
                .take("subject.allowed", each(&body.subject.allowed, attribute)),
            fixed_attributes,
            dns: faults.take("san.dns", Patterns::parse(&body.san.dns)),
            ip: faults.take("san.ip", Patterns::parse(&body.san.ip)),
            email: faults.take("san.email", Patterns::parse(&body.san.email)),
            uri: faults.take("san.uri", Patterns::parse(&body.san.uri)),
            upn: faults.take("san.upn", Patterns::parse(&body.san.upn)),
            acme: faults.take("acme", body.acme.as_ref().map(AcmeOffer::read).transpose()),
            name,
            body,
        };
        if faults.0.is_empty() { Ok(profile) } else { Err(ProfileError(faults.0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ProfileName {
        text.parse().expect("a profile name")
    }

    #[test]
    fn the_built_in_profiles_read() {
        for (profile, text) in BUILTIN {
            if let Err(error) = Profile::parse(name(profile), text) {
                panic!("{profile}: {error}");
            }
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let text = r#"
            version = 2
            validity = "10d"
            max_validity = "5d"
            key_kinds = ["p-256", "dsa"]
            extended_key_usage = ["nonsense"]
            [san]
            ip = ["10.0.0.0/99"]
        "#;
        let Err(ProfileError(faults)) = Profile::parse(name("x"), text) else {
            panic!("a broken profile was read");
        };
        for path in ["version", "validity", "key_kinds", "extended_key_usage", "san.ip"] {
            assert!(faults.iter().any(|fault| fault.starts_with(path)), "{path} in {faults:?}");
        }
        assert_eq!(faults.len(), 5);
    }

    #[test]
    fn what_is_fixed_stands_first_in_the_subject() {
        let text = r#"
            version = 1
            validity = "1d"
            max_validity = "1d"
            key_kinds = ["p-256"]
            [subject]
            common_name = "optional"
            allowed = ["OU"]
            fixed = { O = "Shop", C = "DE", ST = "Berlin" }
            [san]
            required = false
        "#;
        let profile = Profile::parse(name("x"), text).expect("reads");
        let asked = x509::Name::parse_rfc4514("CN=www,OU=Web").expect("a name");
        let holder = profile.holder(None, Some(&asked), None).expect("admitted");
        // RFC 4514 §2.1 writes the last first.
        let subject = holder.subject.to_string();
        assert_eq!(subject, "CN=www,OU=Web,O=Shop,ST=Berlin,C=DE");
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let text = format!(
            "{}\nsurprise = 1\n",
            "version = 1\nvalidity = \"1d\"\nmax_validity = \"1d\"\nkey_kinds = []"
        );
        assert!(
            matches!(Profile::parse(name("x"), &text), Err(ProfileError(f)) if f[0].contains("surprise"))
        );
    }
}
