//! Values whose type is not known here: well-formed DER all the same.

use crate::DerError;
use crate::reader::{Parser, Tlv, boolean, oid, tag};

/// The deepest nesting of values whose type is not known here.
const MAX_DEPTH: usize = 24;

/// Walks one value of unknown type: well-formed headers all the way down, bounded depth.
///
/// The walk keeps its own stack, so depth costs no call stack.
pub(crate) fn check_well_formed(input: &[u8]) -> Result<(), DerError> {
    let mut open = vec![Parser::new(input)];
    let mut values_at_top = 0_usize;
    while let Some(parser) = open.last_mut() {
        if parser.is_empty() {
            open.pop();
            continue;
        }
        let tlv = parser.any()?;
        if open.len() == 1 {
            values_at_top += 1;
        }
        if tlv.tag & 0x20 != 0 {
            check_constructed(tlv.tag)?;
            if open.len() >= MAX_DEPTH {
                return Err(DerError::TooDeep);
            }
            open.push(Parser::new(tlv.content));
        } else {
            check_primitive(&tlv)?;
        }
    }
    match values_at_top {
        0 => Err(DerError::NotDer { why: "truncated" }),
        1 => Ok(()),
        _ => Err(DerError::Trailing),
    }
}

/// X.690 §10.2: strings are primitive in DER, so of the universal types only SEQUENCE, SET, EXTERNAL
/// and EMBEDDED PDV are constructed.
fn check_constructed(tag: u8) -> Result<(), DerError> {
    let universal = tag & 0xc0 == 0;
    if universal && !matches!(tag, tag::SEQUENCE | tag::SET | 0x28 | 0x2b) {
        return Err(DerError::NotDer { why: "constructed encoding of a primitive type" });
    }
    Ok(())
}

/// X.690 §8.6, §11.2.1: at most seven unused bits, all of them zero.
fn check_bit_string(content: &[u8]) -> Result<(), DerError> {
    let sound = match *content {
        [0, ..] => true,
        [unused @ 1..=7, .., last] => last.trailing_zeros() >= u32::from(unused),
        _ => false,
    };
    if sound { Ok(()) } else { Err(DerError::NotDer { why: "BIT STRING with bad padding" }) }
}

/// Universal primitives whose content has a canonical form are held to it.
fn check_primitive(tlv: &Tlv<'_>) -> Result<(), DerError> {
    match tlv.tag {
        tag::BOOLEAN => boolean(tlv.content).map(|_| ()),
        tag::OID => oid(tlv.content).map(|_| ()),
        tag::BIT_STRING => check_bit_string(tlv.content),
        tag::NULL if !tlv.content.is_empty() => Err(DerError::NotDer { why: "NULL with content" }),
        tag::INTEGER | tag::ENUMERATED => match tlv.content {
            [] => Err(DerError::NotDer { why: "empty INTEGER" }),
            [0, next, ..] if next & 0x80 == 0 => {
                Err(DerError::NotDer { why: "non-minimal INTEGER" })
            }
            [0xff, next, ..] if next & 0x80 != 0 => {
                Err(DerError::NotDer { why: "non-minimal INTEGER" })
            }
            _ => Ok(()),
        },
        // X.690 §8.14.2 via §10.2: these are always constructed.
        0x10 | 0x11 => Err(DerError::NotDer { why: "primitive SEQUENCE or SET" }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_der<T>(why: &'static str) -> Result<T, DerError> {
        Err(DerError::NotDer { why })
    }

    #[test]
    fn refuses_trailing_octets() {
        assert_eq!(check_well_formed(&[0x05, 0, 0x05, 0]), Err(DerError::Trailing));
    }

    #[test]
    fn refuses_nesting_a_thousand_deep() {
        let mut value = vec![0x05, 0x00];
        for _ in 0..1000 {
            let mut writer = crate::writer::Writer::new();
            writer.value(tag::SEQUENCE, &value);
            value = writer.finish();
        }
        assert_eq!(check_well_formed(&value), Err(DerError::TooDeep));
    }

    #[test]
    fn well_formed_looks_inside() {
        assert_eq!(check_well_formed(&[]), not_der("truncated"));
        assert_eq!(check_well_formed(&[0x30, 2, 0x30, 0x80]), not_der("indefinite length"));
        assert_eq!(
            check_well_formed(&[0x30, 3, 0x01, 1, 1]),
            not_der("BOOLEAN other than 00 or FF")
        );
        assert_eq!(check_well_formed(&[0x30, 4, 0x02, 2, 0, 1]), not_der("non-minimal INTEGER"));
        assert_eq!(check_well_formed(&[0x10, 0]), not_der("primitive SEQUENCE or SET"));
        assert_eq!(check_well_formed(&[0x30, 5, 0x02, 1, 1, 0x05, 0]), Ok(()));
    }

    #[test]
    fn refuses_constructed_strings_and_bad_padding() {
        let constructed = "constructed encoding of a primitive type";
        for tag in [0x21, 0x22, 0x23, 0x24, 0x2c, 0x33, 0x36] {
            assert_eq!(check_well_formed(&[tag, 0]), not_der(constructed));
        }
        for content in [&[3, 0][..], &[3, 1, 1], &[3, 2, 8, 0], &[3, 2, 2, 2], &[3, 3, 1, 0, 1]] {
            assert_eq!(check_well_formed(content), not_der("BIT STRING with bad padding"));
        }
        for content in [&[3, 1, 0][..], &[3, 2, 0, 1], &[3, 2, 7, 0x80], &[3, 2, 7, 0]] {
            assert_eq!(check_well_formed(content), Ok(()));
        }
    }
}
