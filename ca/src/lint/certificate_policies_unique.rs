//! A policy stands once.

use x509::{ExtensionValue, TbsCertificate};

use super::{Lint, Severity, find};

/// A policy stands once.
pub const LINT: Lint = Lint {
    name: "certificate-policies-unique",
    section: "RFC 5280 §4.2.1.4",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let (_, policies) = find(tbs, |value| match value {
        ExtensionValue::CertificatePolicies(policies) => Some(policies),
        _ => None,
    })?;
    let twice = policies.iter().enumerate().find(|(i, policy)| {
        policies[..*i].iter().any(|earlier| earlier.policy == policy.policy)
    });
    twice.map(|(_, policy)| format!("the policy {} stands twice", policy.policy))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_one_twice() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        testing::replace(&mut tbs, false, ExtensionValue::CertificatePolicies(vec![testing::policy("1.2.3.4"), testing::policy("1.2.3.4")]));
        assert!((LINT.check)(&tbs).is_some());
    }
}
