//! What the signer asks a helper, and what the helper answers.
//!
//! Both ends are ours and of one build, so that there are no versions: the helper says its build
//! when it greets, and another one is not spoken to.

use keystore::DigestAlgorithm;
use signer_proto::{KeySpec, Reader, Wire, WireError, Writer};

use crate::mechanism::Mechanism;

/// How many lines a session has to the signer.
pub(crate) const LINES: usize = 2;

/// What a helper says first, beside the descriptors of its lines.
pub(crate) const GREETING: u8 = 1;
/// What a helper says that it is; the signer speaks to its own build alone.
pub(crate) const BUILD: &str = concat!("p11-module ", env!("CARGO_PKG_VERSION"));
/// The longest text of an answer.
const MAX_TEXT: usize = 4 * 1024;
/// The longest octets: a CRL, whole, for keys that sign messages.
const MAX_OCTETS: usize = 512 * 1024 * 1024;
const MAX_LINES: usize = 4_096;

/// What follows the greeting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Build(pub(crate) String);

impl Wire for Build {
    fn put(&self, w: &mut Writer) {
        w.string(self.0.as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        r.text("build", 64).map(Self)
    }
}

/// Which key in the token.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Locator {
    /// Its CKA_ID.
    pub(crate) id: Option<Vec<u8>>,
    /// Its CKA_LABEL.
    pub(crate) label: Option<String>,
}

/// What key to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NewKey {
    /// Its CKA_ID.
    pub(crate) id: Vec<u8>,
    /// Its CKA_LABEL.
    pub(crate) label: String,
    pub(crate) spec: KeySpec,
    /// Whether it decrypts besides: keys of SCEP RAs.
    pub(crate) decrypts: bool,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Initialise the module, find the token, log in: all that is not done yet.
    Open,
    /// The same anew, from C_Finalize on.
    Reinitialise,
    /// Say whether the token is there and the login holds.
    Beat,
    /// Tell what the PIN's file looks like from outside.
    Stamps,
    /// Look at a key.
    Look(Locator),
    Sign {
        at: Locator,
        how: Mechanism,
        data: Vec<u8>,
    },
    /// RSAES-PKCS1-v1_5.
    Decrypt {
        at: Locator,
        data: Vec<u8>,
    },
    Generate(NewKey),
    Destroy(Locator),
    /// Tell of module, slot and token.
    Report,
    /// Make a key of the session, for measuring.
    TryKey(KeySpec),
    /// Sign once with it.
    TryOne(KeySpec),
    /// Sign with it for so many milliseconds, and say how often.
    TryMany(KeySpec, u32),
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Done,
    Opened(Card),
    Key(KeyFacts),
    Octets(Vec<u8>),
    Lines(Vec<Line>),
    Stamps { read: PinStamp, now: PinStamp },
    Count(u64),
    Fault(Fault),
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Card {
    /// How many sessions this process may have; none: as many as it likes, or it does not say.
    pub(crate) sessions: Option<u32>,
}

/// A key as its token has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    /// Its SubjectPublicKeyInfo, not looked at yet.
    pub(crate) spki: Vec<u8>,
    /// Its CKA_LABEL.
    pub(crate) label: String,
    /// Whether it is and always was sensitive and not extractable.
    pub(crate) kept: bool,
    /// The attributes in words, for people.
    pub(crate) attributes: String,
}

/// A line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What the PIN's file looks like from outside: it tells that there is another PIN, and nothing
/// about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PinStamp {
    pub(crate) inode: u64,
    pub(crate) modified_ns: i64,
    pub(crate) length: u64,
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// For people; never a PIN.
    pub(crate) why: String,
}

/// What is to be done about a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FaultKind {
    /// The token or the module: the next rung of the ladder.
    Device,
    /// No session is left: this one is one too many.
    Sessions,
    /// The token does not take the PIN: nothing but an operator helps.
    Pin,
    KeyMissing,
    KeyExists,
    /// The token has no such keys or mechanism.
    Unsupported,
    /// The key could have left the token.
    Extractable,
    /// The token refuses the operation.
    Refused,
    /// The ciphertext is none.
    Ciphertext,
}

impl Wire for Locator {
    fn put(&self, w: &mut Writer) {
        put_octets(w, self.id.as_deref());
        put_octets(w, self.label.as_deref().map(str::as_bytes));
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let id = take_if(r, |r| r.string("id", 64).map(<[u8]>::to_vec))?;
        Ok(Self { id, label: take_if(r, |r| r.text("label", 256))? })
    }
}

fn put_both(w: &mut Writer, code: u8, rest: impl FnOnce(&mut Writer)) {
    code.put(w);
    rest(w);
}

fn put_octets(w: &mut Writer, octets: Option<&[u8]>) {
    octets.is_some().put(w);
    if let Some(octets) = octets {
        w.string(octets);
    }
}

fn take_if<'a, T>(
    r: &mut Reader<'a>,
    take: impl FnOnce(&mut Reader<'a>) -> Result<T, WireError>,
) -> Result<Option<T>, WireError> {
    if bool::take(r)? { take(r).map(Some) } else { Ok(None) }
}

impl Wire for Mechanism {
    fn put(&self, w: &mut Writer) {
        let code: u8 = match self {
            Self::RsaPkcs1 => 1,
            Self::RsaPss(DigestAlgorithm::Sha256) => 2,
            Self::RsaPss(DigestAlgorithm::Sha384) => 3,
            Self::RsaPss(DigestAlgorithm::Sha512) => 4,
            Self::Ecdsa => 5,
            Self::EdDsa => 6,
            Self::MlDsa => 7,
        };
        code.put(w);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::take(r)? {
            1 => Self::RsaPkcs1,
            2 => Self::RsaPss(DigestAlgorithm::Sha256),
            3 => Self::RsaPss(DigestAlgorithm::Sha384),
            4 => Self::RsaPss(DigestAlgorithm::Sha512),
            5 => Self::Ecdsa,
            6 => Self::EdDsa,
            7 => Self::MlDsa,
            _ => return Err(WireError::UnknownValue("mechanism")),
        })
    }
}

impl Wire for NewKey {
    fn put(&self, w: &mut Writer) {
        w.string(&self.id);
        w.string(self.label.as_bytes());
        self.spec.put(w);
        self.decrypts.put(w);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            id: r.string("id", 64)?.to_vec(),
            label: r.text("label", 256)?,
            spec: KeySpec::take(r)?,
            decrypts: bool::take(r)?,
        })
    }
}

impl Wire for Request {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Open => 1_u8.put(w),
            Self::Reinitialise => 2_u8.put(w),
            Self::Beat => 3_u8.put(w),
            Self::Stamps => 4_u8.put(w),
            Self::Look(at) => put_both(w, 5, |w| at.put(w)),
            Self::Sign { at, how, data } => {
                6_u8.put(w);
                at.put(w);
                how.put(w);
                w.string(data);
            }
            Self::Decrypt { at, data } => {
                7_u8.put(w);
                at.put(w);
                w.string(data);
            }
            Self::Generate(wanted) => put_both(w, 8, |w| wanted.put(w)),
            Self::Destroy(at) => put_both(w, 9, |w| at.put(w)),
            Self::Report => 10_u8.put(w),
            Self::TryKey(spec) => put_both(w, 11, |w| spec.put(w)),
            Self::TryOne(spec) => put_both(w, 12, |w| spec.put(w)),
            Self::TryMany(spec, millis) => put_both(w, 13, |w| {
                spec.put(w);
                millis.put(w);
            }),
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::take(r)? {
            1 => Self::Open,
            2 => Self::Reinitialise,
            3 => Self::Beat,
            4 => Self::Stamps,
            5 => Self::Look(Locator::take(r)?),
            6 => Self::Sign {
                at: Locator::take(r)?,
                how: Mechanism::take(r)?,
                data: r.string("data", MAX_OCTETS)?.to_vec(),
            },
            7 => Self::Decrypt {
                at: Locator::take(r)?,
                data: r.string("data", MAX_OCTETS)?.to_vec(),
            },
            8 => Self::Generate(NewKey::take(r)?),
            9 => Self::Destroy(Locator::take(r)?),
            10 => Self::Report,
            11 => Self::TryKey(KeySpec::take(r)?),
            12 => Self::TryOne(KeySpec::take(r)?),
            13 => Self::TryMany(KeySpec::take(r)?, u32::take(r)?),
            _ => return Err(WireError::UnknownValue("request")),
        })
    }
}

impl Wire for Answer {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Done => 1_u8.put(w),
            Self::Opened(card) => put_both(w, 2, |w| card.sessions.put(w)),
            Self::Key(facts) => put_both(w, 3, |w| facts.put(w)),
            Self::Octets(octets) => {
                4_u8.put(w);
                w.string(octets);
            }
            Self::Lines(lines) => {
                5_u8.put(w);
                w.list(lines);
            }
            Self::Stamps { read, now } => put_both(w, 6, |w| {
                read.put(w);
                now.put(w);
            }),
            Self::Count(count) => put_both(w, 7, |w| count.put(w)),
            Self::Fault(fault) => put_both(w, 8, |w| fault.put(w)),
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(match u8::take(r)? {
            1 => Self::Done,
            2 => Self::Opened(Card { sessions: Wire::take(r)? }),
            3 => Self::Key(KeyFacts::take(r)?),
            4 => Self::Octets(r.string("octets", MAX_OCTETS)?.to_vec()),
            5 => Self::Lines(r.list("lines", MAX_LINES)?),
            6 => Self::Stamps { read: PinStamp::take(r)?, now: PinStamp::take(r)? },
            7 => Self::Count(u64::take(r)?),
            8 => Self::Fault(Fault::take(r)?),
            _ => return Err(WireError::UnknownValue("answer")),
        })
    }
}

impl Wire for KeyFacts {
    fn put(&self, w: &mut Writer) {
        w.string(&self.spki);
        w.string(self.label.as_bytes());
        self.kept.put(w);
        w.string(self.attributes.as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            spki: r.string("public key", 16 * 1024)?.to_vec(),
            label: r.text("label", MAX_TEXT)?,
            kept: bool::take(r)?,
            attributes: r.text("attributes", MAX_TEXT)?,
        })
    }
}

impl Wire for Line {
    fn put(&self, w: &mut Writer) {
        w.string(self.name.as_bytes());
        w.string(self.value.as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { name: r.text("name", MAX_TEXT)?, value: r.text("value", MAX_TEXT)? })
    }
}

impl Wire for PinStamp {
    fn put(&self, w: &mut Writer) {
        self.inode.put(w);
        self.modified_ns.put(w);
        self.length.put(w);
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self { inode: u64::take(r)?, modified_ns: i64::take(r)?, length: u64::take(r)? })
    }
}

impl Wire for Fault {
    fn put(&self, w: &mut Writer) {
        let code: u8 = match self.kind {
            FaultKind::Device => 1,
            FaultKind::Sessions => 2,
            FaultKind::Pin => 3,
            FaultKind::KeyMissing => 4,
            FaultKind::KeyExists => 5,
            FaultKind::Unsupported => 6,
            FaultKind::Extractable => 7,
            FaultKind::Refused => 8,
            FaultKind::Ciphertext => 9,
        };
        code.put(w);
        let end = self.why.floor_char_boundary(MAX_TEXT);
        w.string(self.why.get(..end).unwrap_or_default().as_bytes());
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let kind = match u8::take(r)? {
            1 => FaultKind::Device,
            2 => FaultKind::Sessions,
            3 => FaultKind::Pin,
            4 => FaultKind::KeyMissing,
            5 => FaultKind::KeyExists,
            6 => FaultKind::Unsupported,
            7 => FaultKind::Extractable,
            8 => FaultKind::Refused,
            9 => FaultKind::Ciphertext,
            _ => return Err(WireError::UnknownValue("fault")),
        };
        Ok(Self { kind, why: r.text("why", MAX_TEXT)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_and_answer_reads_back() {
        let at = Locator { id: Some(vec![1, 2]), label: Some("x".to_owned()) };
        let wanted =
            NewKey { id: vec![7; 16], label: "a/b".into(), spec: KeySpec::P256, decrypts: true };
        for request in [
            Request::Open,
            Request::Reinitialise,
            Request::Beat,
            Request::Stamps,
            Request::Look(Locator { id: None, label: None }),
            Request::Sign { at: at.clone(), how: Mechanism::MlDsa, data: vec![3; 99] },
            Request::Decrypt { at: at.clone(), data: vec![3; 99] },
            Request::Generate(wanted),
            Request::Destroy(at),
            Request::Report,
            Request::TryKey(KeySpec::P384),
            Request::TryOne(KeySpec::Rsa3072),
            Request::TryMany(KeySpec::Rsa3072, 9),
        ] {
            assert_eq!(Request::from_wire(&request.to_wire()), Ok(request));
        }
        let facts = KeyFacts {
            spki: vec![1],
            label: "l".into(),
            kept: true,
            attributes: "sensitive".into(),
        };
        let fault = Fault { kind: FaultKind::Pin, why: "no".into() };
        let stamp = PinStamp { inode: 1, modified_ns: -2, length: 3 };
        for answer in [
            Answer::Done,
            Answer::Opened(Card { sessions: Some(3) }),
            Answer::Key(facts),
            Answer::Octets(vec![1, 2, 3]),
            Answer::Lines(vec![Line { name: "a".into(), value: "b".into() }]),
            Answer::Stamps { read: stamp, now: stamp },
            Answer::Count(7),
            Answer::Fault(fault),
        ] {
            assert_eq!(Answer::from_wire(&answer.to_wire()), Ok(answer));
        }
    }

    #[test]
    fn a_long_reason_is_cut() {
        let fault = Fault { kind: FaultKind::Device, why: "ä".repeat(5_000) };
        let read = Fault::from_wire(&fault.to_wire()).unwrap();
        assert!(read.why.len() <= MAX_TEXT && read.why.ends_with('ä'));
    }
}
