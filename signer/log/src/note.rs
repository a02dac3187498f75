//! Signed notes (C2SP signed-note): a text, a blank line, signature lines.

use core::fmt;
use core::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_proto::Digest;
use thiserror::Error;
use x509::{PublicKey, Signature, SignatureScheme, SpkiDer, sha256};

/// The most octets of a note that is read.
pub const MAX_NOTE: usize = 64 * 1024;
/// The most signatures of a note that is read.
pub const MAX_SIGNATURES: usize = 64;
/// Octets of an Ed25519 signature.
pub const ED25519_SIGNATURE: usize = 64;
const DASH: &str = "\u{2014} ";
/// What stands before the 32 octets of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410 §4).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// Why a note, a key or a signature is not taken. The fault of whoever sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoteError {
    /// The octets are no note.
    #[error("this is no signed note: {0}")]
    Malformed(&'static str),
    /// The text of the key is no key.
    #[error("this is no note key: {0}")]
    Key(&'static str),
    /// The text of the note is no checkpoint.
    #[error("the note is no checkpoint: {0}")]
    NoCheckpoint(&'static str),
    /// The checkpoint is that of another log.
    #[error("the checkpoint is that of another log")]
    Origin,
    /// No signature of the key stands under the note.
    #[error("the note has no signature of this key")]
    Unsigned,
    /// A signature of the key stands under the note and does not verify.
    #[error("a signature under the note does not verify")]
    BadSignature,
}

/// What a key signs, by its number in the signed-note specification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// Ed25519 over the note's text: 1.
    Ed25519,
    /// A witness' Ed25519 cosignature with a time (tlog-cosignature `cosignature/v1`): 4.
    CosignatureV1,
}

impl Algorithm {
    /// Returns the number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureV1 => 4,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1].into_iter().find(|one| one.code() == code)
    }
}

/// A public key that signs notes: its name, what it signs, the Ed25519 key.
///
/// Its text is the verifier key of the specification: `<name>+<key id in hex>+<base64 of the
/// algorithm's number and the key>`.
#[derive(Debug, Clone, PartialEq)]
pub struct NoteKey {
    name: String,
    algorithm: Algorithm,
    octets: [u8; 32],
    key: PublicKey,
}

impl NoteKey {
    /// Makes one of a raw Ed25519 public key.
    ///
    /// # Errors
    /// [`NoteError::Key`] for a name that cannot stand in a note, and for a weak or broken key.
    pub fn new(name: &str, algorithm: Algorithm, octets: [u8; 32]) -> Result<Self, NoteError> {
        if !is_name(name) {
            return Err(NoteError::Key("the name is empty or has a space or a plus"));
        }
        let spki = [ED25519_SPKI.as_slice(), &octets].concat();
        let key = PublicKey::parse(&spki).map_err(|_| NoteError::Key("it is no Ed25519 key"))?;
        key.check_strength().map_err(|_| NoteError::Key("it is a weak Ed25519 key"))?;
        Ok(Self { name: name.to_owned(), algorithm, octets, key })
    }

    /// Makes one of a SubjectPublicKeyInfo.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn of_spki(name: &str, algorithm: Algorithm, spki: &SpkiDer) -> Result<Self, NoteError> {
        let octets = spki.as_bytes().strip_prefix(&ED25519_SPKI);
        let octets = octets.and_then(|octets| octets.try_into().ok());
        Self::new(name, algorithm, octets.ok_or(NoteError::Key("it is no Ed25519 key"))?)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns what it signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the raw Ed25519 public key.
    #[must_use]
    pub fn octets(&self) -> &[u8; 32] {
        &self.octets
    }

    /// Returns the key id: SHA-256(name | 0x0A | algorithm | public key), cut to 4 octets.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        let mut input = self.name.clone().into_bytes();
        input.extend_from_slice(&[b'\n', self.algorithm.code()]);
        input.extend_from_slice(&self.octets);
        let [a, b, c, d, ..] = sha256(&input);
        [a, b, c, d]
    }

    /// Returns the line of a signature by this key; for a cosignature the octets are time and
    /// signature.
    #[must_use]
    pub fn line(&self, octets: &[u8]) -> SignatureLine {
        SignatureLine { name: self.name.clone(), key: self.id(), octets: octets.to_vec() }
    }

    /// Returns whether the line says that it is by this key.
    #[must_use]
    pub fn is_of(&self, line: &SignatureLine) -> bool {
        line.name == self.name && line.key == self.id()
    }

    /// Verifies a raw Ed25519 signature over a message.
    pub(crate) fn verify_message(&self, message: &[u8], octets: &[u8]) -> Result<(), NoteError> {
        let signature = Signature::from_vec(octets.to_vec());
        let verdict = self.key.verify(SignatureScheme::Ed25519, message, &signature);
        verdict.map_err(|_| NoteError::BadSignature)
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+", self.name)?;
        self.id().iter().try_for_each(|octet| write!(f, "{octet:02x}"))?;
        let code = [self.algorithm.code()];
        write!(f, "+{}", STANDARD.encode([code.as_slice(), &self.octets].concat()))
    }
}

impl FromStr for NoteKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let bad = NoteError::Key;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it has not the three parts name+id+key"));
        };
        let octets = STANDARD.decode(key).map_err(|_| bad("its last part is no base64"))?;
        let (code, octets) = octets.split_first().ok_or(bad("its last part is empty"))?;
        let algorithm = Algorithm::from_code(*code).ok_or(bad("its algorithm is not known"))?;
        let octets = octets.try_into().map_err(|_| bad("it has not 32 octets"))?;
        let found = Self::new(name, algorithm, octets)?;
        let told: String = found.id().iter().map(|octet| format!("{octet:02x}")).collect();
        if told == id { Ok(found) } else { Err(bad("its id is not that of name and key")) }
    }
}

/// One signature under a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// Whose.
    pub name: String,
    /// The key's id.
    pub key: [u8; 4],
    /// What the algorithm makes: for Ed25519 the signature's 64 octets.
    pub octets: Vec<u8>,
}

impl SignatureLine {
    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(DASH)?.split_once(' ')?;
        let decoded = STANDARD.decode(encoded).ok()?;
        let (key, octets) = decoded.split_first_chunk::<4>()?;
        let whole = is_name(name) && !octets.is_empty();
        whole.then(|| Self { name: name.to_owned(), key: *key, octets: octets.to_vec() })
    }
}

/// Shows the line with its line feed.
impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let encoded = STANDARD.encode([self.key.as_slice(), &self.octets].concat());
        writeln!(f, "{DASH}{} {encoded}", self.name)
    }
}

/// A text with the signatures that stand under it; none is believed before it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The text with its last line feed: what is signed.
    pub text: String,
    /// The signatures.
    pub signatures: Vec<SignatureLine>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(octets: &[u8]) -> Result<Self, NoteError> {
        let bad = NoteError::Malformed;
        if octets.len() > MAX_NOTE {
            return Err(bad("it is too long"));
        }
        let whole = core::str::from_utf8(octets).map_err(|_| bad("it is no UTF-8"))?;
        if whole.bytes().any(|octet| octet < 0x20 && octet != b'\n') {
            return Err(bad("it has a control character"));
        }
        // The last blank line parts text and signatures.
        let (before, lines) = whole.rsplit_once("\n\n").ok_or(bad("it has no blank line"))?;
        let lines = lines.strip_suffix('\n').ok_or(bad("its last line does not end"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == MAX_SIGNATURES {
                return Err(bad("it has too many signatures"));
            }
            let line = SignatureLine::parse(line).ok_or(bad("a line is no signature"))?;
            signatures.push(line);
        }
        Ok(Self { text: format!("{before}\n"), signatures })
    }

    /// Verifies the Ed25519 signature of `key`. Lines of other keys are not looked at.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`], and [`NoteError::BadSignature`] if any line of the key is bad.
    pub fn verify(&self, key: &NoteKey) -> Result<(), NoteError> {
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(NoteError::Unsigned);
        }
        let mut verdict = Err(NoteError::Unsigned);
        for line in self.signatures.iter().filter(|line| key.is_of(line)) {
            key.verify_message(self.text.as_bytes(), &line.octets)?;
            verdict = Ok(());
        }
        verdict
    }

    /// Returns SHA-256 of the text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(sha256(self.text.as_bytes()))
    }
}

/// Shows the whole note: text, blank line, signatures.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| line.fmt(f))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and note of the tests of golang.org/x/mod/sumdb/note, which the format comes from.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = concat!(
        "If you think cryptography is the answer to your problem,\n",
        "then you don't know what your problem is.\n",
        "\n",
        "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqd",
        "ngotpRZb6KE6RyyBwJnAM=\n",
    );

    #[test]
    fn golden_note_and_key_of_another_implementation() {
        let key: NoteKey = KEY.parse().unwrap();
        assert_eq!(key.to_string(), KEY);
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.to_string(), NOTE);
        assert_eq!(note.text.lines().count(), 2);
        assert_eq!(note.verify(&key), Ok(()));
    }

    #[test]
    fn every_bent_octet_is_no_note_or_does_not_verify() {
        let key: NoteKey = KEY.parse().unwrap();
        for at in 0..NOTE.len() {
            let mut bent = NOTE.as_bytes().to_vec();
            bent[at] ^= 1;
            let verdict = Note::parse(&bent).and_then(|note| note.verify(&key));
            assert!(verdict.is_err(), "octet {at}");
        }
    }

    #[test]
    fn lines_of_others_are_ignored_and_a_bad_one_of_ours_is_not() {
        let key: NoteKey = KEY.parse().unwrap();
        let mut note = Note::parse(NOTE.as_bytes()).unwrap();
        let mut other = note.signatures[0].clone();
        other.key = [1, 2, 3, 4];
        other.octets[0] ^= 1;
        note.signatures.insert(0, other.clone());
        assert_eq!(note.verify(&key), Ok(()), "another id under our name is another key");
        other.key = key.id();
        note.signatures.push(other);
        assert_eq!(note.verify(&key), Err(NoteError::BadSignature));
        note.signatures.clear();
        assert_eq!(note.verify(&key), Err(NoteError::Unsigned));
    }

    #[test]
    fn a_key_signs_only_what_its_algorithm_says() {
        let key: NoteKey = KEY.parse().unwrap();
        let witness = NoteKey::new(key.name(), Algorithm::CosignatureV1, *key.octets()).unwrap();
        assert_ne!(key.id(), witness.id());
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.verify(&witness), Err(NoteError::Unsigned));
    }

    #[test]
    fn refuses_what_is_no_note() {
        let line = NOTE.lines().next_back().unwrap();
        for bad in [
            String::new(),
            "text\n".to_owned(),
            "text\n\n".to_owned(),
            format!("text\n\n{line}"),
            format!("text\n{line}\n"),
            format!("te\txt\n\n{line}\n"),
            format!("text\r\n\n{line}\n"),
            format!("text\n\n{line}\nmore\n"),
            format!("text\n\n{}\n", line.replace('\u{2014}', "-")),
            format!("text\n\n{}\n", line.replace("PeterNeumann", "Peter+Neumann")),
            format!("text\n\n{}\n", line.replace("PeterNeumann", "")),
            format!("text\n\n{DASH}name AAAAAA==\n"),
            format!("text\n\n{DASH}name !!!!\n"),
            format!("text\n\n{}", format!("{line}\n").repeat(MAX_SIGNATURES + 1)),
            format!("{}\n\n{line}\n", "a".repeat(MAX_NOTE)),
        ] {
            assert!(matches!(Note::parse(bad.as_bytes()), Err(NoteError::Malformed(_))), "{bad}");
        }
        assert!(matches!(Note::parse(b"\xff\n\n"), Err(NoteError::Malformed(_))));
    }

    #[test]
    fn refuses_what_is_no_key() {
        for bad in [
            "",
            "PeterNeumann",
            "PeterNeumann+c74f20a3",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10Q=",
            "PeterNeumann+c74f20a3+!",
            "PeterNeumann+c74f20a3+",
        ] {
            assert!(matches!(bad.parse::<NoteKey>(), Err(NoteError::Key(_))), "{bad}");
        }
        // The neutral point: everybody's signatures would verify under it.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let weak = NoteKey::new("weak", Algorithm::CosignatureV1, neutral);
        assert!(matches!(weak, Err(NoteError::Key(_))));
    }
}
