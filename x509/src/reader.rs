//! A reader of DER values that cannot overrun and accepts nothing but DER.
//!
//! This is ours and not `der::SliceReader` because what it refuses is the trust boundary: a
//! workspace feature (`der/ber`) must not be able to widen it.

use crate::{DerError, Oid, Signature, UnixTime};

/// Identifier octets (X.690 §8.1.2) of the types that PKIX uses.
pub(crate) mod tag {
    pub(crate) const BOOLEAN: u8 = 0x01;
    pub(crate) const INTEGER: u8 = 0x02;
    pub(crate) const BIT_STRING: u8 = 0x03;
    pub(crate) const OCTET_STRING: u8 = 0x04;
    pub(crate) const NULL: u8 = 0x05;
    pub(crate) const OID: u8 = 0x06;
    pub(crate) const ENUMERATED: u8 = 0x0a;
    pub(crate) const UTF8_STRING: u8 = 0x0c;
    pub(crate) const PRINTABLE_STRING: u8 = 0x13;
    pub(crate) const TELETEX_STRING: u8 = 0x14;
    pub(crate) const IA5_STRING: u8 = 0x16;
    pub(crate) const UTC_TIME: u8 = 0x17;
    pub(crate) const GENERALIZED_TIME: u8 = 0x18;
    pub(crate) const VISIBLE_STRING: u8 = 0x1a;
    pub(crate) const BMP_STRING: u8 = 0x1e;
    pub(crate) const SEQUENCE: u8 = 0x30;
    pub(crate) const SET: u8 = 0x31;

    /// `[n]` over a primitive encoding.
    pub(crate) const fn context(number: u8) -> u8 {
        0x80 | number
    }

    /// `[n]` over a constructed encoding.
    pub(crate) const fn context_constructed(number: u8) -> u8 {
        0xa0 | number
    }
}

/// A value with its identifier octet, its content and its whole encoding.
#[derive(Clone, Copy)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// A sequence of DER values not yet read.
#[derive(Clone, Copy)]
pub(crate) struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    pub(crate) const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Refuses octets that are left over.
    pub(crate) const fn finish(self) -> Result<(), DerError> {
        if self.rest.is_empty() { Ok(()) } else { Err(DerError::Trailing) }
    }

    /// Tells the identifier octet of the next value without reading it.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads the next value, whatever its tag.
    pub(crate) fn any(&mut self) -> Result<Tlv<'a>, DerError> {
        let truncated = DerError::NotDer { why: "truncated" };
        let (&tag, after_tag) = self.rest.split_first().ok_or(truncated.clone())?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::NotDer { why: "tag number above 30" });
        }
        if tag == 0 {
            return Err(DerError::NotDer { why: "end-of-contents octets" });
        }
        let (length, after_length) = read_length(after_tag)?;
        let (content, rest) = after_length.split_at_checked(length).ok_or(truncated.clone())?;
        let whole = self.rest.get(..self.rest.len() - rest.len()).ok_or(truncated)?;
        self.rest = rest;
        Ok(Tlv { tag, content, whole })
    }

    /// Reads the next value, which must have this tag; gives its content.
    pub(crate) fn value(&mut self, tag: u8, path: &'static str) -> Result<&'a [u8], DerError> {
        if self.rest.is_empty() {
            return Err(DerError::field(path, "missing"));
        }
        let tlv = self.any()?;
        if tlv.tag == tag { Ok(tlv.content) } else { Err(DerError::field(path, "another type")) }
    }

    /// Reads the next value if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(tag) { self.any().map(|tlv| Some(tlv.content)) } else { Ok(None) }
    }

    /// Reads a constructed value with this tag; gives a parser over its content.
    pub(crate) fn nested(&mut self, tag: u8, path: &'static str) -> Result<Self, DerError> {
        self.value(tag, path).map(Self::new)
    }

    pub(crate) fn sequence(&mut self, path: &'static str) -> Result<Self, DerError> {
        self.nested(tag::SEQUENCE, path)
    }

    /// Reads a SEQUENCE and gives its whole encoding.
    pub(crate) fn sequence_der(&mut self, path: &'static str) -> Result<&'a [u8], DerError> {
        if self.rest.is_empty() {
            return Err(DerError::field(path, "missing"));
        }
        let tlv = self.any()?;
        if tlv.tag == tag::SEQUENCE {
            Ok(tlv.whole)
        } else {
            Err(DerError::field(path, "another type"))
        }
    }

    pub(crate) fn boolean(&mut self, path: &'static str) -> Result<bool, DerError> {
        boolean(self.value(tag::BOOLEAN, path)?)
    }

    pub(crate) fn oid(&mut self, path: &'static str) -> Result<Oid, DerError> {
        oid(self.value(tag::OID, path)?)
    }

    pub(crate) fn unsigned(&mut self, path: &'static str) -> Result<u64, DerError> {
        unsigned(self.value(tag::INTEGER, path)?, path)
    }

    /// Reads a BIT STRING of whole octets; gives the octets.
    pub(crate) fn bit_string(&mut self, path: &'static str) -> Result<&'a [u8], DerError> {
        match self.value(tag::BIT_STRING, path)?.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(DerError::field(path, "not a BIT STRING of whole octets")),
        }
    }

    /// Reads the CHOICE `Time` (RFC 5280 §4.1.2.5): UTCTime through 2049, then GeneralizedTime.
    pub(crate) fn time(&mut self, path: &'static str) -> Result<UnixTime, DerError> {
        if self.rest.is_empty() {
            return Err(DerError::field(path, "missing"));
        }
        let tlv = self.any()?;
        match tlv.tag {
            tag::UTC_TIME => UnixTime::from_utc_time(tlv.content),
            tag::GENERALIZED_TIME => {
                let time = UnixTime::from_generalized_time(tlv.content)?;
                if time.is_utc_time()? {
                    return Err(DerError::field(path, "GeneralizedTime before 2050"));
                }
                Ok(time)
            }
            _ => Err(DerError::field(path, "another type")),
        }
    }

    pub(crate) fn generalized_time(&mut self, path: &'static str) -> Result<UnixTime, DerError> {
        UnixTime::from_generalized_time(self.value(tag::GENERALIZED_TIME, path)?)
    }
}

/// Reads exactly one value with this tag that fills the input; gives a parser over its content.
pub(crate) fn only<'a>(
    input: &'a [u8],
    tag: u8,
    path: &'static str,
) -> Result<Parser<'a>, DerError> {
    let mut parser = Parser::new(input);
    let nested = parser.nested(tag, path)?;
    parser.finish()?;
    Ok(nested)
}

/// Opens what is signed (RFC 5280 §4.1.1, RFC 2986 §4.2): the DER that the signature is over, the
/// DER of its algorithm, the signature. The names are those of the whole, of what is signed
/// and of the signature.
pub(crate) fn signed<'a>(
    der: &'a [u8],
    [whole, content, signature]: [&'static str; 3],
) -> Result<(&'a [u8], &'a [u8], Signature), DerError> {
    let mut outer = only(der, tag::SEQUENCE, whole)?;
    let content = outer.sequence_der(content)?;
    let algorithm = outer.sequence_der("signatureAlgorithm")?;
    let signature = Signature::from_vec(outer.bit_string(signature)?.to_vec());
    outer.finish()?;
    Ok((content, algorithm, signature))
}

/// X.690 §10.1: definite form, the fewest octets.
fn read_length(input: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let truncated = DerError::NotDer { why: "truncated" };
    let (&first, rest) = input.split_first().ok_or(truncated.clone())?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    if first == 0x80 {
        return Err(DerError::NotDer { why: "indefinite length" });
    }
    let count = usize::from(first & 0x7f);
    if count > 4 {
        return Err(DerError::NotDer { why: "length of more than four octets" });
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or(truncated)?;
    let length = octets.iter().fold(0_usize, |sum, octet| (sum << 8) | usize::from(*octet));
    if length < 0x80 || octets.first() == Some(&0) {
        return Err(DerError::NotDer { why: "non-minimal length" });
    }
    Ok((length, rest))
}

/// X.690 §11.1: TRUE is 0xFF.
pub(crate) fn boolean(content: &[u8]) -> Result<bool, DerError> {
    match content {
        [0] => Ok(false),
        [0xff] => Ok(true),
        _ => Err(DerError::NotDer { why: "BOOLEAN other than 00 or FF" }),
    }
}

/// X.690 §8.19: every arc in the fewest octets.
pub(crate) fn oid(content: &[u8]) -> Result<Oid, DerError> {
    let mut at_arc_start = true;
    for octet in content {
        if at_arc_start && *octet == 0x80 {
            return Err(DerError::NotDer { why: "non-minimal OBJECT IDENTIFIER" });
        }
        at_arc_start = octet & 0x80 == 0;
    }
    if !at_arc_start {
        return Err(DerError::NotDer { why: "OBJECT IDENTIFIER ends inside an arc" });
    }
    Oid::from_bytes(content).map_err(|_| DerError::NotDer { why: "OBJECT IDENTIFIER" })
}

/// Takes the content of an INTEGER of 0 to 2^63 - 1 (X.690 §8.3: the fewest octets).
pub(crate) fn unsigned(content: &[u8], path: &'static str) -> Result<u64, DerError> {
    match content {
        [] => {
            return Err(DerError::NotDer { why: "empty INTEGER" });
        }
        [0, next, ..] if next & 0x80 == 0 => {
            return Err(DerError::NotDer { why: "non-minimal INTEGER" });
        }
        [0xff, next, ..] if next & 0x80 != 0 => {
            return Err(DerError::NotDer { why: "non-minimal INTEGER" });
        }
        [first, ..] if first & 0x80 != 0 => return Err(DerError::field(path, "negative")),
        _ if content.len() > 9 || (content.len() == 9 && content.first() != Some(&0)) => {
            return Err(DerError::field(path, "does not fit 64 bits"));
        }
        _ => {}
    }
    Ok(content.iter().fold(0, |sum, octet| (sum << 8) | u64::from(*octet)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_der<T>(why: &'static str) -> Result<T, DerError> {
        Err(DerError::NotDer { why })
    }

    #[test]
    fn refuses_lengths_that_are_not_der() {
        for (input, why) in [
            (&[0x30, 0x80, 0, 0][..], "indefinite length"),
            (&[0x04, 0x81, 0x01, 0x00], "non-minimal length"),
            (&[0x04, 0x81, 0x7f], "non-minimal length"),
            (&[0x04, 0x82, 0x00, 0x80], "non-minimal length"),
            (&[0x04, 0x85, 0, 0, 0, 0, 1, 0], "length of more than four octets"),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], "truncated"),
            (&[0x04, 0x02, 0x00], "truncated"),
            (&[0x04], "truncated"),
            (&[0x04, 0x82, 0x01], "truncated"),
            (&[], "truncated"),
            (&[0x1f, 0x20, 0x00], "tag number above 30"),
            (&[0x00, 0x00], "end-of-contents octets"),
        ] {
            assert_eq!(Parser::new(input).any().map(|tlv| tlv.tag), not_der(why), "{input:02x?}");
        }
    }

    #[test]
    fn refuses_primitives_that_are_not_der() {
        assert_eq!(boolean(&[1]), not_der("BOOLEAN other than 00 or FF"));
        assert_eq!(boolean(&[]), not_der("BOOLEAN other than 00 or FF"));
        assert_eq!(oid(&[0x2a, 0x80, 0x01]), not_der("non-minimal OBJECT IDENTIFIER"));
        assert_eq!(oid(&[0x2a, 0x81]), not_der("OBJECT IDENTIFIER ends inside an arc"));
        assert_eq!(oid(&[]), not_der("OBJECT IDENTIFIER"));
        assert_eq!(unsigned(&[], "n"), not_der("empty INTEGER"));
        assert_eq!(unsigned(&[0, 1], "n"), not_der("non-minimal INTEGER"));
        assert_eq!(unsigned(&[0xff, 0x80], "n"), not_der("non-minimal INTEGER"));
        assert_eq!(unsigned(&[0x80], "n"), Err(DerError::field("n", "negative")));
        assert_eq!(unsigned(&[1; 9], "n"), Err(DerError::field("n", "does not fit 64 bits")));
        assert_eq!(
            unsigned(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "n"),
            Ok(u64::MAX)
        );
        assert_eq!(unsigned(&[0], "n"), Ok(0));
    }

    #[test]
    fn refuses_trailing_octets() {
        assert!(only(&[0x30, 0], tag::SEQUENCE, "x").is_ok());
        assert_eq!(only(&[0x30, 0, 0], tag::SEQUENCE, "x").err(), Some(DerError::Trailing));
    }
}
