//! TLS feature is not critical and only in TLS servers' certificates.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// TLS feature is not critical and only in TLS servers' certificates.
pub const LINT: Lint = Lint {
    name: "tls-feature-form",
    section: "RFC 7633 §4",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, features) = find(tbs, |value| match value {
        ExtensionValue::TlsFeature(features) => Some(features),
        _ => None,
    })?;
    fail_if(critical || features.is_empty(), || "TLS feature is critical or empty".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_critical_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, true, ExtensionValue::TlsFeature(vec![5]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
