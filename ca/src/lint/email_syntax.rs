//! An rfc822Name is a mailbox of RFC 2821: local part, one @, domain.

use x509::{ExtensionValue, GeneralName, TbsCertificate};

use super::{Lint, Severity, fail_if, find};

/// An rfc822Name is a mailbox of RFC 2821: local part, one @, domain.
pub const LINT: Lint = Lint {
    name: "email-syntax",
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
        GeneralName::Email(email) => {
            let good = email.split_once('@').is_some_and(|(local, domain)| {
                !local.is_empty() && !local.contains(char::is_whitespace) && x509::check_dns_name(domain, false).is_ok()
            });
            fail_if(!good, || format!("`{email}` is no mailbox"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_no_at() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::SubjectAltName(vec![GeneralName::Email("nobody".into())]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
