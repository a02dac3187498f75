//! A path length needs cA TRUE and keyCertSign.

use x509::{KeyUsage, TbsCertificate};

use super::{Lint, Severity, fail_if};

/// A path length needs cA TRUE and keyCertSign.
pub const LINT: Lint = Lint {
    name: "path-length-needs-certsign",
    section: "RFC 5280 §4.2.1.9",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let constraints = tbs.extensions.basic_constraints()?;
    let signs = tbs
        .extensions
        .key_usage()
        .is_some_and(|usage| usage.contains(KeyUsage::KEY_CERT_SIGN));
    fail_if(constraints.path_len.is_some() && !(constraints.ca && signs), || {
        "pathLenConstraint without cA TRUE and keyCertSign".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_one_without_certsign() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        { tbs = testing::subordinate(); testing::replace(&mut tbs, true, x509::ExtensionValue::KeyUsage(KeyUsage::CRL_SIGN)) };
        assert!((LINT.check)(&tbs).is_some());
    }
}
