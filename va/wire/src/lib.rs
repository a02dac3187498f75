//! What the server and the validation authority say to each other over `va-work.sock`: types,
//! frames, and the server's [`Client`].
//!
//! The server asks for the validation of one identifier by one challenge; the authority looks
//! for itself, writes what it saw to the signer, and answers with the position of that record.
//! Nothing here is believed by the signer: it reads its own journal.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod client;
mod frame;
mod message;

pub use client::{Client, ClientError};
pub use frame::{FrameError, MAX_FRAME, encode, read};
pub use message::{
    Answer, Ask, Health, Identifier, Invalid, MAX_DEADLINE_MS, MAX_DETAIL, Method, Outcome,
    Problem, ProblemKind, Reply, Request, SignerState, Thumbprint, Unavailable, VERSION, Valid,
    Validate,
};
