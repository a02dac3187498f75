//! certificatePolicies (RFC 5280 §4.2.1.4).

use crate::general_name::{check_uri, ia5};
use crate::name::StringKind;
use crate::reader::{Parser, only, tag};
use crate::writer::Writer;
use crate::{DerError, Oid, oids};

const PATH: &str = "CertificatePolicies";
/// RFC 5280 §4.2.1.4: explicitText has at most 200 characters.
const MAX_TEXT: usize = 200;

/// A policy under which the certificate was issued.
///
/// ```text
/// PolicyInformation ::= SEQUENCE {
///     policyIdentifier CertPolicyId,
///     policyQualifiers SEQUENCE SIZE (1..MAX) OF PolicyQualifierInfo OPTIONAL }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PolicyInformation {
    /// The policy.
    pub policy: Oid,
    /// The qualifiers in their order.
    pub qualifiers: Vec<PolicyQualifier>,
}

/// What a policy says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PolicyQualifier {
    /// The URI of a certification practice statement (id-qt-cps).
    Cps(String),
    /// A text for the relying party, at most 200 characters (id-qt-unotice, UTF8String). A
    /// noticeRef is not supported.
    UserNotice(String),
}

impl PolicyInformation {
    /// Names a policy without qualifiers.
    #[must_use]
    pub fn new(policy: Oid) -> Self {
        Self { policy, qualifiers: Vec::new() }
    }

    fn parse(fields: &mut Parser<'_>) -> Result<Self, DerError> {
        let policy = fields.oid("policyIdentifier")?;
        let mut qualifiers = Vec::new();
        if !fields.is_empty() {
            let mut list = fields.sequence("policyQualifiers")?;
            if list.is_empty() {
                return Err(DerError::field("policyQualifiers", "empty"));
            }
            while !list.is_empty() {
                let mut qualifier = list.sequence("PolicyQualifierInfo")?;
                qualifiers.push(PolicyQualifier::parse(&mut qualifier)?);
                qualifier.finish()?;
            }
        }
        Ok(Self { policy, qualifiers })
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        writer.sequence(|w| {
            w.oid(&self.policy);
            if self.qualifiers.is_empty() {
                return Ok(());
            }
            w.sequence(|w| self.qualifiers.iter().try_for_each(|qualifier| qualifier.encode(w)))
        })
    }
}

impl PolicyQualifier {
    fn parse(fields: &mut Parser<'_>) -> Result<Self, DerError> {
        let id = fields.oid("policyQualifierId")?;
        let qualifier = if id == oids::QUALIFIER_CPS {
            Self::Cps(ia5(fields.value(tag::IA5_STRING, "CPSuri")?)?)
        } else if id == oids::QUALIFIER_USER_NOTICE {
            let mut notice = fields.sequence("UserNotice")?;
            if notice.peek() == Some(tag::SEQUENCE) {
                return Err(DerError::Unsupported { what: "a noticeRef" });
            }
            if matches!(
                notice.peek(),
                Some(tag::IA5_STRING | tag::VISIBLE_STRING | tag::BMP_STRING)
            ) {
                return Err(DerError::Unsupported {
                    what: "an explicitText other than UTF8String",
                });
            }
            let text = notice.value(tag::UTF8_STRING, "explicitText")?;
            notice.finish()?;
            Self::UserNotice(StringKind::Utf8.decode(text)?)
        } else {
            return Err(DerError::Unsupported { what: "this policy qualifier" });
        };
        qualifier.check()?;
        Ok(qualifier)
    }

    fn encode(&self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| match self {
            Self::Cps(uri) => {
                w.oid(&oids::QUALIFIER_CPS);
                w.value(tag::IA5_STRING, uri.as_bytes());
                Ok(())
            }
            Self::UserNotice(text) => {
                w.oid(&oids::QUALIFIER_USER_NOTICE);
                let text = StringKind::Utf8.encode(text)?;
                w.sequence(|w| {
                    w.value(tag::UTF8_STRING, &text);
                    Ok(())
                })
            }
        })
    }

    fn check(&self) -> Result<(), DerError> {
        match self {
            Self::Cps(uri) => check_uri(uri),
            Self::UserNotice(text) if text.chars().count() > MAX_TEXT => {
                Err(DerError::field("explicitText", "longer than 200 characters"))
            }
            Self::UserNotice(_) => Ok(()),
        }
    }
}

pub(super) fn parse(value: &[u8]) -> Result<Vec<PolicyInformation>, DerError> {
    let mut list = only(value, tag::SEQUENCE, PATH)?;
    let mut policies = Vec::new();
    while !list.is_empty() {
        let mut fields = list.sequence("PolicyInformation")?;
        policies.push(PolicyInformation::parse(&mut fields)?);
        fields.finish()?;
    }
    check(&policies)?;
    Ok(policies)
}

pub(super) fn encode(policies: &[PolicyInformation], writer: &mut Writer) -> Result<(), DerError> {
    check(policies)?;
    writer.sequence(|w| policies.iter().try_for_each(|policy| policy.encode(w)))
}

/// RFC 5280 §4.2.1.4: a policy OID MUST NOT appear more than once.
fn check(policies: &[PolicyInformation]) -> Result<(), DerError> {
    if policies.is_empty() {
        return Err(DerError::field(PATH, "empty"));
    }
    let twice = |(index, policy): (usize, &PolicyInformation)| {
        policies.iter().skip(index + 1).any(|other| other.policy == policy.policy)
    };
    if policies.iter().enumerate().any(twice) {
        return Err(DerError::field(PATH, "a policy twice"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roundtrips() {
        let policies = vec![
            PolicyInformation::new(Oid::new_unwrap("1.2.3")),
            PolicyInformation {
                policy: Oid::new_unwrap("1.2.4"),
                qualifiers: vec![
                    PolicyQualifier::UserNotice("für alle".into()),
                    PolicyQualifier::Cps("https://pki.example/cps".into()),
                ],
            },
        ];
        let mut writer = Writer::new();
        encode(&policies, &mut writer).unwrap();
        assert_eq!(parse(&writer.finish()), Ok(policies));
    }

    #[test]
    fn refuses_empty_twice_and_long() {
        assert_eq!(parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
        let policy = PolicyInformation::new(Oid::new_unwrap("1.2.3"));
        let twice = encode(&[policy.clone(), policy.clone()], &mut Writer::new());
        assert_eq!(twice, Err(DerError::field(PATH, "a policy twice")));
        let long = PolicyQualifier::UserNotice("x".repeat(201));
        let long =
            encode(&[PolicyInformation { qualifiers: vec![long], ..policy }], &mut Writer::new());
        assert_eq!(long, Err(DerError::field("explicitText", "longer than 200 characters")));
        let empty = parse(&[0x30, 8, 0x30, 6, 0x06, 2, 0x2a, 3, 0x30, 0]);
        assert_eq!(empty, Err(DerError::field("policyQualifiers", "empty")));
    }
}
