//! The character string types of a DirectoryString (RFC 5280 §4.1.2.4) and IA5String.

use crate::DerError;
use crate::reader::tag;

/// The ASN.1 type of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StringKind {
    /// UTF8String.
    Utf8,
    /// PrintableString (X.680 §41.4).
    Printable,
    /// IA5String: ASCII.
    Ia5,
    /// TeletexString, read as ISO 8859-1 as everyone does.
    Teletex,
    /// BMPString: UTF-16BE without surrogates.
    Bmp,
}

impl StringKind {
    /// Finds the kind that an identifier octet stands for.
    pub(crate) const fn from_tag(tag: u8) -> Option<Self> {
        match tag {
            tag::UTF8_STRING => Some(Self::Utf8),
            tag::PRINTABLE_STRING => Some(Self::Printable),
            tag::IA5_STRING => Some(Self::Ia5),
            tag::TELETEX_STRING => Some(Self::Teletex),
            tag::BMP_STRING => Some(Self::Bmp),
            _ => None,
        }
    }

    pub(crate) const fn tag(self) -> u8 {
        match self {
            Self::Utf8 => tag::UTF8_STRING,
            Self::Printable => tag::PRINTABLE_STRING,
            Self::Ia5 => tag::IA5_STRING,
            Self::Teletex => tag::TELETEX_STRING,
            Self::Bmp => tag::BMP_STRING,
        }
    }

    /// Reads content octets; refuses characters that the type does not have, NUL, and nothing.
    pub(crate) fn decode(self, content: &[u8]) -> Result<String, DerError> {
        let text = match self {
            Self::Utf8 => core::str::from_utf8(content).ok().map(str::to_owned),
            Self::Printable => ascii(content, is_printable),
            Self::Ia5 => ascii(content, |b| b.is_ascii()),
            Self::Teletex => content
                .iter()
                .all(|b| matches!(b, 0x20..=0x7e | 0xa0..=0xff))
                .then(|| content.iter().map(|b| char::from(*b)).collect()),
            Self::Bmp => bmp(content),
        };
        let text = text.ok_or(DerError::field("string", "character outside its type"))?;
        check(&text)?;
        Ok(text)
    }

    /// Writes content octets; the inverse of [`Self::decode`].
    pub(crate) fn encode(self, text: &str) -> Result<Vec<u8>, DerError> {
        check(text)?;
        let outside = DerError::field("string", "character outside its type");
        let octets = match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Printable if text.bytes().all(|b| is_printable(&b)) => text.as_bytes().to_vec(),
            Self::Ia5 if text.is_ascii() => text.as_bytes().to_vec(),
            Self::Printable | Self::Ia5 => return Err(outside),
            Self::Teletex => text
                .chars()
                .map(|c| u8::try_from(c).ok().filter(|b| matches!(b, 0x20..=0x7e | 0xa0..=0xff)))
                .collect::<Option<_>>()
                .ok_or(outside)?,
            Self::Bmp => text
                .chars()
                .map(|c| u16::try_from(u32::from(c)).ok().map(u16::to_be_bytes))
                .collect::<Option<Vec<_>>>()
                .ok_or(outside)?
                .concat(),
        };
        Ok(octets)
    }
}

/// A NUL ends the string for C programs, which then see another name than we do.
fn check(text: &str) -> Result<(), DerError> {
    if text.is_empty() {
        return Err(DerError::field("string", "empty"));
    }
    if text.contains('\0') {
        return Err(DerError::field("string", "contains NUL"));
    }
    Ok(())
}

fn ascii(content: &[u8], allowed: impl Fn(&u8) -> bool) -> Option<String> {
    content.iter().all(allowed).then(|| content.iter().map(|b| char::from(*b)).collect())
}

fn is_printable(octet: &u8) -> bool {
    octet.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(octet)
}

fn bmp(content: &[u8]) -> Option<String> {
    let (pairs, rest) = content.as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|pair| char::from_u32(u32::from(u16::from_be_bytes(*pair)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_characters_outside_the_type() {
        use StringKind as K;
        let outside = Err(DerError::field("string", "character outside its type"));
        for (kind, content) in [
            (K::Utf8, &b"\xff"[..]),
            (K::Printable, b"a@b"),
            (K::Printable, b"a*b"),
            (K::Ia5, b"\x80"),
            (K::Teletex, b"\x1b"),
            (K::Bmp, b"\x00"),
            (K::Bmp, b"\xd8\x00"),
        ] {
            assert_eq!(kind.decode(content), outside, "{kind:?}");
        }
    }

    #[test]
    fn refuses_nul_and_nothing() {
        use StringKind as K;
        let nul = Err(DerError::field("string", "contains NUL"));
        assert_eq!(K::Ia5.decode(b"a\0b"), nul);
        assert_eq!(K::Utf8.decode(b"a\0b"), nul);
        assert_eq!(K::Bmp.decode(b"\0\0"), nul);
        assert_eq!(K::Utf8.decode(b""), Err(DerError::field("string", "empty")));
    }

    #[test]
    fn roundtrips() {
        use StringKind as K;
        for (kind, content) in [
            (K::Utf8, "ü€".as_bytes()),
            (K::Printable, b"Acme Inc."),
            (K::Ia5, b"a@b.example"),
            (K::Teletex, b"M\xfcller"),
            (K::Bmp, b"\x00a\x20\xac"),
        ] {
            let text = kind.decode(content).unwrap();
            assert_eq!(kind.encode(&text).unwrap(), content);
            assert_eq!(StringKind::from_tag(kind.tag()), Some(kind));
        }
    }
}
