//! A dNSName is in the preferred name syntax of RFC 1034 §3.5.

use x509::{ExtensionValue, GeneralName, TbsCertificate};

use super::{Lint, Severity, find};

/// A dNSName is in the preferred name syntax of RFC 1034 §3.5.
pub const LINT: Lint = Lint {
    name: "dns-name-syntax",
    section: "RFC 5280 §4.2.1.6",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (_, names) = find(tbs, |value| match value {
        ExtensionValue::SubjectAltName(names) => Some(names),
        _ => None,
    })?;
    names.iter().find_map(|name| match name {
        GeneralName::Dns(dns) => x509::check_dns_name(dns, true)
            .err()
            .map(|error| format!("the dNSName `{dns}` is malformed: {error}")),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_an_underscore_or_empty_label() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::SubjectAltName(vec![GeneralName::Dns("a..b".into())]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
