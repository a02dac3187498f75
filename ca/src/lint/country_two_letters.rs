//! A country is two capital letters of ISO 3166.

use x509::{AttributeType, TbsCertificate};

use super::{Lint, Severity};

/// A country is two capital letters of ISO 3166.
pub const LINT: Lint = Lint {
    name: "country-two-letters",
    section: "RFC 5280 Appendix A.1 §X520countryName",
    severity: Severity::Error,
    check,
};

fn check(tbs: &TbsCertificate) -> Option<String> {
    let bad = tbs.subject.attributes().find(|attribute| {
        attribute.attribute_type() == AttributeType::Country
            && !(attribute.value().len() == 2 && attribute.value().bytes().all(|b| b.is_ascii_uppercase()))
    })?;
    Some(format!("the country `{}` is not two capital letters", bad.value()))
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    #[test]
    fn finds_three_letters() {
        let mut tbs = testing::leaf();
        assert_eq!((LINT.check)(&tbs), None);
        tbs.subject = x509::Name::from_attributes(&[(AttributeType::Country, "de")]).expect("encodes");
        assert!((LINT.check)(&tbs).is_some());
    }
}
