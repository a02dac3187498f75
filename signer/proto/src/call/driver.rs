//! What a signer reaches its keys by.

use super::{call, wire_newtype};
use crate::codec::wire_struct;

wire_struct! {
    /// Asks how the key driver is.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct ReadDriver {
        /// Whether it is to tell everything: it may ask a device for that.
        pub lines: bool,
    }
}

wire_newtype!(
    /// A word or a sentence of a driver, never a secret.
    DriverText, text 2 * 1024, "driver text"
);

wire_struct! {
    /// A property of a module, a token, a service or a key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DriverLine {
        /// What it is about.
        pub subject: DriverText,
        /// The property.
        pub name: DriverText,
        /// Its value.
        pub value: DriverText,
    }
}

wire_newtype!(
    /// What a driver says of itself.
    DriverLines, list DriverLine, 4096, "driver lines"
);

wire_struct! {
    /// What the key driver says of itself.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct DriverReport {
        /// Why keys cannot be used now; none if they can.
        pub fault: Option<DriverText>,
        /// None if they were not asked for; as much as fits half an answer.
        pub lines: DriverLines,
    }
}
call!(ReadDriver => DriverReport);
