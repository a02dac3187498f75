//! The unlock key was rotated.

use crate::codec::{wire_enum, wire_struct};
use crate::field::Digest;

wire_enum! {
    /// How far a rotation of the unlock key came.
    pub enum RotationStage: u8 {
        /// The new unlock file is about to take the old one's place.
        Intended = 1, "intended",
        /// It did: what opened the ring before does not any more.
        Done = 2, "done",
        /// It did not, because the program was stopped: the old one is still in force.
        Abandoned = 3, "abandoned",
        /// An unlock file is in force that no rotation of this journal made: somebody put it there.
        Found = 4, "found",
    }
}

wire_enum! {
    /// What opens a ring.
    pub enum OpenedBy: u8 {
        /// A passphrase.
        Passphrase = 1, "passphrase",
        /// A credential.
        Credential = 2, "credential",
        /// Shares.
        Shares = 3, "shares",
    }
}

wire_struct! {
    /// The unlock key was rotated. An intention is followed by what became of it, before anything
    /// else but the start of the signer that looked.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct UnlockRotated {
        /// How far it came.
        pub stage: RotationStage,
        /// SHA-256 of the unlock file that this speaks of.
        pub unlock: Digest,
        /// What it is opened by.
        pub opened_by: OpenedBy,
        /// How many shares it needs; zero without shares.
        pub needed: u8,
        /// How many shares there are; zero without shares.
        pub shares: u8,
    }
}
