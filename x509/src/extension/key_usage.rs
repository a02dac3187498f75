//! keyUsage (RFC 5280 §4.2.1.3).

use core::fmt;

use crate::DerError;
use crate::reader::{Parser, tag};
use crate::writer::Writer;

/// A set of key usages; bit 0 of the ASN.1 type is the least significant bit.
///
/// ```text
/// KeyUsage ::= BIT STRING { digitalSignature (0), contentCommitment (1), keyEncipherment (2),
///     dataEncipherment (3), keyAgreement (4), keyCertSign (5), cRLSign (6), encipherOnly (7),
///     decipherOnly (8) }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct KeyUsage(u16);

/// Says that a text names no key usage. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown key usage {0:?}")]
pub struct UnknownKeyUsage(pub String);

const NAMES: [&str; 9] = [
    "digitalSignature",
    "contentCommitment",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

impl KeyUsage {
    /// Verifies signatures other than on certificates and CRLs.
    pub const DIGITAL_SIGNATURE: Self = Self(1 << 0);
    /// Verifies signatures that bind the signer (nonRepudiation).
    pub const CONTENT_COMMITMENT: Self = Self(1 << 1);
    /// Wraps keys.
    pub const KEY_ENCIPHERMENT: Self = Self(1 << 2);
    /// Encrypts data directly.
    pub const DATA_ENCIPHERMENT: Self = Self(1 << 3);
    /// Agrees on keys.
    pub const KEY_AGREEMENT: Self = Self(1 << 4);
    /// Verifies signatures on certificates.
    pub const KEY_CERT_SIGN: Self = Self(1 << 5);
    /// Verifies signatures on CRLs.
    pub const CRL_SIGN: Self = Self(1 << 6);
    /// With key agreement: only enciphers.
    pub const ENCIPHER_ONLY: Self = Self(1 << 7);
    /// With key agreement: only deciphers.
    pub const DECIPHER_ONLY: Self = Self(1 << 8);

    /// Gives the empty set, which no certificate may carry.
    #[must_use]
    pub const fn empty() -> Self {
        Self(0)
    }

    /// Tells whether all usages of `other` are in the set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Gives the usages that are in either set.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Tells whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Gives the set as a number, digitalSignature being 1.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Takes the set as a number; gives nothing for bits that have no name.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Option<Self> {
        if bits < 1 << 9 { Some(Self(bits)) } else { None }
    }

    /// Reads names as RFC 5280 spells them; `nonRepudiation` stands for contentCommitment.
    ///
    /// # Errors
    /// [`UnknownKeyUsage`] holds the first name that is none.
    pub fn from_names<S: AsRef<str>>(names: &[S]) -> Result<Self, UnknownKeyUsage> {
        names.iter().try_fold(Self(0), |set, name| {
            let name = match name.as_ref() {
                "nonRepudiation" => "contentCommitment",
                name => name,
            };
            let bit = NAMES.iter().position(|known| *known == name);
            bit.map(|bit| Self(set.0 | 1 << bit)).ok_or_else(|| UnknownKeyUsage(name.to_owned()))
        })
    }

    /// Gives the names as RFC 5280 spells them, in the order of their bits.
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        let set = |(bit, _): &(usize, &&str)| self.0 >> bit & 1 == 1;
        NAMES.iter().enumerate().filter(set).map(|(_, name)| *name).collect()
    }

    pub(super) fn parse(value: &[u8]) -> Result<Self, DerError> {
        let mut parser = Parser::new(value);
        let bits = named_bits(parser.value(tag::BIT_STRING, "KeyUsage")?, "KeyUsage")?;
        parser.finish()?;
        let usage =
            Self::from_bits(bits).ok_or(DerError::field("KeyUsage", "bit without a name"))?;
        usage.check()?;
        Ok(usage)
    }

    pub(super) fn encode(self, writer: &mut Writer) -> Result<(), DerError> {
        self.check()?;
        writer.named_bits(tag::BIT_STRING, self.0);
        Ok(())
    }

    /// RFC 5280 §4.2.1.3: at least one of the bits MUST be set to 1.
    fn check(self) -> Result<(), DerError> {
        if self.is_empty() { Err(DerError::field("KeyUsage", "empty")) } else { Ok(()) }
    }
}

/// Reads the content of a BIT STRING with named bits (X.690 §11.2.2): no trailing zero bits, the
/// unused bits zero, at most 16 bits.
pub(super) fn named_bits(content: &[u8], path: &'static str) -> Result<u16, DerError> {
    let trailing = DerError::field(path, "trailing zero bits");
    let (unused, first, second) = match *content {
        [0] => return Ok(0),
        [unused, first] => (unused, first, 0),
        [unused, first, second] => (unused, first, second),
        _ => return Err(DerError::field(path, "not a BIT STRING of 1 to 16 bits")),
    };
    let last = if content.len() == 3 { second } else { first };
    if unused > 7 {
        return Err(DerError::field(path, "more than 7 unused bits"));
    }
    // The last used bit must be the lowest one that is set; anything below is unused and zero.
    if last.trailing_zeros() < u32::from(unused) {
        return Err(DerError::field(path, "unused bits are set"));
    }
    if last.trailing_zeros() > u32::from(unused) {
        return Err(trailing);
    }
    Ok(u16::from_be_bytes([first, second]).reverse_bits())
}

impl core::ops::BitOr for KeyUsage {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl fmt::Display for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

impl fmt::Debug for KeyUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyUsage({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_roundtrips() {
        for bits in 1..(1 << 9) {
            let usage = KeyUsage::from_bits(bits).unwrap();
            let mut writer = Writer::new();
            usage.encode(&mut writer).unwrap();
            assert_eq!(KeyUsage::parse(&writer.finish()), Ok(usage));
            assert_eq!(KeyUsage::from_names(&usage.names()), Ok(usage));
        }
        assert_eq!(KeyUsage::from_bits(1 << 9), None);
    }

    #[test]
    fn reads_the_bits_of_a_ca() {
        let usage = KeyUsage::parse(b"\x03\x02\x01\x06").unwrap();
        assert_eq!(usage, KeyUsage::KEY_CERT_SIGN | KeyUsage::CRL_SIGN);
        assert!(usage.contains(KeyUsage::CRL_SIGN) && !usage.contains(KeyUsage::DIGITAL_SIGNATURE));
    }

    #[test]
    fn refuses_trailing_zero_bits() {
        let refused = Err(DerError::field("KeyUsage", "trailing zero bits"));
        for der in [
            &b"\x03\x02\x00\x06"[..],
            b"\x03\x03\x00\x06\x00",
            b"\x03\x03\x07\x06\x00",
            b"\x03\x02\x00\x00",
        ] {
            assert_eq!(KeyUsage::parse(der), refused, "{der:02x?}");
        }
    }

    #[test]
    fn refuses_other_bit_strings() {
        for (der, why) in [
            (&b"\x03\x01\x00"[..], "empty"),
            (b"\x03\x02\x02\x06", "unused bits are set"),
            (b"\x03\x02\x08\x06", "more than 7 unused bits"),
            (b"\x03\x03\x06\x00\x40", "bit without a name"),
            (b"\x03\x00", "not a BIT STRING of 1 to 16 bits"),
            (b"\x03\x01\x01", "not a BIT STRING of 1 to 16 bits"),
            (b"\x03\x04\x00\x01\x01\x01", "not a BIT STRING of 1 to 16 bits"),
            (b"\x04\x01\x00", "another type"),
        ] {
            assert_eq!(KeyUsage::parse(der), Err(DerError::field("KeyUsage", why)), "{der:02x?}");
        }
    }

    #[test]
    fn refuses_an_unknown_name() {
        let refused = Err(UnknownKeyUsage("digitalsignature".into()));
        assert_eq!(KeyUsage::from_names(&["digitalsignature"]), refused);
    }
}
