//! The armour around an OpenSSH signature.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::Malformed;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";
/// Where `ssh-keygen` breaks its lines.
const WIDTH: usize = 70;

/// Takes the armour off: it must be the one that `ssh-keygen` puts on, octet by octet.
pub(crate) fn open(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let bad = Malformed("it is not armoured as ssh-keygen does it");
    let inner = core::str::from_utf8(text).ok().and_then(|text| text.strip_prefix(BEGIN));
    let inner = inner.and_then(|text| text.strip_suffix(END)).ok_or(bad)?;
    let base64: String = inner.chars().filter(|c| *c != '\n').collect();
    let octets = STANDARD.decode(base64).map_err(|_| bad)?;
    if close(&octets).as_bytes() == text { Ok(octets) } else { Err(bad) }
}

/// Puts the armour on.
#[must_use]
pub fn close(octets: &[u8]) -> String {
    let mut text = BEGIN.to_owned();
    let mut column = 0;
    for c in STANDARD.encode(octets).chars() {
        if column == WIDTH {
            text.push('\n');
            column = 0;
        }
        text.push(c);
        column += 1;
    }
    if column > 0 {
        text.push('\n');
    }
    text.push_str(END);
    text
}
