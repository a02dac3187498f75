//! Reads serial and notAfter of a to-be-signed certificate; the check of the policy parses all of
//! it strictly, elsewhere and in parallel, and compares.

use x509::{Serial, UnixTime};

/// Takes one element off the front: tag, content, rest.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match *first {
        short @ 0..0x80 => (usize::from(short), rest),
        long => {
            let (octets, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
            if !(1..=3).contains(&octets.len()) {
                return None;
            }
            (octets.iter().fold(0, |sum, octet| sum << 8 | usize::from(*octet)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// Returns the serial and notAfter (RFC 5280 §4.1); none if the bytes are no TBSCertificate.
pub(super) fn glance(tbs: &[u8]) -> Option<(Serial, UnixTime)> {
    let (fields, rest) = expect(tbs, 0x30)?;
    let (_version, fields) = expect(fields, 0xa0).filter(|_| rest.is_empty())?;
    let (serial, fields) = expect(fields, 0x02)?;
    let (_signature, fields) = expect(fields, 0x30)?;
    let (_issuer, fields) = expect(fields, 0x30)?;
    let (validity, _) = expect(fields, 0x30)?;
    let (_, _, not_after) = element(validity)?;
    let (tag, content, _) = element(not_after)?;
    Some((Serial::from_integer_content(serial).ok()?, time(tag, content)?))
}

fn time(tag: u8, content: &[u8]) -> Option<UnixTime> {
    let text = core::str::from_utf8(content).ok()?;
    let text = match tag {
        // RFC 5280 §4.1.2.5.1: a year of 50 or more is of the last century.
        0x17 if text.get(..2)? >= "50" => format!("19{text}"),
        0x17 => format!("20{text}"),
        0x18 => text.to_owned(),
        _ => return None,
    };
    let digits = text.strip_suffix('Z').filter(|digits| digits.len() == 14)?;
    let part = |from: usize| digits.get(from..from + 2);
    let (year, month, day) = (digits.get(..4)?, part(4)?, part(6)?);
    let (hour, minute, second) = (part(8)?, part(10)?, part(12)?);
    UnixTime::parse_rfc3339(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z")).ok()
}
