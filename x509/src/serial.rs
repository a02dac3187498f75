//! Certificate serial numbers (RFC 5280 §4.1.2.2).

use core::fmt;

/// The most content octets that a serial number's INTEGER may have (RFC 5280 §4.1.2.2).
const MAX_CONTENT: usize = 20;

/// A positive serial number of at most 20 content octets.
///
/// Ordered by value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial {
    // The length goes first and the tail is zero, so the derived order is the order of values.
    length: u8,
    magnitude: [u8; MAX_CONTENT],
}

/// Says why a number is no serial number. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// Zero, or no octets at all.
    #[error("a serial number is positive (RFC 5280 §4.1.2.2)")]
    Zero,
    /// Negative as an INTEGER.
    #[error("a serial number is not negative (RFC 5280 §4.1.2.2)")]
    Negative,
    /// Needs more than 20 content octets.
    #[error("a serial number has at most 20 octets (RFC 5280 §4.1.2.2)")]
    TooLong,
    /// An INTEGER with a needless leading octet (X.690 §8.3.2).
    #[error("the INTEGER is not minimal (X.690 §8.3.2)")]
    NotMinimal,
    /// Text that is no hexadecimal number.
    #[error("not a hexadecimal number")]
    NotHex,
}

impl Serial {
    /// Takes a big-endian magnitude; leading zeros are dropped.
    ///
    /// # Errors
    /// [`SerialError::Zero`], or [`SerialError::TooLong`] beyond 20 content octets (a magnitude of
    /// 20 octets with the top bit set needs 21).
    pub fn from_unsigned(octets: &[u8]) -> Result<Self, SerialError> {
        let start = octets.iter().position(|octet| *octet != 0).ok_or(SerialError::Zero)?;
        let significant = octets.get(start..).ok_or(SerialError::Zero)?;
        let padded = significant.first().is_some_and(|first| first & 0x80 != 0);
        if significant.len() + usize::from(padded) > MAX_CONTENT {
            return Err(SerialError::TooLong);
        }
        let mut magnitude = [0; MAX_CONTENT];
        for (to, from) in magnitude.iter_mut().zip(significant) {
            *to = *from;
        }
        let length = u8::try_from(significant.len()).map_err(|_| SerialError::TooLong)?;
        Ok(Self { length, magnitude })
    }

    /// Takes the content octets of a DER INTEGER.
    ///
    /// # Errors
    /// Any [`SerialError`] but `NotHex`.
    pub fn from_integer_content(content: &[u8]) -> Result<Self, SerialError> {
        match content {
            [] => Err(SerialError::NotMinimal),
            [0] => Err(SerialError::Zero),
            [0, next, ..] if next & 0x80 == 0 => Err(SerialError::NotMinimal),
            [first, ..] if first & 0x80 != 0 => Err(SerialError::Negative),
            _ => Self::from_unsigned(content),
        }
    }

    /// Reads hexadecimal digits of either case; leading zeros are dropped.
    ///
    /// # Errors
    /// [`SerialError::NotHex`], `Zero` or `TooLong`.
    pub fn from_hex(text: &str) -> Result<Self, SerialError> {
        let digits: Vec<u8> = text
            .chars()
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or(SerialError::NotHex)?;
        let octets: Vec<u8> = digits
            .rchunks(2)
            .rev()
            .map(|pair| pair.iter().fold(0, |octet, digit| (octet << 4) | digit))
            .collect();
        Self::from_unsigned(&octets)
    }

    /// Gives the minimal big-endian magnitude, without a sign octet.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.magnitude.get(..usize::from(self.length)).unwrap_or(&self.magnitude)
    }

    /// Gives the magnitude as lower-case hexadecimal digits, two an octet.
    #[must_use]
    pub fn to_hex(&self) -> String {
        self.to_string()
    }

    /// Counts the content octets of the DER INTEGER, sign octet included.
    #[must_use]
    pub(crate) fn content_len(&self) -> usize {
        self.as_bytes().len() + usize::from(self.needs_pad())
    }

    /// Tells whether the DER INTEGER needs a leading zero octet.
    pub(crate) fn needs_pad(&self) -> bool {
        self.as_bytes().first().is_some_and(|first| first & 0x80 != 0)
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_bytes().iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl core::str::FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Self, SerialError> {
        Self::from_hex(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_by_value() {
        let parse = |hex| Serial::from_hex(hex).unwrap();
        let sorted = ["1", "02", "7f", "80", "0100", "ffff", "010000"].map(parse);
        assert!(sorted.is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn hex_roundtrips() {
        for (text, shown) in [("1", "01"), ("00ff", "ff"), ("ABC", "0abc"), ("7f00", "7f00")] {
            assert_eq!(Serial::from_hex(text).unwrap().to_hex(), shown);
        }
    }

    #[test]
    fn refuses_what_is_no_serial() {
        assert_eq!(Serial::from_unsigned(&[]), Err(SerialError::Zero));
        assert_eq!(Serial::from_unsigned(&[0, 0]), Err(SerialError::Zero));
        assert_eq!(Serial::from_unsigned(&[0x80; 20]), Err(SerialError::TooLong));
        assert_eq!(Serial::from_unsigned(&[1; 21]), Err(SerialError::TooLong));
        assert_eq!(Serial::from_unsigned(&[0x7f; 20]).unwrap().content_len(), 20);
        assert_eq!(Serial::from_unsigned(&[0xff; 19]).unwrap().content_len(), 20);
        assert_eq!(Serial::from_integer_content(&[]), Err(SerialError::NotMinimal));
        assert_eq!(Serial::from_integer_content(&[0]), Err(SerialError::Zero));
        assert_eq!(Serial::from_integer_content(&[0, 1]), Err(SerialError::NotMinimal));
        assert_eq!(Serial::from_integer_content(&[0x80]), Err(SerialError::Negative));
        assert_eq!(Serial::from_hex("0g"), Err(SerialError::NotHex));
        assert_eq!(Serial::from_hex(""), Err(SerialError::Zero));
    }
}
