//! What a signer knows of a serial number: asked by whoever found a certificate somewhere.

use super::{RevocationChange, call};
use crate::codec::{wire_enum, wire_struct};
use crate::field::KeyLabel;
use x509::Serial;

wire_struct! {
    /// Asks what the ring knows of a serial number.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct InspectSerial {
        /// Which.
        pub serial: Serial,
    }
}

wire_enum! {
    /// What a serial's own tag says.
    pub enum SerialTag: u8 {
        /// This ring minted it.
        Minted = 1, "minted",
        /// This ring did not mint it.
        NotMinted = 2, "not-minted",
        /// The ring is locked: nobody can tell.
        Unchecked = 3, "unchecked",
    }
}

wire_struct! {
    /// A certificate that the journal has.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct IssuedSerial {
        /// The key that signed it.
        pub key: KeyLabel,
        /// The position of its leaf.
        pub position: u64,
        /// The last change of its status; none if there was none.
        pub change: Option<RevocationChange>,
    }
}

wire_struct! {
    /// What the ring knows of a serial number.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct SerialInspection {
        /// What its tag says.
        pub tag: SerialTag,
        /// The key that it was minted for; none unless the tag says so.
        pub minted_for: Option<KeyLabel>,
        /// The certificate that has it; none if none was ever signed here.
        pub issued: Option<IssuedSerial>,
    }
}
call!(InspectSerial => SerialInspection);
