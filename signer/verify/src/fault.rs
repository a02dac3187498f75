//! What is wrong with a journal, and at which leaf.

use core::fmt;

macro_rules! kinds {
    ($($(#[$m:meta])* $name:ident = $text:literal;)*) => {
        /// What is wrong. docs/operate/verify.md says what each means and what to do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FaultKind { $($(#[$m])* $name),* }
        impl FaultKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];
            /// Returns the kind's name, which never changes.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    };
}

kinds! {
    /// A segment is missing, or stands where another belongs.
    SegmentMissing = "segment-missing";
    /// The header is not that of this segment of this journal.
    SegmentHeader = "segment-header";
    /// Octets that are no record at this position.
    Record = "record";
    /// The leaf is not the one encoding of anything.
    LeafMalformed = "leaf-malformed";
    /// A type of leaf that this program does not know.
    LeafUnknown = "leaf-unknown";
    /// Genesis is not the first leaf, comes again, is not the expected one, or there is no leaf.
    Genesis = "genesis";
    /// The leaf is older than the one before it.
    TimeBackwards = "time-backwards";
    /// The leaf is not the one that was published at this position.
    LeafReplaced = "leaf-replaced";
    /// A checkpoint covers leaves that are not there.
    Truncated = "truncated";
    /// A checkpoint's root is not that of the leaves before it.
    RootMismatch = "root-mismatch";
    /// A checkpoint is not one of this log, or its signature does not verify.
    Checkpoint = "checkpoint";
    /// A key is generated twice, or is not what it says.
    Key = "key";
    /// A key that was adopted, or what it issued before, that is not what was approved; or a
    /// signature by an adopted key that must not sign.
    Adoption = "adoption";
    /// A leaf names a key that was never generated, or one of another purpose.
    KeyUnknown = "key-unknown";
    /// An act that the state of its key does not permit.
    KeyState = "key-state";
    /// Certificates were signed while issuance was frozen.
    Frozen = "frozen";
    /// A policy does not follow the one before it, or is none.
    PolicyChain = "policy-chain";
    /// Operators that do not follow from those before.
    Operators = "operators";
    /// Gaps, promotions or followed rings that do not follow from the leaves before.
    Rings = "rings";
    /// What operators approved is not what was done, or they did not approve it.
    Approval = "approval";
    /// The leaf names another policy than the one in force.
    PolicyNotInForce = "policy-not-in-force";
    /// The policy of that moment does not admit what was signed.
    PolicyRefused = "policy-refused";
    /// More was signed than the policy's budget admits.
    Budget = "budget";
    /// Evidence that the policy demands is not recorded, or is not what it says.
    Evidence = "evidence";
    /// The certificate cannot be read.
    TbsMalformed = "tbs-malformed";
    /// The serial has a certificate, or was not minted here.
    Serial = "serial";
    /// An idempotency key is used twice.
    Idempotency = "idempotency";
    /// The signature does not verify under the key.
    Signature = "signature";
    /// A rotation of the unlock key that was not intended, or not settled.
    Rotation = "rotation";
    /// A change of revocation does not follow from the ones before it.
    Revocation = "revocation";
    /// A CRL does not follow the one before it.
    CrlOrder = "crl-order";
    /// A CRL that is built again from its fields has another digest.
    CrlBytes = "crl-bytes";
    /// A leaf for no handshake, or for more than one leaf is for.
    Handshakes = "handshakes";
    /// An OCSP batch that does not follow from what is known.
    Ocsp = "ocsp";
    /// An anchor of the server's audit log that does not go on from the one before it.
    Anchor = "anchor";
    /// A signature without its intent, or an intent of something else.
    Intent = "intent";
    /// More leaves of refusals than a signer writes.
    RefusalFlood = "refusal-flood";
    /// A leaf that no signer writes in this place.
    Act = "act";
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The position of the leaf; the size, where a checkpoint does not fit the leaves before it.
    pub index: u64,
    /// What is wrong.
    pub kind: FaultKind,
    /// What exactly, for people.
    pub detail: String,
}

impl Fault {
    /// Names a fault.
    pub fn new(index: u64, kind: FaultKind, detail: impl Into<String>) -> Self {
        Self { index, kind, detail: detail.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.kind, self.index, self.detail)
    }
}

/// What is wrong with a leaf whose position the caller knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong(pub(crate) FaultKind, pub(crate) String);

impl Wrong {
    /// Returns an error.
    pub(crate) fn because<T>(kind: FaultKind, detail: impl Into<String>) -> Result<T, Self> {
        Err(Self(kind, detail.into()))
    }

    /// Names the leaf.
    pub(crate) fn at(self, index: u64) -> Fault {
        Fault { index, kind: self.0, detail: self.1 }
    }
}
