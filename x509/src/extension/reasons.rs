//! ReasonFlags (RFC 5280 §4.2.1.13).

use super::key_usage::named_bits;
use crate::DerError;
use crate::writer::Writer;

/// A set of revocation reasons; bit 0 of the ASN.1 type is the least significant bit.
///
/// ```text
/// ReasonFlags ::= BIT STRING { unused (0), keyCompromise (1), cACompromise (2),
///     affiliationChanged (3), superseded (4), cessationOfOperation (5), certificateHold (6),
///     privilegeWithdrawn (7), aACompromise (8) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReasonFlags(u16);

impl ReasonFlags {
    /// Takes the set as a number; gives nothing for the empty set and for bits without a name.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits != 0 && bits < 1 << 9 { Some(Self(bits)) } else { None }
    }

    /// Gives the set as a number, `unused` being 1.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    pub(super) fn parse(content: &[u8]) -> Result<Self, DerError> {
        let bits = named_bits(content, "ReasonFlags")?;
        Self::from_bits(bits).ok_or(DerError::field("ReasonFlags", "empty or bit without a name"))
    }

    pub(super) fn encode(self, tag: u8, writer: &mut Writer) {
        writer.named_bits(tag, self.0);
    }
}
