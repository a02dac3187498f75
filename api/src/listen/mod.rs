//! The accept loops: connections in, requests to the router, everything bounded.

mod connection;
mod listener;
mod patient;

pub use connection::Peer;
pub use listener::{Listener, Shutdown, shutdown};
