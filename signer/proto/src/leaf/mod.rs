//! Leaves of the journal: what happened, in the one encoding that is hashed and kept for ever.
//!
//! `0x01 | type (1) | time (8, milliseconds since 1970) | body`. A leaf has at most 65,535
//! octets, so that it fits an entry bundle of C2SP tlog-tiles; its Merkle hash is
//! SHA-256(0x00 | leaf) (RFC 9162 §2.1.1). Types are only ever added.

mod adopted;
mod anchored;
mod genesis;
mod handshake;
mod operators;
mod refused;
mod rings;
mod signed;
mod status;
mod unlock;
mod validation;

pub use adopted::*;
pub use anchored::*;
pub use genesis::*;
pub use handshake::*;
pub use operators::*;
pub use refused::*;
pub use rings::*;
pub use signed::*;
pub use status::*;
pub use unlock::*;
pub use validation::*;

use x509::UnixTime;

use crate::codec::{Reader, Wire, WireError, Writer};
use crate::refusal::MAX_DETAIL;

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
    /// Another set of operators came into force.
    OperatorsSet = 6;
    /// A key went to another state.
    KeyStateSet = 7;
    /// Issuance stopped or goes on.
    IssuanceFrozen = 8;
    /// The transcript of a ceremony was written down.
    CeremonyRecorded = 12;
    /// Operators accepted that the end of the journal is lost.
    GapAccepted = 9;
    /// A standby became the active ring.
    Promoted = 10;
    /// Another ring's journal is followed.
    RingFollowed = 11;
    /// The unlock key was rotated.
    UnlockRotated = 13;
    /// A CA's key was taken over.
    KeyAdopted = 14;
    /// A part of an adopted key's inventory was taken over.
    InventoryImported = 15;
    /// A certificate was signed.
    CertificateSigned = 16;
    /// A CA certificate was signed.
    AuthoritySigned = 17;
    /// A CSR for a key of this ring was signed.
    RequestSigned = 18;
    /// A signature is about to be asked of a driver: INTENT.
    SignIntended = 19;
    /// TLS handshakes were signed.
    HandshakesSigned = 20;
    /// A name was validated.
    ValidationRecorded = 21;
    /// The server's audit log was anchored.
    AuditAnchored = 22;
    /// A certificate was revoked, held or released.
    RevocationChanged = 32;
    /// A CRL was signed.
    CrlSigned = 33;
    /// A batch of OCSP responses was signed.
    OcspSigned = 34;
    /// Something was refused.
    Refused = 48;
    /// Leaves of a followed journal were taken in.
    FollowedRead = 36;
}
