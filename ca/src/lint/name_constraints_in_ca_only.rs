//! Name constraints stand in CA certificates, critically and not empty.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find, is_ca};

/// Name constraints stand in CA certificates, critically and not empty.
pub const LINT: Lint = Lint {
    name: "name-constraints-in-ca-only",
    section: "RFC 5280 §4.2.1.10",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (critical, constraints) = find(tbs, |value| match value {
        ExtensionValue::NameConstraints(constraints) => Some(constraints),
        _ => None,
    })?;
    let empty = constraints.permitted.is_empty() && constraints.excluded.is_empty();
    fail_if(!is_ca(tbs) || !critical || empty, || {
        "nameConstraints in a leaf, not critical, or empty".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_one_in_a_leaf() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, true, ExtensionValue::NameConstraints(x509::NameConstraints { permitted: vec![x509::NameSubtree::Dns("corp.example".into())], excluded: vec![] }));
        assert!((LINT.check)(&tbs).is_some());
    }
}
