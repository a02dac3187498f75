//! A usage stands once.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, find};

/// A usage stands once.
pub const LINT: Lint = Lint {
    name: "extended-key-usage-unique",
    section: "RFC 5280 §4.2.1.12",
    severity: Severity::Warning,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (_, usages) = find(tbs, |value| match value {
        ExtensionValue::ExtendedKeyUsage(usages) => Some(usages),
        _ => None,
    })?;
    let twice = usages.iter().enumerate().find(|(i, usage)| usages[..*i].contains(usage));
    twice.map(|(_, usage)| format!("{usage} stands twice"))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_one_twice() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::ExtendedKeyUsage(vec![x509::oids::EKU_SERVER_AUTH, x509::oids::EKU_SERVER_AUTH]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
