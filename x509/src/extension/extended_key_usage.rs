//! extKeyUsage (RFC 5280 §4.2.1.12).

use crate::reader::{only, tag};
use crate::writer::Writer;
use crate::{DerError, Oid};

const PATH: &str = "ExtKeyUsageSyntax";

/// ExtKeyUsageSyntax ::= SEQUENCE SIZE (1..MAX) OF KeyPurposeId
pub(super) fn parse(value: &[u8]) -> Result<Vec<Oid>, DerError> {
    let mut list = only(value, tag::SEQUENCE, PATH)?;
    let mut purposes = Vec::new();
    while !list.is_empty() {
        purposes.push(list.oid("KeyPurposeId")?);
    }
    check(&purposes)?;
    Ok(purposes)
}

pub(super) fn encode(purposes: &[Oid], writer: &mut Writer) -> Result<(), DerError> {
    check(purposes)?;
    writer.sequence(|w| {
        purposes.iter().for_each(|oid| w.oid(oid));
        Ok(())
    })
}

fn check(purposes: &[Oid]) -> Result<(), DerError> {
    if purposes.is_empty() {
        return Err(DerError::field(PATH, "empty"));
    }
    let twice = |(index, oid): (usize, &Oid)| purposes.iter().skip(index + 1).any(|o| o == oid);
    if purposes.iter().enumerate().any(twice) {
        return Err(DerError::field(PATH, "a purpose twice"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oids::{EKU_CLIENT_AUTH, EKU_SERVER_AUTH};

    #[test]
    fn roundtrips() {
        let purposes = [EKU_SERVER_AUTH, EKU_CLIENT_AUTH];
        let mut writer = Writer::new();
        encode(&purposes, &mut writer).unwrap();
        assert_eq!(parse(&writer.finish()).unwrap(), purposes);
    }

    #[test]
    fn refuses_an_empty_list_and_a_purpose_twice() {
        assert_eq!(parse(&[0x30, 0]), Err(DerError::field(PATH, "empty")));
        assert_eq!(encode(&[], &mut Writer::new()), Err(DerError::field(PATH, "empty")));
        let twice = encode(&[EKU_SERVER_AUTH, EKU_SERVER_AUTH], &mut Writer::new());
        assert_eq!(twice, Err(DerError::field(PATH, "a purpose twice")));
    }
}
