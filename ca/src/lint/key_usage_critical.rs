//! Key usage should be critical.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// Key usage should be critical.
pub const LINT: Lint = Lint {
    name: "key-usage-critical",
    section: "RFC 5280 §4.2.1.3",
    severity: Severity::Warning,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, ()) = find(tbs, |value| {
        matches!(value, ExtensionValue::KeyUsage(_)).then_some(())
    })?;
    fail_if(!critical, || "keyUsage is not critical".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_one_that_is_not() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::set_critical(&mut tbs, x509::oids::EXT_KEY_USAGE, false);
        assert!((LINT.check)(&tbs).is_some());
    }
}
