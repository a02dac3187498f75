//! basicConstraints (RFC 5280 §4.2.1.9).

use crate::DerError;
use crate::reader::{only, tag};
use crate::writer::Writer;

/// Whether the subject is a CA, and how many CAs may follow it.
///
/// ```text
/// BasicConstraints ::= SEQUENCE {
///     cA                BOOLEAN DEFAULT FALSE,
///     pathLenConstraint INTEGER (0..MAX) OPTIONAL }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// The most intermediate CAs that may follow; only with `ca`.
    pub path_len: Option<u8>,
}

impl BasicConstraints {
    pub(super) fn parse(value: &[u8]) -> Result<Self, DerError> {
        let mut fields = only(value, tag::SEQUENCE, "BasicConstraints")?;
        let explicit = fields.peek() == Some(tag::BOOLEAN);
        let ca = explicit && fields.boolean("cA")?;
        if explicit && !ca {
            // X.690 §11.5: a component equal to its DEFAULT is not encoded.
            return Err(DerError::field("cA", "DEFAULT encoded"));
        }
        let path_len = match fields.peek() {
            None => None,
            Some(_) => Some(
                u8::try_from(fields.unsigned("pathLenConstraint")?)
                    .map_err(|_| DerError::field("pathLenConstraint", "above 255"))?,
            ),
        };
        fields.finish()?;
        let constraints = Self { ca, path_len };
        constraints.check()?;
        Ok(constraints)
    }

    pub(super) fn encode(self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.sequence(|w| {
            if self.ca {
                w.boolean(true);
            }
            if let Some(path_len) = self.path_len {
                w.unsigned(u64::from(path_len));
            }
            Ok(())
        })
    }

    fn check(self) -> Result<(), DerError> {
        if self.path_len.is_some() && !self.ca {
            return Err(DerError::field("pathLenConstraint", "without cA"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (der, value) in [
            (&b"\x30\x00"[..], BasicConstraints { ca: false, path_len: None }),
            (b"\x30\x03\x01\x01\xff", BasicConstraints { ca: true, path_len: None }),
            (b"\x30\x06\x01\x01\xff\x02\x01\x00", BasicConstraints { ca: true, path_len: Some(0) }),
            (
                b"\x30\x07\x01\x01\xff\x02\x02\x00\xff",
                BasicConstraints { ca: true, path_len: Some(255) },
            ),
        ] {
            assert_eq!(BasicConstraints::parse(der), Ok(value));
            let mut writer = Writer::new();
            value.encode(&mut writer).unwrap();
            assert_eq!(writer.finish(), der);
        }
    }

    #[test]
    fn refuses_ca_false_encoded() {
        let refused = Err(DerError::field("cA", "DEFAULT encoded"));
        assert_eq!(BasicConstraints::parse(b"\x30\x03\x01\x01\x00"), refused);
    }

    #[test]
    fn refuses_path_length_without_ca_negative_or_large() {
        let path = "pathLenConstraint";
        for (der, why) in [
            (&b"\x30\x03\x02\x01\x00"[..], "without cA"),
            (b"\x30\x06\x01\x01\xff\x02\x01\xff", "negative"),
            (b"\x30\x07\x01\x01\xff\x02\x02\x01\x00", "above 255"),
        ] {
            assert_eq!(BasicConstraints::parse(der), Err(DerError::field(path, why)));
        }
        let value = BasicConstraints { ca: false, path_len: Some(0) };
        assert_eq!(value.encode(&mut Writer::new()), Err(DerError::field(path, "without cA")));
    }
}
