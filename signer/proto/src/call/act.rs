//! Acts: the calls that go by proposal, as the argument of [`Propose`].
//!
//! To add one: a call whose last field is `warrant: Warrant`, a line in `acts!`, and the words
//! of its proposal in `signer/quorum/src/act/`.

use x509::UnixTime;

use super::{
    AcceptGap, AdoptKey, Follow, Promote, RecordCeremony, SetFreeze, SetKeyState, SetOperators,
};
use super::{Call, GenerateKey, SetPolicy, SignAuthority, SignCaRequest, Warrant, call};
use crate::action::Action;
use crate::codec::{Reader, Wire, WireError, Writer, wire_struct};
use crate::leaf::Proposal;

/// A call that goes by proposal.
pub trait Warranted: Call + Into<Act> + Clone {
    /// Takes the call out of an act; none if the act is another call.
    fn of(act: Act) -> Option<Self>;
}

macro_rules! acts {
    ($($name:ident,)*) => {
        /// An act that makes or takes authority. On the wire: the kind's number, then the call.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Act { $(
            #[doc = concat!("[`", stringify!($name), "`]")]
            $name($name)
        ),* }
        impl Act {
            /// The kinds of all acts.
            pub const KINDS: &'static [crate::kind::Kind] = &[$(crate::kind::Kind::$name),*];
            /// Returns the warrant that the act comes with; the empty one in a proposal.
            #[must_use]
            pub fn warrant(&self) -> &Warrant {
                match self { $(Self::$name(call) => &call.warrant),* }
            }
            /// Returns the act with another warrant.
            #[must_use]
            pub fn under(self, warrant: Warrant) -> Self {
                match self { $(Self::$name(call) => Self::$name($name { warrant, ..call })),* }
            }
            /// Returns the kind of the call that carries it out.
            #[must_use]
            pub fn kind(&self) -> crate::kind::Kind {
                match self { $(Self::$name(_) => crate::kind::Kind::$name),* }
            }
        }
        $(impl From<$name> for Act {
            fn from(call: $name) -> Self { Self::$name(call) }
        }
        impl Warranted for $name {
            fn of(act: Act) -> Option<Self> {
                match act { Act::$name(call) => Some(call), _ => None }
            }
        })*
        impl Wire for Act {
            fn put(&self, w: &mut Writer) {
                self.kind().put(w);
                match self { $(Self::$name(call) => call.put(w)),* }
            }
            fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
                match crate::kind::Kind::take(r)? {
                    $(crate::kind::Kind::$name => $name::take(r).map(Self::$name),)*
                    _ => Err(WireError::UnknownValue("act")),
                }
            }
        }
    };
}

acts! {
    GenerateKey,
    SetPolicy,
    SignAuthority,
    SignCaRequest,
    SetOperators,
    SetKeyState,
    SetFreeze,
    RecordCeremony,
    AcceptGap,
    Promote,
    Follow,
    AdoptKey,
}

wire_struct! {
    /// Makes the signer write the proposal that operators sign for an act. Nothing is kept: the
    /// act comes back with the text and its signatures.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Propose {
        /// The act, with an empty warrant.
        pub act: Act,
        /// For how many seconds it may be carried out (60 to 30 days).
        pub expires_in: u32,
    }
}
wire_struct! {
    /// A proposal to sign.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Proposed {
        /// The text.
        pub proposal: Proposal,
        /// Which threshold counts.
        pub action: Action,
        /// How many operators must sign; zero in a ring without operators.
        pub needed: u8,
        /// Until when it may be carried out.
        pub expires: UnixTime,
    }
}
call!(Propose => Proposed);
