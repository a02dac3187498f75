//! A writer of DER values into memory.

use crate::reader::tag;
use crate::{DerError, Oid, Serial, UnixTime};

/// Collects DER values.
pub(crate) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(crate) const fn new() -> Self {
        Self { out: Vec::new() }
    }

    pub(crate) fn with_capacity(octets: usize) -> Self {
        Self { out: Vec::with_capacity(octets) }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Counts the octets so far.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    /// Appends what is encoded already.
    pub(crate) fn raw(&mut self, der: &[u8]) {
        self.out.extend_from_slice(der);
    }

    /// Appends identifier and length octets (X.690 §10.1: definite, shortest).
    pub(crate) fn header(&mut self, tag: u8, length: usize) {
        self.out.push(tag);
        if length < 0x80 {
            self.out.push(u8::try_from(length).unwrap_or(0x7f));
            return;
        }
        let octets = length.to_be_bytes();
        let start = octets.iter().position(|octet| *octet != 0).unwrap_or(0);
        let significant = octets.get(start..).unwrap_or_default();
        self.out.push(0x80 | u8::try_from(significant.len()).unwrap_or(0x7f));
        self.out.extend_from_slice(significant);
    }

    /// Appends a value with this content.
    pub(crate) fn value(&mut self, tag: u8, content: &[u8]) {
        self.header(tag, content.len());
        self.raw(content);
    }

    /// Appends a value whose content `build` writes.
    pub(crate) fn nested<E>(
        &mut self,
        tag: u8,
        build: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut inner = Self::new();
        build(&mut inner)?;
        self.value(tag, &inner.out);
        Ok(())
    }

    pub(crate) fn sequence<E>(
        &mut self,
        build: impl FnOnce(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.nested(tag::SEQUENCE, build)
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.value(tag::BOOLEAN, &[if value { 0xff } else { 0 }]);
    }

    pub(crate) fn oid(&mut self, oid: &Oid) {
        self.value(tag::OID, oid.as_bytes());
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        self.unsigned_as(tag::INTEGER, value);
    }

    /// Appends a non-negative INTEGER under another tag (ENUMERATED, IMPLICIT).
    pub(crate) fn unsigned_as(&mut self, tag: u8, value: u64) {
        let octets = value.to_be_bytes();
        let start = octets.iter().position(|octet| *octet != 0).unwrap_or(7);
        let significant = octets.get(start..).unwrap_or_default();
        let pad = significant.first().is_some_and(|first| first & 0x80 != 0);
        self.header(tag, significant.len() + usize::from(pad));
        if pad {
            self.out.push(0);
        }
        self.raw(significant);
    }

    pub(crate) fn serial(&mut self, serial: &Serial) {
        self.serial_as(tag::INTEGER, serial);
    }

    pub(crate) fn serial_as(&mut self, tag: u8, serial: &Serial) {
        self.header(tag, serial.content_len());
        if serial.needs_pad() {
            self.out.push(0);
        }
        self.raw(serial.as_bytes());
    }

    /// Appends a BIT STRING of whole octets.
    pub(crate) fn bit_string(&mut self, octets: &[u8]) {
        self.header(tag::BIT_STRING, octets.len() + 1);
        self.out.push(0);
        self.raw(octets);
    }

    /// Appends a BIT STRING with named bits (X.690 §11.2.2: no trailing zero bits). Bit 0 of the
    /// type is the least significant bit of `bits`.
    pub(crate) fn named_bits(&mut self, tag: u8, bits: u16) {
        let mirrored = bits.reverse_bits().to_be_bytes();
        let significant = match mirrored {
            [0, 0] => &[][..],
            [_, 0] => mirrored.get(..1).unwrap_or_default(),
            _ => &mirrored[..],
        };
        let unused = significant.last().map_or(0, |last| last.trailing_zeros());
        self.header(tag, significant.len() + 1);
        self.out.push(u8::try_from(unused).unwrap_or(0));
        self.raw(significant);
    }

    /// Appends the CHOICE `Time` (RFC 5280 §4.1.2.5).
    pub(crate) fn time(&mut self, time: UnixTime) -> Result<(), DerError> {
        if time.is_utc_time()? {
            let digits = time.digits()?;
            self.header(tag::UTC_TIME, 13);
            self.raw(digits.get(2..).unwrap_or_default());
            self.out.push(b'Z');
            Ok(())
        } else {
            self.generalized_time(time)
        }
    }

    pub(crate) fn generalized_time(&mut self, time: UnixTime) -> Result<(), DerError> {
        self.header(tag::GENERALIZED_TIME, 15);
        self.raw(&time.digits()?);
        self.out.push(b'Z');
        Ok(())
    }
}

/// Wraps a to-be-signed value, an AlgorithmIdentifier and a signature in one SEQUENCE, the shape
/// that Certificate, CertificationRequest and CertificateList share.
pub(crate) fn signed(tbs: &[u8], algorithm: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut tail = Writer::with_capacity(algorithm.len() + signature.len() + 8);
    tail.raw(algorithm);
    tail.bit_string(signature);
    let tail = tail.finish();
    let mut writer = Writer::with_capacity(tbs.len() + tail.len() + 8);
    writer.header(tag::SEQUENCE, tbs.len() + tail.len());
    writer.raw(tbs);
    writer.raw(&tail);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(build: impl FnOnce(&mut Writer)) -> Vec<u8> {
        let mut writer = Writer::new();
        build(&mut writer);
        writer.finish()
    }

    #[test]
    fn writes_the_shortest_header() {
        for (length, header) in [
            (0, &[4, 0][..]),
            (0x7f, &[4, 0x7f]),
            (0x80, &[4, 0x81, 0x80]),
            (0x100, &[4, 0x82, 1, 0]),
            (0x12345, &[4, 0x83, 1, 0x23, 0x45]),
        ] {
            assert_eq!(written(|w| w.header(4, length)), header);
        }
    }

    #[test]
    fn writes_minimal_integers() {
        for (value, content) in [
            (0, &[2, 1, 0][..]),
            (0x7f, &[2, 1, 0x7f]),
            (0x80, &[2, 2, 0, 0x80]),
            (u64::MAX, &[2, 9, 0, 255, 255, 255, 255, 255, 255, 255, 255]),
        ] {
            assert_eq!(written(|w| w.unsigned(value)), content);
        }
    }

    #[test]
    fn writes_named_bits_without_trailing_zeros() {
        for (bits, der) in [
            (0, &[3, 1, 0][..]),
            (1, &[3, 2, 7, 0x80]),
            (0b0110_0000, &[3, 2, 1, 0x06]),
            (0b1_0000_0000, &[3, 3, 7, 0, 0x80]),
        ] {
            assert_eq!(written(|w| w.named_bits(tag::BIT_STRING, bits)), der);
        }
    }

    #[test]
    fn writes_the_time_form_of_the_year() {
        assert_eq!(written(|w| w.time(UnixTime(0)).unwrap()), b"\x17\x0d700101000000Z");
        assert_eq!(
            written(|w| w.time(UnixTime(2_524_608_000)).unwrap()),
            b"\x18\x0f20500101000000Z"
        );
        let refused = Writer::new().time(UnixTime(i64::MIN));
        assert_eq!(refused, Err(DerError::field("Time", "not within 1950 to 9999")));
    }
}
