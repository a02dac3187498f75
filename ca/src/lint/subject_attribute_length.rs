//! Attributes keep to the upper bounds.

use x509::{AttributeType, TbsCertificate};

use super::{Lint, Severity};

/// Attributes keep to the upper bounds.
pub const LINT: Lint = Lint {
    name: "subject-attribute-length",
    section: "RFC 5280 Appendix A.1 §upper bounds",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let bound = |kind: AttributeType| match kind {
        AttributeType::CommonName
        | AttributeType::Organization
        | AttributeType::OrganizationalUnit
        | AttributeType::Title
        | AttributeType::SerialNumber => 64,
        AttributeType::Locality | AttributeType::StateOrProvince => 128,
        AttributeType::GivenName | AttributeType::Surname => 32_768,
        AttributeType::EmailAddress => 255,
        _ => 32_768,
    };
    let bad = tbs.subject.attributes().find(|attribute| {
        attribute.value().is_empty() || attribute.value().chars().count() > bound(attribute.attribute_type())
    })?;
    Some(format!("the attribute {:?} is empty or over its upper bound", bad.attribute_type()))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_a_long_common_name() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        tbs.subject = x509::Name::from_attributes(&[(AttributeType::CommonName, &"x".repeat(65))]).expect("encodes");
        assert!((LINT.check)(&tbs).is_some());
    }
}
