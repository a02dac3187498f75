//! Reads the two fields of a to-be-signed certificate that the fold needs.
//!
//! Every TBS in the journal was parsed strictly before it was signed; here, for ten million of
//! them at a restart, a glance is enough. What does not look like a TBS is an error all the
//! same.
//!
//! ```text
//! TBSCertificate ::= SEQUENCE {
//!     version         [0] EXPLICIT Version,
//!     serialNumber    INTEGER,
//!     signature       AlgorithmIdentifier,
//!     issuer          Name,
//!     validity        SEQUENCE { notBefore Time, notAfter Time }, ... }
//! ```

use x509::{Serial, UnixTime};

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const OBJECT_IDENTIFIER: u8 = 0x06;
const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
/// id-ce-subjectAltName, 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Returns the serial and notAfter; none if the bytes are no TBS.
pub(crate) fn glance(tbs: &[u8]) -> Option<(Serial, UnixTime)> {
    let (fields, rest) = expect(tbs, SEQUENCE)?;
    if !rest.is_empty() {
        return None;
    }
    let (_, fields) = expect(fields, VERSION)?;
    let (serial, fields) = expect(fields, INTEGER)?;
    let (_, fields) = expect(fields, SEQUENCE)?;
    let (_, fields) = expect(fields, SEQUENCE)?;
    let (validity, _) = expect(fields, SEQUENCE)?;
    let (_, _, not_after) = element(validity)?;
    let (tag, content, _) = element(not_after)?;
    let serial = Serial::from_integer_content(serial).ok()?;
    Some((serial, time(tag, content)?))
}

/// Returns tag and content of each subject alternative name (RFC 5280 §4.2.1.6); none if the
/// bytes are no TBS.
pub(crate) fn glance_names(tbs: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let (mut fields, _) = expect(tbs, SEQUENCE)?;
    let mut extensions = None;
    while !fields.is_empty() {
        let (tag, content, rest) = element(fields)?;
        fields = rest;
        if tag == EXTENSIONS {
            extensions = Some(expect(content, SEQUENCE)?.0);
        }
    }
    let mut names = Vec::new();
    let mut list = extensions.unwrap_or_default();
    while !list.is_empty() {
        let (extension, rest) = expect(list, SEQUENCE)?;
        list = rest;
        let (oid, mut value) = expect(extension, OBJECT_IDENTIFIER)?;
        if oid != SUBJECT_ALT_NAME {
            continue;
        }
        if let Some((BOOLEAN, _, rest)) = element(value) {
            value = rest;
        }
        let (mut general_names, _) = expect(expect(value, OCTET_STRING)?.0, SEQUENCE)?;
        while !general_names.is_empty() {
            let (tag, content, rest) = element(general_names)?;
            general_names = rest;
            names.push((tag, content));
        }
    }
    Some(names)
}

/// Takes one element off the front: tag, content, rest.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (octets, rest) = rest.split_at_checked(usize::from(*first & 0x7f))?;
        if octets.is_empty() || octets.len() > 3 {
            return None;
        }
        let length = octets.iter().fold(0usize, |sum, octet| sum << 8 | usize::from(*octet));
        (length, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, content, rest) = element(bytes)?;
    (found == tag).then_some((content, rest))
}

fn time(tag: u8, content: &[u8]) -> Option<UnixTime> {
    let text = core::str::from_utf8(content).ok()?;
    let full = match tag {
        // RFC 5280 §4.1.2.5.1: a year of 50 or more is of the last century.
        UTC_TIME => {
            let century = if text.get(..2)?.parse::<u8>().ok()? >= 50 { "19" } else { "20" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |from: usize, to: usize| full.get(from..to);
    if full.len() != 15 {
        return None;
    }
    let rfc3339 = format!(
        "{}-{}-{}T{}:{}:{}",
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        part(8, 10)?,
        part(10, 12)?,
        part(12, 15)?
    );
    UnixTime::parse_rfc3339(&rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut out = vec![tag, u8::try_from(content.len()).unwrap()];
        out.extend_from_slice(content);
        out
    }

    fn tbs(serial: &[u8], not_after: &[u8]) -> Vec<u8> {
        let validity = [tlv(UTC_TIME, b"240101000000Z"), not_after.to_vec()].concat();
        let fields = [
            tlv(VERSION, &[2, 1, 2]),
            tlv(INTEGER, serial),
            tlv(SEQUENCE, &[]),
            tlv(SEQUENCE, &[]),
            tlv(SEQUENCE, &validity),
            tlv(SEQUENCE, &[]),
        ];
        tlv(SEQUENCE, &fields.concat())
    }

    #[test]
    fn reads_serial_and_not_after() {
        for (not_after, expected) in [
            (tlv(UTC_TIME, b"491231235959Z"), "2049-12-31T23:59:59Z"),
            (tlv(UTC_TIME, b"500101000000Z"), "1950-01-01T00:00:00Z"),
            (tlv(GENERALIZED_TIME, b"20500101000000Z"), "2050-01-01T00:00:00Z"),
            (tlv(GENERALIZED_TIME, b"99991231235959Z"), "9999-12-31T23:59:59Z"),
        ] {
            let (serial, time) = glance(&tbs(&[0x21, 7], &not_after)).unwrap();
            assert_eq!(serial.to_hex(), "2107");
            assert_eq!(time, UnixTime::parse_rfc3339(expected).unwrap());
        }
    }

    #[test]
    fn reads_the_alternative_names() {
        let name = |tag: u8, text: &[u8]| tlv(tag, text);
        let names = [name(0x82, b"A.example"), name(0x87, &[10, 0, 0, 1])].concat();
        let oid = tlv(OBJECT_IDENTIFIER, SUBJECT_ALT_NAME);
        let value = tlv(OCTET_STRING, &tlv(SEQUENCE, &names));
        let other = tlv(SEQUENCE, &[tlv(0x06, &[0x55, 0x1d, 0x0f]), tlv(0x04, &[])].concat());
        for critical in [vec![], tlv(BOOLEAN, &[0xff])] {
            let san = tlv(SEQUENCE, &[oid.clone(), critical, value.clone()].concat());
            let list = tlv(EXTENSIONS, &tlv(SEQUENCE, &[other.clone(), san].concat()));
            let fields = [tlv(VERSION, &[2, 1, 2]), tlv(INTEGER, &[1]), list].concat();
            let tbs = tlv(SEQUENCE, &fields);
            let expected = vec![(0x82, b"A.example".as_slice()), (0x87, &[10, 0, 0, 1])];
            assert_eq!(glance_names(&tbs), Some(expected));
            for end in 0..tbs.len() {
                assert_eq!(glance_names(&tbs[..end]), None, "cut at {end}");
            }
        }
        assert_eq!(glance_names(&tlv(SEQUENCE, &tlv(INTEGER, &[1]))), Some(vec![]));
    }

    #[test]
    fn sees_nothing_in_other_bytes() {
        let good = tbs(&[0x21], &tlv(UTC_TIME, b"491231235959Z"));
        assert!(glance(&good).is_some());
        for end in 0..good.len() {
            assert_eq!(glance(&good[..end]), None, "cut at {end}");
        }
        assert_eq!(glance(&tbs(&[0], &tlv(UTC_TIME, b"491231235959Z"))), None);
        assert_eq!(glance(&tbs(&[1], &tlv(UTC_TIME, b"4912312359Z"))), None);
        assert_eq!(glance(&tbs(&[1], &tlv(0x04, b"491231235959Z"))), None);
        assert_eq!(glance(&[good, vec![0]].concat()), None);
    }
}
