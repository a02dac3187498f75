//! Who is connected: places are counted, and all connections can be closed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use signer_proto::{Refusal, Rule, Socket};

use super::limits::Limits;
use super::outbox::Outbox;
use super::request::Peer;

/// The connections that are open.
#[derive(Default)]
pub(super) struct Roll(Mutex<Entries>);

#[derive(Default)]
struct Entries {
    next: u64,
    open: HashMap<u64, (Socket, u32, Weak<Outbox>)>,
}

/// A place that a connection takes until this is dropped.
pub(super) struct Place {
    roll: Arc<Roll>,
    number: u64,
}

impl Roll {
    /// Gives a peer a place, if its socket and its uid have one left.
    pub(super) fn enter(self: &Arc<Self>, peer: &Peer, limits: &Limits) -> Result<Place, Refusal> {
        let mut entries = self.lock();
        let here = entries.open.values().filter(|(s, ..)| *s == peer.socket);
        let (all, own) = here
            .fold((0, 0), |(all, own), (_, uid, _)| (all + 1, own + usize::from(*uid == peer.uid)));
        if all >= limits.connections_per_socket || own >= limits.connections_per_uid {
            let detail = format!("{own} connections of uid {}, {all} in all", peer.uid);
            return Err(Refusal::new(Rule::Overloaded, detail));
        }
        let number = entries.next;
        entries.next += 1;
        let entry = (peer.socket, peer.uid, Weak::new());
        entries.open.insert(number, entry);
        Ok(Place { roll: Arc::clone(self), number })
    }

    /// Notes how to close the connection in this place.
    pub(super) fn note(&self, number: u64, outbox: &Arc<Outbox>) {
        if let Some((.., at)) = self.lock().open.get_mut(&number) {
            *at = Arc::downgrade(outbox);
        }
    }

    /// Returns the connections that are open now.
    pub(super) fn open(&self) -> Vec<Arc<Outbox>> {
        let entries = self.lock();
        let open = entries.open.values().filter_map(|(.., at)| at.upgrade());
        open.collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Returns the place's number.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.roll.lock().open.remove(&self.number);
    }
}
