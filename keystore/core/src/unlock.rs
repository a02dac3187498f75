//! What opens a ring: factors, shares, and why they do not.

use secret_memory::Secret;
use signer_proto::Digest;
use thiserror::Error;
use zeroize::Zeroizing;

/// What opens a ring. Wiped when dropped, never shown.
pub enum UnlockFactor {
    /// A passphrase, stretched with Argon2id.
    Passphrase(Zeroizing<Vec<u8>>),
    /// A credential file's content: at least 32 octets of high entropy, not stretched.
    Credential(Zeroizing<Vec<u8>>),
    /// As many shares as the ring's threshold, admitted by [`crate::Vault::admit_share`].
    Shares(Vec<Share>),
}

/// What will open a ring that is made, or whose unlock key is rotated.
pub enum NewFactor {
    /// A passphrase of at least 8 octets.
    Passphrase(Zeroizing<Vec<u8>>),
    /// A credential of at least 32 octets.
    Credential(Zeroizing<Vec<u8>>),
    /// Shares of a random unlock key: any `threshold` of them open the ring.
    Shares {
        /// How many are needed, from 2 on.
        threshold: u8,
        /// Who gets one each, at most 32; share 1 is the first custodian's.
        custodians: Vec<Custodian>,
    },
}

/// Who gets a share.
pub enum Custodian {
    /// The share is encrypted to an age X25519 recipient, `age1...`; `age -d` opens it.
    Age(String),
    /// The share is encrypted under a passphrase and stays with the ring.
    Passphrase(Zeroizing<Vec<u8>>),
}

/// What a custodian gives.
pub enum ShareOffer {
    /// The share as text, as `age -d` prints it.
    Text(Zeroizing<Vec<u8>>),
    /// The passphrase of a share that lies with the ring.
    Passphrase {
        /// Which share.
        index: u8,
        /// Its passphrase.
        passphrase: Zeroizing<Vec<u8>>,
    },
}

/// A share of the unlock key that was held against its commitment.
pub struct Share {
    /// Its number, from 1 on.
    pub index: u8,
    /// 32 octets.
    pub secret: Secret,
}

/// What opens a ring, as its unlock file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlockKind {
    /// A passphrase.
    Passphrase,
    /// A credential.
    Credential,
    /// Shares.
    Shares {
        /// How many are needed.
        threshold: u8,
        /// How many there are.
        count: u8,
    },
}

/// What opens a ring, and by which unlock file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opener {
    /// What opens it.
    pub kind: UnlockKind,
    /// SHA-256 of the unlock file.
    pub file: Digest,
}

/// Why a ring did not open.
#[derive(Debug, Error)]
pub enum UnlockError {
    /// The factor is not the one that the ring was made with.
    #[error("this passphrase or credential does not open the ring")]
    WrongFactor,
    /// The factor is of another kind than the ring was made with, or too short.
    #[error("the unlock factor cannot be used: {0}")]
    FactorUnusable(&'static str),
    /// The text is no share, or was mistyped.
    #[error("this is no share: {0}")]
    ShareMalformed(&'static str),
    /// A share that is none of this ring's.
    #[error("the share is not taken: {0}")]
    WrongShare(&'static str),
    /// A file is missing or not intact.
    #[error("the ring's key files are not intact: {0}")]
    Corrupt(String),
    /// A file cannot be read.
    #[error("the ring's key files cannot be read")]
    Io(#[source] std::io::Error),
}
