//! The issuer has a name.

use x509::TbsCertificate;

use super::{Lint, Severity, fail_if};

/// The issuer has a name.
pub const LINT: Lint = Lint {
    name: "issuer-not-empty",
    section: "RFC 5280 §4.1.2.4",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    fail_if(tbs.issuer.is_empty(), || "the issuer is empty".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_an_empty_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        tbs.issuer = x509::Name::empty();
        assert!((LINT.check)(&tbs).is_some());
    }
}
