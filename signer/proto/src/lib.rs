//! The dictionary of the trust boundary: calls, answers, refusals, framing, and the leaves of
//! the journal. Both sides speak it; it holds no key and does no I/O.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod action;
mod call;
mod codec;
mod field;
mod frame;
mod identifier;
mod kind;
mod leaf;
mod refusal;
pub mod stub;

pub use action::{Action, Threshold, Thresholds};
pub use call::*;
pub use codec::{Reader, Wire, WireError, Writer};
pub use field::{
    CertIdHash, Digest, IdempotencyKey, InstanceId, KeyId, KeyLabel, KeySpec, KeyState, MAX_TBS,
    Purpose, RevocationStatus,
};
pub use frame::{Flags, FrameError, HEADER, Header, MAX_ANSWER_PART, MAX_DEADLINE_MS, VERSION};
pub use identifier::{DnsIdentifier, Identifier, ValidationMethod};
pub use kind::{Kind, Socket};
pub use leaf::*;
pub use refusal::{Blame, MAX_DETAIL, Refusal, Rule};
