//! Why a leaf does not follow from the leaves before it.

use signer_proto::{KeyId, KeyLabel, Refusal, WireError};
use x509::{KeyError, Serial};

/// The journal says something that this signer would not have written. Corrupt.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The leaf is no leaf.
    #[error("the leaf at {position} cannot be read")]
    Unreadable {
        /// Where.
        position: u64,
        /// Why.
        #[source]
        source: WireError,
    },
    /// A leaf comes out of turn.
    #[error("the leaf at {found} stands where {expected} belongs")]
    OutOfTurn {
        /// The position that comes next.
        expected: u64,
        /// The position that came.
        found: u64,
    },
    /// A leaf is older than the one before.
    #[error("the leaf at {0} is older than the one before it")]
    TimeBackwards(u64),
    /// The first leaf is not genesis, or a later one is.
    #[error("the leaf at {0} is genesis in the wrong place, or is not where it belongs")]
    GenesisMisplaced(u64),
    /// A key's id or label is there already.
    #[error("the key {0} is generated twice")]
    KeyTwice(KeyLabel),
    /// A leaf names a key that was never generated.
    #[error("the leaf at {position} names the unknown key {key}")]
    KeyUnknown {
        /// Where.
        position: u64,
        /// Which.
        key: KeyId,
    },
    /// A key has no public key where it must have one, or one that does not parse.
    #[error("the public key of {0} is missing")]
    PublicKeyMissing(KeyLabel),
    /// A public key does not parse.
    #[error("the public key of {label} does not parse")]
    PublicKey {
        /// Whose.
        label: KeyLabel,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// A policy does not follow the one before.
    #[error("the policy at {0} does not follow the one before it")]
    PolicyChain(u64),
    /// An act that operators did not approve, or a set of operators that cannot be.
    #[error("the leaf at {position} is of an act that nobody may have done")]
    Unapproved {
        /// Where.
        position: u64,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// Operators that do not follow those before.
    #[error("the operators at {0} do not follow those before")]
    OperatorChain(u64),
    /// A key goes where it cannot go from where it is.
    #[error("the key state at {0} does not follow the one before")]
    KeyState(u64),
    /// A policy text is not understood.
    #[error("the policy at {position} is not understood")]
    Policy {
        /// Where.
        position: u64,
        /// Why.
        #[source]
        source: Refusal,
    },
    /// A TBS is none.
    #[error("the certificate at {0} cannot be read")]
    Tbs(u64),
    /// A serial has two certificates.
    #[error("the serial {0} is used twice")]
    SerialTwice(Serial),
    /// A revocation of a certificate that was never issued, or a change of a revoked one.
    #[error("the revocation change at {0} does not follow from the ones before")]
    Revocation(u64),
    /// A rotation of the unlock key that nobody intended, or one that nobody settled.
    #[error("the rotation at {0} does not follow from what was intended")]
    Rotation(u64),
    /// An anchor of the audit log that does not go on from the one before.
    #[error("the audit anchor at {0} does not follow the one before it")]
    Anchor(u64),
    /// A gap, promotion or followed ring that does not follow from the leaves before.
    #[error("what the leaf at {0} says of rings does not follow from the ones before it")]
    Rings(u64),
    /// An adoption that does not fit its certificate, or a part of an inventory that is not the
    /// one that was approved.
    #[error("the adoption at {0} does not follow from what was approved")]
    Adoption(u64),
    /// A CRL number that does not grow, or covers what is not there.
    #[error("the CRL at {0} does not follow the one before it")]
    Crl(u64),
}
