//! `[acme]`: what the operator chooses for the ACME server as a whole.

use std::str::FromStr as _;

use ::acme::{Limits, Settings};
use daemon::{Faults, Section};
use model::ProfileName;

/// Is what the ACME server is told.
#[derive(Debug, Clone, Default)]
pub struct Acme {
    /// What it serves.
    pub settings: Settings,
    /// Bases that it answers under besides `https://` and the server's names, such as that of a
    /// proxy: `https://acme.corp.example`.
    pub urls: Vec<String>,
}

pub(super) fn take(mut section: Section, faults: &mut Faults) -> Acme {
    let mut settings = Settings::new();
    if let Some(name) = section.parsed("default_profile", faults, ProfileName::from_str) {
        settings.default_profile = name;
    }
    settings.terms = section.parsed("terms", faults, web);
    settings.website = section.parsed("website", faults, web);
    settings.explanation = section.parsed("explanation", faults, web);
    let identity = |name: &str| match x509::check_dns_name(name, false) {
        Ok(()) => Ok(name.to_ascii_lowercase()),
        Err(error) => Err(format!("`{name}`: {error}")),
    };
    settings.caa_identities = section.list("caa_identities", faults, identity).unwrap_or_default();
    let urls = section.list("urls", faults, base).unwrap_or_default();
    settings.limits = limits(section.section("limits", faults), faults);
    settings.dangerous_chaos = section.boolean("dangerous_chaos", faults).unwrap_or_default();
    section.end(faults);
    Acme { settings, urls }
}

fn limits(mut section: Section, faults: &mut Faults) -> Limits {
    let mut limits = Limits::default();
    for (name, limit) in [
        ("requests_per_ip", &mut limits.requests_per_ip),
        ("accounts_per_ip", &mut limits.accounts_per_ip),
        ("orders_per_account", &mut limits.orders_per_account),
        ("orders_per_names", &mut limits.orders_per_names),
        ("identifiers", &mut limits.identifiers),
    ] {
        let Some(given) = section.integer(name, faults) else {
            continue;
        };
        match u32::try_from(given).ok().filter(|given| *given <= 1_000_000_000) {
            Some(given) => *limit = given,
            None => faults.add(&section.path_of(name), "is 0 to 1000000000; 0 sets no limit"),
        }
    }
    section.end(faults);
    limits
}

/// A page for people; it stands in headers and JSON as it is.
fn web(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"\\".contains(&b));
    let is_web = text.starts_with("https://") || text.starts_with("http://");
    if is_web && plain { Ok(text.to_owned()) } else { Err(format!("`{text}` is no http URL")) }
}

fn base(text: &str) -> Result<String, String> {
    let url = web(text)?;
    let (_, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.trim_end_matches('/');
    if url.starts_with("https://") && !authority.is_empty() && !authority.contains(['/', '?', '#'])
    {
        Ok(url)
    } else {
        Err(format!("`{text}` is no https URL of a host alone"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Acme, Vec<String>) {
        let mut faults = Faults::default();
        let table = toml::from_str(text).expect("TOML");
        let mut root = Section::root(table);
        let acme = take(root.section("acme", &mut faults), &mut faults);
        (acme, faults.into_lines())
    }

    #[test]
    fn everything_has_a_default_and_can_be_chosen() {
        let (acme, faults) = read("");
        assert_eq!((acme.settings.default_profile.as_str(), faults.len()), ("acme", 0));
        let (acme, faults) = read(
            r#"[acme]
            default_profile = "web"
            terms = "https://ca.corp.example/terms"
            caa_identities = ["CA.corp.example"]
            urls = ["https://acme.corp.example/"]
            dangerous_chaos = true
            limits = { orders_per_account = 0, identifiers = 5 }"#,
        );
        assert_eq!(faults, [] as [String; 0]);
        assert_eq!(acme.settings.caa_identities, ["ca.corp.example"]);
        assert!(acme.settings.dangerous_chaos);
        assert_eq!(acme.settings.limits.orders_per_account, 0);
        assert_eq!(acme.settings.limits.identifiers, 5);
    }

    #[test]
    fn every_fault_is_told() {
        let (_, faults) = read(
            r#"[acme]
            default_profile = "A"
            terms = "terms"
            caa_identities = ["a b"]
            urls = ["http://x", "https://x/y"]
            dangerous_chaos = "yes"
            limits = { identifiers = -1, x = 1 }
            more = 1"#,
        );
        let paths: Vec<&str> = faults.iter().filter_map(|fault| fault.split(':').next()).collect();
        assert_eq!(
            paths,
            [
                "acme.default_profile",
                "acme.terms",
                "acme.caa_identities",
                "acme.urls",
                "acme.urls",
                "acme.limits.identifiers",
                "acme.limits.x",
                "acme.dangerous_chaos",
                "acme.more"
            ]
        );
    }
}
