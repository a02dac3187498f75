//! Textual encoding of DER (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::DerError;

/// The label of a certificate (RFC 7468 §5).
pub const CERTIFICATE: &str = "CERTIFICATE";
/// The label of a CSR (RFC 7468 §7).
pub const CERTIFICATE_REQUEST: &str = "CERTIFICATE REQUEST";
/// The label of a CSR that old software writes (RFC 7468 §7).
pub const NEW_CERTIFICATE_REQUEST: &str = "NEW CERTIFICATE REQUEST";
/// The label of a CRL (RFC 7468 §6).
pub const X509_CRL: &str = "X509 CRL";
/// The label of an encrypted PKCS#8 key (RFC 7468 §11).
pub const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";
/// The label of a SubjectPublicKeyInfo (RFC 7468 §13).
pub const PUBLIC_KEY: &str = "PUBLIC KEY";

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// Says why a text cannot be read. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PemError {
    /// Has no block.
    #[error("no PEM block")]
    Missing,
    /// Has more than one block where one is expected.
    #[error("more than one PEM block")]
    Several,
    /// Has a block with another label.
    #[error("PEM block {found:?} where {expected:?} is expected")]
    Label {
        /// The label that is expected.
        expected: &'static str,
        /// The label that is there.
        found: String,
    },
    /// Has a block that is not closed, or closed with another label.
    #[error("line {line}: PEM block is not closed")]
    Unclosed {
        /// The line of the block's begin, counted from one.
        line: usize,
    },
    /// Has a block whose content is not base64.
    #[error("line {line}: PEM block is not base64")]
    Base64 {
        /// The line of the block's begin, counted from one.
        line: usize,
    },
    /// The content is refused.
    #[error("the content of the PEM block is refused")]
    Content(#[source] DerError),
}

/// Writes one block: lines of 64 characters, each ended by a line feed.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 40);
    text.push_str(BEGIN);
    text.push_str(label);
    text.push_str("-----\n");
    for (index, c) in body.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(c);
    }
    text.push_str(if body.is_empty() { "" } else { "\n" });
    text.push_str(END);
    text.push_str(label);
    text.push_str("-----\n");
    text
}

/// Reads all blocks, each as its label and content; text around the blocks is passed over.
///
/// # Errors
/// [`PemError::Missing`], `Unclosed` or `Base64`.
pub fn decode(text: &str) -> Result<Vec<(String, Vec<u8>)>, PemError> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim_end).enumerate();
    while let Some((index, line)) = lines.next() {
        let Some(label) = boundary(line, BEGIN) else {
            continue;
        };
        let unclosed = PemError::Unclosed { line: index + 1 };
        let mut body = String::new();
        loop {
            let (_, line) = lines.next().ok_or(unclosed.clone())?;
            match boundary(line, END) {
                Some(end) if end == label => break,
                Some(_) => return Err(unclosed),
                None => body.extend(line.chars().filter(|c| !c.is_ascii_whitespace())),
            }
        }
        let der = STANDARD.decode(body).map_err(|_| PemError::Base64 { line: index + 1 })?;
        blocks.push((label.to_owned(), der));
    }
    if blocks.is_empty() { Err(PemError::Missing) } else { Ok(blocks) }
}

/// Reads a text with exactly one block, which has this label; gives the content.
///
/// # Errors
/// Any [`PemError`] but `Content`.
pub fn decode_one(text: &str, expected: &'static str) -> Result<Vec<u8>, PemError> {
    let mut blocks = decode(text)?;
    if blocks.len() > 1 {
        return Err(PemError::Several);
    }
    match blocks.pop() {
        Some((label, der)) if label == expected => Ok(der),
        Some((found, _)) => Err(PemError::Label { expected, found }),
        None => Err(PemError::Missing),
    }
}

fn boundary<'a>(line: &'a str, begin: &str) -> Option<&'a str> {
    line.strip_prefix(begin)?.strip_suffix(DASHES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roundtrips_all_lengths_around_a_line() {
        for length in [0, 1, 47, 48, 49, 96, 97] {
            let der = vec![7; length];
            let text = encode(X509_CRL, &der);
            assert!(text.lines().all(|line| line.len() <= 64), "{text}");
            assert_eq!(decode(&text), Ok(vec![(X509_CRL.to_owned(), der.clone())]));
            assert_eq!(decode_one(&text, X509_CRL), Ok(der));
        }
    }

    #[test]
    fn reads_several_blocks_with_text_and_carriage_returns() {
        let text = format!("subject=x\n{}between\n{}", encode("A", b"a"), encode("B", b"b"));
        let blocks = vec![("A".to_owned(), b"a".to_vec()), ("B".to_owned(), b"b".to_vec())];
        assert_eq!(decode(&text), Ok(blocks.clone()));
        assert_eq!(decode(&text.replace('\n', "\r\n")), Ok(blocks));
    }

    #[test]
    fn refuses_other_texts() {
        assert_eq!(decode("hello"), Err(PemError::Missing));
        let open = "\n-----BEGIN A-----\nAAAA\n";
        assert_eq!(decode(open), Err(PemError::Unclosed { line: 2 }));
        let crossed = format!("{open}-----END B-----\n");
        assert_eq!(decode(&crossed), Err(PemError::Unclosed { line: 2 }));
        let invalid = "-----BEGIN A-----\nAA!A\n-----END A-----";
        assert_eq!(decode(invalid), Err(PemError::Base64 { line: 1 }));
        let two = [encode("A", b"a"), encode("A", b"a")].concat();
        assert_eq!(decode_one(&two, "A"), Err(PemError::Several));
        let label = Err(PemError::Label { expected: "B", found: "A".into() });
        assert_eq!(decode_one(&encode("A", b"a"), "B"), label);
    }
}
