//! Every certificate but a self-signed one names its issuer's key.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// Every certificate but a self-signed one names its issuer's key.
pub const LINT: Lint = Lint {
    name: "authority-key-identifier-present",
    section: "RFC 5280 §4.2.1.1",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    if tbs.subject == tbs.issuer {
        return None;
    }
    let key_id = find(tbs, |value| match value {
        ExtensionValue::AuthorityKeyIdentifier(aki) => Some(aki.key_id.as_ref()),
        _ => None,
    });
    fail_if(!matches!(key_id, Some((_, Some(_)))), || {
        "authorityKeyIdentifier with a key identifier is missing".into()
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_missing_one() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::remove(&mut tbs, x509::oids::EXT_AUTHORITY_KEY_IDENTIFIER);
        assert!((LINT.check)(&tbs).is_some());
    }
}
