//! The one answer that every request gets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use signer_proto::{Flags, Kind, Refusal, Rule, Wire};

use super::connection::Connection;
use super::request::Reply;

/// The right and the duty to answer one request. Dropped unanswered it refuses.
pub(super) struct Answering {
    connection: Arc<Connection>,
    kind: Kind,
    sequence: u32,
    deadline: Instant,
    /// Octets of the request, which count as in flight.
    octets: usize,
    answered: bool,
}

impl Answering {
    /// Takes a request in flight, if its connection and its socket have room for it.
    pub(super) fn start(
        connection: &Arc<Connection>,
        kind: Kind,
        sequence: u32,
        deadline: Instant,
        octets: usize,
    ) -> Result<Self, Refusal> {
        let limits = &connection.house.limits;
        let answering = Self {
            connection: Arc::clone(connection),
            kind,
            sequence,
            deadline,
            octets,
            answered: false,
        };
        let requests = connection.in_flight.fetch_add(1, Ordering::Relaxed);
        let held = (connection.door.in_flight).fetch_add(octets, Ordering::Relaxed);
        connection.house.in_flight.fetch_add(1, Ordering::AcqRel);
        let why = if requests >= limits.in_flight_per_connection {
            format!("{requests} requests of this connection are in flight")
        } else if held + octets > limits.in_flight_bytes {
            format!("requests of {held} octets are in flight on this socket")
        } else {
            return Ok(answering);
        };
        let mut answering = answering;
        answering.answered = true;
        answering.leave();
        Err(Refusal::new(Rule::Overloaded, why))
    }

    /// Returns whether the deadline has passed.
    pub(super) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Refuses what came too late to be begun.
    pub(super) fn refuse_late(self) {
        let refusal = self.too_late("before the request was begun");
        self.answer(Err(refusal));
    }

    /// Returns the way to answer from anywhere.
    pub(super) fn into_reply(self) -> Reply {
        Box::new(move |result| self.answer(result))
    }

    fn answer(mut self, result: Result<Vec<u8>, Refusal>) {
        self.answered = true;
        let result = match result {
            Ok(_) if self.is_late() => Err(self.too_late("before the answer was there")),
            Ok(body) if body.len() > self.kind.answer_limit() => {
                let detail = format!("an answer of {} octets is over its limit", body.len());
                Err(Refusal::new(Rule::StateCorrupt, detail))
            }
            other => other,
        };
        self.put(result);
    }

    /// Has it journaled that the deadline passed.
    fn too_late(&self, when: &str) -> Refusal {
        let detail = format!("the deadline passed {when}");
        let refusal = Refusal::new(Rule::DeadlineExceeded, detail);
        let Connection { house, peer, .. } = &*self.connection;
        house.dispatch.refused(peer, Some(self.kind), &refusal);
        refusal
    }

    fn put(&self, result: Result<Vec<u8>, Refusal>) {
        let (flags, body) = match result {
            Ok(body) => (Flags::ANSWER, body),
            Err(refusal) => (Flags::REFUSED, refusal.to_wire()),
        };
        // Before the answer: with it the peer may send the next request.
        self.leave();
        self.connection.put(self.kind, flags, self.sequence, body);
    }

    fn leave(&self) {
        let Connection { door, .. } = &*self.connection;
        self.connection.in_flight.fetch_sub(1, Ordering::Relaxed);
        door.in_flight.fetch_sub(self.octets, Ordering::Relaxed);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.answered {
            let detail = "the request was dropped";
            self.put(Err(Refusal::new(Rule::ShuttingDown, detail)));
        }
        // After the answer: a shutdown waits for it.
        self.connection.house.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
