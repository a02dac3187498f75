//! Async client of the signer: pool, pipelining, deadlines, retry.
//!
//! A [`SignerClient`] speaks on the sockets of one ring. Calls of many tasks share few
//! connections: frames that are ready together go out in one write, answers that arrive together
//! are taken by one read, in any order. A lost connection is made again by the next call.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod answers;
mod blocking;
mod calls;
mod client;
mod connection;
mod error;
mod lane;
#[cfg(test)]
mod lost_tests;
mod options;
mod pump;
mod request;
#[cfg(test)]
mod sample;
mod serial_pool;
mod sockets;
#[cfg(test)]
mod stand_in;
mod traffic;

pub use blocking::HandshakeSigner;
pub use client::SignerClient;
pub use error::{CallError, ProtocolError};
pub use options::ClientOptions;
pub use serial_pool::SerialPool;
pub use sockets::Sockets;
pub use traffic::Traffic;
