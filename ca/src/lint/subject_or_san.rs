//! A certificate names somebody: by subject or by alternative name; a CA by subject.

use x509::TbsCertificate;

use super::{Lint, Severity, fail_if, is_ca};

/// A certificate names somebody: by subject or by alternative name; a CA by subject.
pub const LINT: Lint = Lint {
    name: "subject-or-san",
    section: "RFC 5280 §4.1.2.6",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let has_san = tbs.extensions.subject_alt_name().is_some();
    fail_if(tbs.subject.is_empty() && (is_ca(tbs) || !has_san), || {
        "the subject is empty and nothing else names the holder".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_ca_without_subject() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        { tbs = testing::subordinate(); tbs.subject = x509::Name::empty() };
        assert!((LINT.check)(&tbs).is_some());
    }
}
