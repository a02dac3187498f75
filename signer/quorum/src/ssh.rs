//! The encoding that OpenSSH builds keys and signatures of (RFC 4251 §5).

use crate::Malformed;

/// Takes fields off the front; nothing is copied, and no length is believed.
pub(crate) struct SshReader<'a>(&'a [u8]);

impl<'a> SshReader<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Takes exactly `N` octets.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (head, tail) = self.0.split_first_chunk().ok_or(Malformed("it ends early"))?;
        self.0 = tail;
        Ok(*head)
    }

    /// Takes a number of four octets.
    pub(crate) fn number(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_be_bytes)
    }

    /// Takes a string behind its length of four octets.
    pub(crate) fn string(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed("a long string"))?;
        let (head, tail) = self.0.split_at_checked(length).ok_or(Malformed("it ends early"))?;
        self.0 = tail;
        Ok(head)
    }

    /// Takes a positive number in the one form of RFC 4251 §5 (mpint) and returns its magnitude.
    pub(crate) fn positive(&mut self) -> Result<&'a [u8], Malformed> {
        let number = self.string()?;
        let magnitude = number.strip_prefix(&[0]).unwrap_or(number);
        let padded = magnitude.len() < number.len();
        match magnitude.first() {
            Some(high) if *high != 0 && padded == (*high >= 0x80) => Ok(magnitude),
            _ => Err(Malformed("a number is not in its one form")),
        }
    }

    /// Refuses what is left.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("octets follow its last field")) }
    }
}

/// Appends a string behind its length of four octets; what is written here is always short.
pub(crate) fn put_string(out: &mut Vec<u8>, octets: &[u8]) {
    out.extend_from_slice(&u32::try_from(octets.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(octets);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_that_lies_reads_nothing() {
        let mut reader = SshReader::new(&[0xff, 0xff, 0xff, 0xff, 1]);
        assert_eq!(reader.string(), Err(Malformed("it ends early")));
    }

    #[test]
    fn a_number_has_one_form() {
        let read = |content: &[u8]| {
            let mut octets = Vec::new();
            put_string(&mut octets, content);
            SshReader::new(&octets).positive().map(<[u8]>::to_vec)
        };
        assert_eq!(read(&[0x7f]), Ok(vec![0x7f]));
        assert_eq!(read(&[0, 0x80]), Ok(vec![0x80]));
        let wrong = Err(Malformed("a number is not in its one form"));
        for content in [&[][..], &[0], &[0, 0x7f], &[0x80], &[0, 0, 0x80]] {
            assert_eq!(read(content), wrong, "{content:?}");
        }
    }
}
