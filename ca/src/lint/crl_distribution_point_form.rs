//! Distribution points are not critical and their URIs are HTTP or LDAP.

use x509::{ExtensionValue, GeneralName, TbsCertificate};

use super::{Lint, Severity, find};

/// Distribution points are not critical and their URIs are HTTP or LDAP.
pub const LINT: Lint = Lint {
    name: "crl-distribution-point-form",
    section: "RFC 5280 §4.2.1.13",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, points) = find(tbs, |value| match value {
        ExtensionValue::CrlDistributionPoints(points) => Some(points),
        _ => None,
    })?;
    if critical || points.is_empty() {
        return Some("cRLDistributionPoints is critical or empty".into());
    }
    let bad = points.iter().flat_map(|point| &point.full_name).find(|name| {
        !matches!(name, GeneralName::Uri(uri) if uri.starts_with("http://") || uri.starts_with("https://") || uri.starts_with("ldap"))
    });
    bad.map(|name| format!("the location {name:?} is no http or ldap URI"))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_critical_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::set_critical(&mut tbs, x509::oids::EXT_CRL_DISTRIBUTION_POINTS, true);
        assert!((LINT.check)(&tbs).is_some());
    }
}
