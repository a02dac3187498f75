//! Frames: a fixed header of 16 octets, then the body.
//!
//! ```text
//! 0        1      2       3         4..8         8..12        12..16
//! version  kind   flags   zero      length       sequence     deadline (ms)
//! ```
//! All numbers are big-endian. `length` counts the body and is held against the limit of the
//! kind before a byte is allocated. A request's deadline counts from its receipt; an answer's
//! is zero.

use crate::kind::Kind;

/// The only version there is.
pub const VERSION: u8 = 1;
/// Octets of a header.
pub const HEADER: usize = 16;
/// The longest deadline that a request may ask for, in milliseconds.
pub const MAX_DEADLINE_MS: u32 = 30_000;
/// The largest body of one answer frame; longer answers go in parts (see [`Flags::MORE`]).
pub const MAX_ANSWER_PART: usize = 256 * 1024;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// A request.
    pub const REQUEST: Self = Self(0);
    /// The (last part of the) answer to the request of the same sequence number.
    pub const ANSWER: Self = Self(1);
    /// A part of an answer that is not the last one: bodies are concatenated.
    pub const MORE: Self = Self(3);
    /// A refusal: the body is a [`crate::Refusal`].
    pub const REFUSED: Self = Self(5);
}

/// Why sixteen octets are no header. Every one of them ends the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Another version of this protocol.
    #[error("frame version {0} is not spoken here")]
    Version(u8),
    /// No such kind of call.
    #[error("kind {0} is not known")]
    UnknownKind(u8),
    /// A flag that means nothing, or an answer where a request belongs.
    #[error("flags {0:#04x} are not allowed here")]
    Flags(u8),
    /// The reserved octet is not zero.
    #[error("the reserved octet is not zero")]
    Reserved,
    /// The body would be longer than its kind allows.
    #[error("a body of {length} octets is over the limit of {limit} of its kind")]
    TooLong {
        /// What the header said.
        length: u32,
        /// What the kind allows.
        limit: u32,
    },
    /// The deadline is zero or beyond 30 seconds.
    #[error("a deadline of {0} ms is outside 1..=30000")]
    Deadline(u32),
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which call.
    pub kind: Kind,
    /// Request, answer, part, refusal.
    pub flags: Flags,
    /// Octets of the body.
    pub length: u32,
    /// Chosen by the asking side, echoed in the answer.
    pub sequence: u32,
    /// Milliseconds from receipt (requests), zero (answers).
    pub deadline_ms: u32,
}

impl Header {
    /// Returns the sixteen octets.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER] {
        let [l0, l1, l2, l3] = self.length.to_be_bytes();
        let [s0, s1, s2, s3] = self.sequence.to_be_bytes();
        let [d0, d1, d2, d3] = self.deadline_ms.to_be_bytes();
        [VERSION, self.kind.code(), self.flags.0, 0, l0, l1, l2, l3, s0, s1, s2, s3, d0, d1, d2, d3]
    }

    /// Reads the header of a request: what the signer receives.
    pub fn decode_request(bytes: [u8; HEADER]) -> Result<Self, FrameError> {
        let header = Self::decode(bytes)?;
        if header.flags != Flags::REQUEST {
            return Err(FrameError::Flags(header.flags.0));
        }
        let limit = header.kind.request_limit();
        if header.length > limit {
            return Err(FrameError::TooLong { length: header.length, limit });
        }
        if header.deadline_ms == 0 || header.deadline_ms > MAX_DEADLINE_MS {
            return Err(FrameError::Deadline(header.deadline_ms));
        }
        Ok(header)
    }

    /// Reads the header of an answer: what a client receives.
    pub fn decode_answer(bytes: [u8; HEADER]) -> Result<Self, FrameError> {
        let header = Self::decode(bytes)?;
        if !matches!(header.flags, Flags::ANSWER | Flags::MORE | Flags::REFUSED) {
            return Err(FrameError::Flags(header.flags.0));
        }
        if header.length as usize > MAX_ANSWER_PART {
            return Err(FrameError::TooLong {
                length: header.length,
                limit: u32::try_from(MAX_ANSWER_PART).unwrap_or(u32::MAX),
            });
        }
        if header.deadline_ms != 0 {
            return Err(FrameError::Deadline(header.deadline_ms));
        }
        Ok(header)
    }

    fn decode(bytes: [u8; HEADER]) -> Result<Self, FrameError> {
        let [version, kind, flags, reserved, l0, l1, l2, l3, s0, s1, s2, s3, d0, d1, d2, d3] =
            bytes;
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        if reserved != 0 {
            return Err(FrameError::Reserved);
        }
        Ok(Self {
            kind: Kind::from_code(kind).ok_or(FrameError::UnknownKind(kind))?,
            flags: Flags(flags),
            length: u32::from_be_bytes([l0, l1, l2, l3]),
            sequence: u32::from_be_bytes([s0, s1, s2, s3]),
            deadline_ms: u32::from_be_bytes([d0, d1, d2, d3]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn honest() -> Header {
        Header {
            kind: Kind::Health,
            flags: Flags::REQUEST,
            length: 0,
            sequence: 7,
            deadline_ms: 1000,
        }
    }

    #[test]
    fn a_header_reads_back() {
        assert_eq!(Header::decode_request(honest().encode()), Ok(honest()));
    }

    #[test]
    fn every_bent_header_is_refused_by_its_rule() {
        let bend = |at: usize, to: u8| {
            let mut bytes = honest().encode();
            bytes[at] = to;
            Header::decode_request(bytes)
        };
        assert_eq!(bend(0, 2), Err(FrameError::Version(2)));
        assert_eq!(bend(1, 0xff), Err(FrameError::UnknownKind(0xff)));
        assert_eq!(bend(2, 1), Err(FrameError::Flags(1)));
        assert_eq!(bend(2, 8), Err(FrameError::Flags(8)));
        assert_eq!(bend(3, 1), Err(FrameError::Reserved));
        assert!(matches!(bend(4, 1), Err(FrameError::TooLong { .. })));
        let zero = Header { deadline_ms: 0, ..honest() };
        assert_eq!(Header::decode_request(zero.encode()), Err(FrameError::Deadline(0)));
        let long = Header { deadline_ms: 30_001, ..honest() };
        assert_eq!(Header::decode_request(long.encode()), Err(FrameError::Deadline(30_001)));
    }
}
