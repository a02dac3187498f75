//! anyExtendedKeyUsage makes the others meaningless and is not critical.

use x509::{ExtensionValue, TbsCertificate, oids};

use super::{Lint, Severity, fail_if, find};

/// anyExtendedKeyUsage makes the others meaningless and is not critical.
pub const LINT: Lint = Lint {
    name: "extended-key-usage-any-alone",
    section: "RFC 5280 §4.2.1.12",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, usages) = find(tbs, |value| match value {
        ExtensionValue::ExtendedKeyUsage(usages) => Some(usages),
        _ => None,
    })?;
    let any = usages.contains(&oids::EKU_ANY);
    fail_if(usages.is_empty() || any && (critical || usages.len() > 1), || {
        "extendedKeyUsage is empty, or anyExtendedKeyUsage is not alone".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_any_beside_another() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::ExtendedKeyUsage(vec![oids::EKU_ANY, oids::EKU_SERVER_AUTH]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
