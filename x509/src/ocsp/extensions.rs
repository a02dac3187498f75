//! The extensions of OCSP requests and responses (RFC 6960 §4.4, RFC 9654).

use crate::extension::{RawExtension, encode_raw};
use crate::reader::{Parser, tag};
use crate::writer::Writer;
use crate::{DerError, oids};

/// RFC 9654 §2.1: Nonce ::= OCTET STRING (SIZE (1..128))
const MAX_NONCE: usize = 128;

/// Reads the nonce if the extension is one.
pub(super) fn nonce(extension: &RawExtension<'_>) -> Result<Option<Vec<u8>>, DerError> {
    if extension.oid != oids::EXT_OCSP_NONCE {
        return Ok(None);
    }
    let mut parser = Parser::new(extension.value);
    let nonce = parser.value(tag::OCTET_STRING, "Nonce")?;
    parser.finish()?;
    check_nonce(nonce)?;
    Ok(Some(nonce.to_vec()))
}

/// Writes the nonce extension.
pub(super) fn encode_nonce(nonce: &[u8], writer: &mut Writer) -> Result<(), DerError> {
    check_nonce(nonce)?;
    let mut value = Writer::new();
    value.value(tag::OCTET_STRING, nonce);
    encode_raw(writer, &oids::EXT_OCSP_NONCE, false, &value.finish());
    Ok(())
}

fn check_nonce(nonce: &[u8]) -> Result<(), DerError> {
    if (1..=MAX_NONCE).contains(&nonce.len()) {
        Ok(())
    } else {
        Err(DerError::field("Nonce", "not of 1 to 128 octets"))
    }
}
