//! Unlocking by shares.

use super::{HealthReport, Plaintext, call};
use crate::codec::wire_struct;

wire_struct! {
    /// Gives one share of the unlock key.
    #[derive(Debug)]
    pub struct UnlockShare {
        /// Which share `secret` is the passphrase of; zero: `secret` is the text of a share.
        pub index: u8,
        /// Wiped when dropped.
        pub secret: Plaintext,
    }
}

wire_struct! {
    /// How far the shares have come.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ShareTaken {
        /// How the signer is now.
        pub health: HealthReport,
        /// How many distinct shares were given; zero once the ring is open.
        pub given: u8,
        /// How many more are needed; zero once the ring is open.
        pub missing: u8,
    }
}
call!(UnlockShare => ShareTaken);
