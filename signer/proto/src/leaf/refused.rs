//! What was refused.

use super::Detail;
use crate::codec::wire_struct;
use crate::refusal::Rule;

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
