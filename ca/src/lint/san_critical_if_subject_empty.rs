//! With an empty subject the alternative names are critical; otherwise they are not.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// With an empty subject the alternative names are critical; otherwise they are not.
pub const LINT: Lint = Lint {
    name: "san-critical-if-subject-empty",
    section: "RFC 5280 §4.1.2.6",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, ()) = find(tbs, |value| {
        matches!(value, ExtensionValue::SubjectAltName(_)).then_some(())
    })?;
    fail_if(critical != tbs.subject.is_empty(), || {
        "subjectAltName is critical exactly where the subject is empty".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_an_empty_subject() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        tbs.subject = x509::Name::empty();
        assert!((LINT.check)(&tbs).is_some());
    }

    #[test]
    fn finds_a_needless_criticality() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::set_critical(&mut tbs, x509::oids::EXT_SUBJECT_ALT_NAME, true);
        assert!((LINT.check)(&tbs).is_some());
    }
}
