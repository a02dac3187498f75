//! keyCertSign and cA TRUE go together.

use x509::{ExtensionValue, KeyUsage, TbsCertificate};

use super::{Lint, Severity, fail_if, find, is_ca};

/// keyCertSign and cA TRUE go together.
pub const LINT: Lint = Lint {
    name: "key-usage-certsign-is-ca",
    section: "RFC 5280 §4.2.1.3",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (_, usage) = find(tbs, |value| match value {
        ExtensionValue::KeyUsage(usage) => Some(*usage),
        _ => None,
    })?;
    fail_if(usage.contains(KeyUsage::KEY_CERT_SIGN) != is_ca(tbs), || {
        "keyCertSign and cA TRUE do not go together".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_leaf_that_signs() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, true, ExtensionValue::KeyUsage(KeyUsage::KEY_CERT_SIGN));
        assert!((LINT.check)(&tbs).is_some());
    }
}
