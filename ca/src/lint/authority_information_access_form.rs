//! Authority information access is not critical and its locations are HTTP or LDAP URIs.

use x509::{ExtensionValue, GeneralName, TbsCertificate};

use super::{Lint, Severity, find};

/// Authority information access is not critical and its locations are HTTP or LDAP URIs.
pub const LINT: Lint = Lint {
    name: "authority-information-access-form",
    section: "RFC 5280 §4.2.2.1",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, entries) = find(tbs, |value| match value {
        ExtensionValue::AuthorityInfoAccess(entries) => Some(entries),
        _ => None,
    })?;
    if critical || entries.is_empty() {
        return Some("authorityInfoAccess is critical or empty".into());
    }
    let bad = entries.iter().find(|entry| !matches!(&entry.location, GeneralName::Uri(uri) if uri.starts_with("http://") || uri.starts_with("https://") || uri.starts_with("ldap")));
    bad.map(|entry| format!("the location {:?} is no http or ldap URI", entry.location))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_critical_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::set_critical(&mut tbs, x509::oids::EXT_AUTHORITY_INFO_ACCESS, true);
        assert!((LINT.check)(&tbs).is_some());
    }

    #[test]
    fn finds_a_file_uri() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::AuthorityInfoAccess(vec![x509::AccessDescription { method: x509::oids::AD_CA_ISSUERS, location: GeneralName::Uri("file:///x".into()) }]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
