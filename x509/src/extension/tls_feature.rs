//! TLS feature (RFC 7633 §4).

use crate::DerError;
use crate::reader::{only, tag};
use crate::writer::Writer;

const PATH: &str = "Features";

/// Features ::= SEQUENCE OF INTEGER
pub(super) fn parse(value: &[u8]) -> Result<Vec<u16>, DerError> {
    let mut list = only(value, tag::SEQUENCE, PATH)?;
    let mut features = Vec::new();
    while !list.is_empty() {
        let feature = u16::try_from(list.unsigned(PATH)?)
            .map_err(|_| DerError::field(PATH, "no TLS extension number"))?;
        features.push(feature);
    }
    if features.is_empty() { Err(DerError::field(PATH, "empty")) } else { Ok(features) }
}

pub(super) fn encode(features: &[u16], writer: &mut Writer) -> Result<(), DerError> {
    if features.is_empty() {
        return Err(DerError::field(PATH, "empty"));
    }
    writer.sequence(|w| {
        features.iter().for_each(|feature| w.unsigned(u64::from(*feature)));
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_must_staple() {
        // RFC 7633 §6: status_request is 5.
        let mut writer = Writer::new();
        encode(&[5], &mut writer).unwrap();
        let der = writer.finish();
        assert_eq!(der, [0x30, 3, 2, 1, 5]);
        assert_eq!(parse(&der), Ok(vec![5]));
    }

    #[test]
    fn refuses_empty_and_large() {
        assert_eq!(parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
        let large = Err(DerError::field(PATH, "no TLS extension number"));
        assert_eq!(parse(&[0x30, 5, 2, 3, 1, 0, 0]), large);
    }
}
