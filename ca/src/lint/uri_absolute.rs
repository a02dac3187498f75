//! A uniformResourceIdentifier is absolute, with a scheme and a rest.

use x509::{ExtensionValue, GeneralName, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// A uniformResourceIdentifier is absolute, with a scheme and a rest.
pub const LINT: Lint = Lint {
    name: "uri-absolute",
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
        GeneralName::Uri(uri) => {
            let good = uri.split_once(':').is_some_and(|(scheme, rest)| {
                scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
                    && !rest.is_empty()
            });
            fail_if(!good, || format!("`{uri}` is no absolute URI"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_path() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::SubjectAltName(vec![GeneralName::Uri("/relative".into())]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
