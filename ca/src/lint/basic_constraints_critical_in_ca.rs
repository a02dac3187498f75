//! A CA says so, critically.

use x509::{ExtensionValue, KeyUsage, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// A CA says so, critically.
pub const LINT: Lint = Lint {
    name: "basic-constraints-critical-in-ca",
    section: "RFC 5280 §4.2.1.9",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let signs = tbs
        .extensions
        .key_usage()
        .is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    let (critical, ca) = find(tbs, |value| match value {
        ExtensionValue::BasicConstraints(bc) => Some(bc.ca),
        _ => None,
    })
    .unwrap_or((false, false));
    fail_if((signs || ca) && !(ca && critical), || {
        "a CA needs critical basicConstraints with cA TRUE".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_ca_without_criticality() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        { tbs = testing::subordinate(); testing::set_critical(&mut tbs, x509::oids::EXT_BASIC_CONSTRAINTS, false) };
        assert!((LINT.check)(&tbs).is_some());
    }
}
