//! A leaf says where its status is found, but for responders and very short lives.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, fail_if, find, is_ca};

/// A leaf says where its status is found, but for responders and very short lives.
pub const LINT: Lint = Lint {
    name: "status-reference-present",
    section: "RFC 5280 §4.2.1.13",
    severity: Severity::Warning,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let responder = find(tbs, |value| matches!(value, ExtensionValue::OcspNoCheck).then_some(()));
    let short = tbs.not_after.0 - tbs.not_before.0 <= 7 * 86_400;
    if is_ca(tbs) || responder.is_some() || short {
        return None;
    }
    let found = find(tbs, |value| {
        matches!(
            value,
            ExtensionValue::CrlDistributionPoints(_) | ExtensionValue::AuthorityInfoAccess(_)
        )
        .then_some(())
    });
    fail_if(found.is_none(), || "neither CRL nor OCSP is named".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_neither() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        { testing::remove(&mut tbs, x509::oids::EXT_AUTHORITY_INFO_ACCESS); testing::remove(&mut tbs, x509::oids::EXT_CRL_DISTRIBUTION_POINTS) };
        assert!((LINT.check)(&tbs).is_some());
    }
}
