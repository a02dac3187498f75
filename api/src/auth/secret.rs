//! The text of a token: `chancery_` and 32 random octets in base64url (RFC 4648 §5).

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

const PREFIX: &str = "chancery_";
/// 32 octets in base64url without padding.
const RANDOM: usize = 43;

/// Is a token's text. It has no Debug and no Clone: it is shown once and never kept.
pub struct TokenSecret(Zeroizing<String>);

/// Says that the operating system gave no randomness. Unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no randomness")]
pub struct NoRandomness;

impl TokenSecret {
    /// Draws a token.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn draw() -> Result<Self, NoRandomness> {
        let mut octets = Zeroizing::new([0; 32]);
        rand::fill(&mut *octets).map_err(|_| NoRandomness)?;
        let random = Zeroizing::new(URL_SAFE_NO_PAD.encode(*octets));
        Ok(Self(Zeroizing::new([PREFIX, random.as_str()].concat())))
    }

    /// Gives the text, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Gives the SHA-256 of the text: all that is kept.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        x509::sha256(self.0.as_bytes())
    }
}

/// Gives the SHA-256 of a text that has a token's shape; others need no look into the database.
pub(super) fn digest_of(text: &str) -> Option<[u8; 32]> {
    let random = text.strip_prefix(PREFIX)?;
    let shaped = random.len() == RANDOM
        && random
            .bytes()
            .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'));
    shaped.then(|| x509::sha256(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_have_their_shape_and_differ() {
        let draw = || TokenSecret::draw().expect("randomness");
        let (one, other) = (draw(), draw());
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(digest_of(one.reveal()), Some(one.sha256()));
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let good = format!("chancery_{}", "a".repeat(43));
        assert!(digest_of(&good).is_some());
        for text in [
            "",
            "chancery_",
            &good[1..],
            &good[..good.len() - 1],
            &format!("{good}a"),
            &format!("chancery_{}", "ä".repeat(21)),
            &format!("chancery_{}=", "a".repeat(42)),
        ] {
            assert_eq!(digest_of(text), None, "{text}");
        }
    }
}
