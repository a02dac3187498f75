//! szOID_NTDS_CA_SECURITY_EXT (MS-WCCE §2.2.2.7.7.4): binds a certificate to an account.

use crate::general_name::encode_other_name;
use crate::reader::{only, tag};
use crate::writer::Writer;
use crate::{DerError, oids};

const PATH: &str = "NTDS_CA_SECURITY_EXT";

/// SEQUENCE { [0] { OBJECT IDENTIFIER szOID_NTDS_OBJECTSID, [0] { OCTET STRING } } }
pub(super) fn parse(value: &[u8]) -> Result<String, DerError> {
    let mut names = only(value, tag::SEQUENCE, PATH)?;
    let mut other_name = names.nested(tag::context_constructed(0), PATH)?;
    names.finish()?;
    if other_name.oid(PATH)? != oids::MS_SID_OTHER_NAME {
        return Err(DerError::field(PATH, "not an objectSid"));
    }
    let mut explicit = other_name.nested(tag::context_constructed(0), PATH)?;
    other_name.finish()?;
    let octets = explicit.value(tag::OCTET_STRING, PATH)?;
    explicit.finish()?;
    let sid = String::from_utf8(octets.to_vec())
        .map_err(|_| DerError::field(PATH, "not a security identifier"))?;
    check(&sid)?;
    Ok(sid)
}

pub(super) fn encode(sid: &str, writer: &mut Writer) -> Result<(), DerError> {
    check(sid)?;
    let mut value = Writer::new();
    value.value(tag::OCTET_STRING, sid.as_bytes());
    let value = value.finish();
    writer.sequence(|w| {
        encode_other_name(w, &oids::MS_SID_OTHER_NAME, &value);
        Ok(())
    })
}

/// The string form `S-1-…` (MS-DTYP §2.4.2.1): one to fifteen sub-authorities of 32 bits.
fn check(sid: &str) -> Result<(), DerError> {
    let refused = DerError::field(PATH, "not a security identifier");
    let rest = sid.strip_prefix("S-1-").ok_or(refused.clone())?;
    let (authority, subs) = rest.split_once('-').ok_or(refused.clone())?;
    let number = |text: &str| {
        let plain =
            text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
        if plain { text.parse::<u64>().ok() } else { None }
    };
    let authority_fits = number(authority).is_some_and(|n| n < 1 << 32);
    let subs_fit = subs.split('-').all(|sub| number(sub).is_some_and(|n| n < 1 << 32));
    if authority_fits && subs_fit && subs.split('-').count() <= 15 { Ok(()) } else { Err(refused) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roundtrips() {
        let sid = "S-1-5-21-3623811015-3361044348-30300820-1013";
        let mut writer = Writer::new();
        encode(sid, &mut writer).unwrap();
        assert_eq!(parse(&writer.finish()), Ok(sid.to_owned()));
    }

    #[test]
    fn refuses_what_is_no_sid() {
        let refused = Err(DerError::field(PATH, "not a security identifier"));
        for sid in [
            "",
            "S-1-",
            "S-1-5",
            "S-1-5-",
            "S-2-5-21",
            "S-1-5-x",
            "S-1-5-4294967296",
            "S-1-5-01",
            "S-1-5-21\0",
        ] {
            assert_eq!(encode(sid, &mut Writer::new()), refused, "{sid}");
        }
    }
}
