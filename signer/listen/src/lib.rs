//! The sockets: who may connect, which frames are taken, what is in flight, how answers go out.
//!
//! A thread reads each connection: many frames with one read. It answers at once what only looks
//! something up, hands on what takes time, and makes the last call of what it read itself while
//! there are few. Answers are written by whoever has them, many with one write, and no thread ever
//! waits for a peer that does not read.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

mod accept;
mod answer;
mod connection;
mod cork;
mod held;
mod intake;
mod limits;
mod outbox;
mod peers;
mod pool;
mod request;
mod roll;
mod serve;
mod sockets;
mod turns;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod honest;
#[cfg(test)]
mod speed;

pub use cork::corked;
pub use limits::Limits;
pub use peers::{PeerRules, Who};
pub use request::{Body, Dispatch, Peer, Reply, Request};
pub use serve::{Bound, Listening, bind_all, serve};
pub use sockets::{ListenError, SocketPaths};
