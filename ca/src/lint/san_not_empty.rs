//! The extension holds at least one name, and no name twice.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, find};

/// The extension holds at least one name, and no name twice.
pub const LINT: Lint = Lint {
    name: "san-not-empty",
    section: "RFC 5280 §4.2.1.6",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (_, names) = find(tbs, |value| match value {
        ExtensionValue::SubjectAltName(names) => Some(names),
        _ => None,
    })?;
    if names.is_empty() {
        return Some("subjectAltName is empty".into());
    }
    let twice = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name));
    twice.map(|(_, name)| format!("{name:?} stands twice"))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_one_twice() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::SubjectAltName(vec![x509::GeneralName::Dns("a.example".into()), x509::GeneralName::Dns("a.example".into())]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
