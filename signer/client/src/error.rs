//! Why a call has no answer.

use signer_proto::{Blame, FrameError, Kind, Refusal, WireError};
use thiserror::Error;

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// The signer said no, and by which rule.
    #[error("the signer refused by {0}")]
    Refused(Refusal),
    /// The signer cannot be reached, or the connection broke before the answer was whole. Whether
    /// the signer did it is then not known; asking again is safe where the call is idempotent.
    #[error("the signer cannot be reached: {why}")]
    Unavailable {
        /// What happened to the connection.
        why: String,
    },
    /// The deadline passed, here or in the signer.
    #[error("the signer did not answer in time")]
    DeadlineExceeded,
    /// One side does not speak the protocol; a defect, not a state.
    #[error("the boundary protocol was broken")]
    Protocol(#[source] ProtocolError),
}

impl CallError {
    /// Returns who is at fault, as the signer's refusals say it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Refused(refusal) => refusal.rule.blame(),
            Self::Unavailable { .. } | Self::DeadlineExceeded => Blame::Unavailable,
            Self::Protocol(ProtocolError::RequestTooLong { .. }) => Blame::Malformed,
            Self::Protocol(_) => Blame::Corrupt,
        }
    }
}

/// How the protocol was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProtocolError {
    /// The request is larger than its kind allows; it was not sent.
    #[error("a {kind} of {length} octets is over the limit of its kind")]
    RequestTooLong {
        /// Which call.
        kind: Kind,
        /// Octets of its body.
        length: usize,
    },
    /// Sixteen octets that are no header of an answer.
    #[error("the header of an answer is malformed")]
    Frame(#[source] FrameError),
    /// An answer to what was not asked.
    #[error("sequence {0} was not asked for")]
    UnknownSequence(u32),
    /// An answer of another kind than the request's.
    #[error("a {asked} was answered as a {answered}")]
    KindMismatch {
        /// The kind of the request.
        asked: Kind,
        /// The kind in the answer.
        answered: Kind,
    },
    /// An answer over the limit of its kind.
    #[error("the answer to a {0} is over the limit of its kind")]
    AnswerTooLong(Kind),
    /// An answer that does not decode.
    #[error("the answer to a {kind} does not decode")]
    Answer {
        /// Which call.
        kind: Kind,
        /// Why.
        #[source]
        why: WireError,
    },
}
