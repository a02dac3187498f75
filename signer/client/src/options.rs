//! How a client behaves.

use std::time::Duration;

/// How a client behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientOptions {
    /// Connections to each socket; at least one.
    pub connections_per_socket: usize,
    /// Requests in flight on each connection; more of them wait here. The signer grants 256.
    pub in_flight_per_connection: usize,
    /// The deadline of calls by name; the few that take long have the longest that the protocol
    /// allows, 30 seconds.
    pub default_deadline: Duration,
}

impl Default for ClientOptions {
    /// Two connections of 192 requests, ten seconds.
    fn default() -> Self {
        Self {
            connections_per_socket: 2,
            in_flight_per_connection: 192,
            default_deadline: Duration::from_secs(10),
        }
    }
}
