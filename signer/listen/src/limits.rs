//! How much of everything a peer gets.

use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signer_proto::Socket;

/// Descriptors that are not for connections: journal, keys, listeners, standard streams.
const OTHER_DESCRIPTORS: u64 = 64;

/// How much of everything a peer gets.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections of one socket.
    pub connections_per_socket: usize,
    /// Connections of one socket and uid, so that one uid leaves room for others.
    pub connections_per_uid: usize,
    /// Requests of one connection that are not answered yet.
    pub in_flight_per_connection: usize,
    /// Octets of requests of one socket that are not answered yet.
    pub in_flight_bytes: usize,
    /// Octets of answers that one connection did not read yet; one answer may be longer.
    pub out_queue_bytes: usize,
    /// Octets of answers that the connections of one socket hold together: beyond it, a
    /// connection that holds more than its part is lost.
    pub out_queue_bytes_per_socket: usize,
    /// How long a peer may read nothing while answers wait.
    pub write_timeout: Duration,
    /// How long the rest of a frame may take once its first octet is there.
    pub frame_timeout: Duration,
    /// Threads for quick calls.
    pub workers: usize,
    /// Threads for slow calls: CRLs, OCSP batches, key generation, unlocking, long reads.
    pub slow_workers: usize,
    /// How long [`super::Listening::shutdown`] waits for calls in flight.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_socket: 256,
            connections_per_uid: 192,
            in_flight_per_connection: 256,
            in_flight_bytes: 128 * 1024 * 1024,
            out_queue_bytes: 64 * 1024 * 1024,
            out_queue_bytes_per_socket: 256 * 1024 * 1024,
            write_timeout: Duration::from_secs(10),
            frame_timeout: Duration::from_secs(30),
            workers: thread::available_parallelism().map_or(2, |n| n.get().max(2)),
            slow_workers: 2,
            grace: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// Raises the soft limit of open files to what the connections need, and lowers the number of
    /// connections where the hard limit is below: connections must never take the descriptor
    /// that the journal's next segment needs.
    pub(super) fn fit_descriptors(mut self) -> Self {
        let sockets = Socket::ALL.len() as u64;
        let wanted = self.connections_per_socket as u64 * sockets + OTHER_DESCRIPTORS;
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let mut available = current.unwrap_or(u64::MAX);
        if available < wanted {
            let raised = wanted.min(maximum.unwrap_or(u64::MAX));
            let limit = Rlimit { current: Some(raised), maximum };
            if setrlimit(Resource::Nofile, limit).is_ok() {
                available = raised;
            }
        }
        let room = available.saturating_sub(OTHER_DESCRIPTORS) / sockets;
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        self.connections_per_socket = self.connections_per_socket.min(room);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_the_descriptors() {
        let asked = Limits { connections_per_socket: usize::MAX / 8, ..Limits::default() };
        let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX);
        let fitted = asked.fit_descriptors().connections_per_socket as u64;
        assert!(fitted * 4 + OTHER_DESCRIPTORS <= hard);
        let few = Limits { connections_per_socket: 3, ..Limits::default() };
        assert_eq!(few.fit_descriptors().connections_per_socket, 3);
    }
}
