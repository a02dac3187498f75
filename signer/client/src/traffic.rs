//! What went over the sockets, counted.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a client did since it was made; read once for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// Connections made.
    pub connects: u64,
    /// Requests handed to a connection, retries among them.
    pub requests: u64,
    /// Writes that took bytes.
    pub writes: u64,
    /// Whole answers and refusals taken.
    pub answers: u64,
    /// Reads that gave bytes.
    pub reads: u64,
}

/// The counters behind [`Traffic`], shared by all connections of a client.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connects: AtomicU64,
    pub(crate) requests: AtomicU64,
    pub(crate) writes: AtomicU64,
    pub(crate) answers: AtomicU64,
    pub(crate) reads: AtomicU64,
}

impl Counters {
    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            connects: self.connects.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            writes: self.writes.load(Ordering::Relaxed),
            answers: self.answers.load(Ordering::Relaxed),
            reads: self.reads.load(Ordering::Relaxed),
        }
    }
}
