//! Checkpoints as C2SP signed notes (c2sp.org/signed-note, c2sp.org/tlog-checkpoint).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_proto::Digest;
use thiserror::Error;
use x509::{PublicKey, Signature, SignatureScheme, sha256};

/// The signed-note algorithm of a log's Ed25519 key.
const ED25519: u8 = 0x01;

/// Why octets are no checkpoint of this log. Malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Not a note of the three lines that a checkpoint has.
    #[error("not a checkpoint: {0}")]
    Malformed(&'static str),
    /// The first line names another log.
    #[error("a checkpoint of another log")]
    Origin,
    /// No signature of the log's key, or one that does not verify.
    #[error("not signed by the log key of genesis")]
    Signature,
}

/// A checkpoint whose log signature verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many leaves it covers.
    pub size: u64,
    /// The root over them.
    pub root: Digest,
}

/// Reads a checkpoint of the log `origin` and verifies the signature of its key.
///
/// # Errors
/// [`NoteError`].
pub fn open(note: &[u8], origin: &str, key: &PublicKey) -> Result<Checkpoint, NoteError> {
    let note = core::str::from_utf8(note).map_err(|_| NoteError::Malformed("it is not UTF-8"))?;
    let (text, signatures) =
        note.rsplit_once("\n\n").ok_or(NoteError::Malformed("there are no signatures"))?;
    let mut lines = text.split('\n');
    let (Some(found), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Malformed("it has less than three lines"));
    };
    if found != origin {
        return Err(NoteError::Origin);
    }
    let canonical = size == "0" || !size.starts_with('0');
    let digits = canonical && size.bytes().all(|b| b.is_ascii_digit());
    let size: u64 = size
        .parse()
        .ok()
        .filter(|_| digits)
        .ok_or(NoteError::Malformed("the size is no number"))?;
    let root: [u8; 32] = STANDARD
        .decode(root)
        .ok()
        .and_then(|root| root.try_into().ok())
        .ok_or(NoteError::Malformed("the root is no SHA-256 in base64"))?;
    let message = format!("{text}\n");
    let id = key_id(origin, key);
    let verifies = |line: &str| {
        let (name, octets) = signature(line)?;
        let octets = octets.strip_prefix(&id).filter(|_| name == origin)?;
        let octets = Signature::from_vec(octets.to_vec());
        key.verify(SignatureScheme::Ed25519, message.as_bytes(), &octets).ok()
    };
    signatures.lines().find_map(verifies).ok_or(NoteError::Signature)?;
    Ok(Checkpoint { size, root: Digest(root) })
}

/// Takes a signature line apart: the name, and key id and signature.
fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, octets) = line.strip_prefix("\u{2014} ")?.split_once(' ')?;
    Some((name, STANDARD.decode(octets).ok()?))
}

/// Returns the key id of an Ed25519 key: SHA-256(name | LF | algorithm | key), cut to 4.
fn key_id(name: &str, key: &PublicKey) -> [u8; 4] {
    let mut input = name.as_bytes().to_vec();
    input.extend_from_slice(&[b'\n', ED25519]);
    input.extend_from_slice(key.subject_public_key());
    let [a, b, c, d, ..] = sha256(&input);
    [a, b, c, d]
}
