//! A CA certificate names its own key.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find, is_ca};

/// A CA certificate names its own key.
pub const LINT: Lint = Lint {
    name: "subject-key-identifier-in-ca",
    section: "RFC 5280 §4.2.1.2",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let found = find(tbs, |value| {
        matches!(value, ExtensionValue::SubjectKeyIdentifier(id) if !id.is_empty()).then_some(())
    });
    fail_if(is_ca(tbs) && found.is_none(), || "subjectKeyIdentifier is missing in a CA".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_missing_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        { tbs = testing::subordinate(); testing::remove(&mut tbs, x509::oids::EXT_SUBJECT_KEY_IDENTIFIER) };
        assert!((LINT.check)(&tbs).is_some());
    }
}
