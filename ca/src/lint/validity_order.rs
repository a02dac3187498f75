//! notAfter is later than notBefore.

use x509::TbsCertificate;

use super::{Lint, Severity, fail_if};

/// notAfter is later than notBefore.
pub const LINT: Lint = Lint {
    name: "validity-order",
    section: "RFC 5280 §4.1.2.5",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    fail_if(tbs.not_after <= tbs.not_before, || {
        format!("notAfter {} is not later than notBefore {}", tbs.not_after, tbs.not_before)
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_an_inverted_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        std::mem::swap(&mut tbs.not_before, &mut tbs.not_after);
        assert!((LINT.check)(&tbs).is_some());
    }
}
