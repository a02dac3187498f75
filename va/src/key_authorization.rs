//! Token and key authorization (RFC 8555 §8.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use va_wire::Thumbprint;

use crate::Failure;

/// RFC 8555 §8.1: at least 128 bits of entropy, so at least 22 characters.
const SHORTEST: usize = 22;
/// More is none of ours.
const LONGEST: usize = 128;

/// What the applicant has to show: `token || '.' || thumbprint`.
#[derive(Debug, Clone)]
pub(crate) struct KeyAuthorization {
    token: String,
    text: String,
}

impl KeyAuthorization {
    /// Puts it together.
    ///
    /// # Errors
    /// [`Failure::Token`] for one that is not base64url; it stands in a URL's path.
    pub(crate) fn new(token: &str, thumbprint: Thumbprint) -> Result<Self, Failure> {
        let of_alphabet = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !(SHORTEST..=LONGEST).contains(&token.len()) || !token.bytes().all(of_alphabet) {
            return Err(Failure::Token);
        }
        Ok(Self { token: token.to_owned(), text: format!("{token}.{thumbprint}") })
    }

    /// Returns the token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Tells whether a body is the key authorization; whitespace at its end is not looked at
    /// (RFC 8555 §8.3).
    pub(crate) fn is(&self, body: &[u8]) -> bool {
        same(body.trim_ascii_end(), self.text.as_bytes())
    }

    /// Returns its SHA-256.
    pub(crate) fn digest(&self) -> [u8; 32] {
        x509::sha256(self.text.as_bytes())
    }

    /// Tells whether a TXT record is its digest (RFC 8555 §8.4).
    pub(crate) fn is_digest(&self, text: &[u8]) -> bool {
        same(text, URL_SAFE_NO_PAD.encode(self.digest()).as_bytes())
    }
}

/// Compares in a time that depends on the lengths alone.
pub(crate) fn same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

    #[test]
    fn the_key_authorization_is_token_and_thumbprint() {
        let key = KeyAuthorization::new(TOKEN, Thumbprint([0; 32])).unwrap();
        let text = format!("{TOKEN}.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        for (body, expected) in [
            (text.clone(), true),
            (format!("{text}\n"), true),
            (format!("{text} \t\r\n"), true),
            (format!(" {text}"), false),
            (format!("{text}A"), false),
            (text.replace('.', ""), false),
            (TOKEN.to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(key.is(body.as_bytes()), expected, "{body:?}");
        }
        let digest = URL_SAFE_NO_PAD.encode(x509::sha256(text.as_bytes()));
        assert!(key.is_digest(digest.as_bytes()));
        assert!(!key.is_digest(text.as_bytes()));
        assert!(!key.is_digest(format!("{digest} ").as_bytes()));
    }

    #[test]
    fn a_token_that_is_not_base64url_goes_into_no_url() {
        for token in [
            String::new(),
            "a".repeat(21),
            "a".repeat(129),
            "../../../../etc/passwd-------".into(),
            "a".repeat(30) + "=",
            "a".repeat(30) + "+",
            "a".repeat(30) + "/",
            "a".repeat(30) + " ",
            "ä".repeat(30),
        ] {
            let refused = KeyAuthorization::new(&token, Thumbprint([0; 32]));
            assert!(matches!(refused, Err(Failure::Token)), "{token}");
        }
        for token in ["a".repeat(22), "-_".repeat(64)] {
            assert!(KeyAuthorization::new(&token, Thumbprint([0; 32])).is_ok());
        }
    }
}
