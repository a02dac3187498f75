//! base64url without padding, in its one spelling (RFC 7515 §2, RFC 8555 §6.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::problem::Problem;

/// Decodes; padding, other alphabets, line breaks and left-over bits are refused.
pub(crate) fn decode(what: &str, text: &str) -> Result<Vec<u8>, Problem> {
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| Problem::malformed(format!("{what} is not base64url without padding")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_spelling() {
        assert_eq!(decode("x", "-_8").ok(), Some(vec![0xfb, 0xff]));
        assert_eq!(decode("x", "").ok(), Some(vec![]));
        for other in ["-_8=", "+/8", "-_9", "-_8\n", " -_8", "A", "-_8==", "\u{e4}"] {
            assert!(decode("x", other).is_err(), "{other:?}");
        }
    }
}
