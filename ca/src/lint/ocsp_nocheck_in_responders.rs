//! id-pkix-ocsp-nocheck stands in responders' certificates only.

use x509::{ExtensionValue, TbsCertificate, oids};

use super::{Lint, Severity, fail_if, find};

/// id-pkix-ocsp-nocheck stands in responders' certificates only.
pub const LINT: Lint = Lint {
    name: "ocsp-nocheck-in-responders",
    section: "RFC 6960 §4.2.2.2.1",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    find(tbs, |value| matches!(value, ExtensionValue::OcspNoCheck).then_some(()))?;
    let responder = tbs
        .extensions
        .extended_key_usage()
        .is_some_and(|usages| usages.contains(&oids::EKU_OCSP_SIGNING));
    fail_if(!responder, || "ocsp-nocheck in a certificate that is no responder's".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_one_in_a_server() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::OcspNoCheck);
        assert!((LINT.check)(&tbs).is_some());
    }
}
