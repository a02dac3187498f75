//! Checkpoints (C2SP tlog-checkpoint) and what witnesses say of them (C2SP tlog-cosignature).

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use signer_proto::InstanceId;
use x509::UnixTime;

use crate::merkle::Hash;
use crate::note::{Algorithm, ED25519_SIGNATURE, Note, NoteError, NoteKey, SignatureLine};

/// Octets of a cosignature: the time, then the Ed25519 signature.
const COSIGNATURE: usize = 8 + ED25519_SIGNATURE;

/// Returns the origin of a ring's log, which is also the name of its log key:
/// `chancery/<instance in hex>`.
#[must_use]
pub fn origin(instance: InstanceId) -> String {
    format!("chancery/{instance}")
}

/// What a log says of itself: whose it is, how many leaves it has, and their root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many leaves.
    pub size: u64,
    /// MTH over them (RFC 9162 §2.1.1).
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a note. Extension lines are read over.
    ///
    /// # Errors
    /// [`NoteError::NoCheckpoint`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let bad = NoteError::NoCheckpoint;
        let mut lines = text.strip_suffix('\n').ok_or(bad("it does not end"))?.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(bad("it has fewer than three lines"));
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(bad("it has an empty line"));
        }
        let number: u64 = size.parse().map_err(|_| bad("its size is no number"))?;
        if number.to_string() != size {
            return Err(bad("its size is not written as it must be"));
        }
        let decoded = STANDARD.decode(root).ok().and_then(|octets| octets.try_into().ok());
        let root = decoded.ok_or(bad("its root is no hash"))?;
        Ok(Self { origin: origin.to_owned(), size: number, root })
    }

    /// Reads the checkpoint of a note that carries a good signature by the log's key, whose name
    /// is the origin.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn verify(note: &Note, log: &NoteKey) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(&note.text)?;
        if checkpoint.origin != log.name() {
            return Err(NoteError::Origin);
        }
        note.verify(log)?;
        Ok(checkpoint)
    }
}

/// Shows the text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, STANDARD.encode(self.root))
    }
}

/// What the extension line with the time begins with.
const TIME: &str = "time ";

/// Returns the text of a checkpoint with an extension line that tells when it was signed: who
/// follows the log knows by it how old its news are.
#[must_use]
pub fn with_time(checkpoint: &Checkpoint, at: UnixTime) -> String {
    format!("{checkpoint}{TIME}{}\n", at.0)
}

/// Returns when a checkpoint was signed, if its text says so in one way.
#[must_use]
pub fn time(text: &str) -> Option<UnixTime> {
    let mut lines = text.lines().skip(3).filter_map(|line| line.strip_prefix(TIME));
    let told = lines.next().filter(|_| lines.clone().next().is_none())?;
    let seconds: i64 = told.parse().ok()?;
    (seconds.to_string() == told).then_some(UnixTime(seconds))
}

/// What a witness says of a checkpoint: at this time it is the largest consistent one that the
/// witness saw of the log (tlog-cosignature `cosignature/v1`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// When, in seconds since 1970.
    pub time: u64,
    /// The Ed25519 signature over [`Cosignature::message`].
    pub signature: [u8; ED25519_SIGNATURE],
}

impl Cosignature {
    /// Returns what is signed at `time` for a note with this text.
    #[must_use]
    pub fn message(time: u64, text: &str) -> Vec<u8> {
        format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
    }

    /// Returns the line that stands under the note.
    #[must_use]
    pub fn line(&self, witness: &NoteKey) -> SignatureLine {
        witness.line(&[self.time.to_be_bytes().as_slice(), &self.signature].concat())
    }

    /// Returns the newest good cosignature of the witness under the note.
    ///
    /// # Errors
    /// [`NoteError::Unsigned`] if there is none, also for a key that is no witness' key, and
    /// [`NoteError::BadSignature`] if any line of the witness is bad.
    pub fn verify(note: &Note, witness: &NoteKey) -> Result<Self, NoteError> {
        if witness.algorithm() != Algorithm::CosignatureV1 {
            return Err(NoteError::Unsigned);
        }
        let mut newest: Option<Self> = None;
        for line in note.signatures.iter().filter(|line| witness.is_of(line)) {
            let found = Self::of_line(line).ok_or(NoteError::BadSignature)?;
            let message = Self::message(found.time, &note.text);
            witness.verify_message(&message, &found.signature)?;
            if newest.as_ref().is_none_or(|newest| newest.time < found.time) {
                newest = Some(found);
            }
        }
        newest.ok_or(NoteError::Unsigned)
    }

    fn of_line(line: &SignatureLine) -> Option<Self> {
        let octets: &[u8; COSIGNATURE] = line.octets.as_slice().try_into().ok()?;
        let (time, signature) = octets.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        // The specification: it must not exceed 2^63 - 1.
        i64::try_from(time).ok()?;
        Some(Self { time, signature: signature.try_into().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    const TEXT: &str = "chancery/00112233445566778899aabbccddeeff\n\
                        3\n\
                        AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";

    fn key(seed: u8, name: &str, algorithm: Algorithm) -> (Ed25519KeyPair, NoteKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let octets = pair.public_key().as_ref().try_into().unwrap();
        let key = NoteKey::new(name, algorithm, octets).unwrap();
        (pair, key)
    }

    fn signed(pair: &Ed25519KeyPair, message: &[u8]) -> [u8; 64] {
        pair.sign(message).as_ref().try_into().unwrap()
    }

    fn checkpoint() -> Checkpoint {
        let mut root = [0; 32];
        (0..32u8).for_each(|n| root[usize::from(n)] = n);
        let instance = "00112233445566778899aabbccddeeff".parse().unwrap();
        Checkpoint { origin: origin(instance), size: 3, root }
    }

    /// Final from the first release; docs/wire/journal.md shows the same octets. The seeds are 32
    /// times 0x01 and 0x02, so that anybody can compute it again.
    #[test]
    fn the_time_is_an_extension_line_that_stands_once() {
        let checkpoint = Checkpoint { origin: "chancery/a".to_owned(), size: 3, root: [7; 32] };
        let text = with_time(&checkpoint, UnixTime(1_764_300_000));
        assert!(text.ends_with("\ntime 1764300000\n"), "{text}");
        assert_eq!(time(&text), Some(UnixTime(1_764_300_000)));
        assert_eq!(Checkpoint::parse(&text), Ok(checkpoint.clone()));
        assert_eq!(time(&checkpoint.to_string()), None);
        assert_eq!(time(&format!("{text}time 1\n")), None);
        assert_eq!(time(&text.replace("time 1", "time 01")), None);
    }

    #[test]
    fn golden_checkpoint_with_a_cosignature() {
        let (pair, log) = key(1, &checkpoint().origin, Algorithm::Ed25519);
        let (witness_pair, witness) = key(2, "witness.example/w1", Algorithm::CosignatureV1);
        let text = checkpoint().to_string();
        assert_eq!(text, TEXT);
        let time = 1_800_000_000;
        let cosigned = Cosignature::message(time, &text);
        assert_eq!(cosigned, format!("cosignature/v1\ntime 1800000000\n{TEXT}").into_bytes());
        let cosignature = Cosignature { time, signature: signed(&witness_pair, &cosigned) };
        let note = Note {
            signatures: vec![log.line(&signed(&pair, text.as_bytes())), cosignature.line(&witness)],
            text,
        };
        assert_eq!(note.to_string(), include_str!("../tests/golden/checkpoint.txt"));
        assert_eq!(log.to_string(), include_str!("../tests/golden/log.vkey").trim_end());
        assert_eq!(witness.to_string(), include_str!("../tests/golden/witness.vkey").trim_end());
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        assert_eq!(Checkpoint::verify(&read, &log), Ok(checkpoint()));
        assert_eq!(Cosignature::verify(&read, &witness), Ok(cosignature));
    }

    #[test]
    fn refuses_texts_that_are_no_checkpoints() {
        let root = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        for bad in [
            String::new(),
            "a\n1\n".to_owned(),
            format!("a\n1\n{root}"),
            format!("\n1\n{root}\n"),
            format!("a\n01\n{root}\n"),
            format!("a\n+1\n{root}\n"),
            format!("a\n-1\n{root}\n"),
            format!("a\n18446744073709551616\n{root}\n"),
            format!("a\n1\n{}\n", &root[4..]),
            format!("a\n1\n{}\n", root.trim_end_matches('=')),
            format!("a\n1\n{root}\n\n"),
        ] {
            let verdict = Checkpoint::parse(&bad);
            assert!(matches!(verdict, Err(NoteError::NoCheckpoint(_))), "{bad:?}");
        }
        let extended = format!("a\n0\n{root}\nmore\n");
        assert_eq!(Checkpoint::parse(&extended).unwrap().size, 0);
    }

    #[test]
    fn refuses_the_checkpoint_of_another_log_or_key() {
        let (pair, log) = key(1, &checkpoint().origin, Algorithm::Ed25519);
        let text = checkpoint().to_string();
        let line = log.line(&signed(&pair, text.as_bytes()));
        let note = Note { text, signatures: vec![line] };
        let (_, other_name) = key(1, "chancery/ff", Algorithm::Ed25519);
        assert_eq!(Checkpoint::verify(&note, &other_name), Err(NoteError::Origin));
        let (_, other_key) = key(3, &checkpoint().origin, Algorithm::Ed25519);
        assert_eq!(Checkpoint::verify(&note, &other_key), Err(NoteError::Unsigned));
        let mut bent = note;
        bent.text = bent.text.replace("\n3\n", "\n4\n");
        assert_eq!(Checkpoint::verify(&bent, &log), Err(NoteError::BadSignature));
    }

    #[test]
    fn refuses_cosignatures_over_another_time_text_or_form() {
        let (pair, witness) = key(2, "w", Algorithm::CosignatureV1);
        let text = checkpoint().to_string();
        let good = |time| Cosignature {
            time,
            signature: signed(&pair, &Cosignature::message(time, &text)),
        };
        let under = |line| Note { text: text.clone(), signatures: vec![line] };
        let verdict = |line| Cosignature::verify(&under(line), &witness).map(|found| found.time);
        assert_eq!(verdict(good(7).line(&witness)), Ok(7));
        let mut later = good(7);
        later.time = 8;
        assert_eq!(verdict(later.line(&witness)), Err(NoteError::BadSignature));
        // A plain signature of the text by the witness' key is no cosignature.
        let plain = witness.line(&signed(&pair, text.as_bytes()));
        assert_eq!(verdict(plain), Err(NoteError::BadSignature));
        assert_eq!(verdict(good(u64::MAX).line(&witness)), Err(NoteError::BadSignature));
        let mut long = good(7).line(&witness);
        long.octets.push(0);
        assert_eq!(verdict(long), Err(NoteError::BadSignature));
        let mut of_other = good(7).line(&witness);
        of_other.name = "x".to_owned();
        assert_eq!(verdict(of_other), Err(NoteError::Unsigned));
        let mut note = under(good(7).line(&witness));
        note.signatures.push(good(9).line(&witness));
        assert_eq!(Cosignature::verify(&note, &witness).unwrap().time, 9);
        note.text = note.text.replace("\n3\n", "\n4\n");
        assert_eq!(Cosignature::verify(&note, &witness), Err(NoteError::BadSignature));
    }
}
