//! A call names its kind, its limits and its only answer. One file a socket.

mod act;
mod admin;
mod adopt;
mod any;
mod driver;
mod evidence;
mod handshake;
mod inspect;
mod issue;
mod log;
mod operators;
mod rings;
mod status;
mod unlock;
mod va;
mod warrant;

pub use act::*;
pub use admin::*;
pub use adopt::*;
pub use any::*;
pub use driver::*;
pub use evidence::*;
pub use handshake::*;
pub use inspect::*;
pub use issue::*;
pub use log::*;
pub use operators::*;
pub use rings::*;
pub use status::*;
pub use unlock::*;
pub use va::*;
pub use warrant::*;

use crate::codec::Wire;
use crate::kind::Kind;

/// A request whose answer is known by its type.
pub trait Call: Wire {
    /// The kind that stands in the frame.
    const KIND: Kind;
    /// The only answer there is, but for a refusal.
    type Answer: Wire;
}

macro_rules! call {
    ($name:ident => $answer:ty) => {
        impl $crate::call::Call for $name {
            const KIND: $crate::kind::Kind = $crate::kind::Kind::$name;
            type Answer = $answer;
        }
    };
}

/// Implements [`Wire`] for a field that is a list with a limit, a text or a byte string.
macro_rules! wire_newtype {
    ($(#[$m:meta])* $name:ident, list $t:ty, $limit:expr, $what:literal) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub Vec<$t>);
        impl $crate::codec::Wire for $name {
            fn put(&self, w: &mut $crate::codec::Writer) { w.list(&self.0); }
            fn take(r: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::WireError> { r.list($what, $limit).map(Self) }
        }
    };
    ($(#[$m:meta])* $name:ident, bytes $limit:expr, $what:literal) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub Vec<u8>);
        impl $crate::codec::Wire for $name {
            fn put(&self, w: &mut $crate::codec::Writer) { w.string(&self.0); }
            fn take(r: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::WireError> { r.string($what, $limit).map(|b| Self(b.to_vec())) }
        }
    };
    ($(#[$m:meta])* $name:ident, text $limit:expr, $what:literal) => {
        $(#[$m])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub String);
        impl $crate::codec::Wire for $name {
            fn put(&self, w: &mut $crate::codec::Writer) { w.string(self.0.as_bytes()); }
            fn take(r: &mut $crate::codec::Reader<'_>) -> Result<Self, $crate::codec::WireError> { r.text($what, $limit).map(Self) }
        }
    };
}

pub(crate) use {call, wire_newtype};
