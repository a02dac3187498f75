//! How much memory the connections of one socket hold for peers that do not read.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::limits::Limits;

/// Octets that all connections of one socket hold together.
pub(super) struct Held {
    octets: AtomicUsize,
    /// Beyond this, nobody may have more than a part.
    limit: usize,
    /// One connection's part.
    part: usize,
}

impl Held {
    /// Holds nothing yet.
    pub(super) fn new(limits: &Limits) -> Self {
        let limit = limits.out_queue_bytes_per_socket;
        Self {
            octets: AtomicUsize::new(0),
            limit,
            part: limit / limits.connections_per_socket.max(1),
        }
    }

    /// Returns whether a connection that holds `own` octets may hold `more`. All of them together
    /// then hold twice the limit at most, and whoever reads what he asked for is never cut off.
    pub(super) fn admits(&self, own: usize, more: usize) -> bool {
        self.octets.load(Ordering::Relaxed) <= self.limit || own.saturating_add(more) <= self.part
    }

    /// Counts what a connection holds more.
    pub(super) fn more(&self, octets: usize) {
        self.octets.fetch_add(octets, Ordering::Relaxed);
    }

    /// Counts what a connection holds no longer.
    pub(super) fn less(&self, octets: usize) {
        self.octets.fetch_sub(octets, Ordering::Relaxed);
    }
}
