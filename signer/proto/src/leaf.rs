//! Leaves of the journal: what happened, in the one encoding that is hashed and kept for ever.
//!
//! `0x01 | type (1) | time (8, milliseconds since 1970) | body`. A leaf has at most 65,535
//! octets, so that it fits an entry bundle of C2SP tlog-tiles; its Merkle hash is
//! SHA-256(0x00 | leaf) (RFC 9162 §2.1.1). Types are only ever added.

use x509::{
    CertificationRequestInfoDer, CrlReason, Serial, Signature, SignatureScheme, SpkiDer,
    TbsCertificateDer, UnixTime,
};

use crate::call::{Approvals, PolicyText};
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::field::{
    Digest, IdempotencyKey, InstanceId, KeyId, KeyLabel, KeySpec, Purpose, RevocationStatus,
};
use crate::refusal::{MAX_DETAIL, Rule};

/// The largest leaf, in octets.
pub const MAX_LEAF: usize = 65_535;
/// The only version of the leaf encoding.
pub const LEAF_VERSION: u8 = 1;

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// When, by the signer's clock, in milliseconds since 1970. Never less than the leaf before.
    pub at_ms: i64,
    /// What.
    pub event: Event,
}

impl Leaf {
    /// Returns when, in whole seconds.
    #[must_use]
    pub fn at(&self) -> UnixTime {
        UnixTime(self.at_ms.div_euclid(1000))
    }
}

macro_rules! text {
    ($(#[$m:meta])* $name:ident, $limit:expr, $what:literal) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub String);
        impl Wire for $name {
            fn put(&self, w: &mut Writer) {
                w.string(self.0.as_bytes());
            }
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                r.text($what, $limit).map(Self)
            }
        }
    };
}
text!(
    /// A program's version, as it prints it.
    Version, 64, "version"
);
text!(
    /// A report for people, at most 16 KiB.
    Report, 16 * 1024, "report"
);
text!(
    /// The proposal that operators signed, at most 8 KiB; empty while a ring has no operators.
    Proposal, 8 * 1024, "proposal"
);
text!(
    /// An operator's public key, as OpenSSH writes it.
    OperatorKey, 1024, "operator key"
);
text!(
    /// What exactly was refused.
    Detail, MAX_DETAIL, "detail"
);

macro_rules! list {
    ($(#[$m:meta])* $name:ident, $t:ty, $limit:expr, $what:literal) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub Vec<$t>);
        impl Wire for $name {
            fn put(&self, w: &mut Writer) {
                w.list(&self.0);
            }
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                r.list($what, $limit).map(Self)
            }
        }
    };
}
list!(
    /// The operators of a ring.
    OperatorKeys, OperatorKey, 32, "operator keys"
);
list!(
    /// The keys that a ring has from genesis on.
    HouseKeys, HouseKey, 8, "house keys"
);
list!(
    /// What stood for a certificate.
    EvidenceRecords, EvidenceRecord, 8, "evidence records"
);

wire_struct! {
    /// A house key as genesis fixes it.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct HouseKey {
        /// Its identity for ever.
        pub id: KeyId,
        /// `log`, `serial` or `seal`.
        pub purpose: Purpose,
        /// Its algorithm.
        pub spec: KeySpec,
        /// The public key of `log`; none for the symmetric ones.
        pub spki: Option<SpkiDer>,
    }
}

wire_struct! {
    /// The first leaf. SHA-256 of its encoding is the genesis digest, bound into every key file.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Genesis {
        /// Which ring this is.
        pub instance: InstanceId,
        /// The first octet of every serial: 0x01 to 0x7f.
        pub serial_prefix: u8,
        /// The house keys.
        pub house_keys: HouseKeys,
        /// Who may approve; empty: whoever reaches admin.sock.
        pub operators: OperatorKeys,
        /// How many of them must; zero with an empty set.
        pub threshold: u8,
        /// The program that made the ring.
        pub made_by: Version,
    }
}

wire_struct! {
    /// The signer started.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Opened {
        /// The program that runs.
        pub version: Version,
        /// Its self-check.
        pub report: Report,
        /// Octets of a torn write that were cut off the journal's end at this start.
        pub cut: u64,
    }
}

wire_struct! {
    /// Somebody gave an unlock factor.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct UnlockAttempt {
        /// Whether it opened the ring.
        pub opened: bool,
        /// How many attempts failed since the last leaf of this kind.
        pub failed: u32,
    }
}

wire_struct! {
    /// A key was generated.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct KeyGenerated {
        /// Its identity for ever.
        pub id: KeyId,
        /// Its name.
        pub label: KeyLabel,
        /// What it signs.
        pub purpose: Purpose,
        /// Its algorithm.
        pub spec: KeySpec,
        /// The public key.
        pub spki: Option<SpkiDer>,
        /// What was approved.
        pub proposal: Proposal,
        /// By whom.
        pub approvals: Approvals,
    }
}

wire_struct! {
    /// A policy came into force.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PolicySet {
        /// Whose.
        pub key: KeyId,
        /// Counts from 1.
        pub version: u32,
        /// The digest of the version before; none for the first.
        pub previous: Option<Digest>,
        /// The text; its SHA-256 is the policy's digest.
        pub text: PolicyText,
        /// What was approved.
        pub proposal: Proposal,
        /// By whom.
        pub approvals: Approvals,
    }
}

wire_struct! {
    /// What stood for a certificate, by digest.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct EvidenceRecord {
        /// 1: a CSR.
        pub kind: u8,
        /// SHA-256 of its bytes.
        pub digest: Digest,
    }
}

wire_struct! {
    /// A certificate was signed: DONE. The serial, the names and the dates are in the TBS.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CertificateSigned {
        /// The issuer's key.
        pub key: KeyId,
        /// The policy in force.
        pub policy: Digest,
        /// The server's profile, as it said.
        pub profile: Digest,
        /// What makes a retry the same request.
        pub idempotency: IdempotencyKey,
        /// What stood for it.
        pub evidence: EvidenceRecords,
        /// What was signed.
        pub tbs: TbsCertificateDer,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
    }
}

wire_struct! {
    /// A CA certificate was signed: DONE.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct AuthoritySigned {
        /// The issuer's key.
        pub key: KeyId,
        /// The policy in force.
        pub policy: Digest,
        /// What makes a retry the same request.
        pub idempotency: IdempotencyKey,
        /// What was signed.
        pub tbs: TbsCertificateDer,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
        /// What was approved.
        pub proposal: Proposal,
        /// By whom.
        pub approvals: Approvals,
    }
}

wire_struct! {
    /// A CSR for a key of this ring was signed: DONE.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RequestSigned {
        /// Whose CSR.
        pub key: KeyId,
        /// What was signed.
        pub info: CertificationRequestInfoDer,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
        /// What was approved.
        pub proposal: Proposal,
        /// By whom.
        pub approvals: Approvals,
    }
}

wire_struct! {
    /// A certificate was revoked, held or released.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RevocationChanged {
        /// The issuer's key.
        pub key: KeyId,
        /// Which certificate.
        pub serial: Serial,
        /// What it is now.
        pub status: RevocationStatus,
        /// Why.
        pub reason: CrlReason,
        /// Since when the key is believed to be known to others.
        pub invalidity: Option<UnixTime>,
    }
}

wire_struct! {
    /// A CRL was signed: DONE. A verifier builds its bytes again from these fields.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CrlSigned {
        /// The issuer's key.
        pub key: KeyId,
        /// Zero: the full CRL.
        pub shard: u16,
        /// The CRL number.
        pub number: u64,
        /// thisUpdate.
        pub this_update: UnixTime,
        /// nextUpdate.
        pub next_update: UnixTime,
        /// How many changes of the key's revocation set it covers.
        pub revocations: u64,
        /// SHA-256 of the to-be-signed bytes.
        pub tbs_digest: Digest,
        /// By which algorithm.
        pub scheme: SignatureScheme,
        /// The signature.
        pub signature: Signature,
    }
}

wire_struct! {
    /// A batch of OCSP responses was signed: DONE.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct OcspSigned {
        /// The responder's key.
        pub responder: KeyId,
        /// The issuer's key.
        pub issuer: KeyId,
        /// thisUpdate of all.
        pub this_update: UnixTime,
        /// nextUpdate of all.
        pub next_update: UnixTime,
        /// How many changes of the issuer's revocation set they cover.
        pub revocations: u64,
        /// How many responses were signed.
        pub count: u32,
        /// Merkle root (RFC 9162 §2.1.1) over the DER of each ResponseData in order.
        pub root: Digest,
    }
}

wire_struct! {
    /// Something was refused; at most one leaf a second for each uid and rule.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refused {
        /// The socket's number.
        pub socket: u8,
        /// The peer's uid.
        pub uid: u32,
        /// The kind's number; zero if no header was read.
        pub kind: u8,
        /// The rule.
        pub rule: Rule,
        /// How many, this one among them.
        pub count: u32,
        /// What exactly, for the first of them.
        pub detail: Detail,
    }
}

macro_rules! events {
    ($($(#[$m:meta])* $name:ident = $code:literal;)*) => {
        /// What happened.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Event { $($(#[$m])* $name($name)),* }
        impl Event {
            /// Returns the type's fixed number.
            #[must_use]
            pub fn code(&self) -> u8 {
                match self { $(Self::$name(_) => $code),* }
            }
            /// Returns the type's name.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$name(_) => stringify!($name)),* }
            }
        }
        $(impl From<$name> for Event {
            fn from(event: $name) -> Self { Self::$name(event) }
        })*
        impl Wire for Leaf {
            fn put(&self, w: &mut Writer) {
                LEAF_VERSION.put(w);
                self.event.code().put(w);
                self.at_ms.put(w);
                match &self.event { $(Event::$name(event) => event.put(w)),* }
            }
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                if u8::take(r)? != LEAF_VERSION {
                    return Err(WireError::UnknownValue("leaf version"));
                }
                let code = u8::take(r)?;
                let at_ms = i64::take(r)?;
                let event = match code {
                    $($code => $name::take(r).map(Event::$name)?,)*
                    _ => return Err(WireError::UnknownValue("leaf type")),
                };
                Ok(Self { at_ms, event })
            }
        }
    };
}

events! {
    /// The ring was made.
    Genesis = 1;
    /// The signer started.
    Opened = 2;
    /// Somebody gave an unlock factor.
    UnlockAttempt = 3;
    /// A key was generated.
    KeyGenerated = 4;
    /// A policy came into force.
    PolicySet = 5;
    /// A certificate was signed.
    CertificateSigned = 16;
    /// A CA certificate was signed.
    AuthoritySigned = 17;
    /// A CSR for a key of this ring was signed.
    RequestSigned = 18;
    /// A certificate was revoked, held or released.
    RevocationChanged = 32;
    /// A CRL was signed.
    CrlSigned = 33;
    /// A batch of OCSP responses was signed.
    OcspSigned = 34;
    /// Something was refused.
    Refused = 48;
}
