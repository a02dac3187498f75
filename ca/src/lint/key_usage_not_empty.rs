//! At least one bit is set.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// At least one bit is set.
pub const LINT: Lint = Lint {
    name: "key-usage-not-empty",
    section: "RFC 5280 §4.2.1.3",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (_, usage) = find(tbs, |value| match value {
        ExtensionValue::KeyUsage(usage) => Some(*usage),
        _ => None,
    })?;
    fail_if(usage.bits() == 0, || "no key usage bit is set".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_an_empty_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, true, ExtensionValue::KeyUsage(x509::KeyUsage::from_names::<&str>(&[]).expect("empty")));
        assert!((LINT.check)(&tbs).is_some());
    }
}
