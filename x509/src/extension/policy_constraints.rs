//! policyConstraints and inhibitAnyPolicy (RFC 5280 §4.2.1.11, §4.2.1.14).

use crate::DerError;
use crate::reader::{Parser, only, tag, unsigned};
use crate::writer::Writer;

const PATH: &str = "PolicyConstraints";

/// After how many further certificates policies are required, or mapping ends.
///
/// ```text
/// PolicyConstraints ::= SEQUENCE {
///     requireExplicitPolicy [0] SkipCerts OPTIONAL,
///     inhibitPolicyMapping  [1] SkipCerts OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PolicyConstraints {
    /// Certificates that may still lack an explicit policy.
    pub require_explicit_policy: Option<u32>,
    /// Certificates in which policies may still be mapped.
    pub inhibit_policy_mapping: Option<u32>,
}

impl PolicyConstraints {
    pub(super) fn parse(value: &[u8]) -> Result<Self, DerError> {
        let mut fields = only(value, tag::SEQUENCE, PATH)?;
        let constraints = Self {
            require_explicit_policy: fields.optional(tag::context(0))?.map(skip).transpose()?,
            inhibit_policy_mapping: fields.optional(tag::context(1))?.map(skip).transpose()?,
        };
        fields.finish()?;
        constraints.check()?;
        Ok(constraints)
    }

    pub(super) fn encode(self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| {
            if let Some(skip) = self.require_explicit_policy {
                w.unsigned_as(tag::context(0), u64::from(skip));
            }
            if let Some(skip) = self.inhibit_policy_mapping {
                w.unsigned_as(tag::context(1), u64::from(skip));
            }
            Ok(())
        })
    }

    /// RFC 5280 §4.2.1.11: MUST NOT be an empty sequence.
    fn check(self) -> Result<(), DerError> {
        if self.require_explicit_policy.is_none() && self.inhibit_policy_mapping.is_none() {
            return Err(DerError::field(PATH, "empty"));
        }
        Ok(())
    }
}

/// InhibitAnyPolicy ::= SkipCerts
pub(super) fn parse_inhibit_any_policy(value: &[u8]) -> Result<u32, DerError> {
    let mut parser = Parser::new(value);
    let content = parser.value(tag::INTEGER, "InhibitAnyPolicy")?;
    parser.finish()?;
    skip(content)
}

/// SkipCerts ::= INTEGER (0..MAX)
fn skip(content: &[u8]) -> Result<u32, DerError> {
    u32::try_from(unsigned(content, "SkipCerts")?)
        .map_err(|_| DerError::field("SkipCerts", "does not fit 32 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roundtrips_and_refuses_an_empty_sequence() {
        let constraints = PolicyConstraints {
            require_explicit_policy: Some(0),
            inhibit_policy_mapping: Some(200),
        };
        let mut writer = Writer::new();
        constraints.encode(&mut writer).unwrap();
        assert_eq!(PolicyConstraints::parse(&writer.finish()), Ok(constraints));
        assert_eq!(PolicyConstraints::parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
        let large = Err(DerError::field("SkipCerts", "does not fit 32 bits"));
        assert_eq!(parse_inhibit_any_policy(&[2, 5, 1, 0, 0, 0, 0]), large);
    }
}
