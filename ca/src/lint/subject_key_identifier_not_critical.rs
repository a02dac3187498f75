//! SubjectKeyIdentifier is never critical.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// SubjectKeyIdentifier is never critical.
pub const LINT: Lint = Lint {
    name: "subject-key-identifier-not-critical",
    section: "RFC 5280 §4.2.1.2",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, ()) = find(tbs, |value| {
        matches!(value, ExtensionValue::SubjectKeyIdentifier(_)).then_some(())
    })?;
    fail_if(critical, || "the extension is marked critical".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_critical_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::set_critical(&mut tbs, x509::oids::EXT_SUBJECT_KEY_IDENTIFIER, true);
        assert!((LINT.check)(&tbs).is_some());
    }
}
