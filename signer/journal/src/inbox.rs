//! What is queued for the writer, and when it takes it.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use signer_log::segment::FRAMING;

use super::group::{GROUP_BYTES, GROUP_LEAVES};
use super::writer::{Done, Held};

/// With so much queued, new requests had better be refused.
const CROWDED_LEAVES: usize = 8 * GROUP_LEAVES;
const CROWDED_BYTES: usize = 8 * GROUP_BYTES;
/// How long leaves wait for more at most, while they are held.
const HOLD: Duration = Duration::from_millis(8);

/// A leaf, and who waits for it.
pub(super) struct Entry {
    pub(super) leaf: Vec<u8>,
    pub(super) done: Option<Done>,
}

#[derive(Default)]
struct Queue {
    entries: VecDeque<Entry>,
    /// Octets of all entries.
    bytes: usize,
    /// Whether the writer waits for an entry.
    idle: bool,
    /// Whether the writer lets entries wait for more.
    holding: bool,
    closed: bool,
}

/// Where leaves wait for the writer.
#[derive(Default)]
pub(super) struct Inbox {
    queue: Mutex<Queue>,
    wake: Condvar,
    held: OnceLock<Held>,
    failure: OnceLock<String>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn put(&self, leaf: Vec<u8>, done: Option<Done>) {
        let mut queue = self.lock();
        if queue.closed {
            return;
        }
        queue.bytes += leaf.len();
        queue.entries.push_back(Entry { leaf, done });
        let mut wake = std::mem::take(&mut queue.idle);
        if queue.holding && !self.is_held(&queue) {
            queue.holding = false;
            wake = true;
        }
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Waits for entries and takes as many as make one group; none once closed and empty.
    pub(super) fn take(&self) -> Option<Vec<Entry>> {
        let mut queue = self.lock();
        while queue.entries.is_empty() {
            if queue.closed {
                return None;
            }
            queue.idle = true;
            queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        let mut queue = self.hold(queue);
        let mut size = 0;
        let fits = queue.entries.iter().take(GROUP_LEAVES).take_while(|entry| {
            size += entry.leaf.len() + FRAMING;
            size <= GROUP_BYTES
        });
        // A single leaf that is too long for a group is taken alone, and refused.
        let count = fits.count().max(1);
        let group: Vec<Entry> = queue.entries.drain(..count).collect();
        queue.bytes -= group.iter().map(|entry| entry.leaf.len()).sum::<usize>();
        Some(group)
    }

    /// A write and a sync cost as much CPU as all else about a leaf: while those who could go on
    /// would only wait elsewhere, one sync may as well be for many.
    fn hold<'a>(&self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        let end = Instant::now() + HOLD;
        queue.holding = self.is_held(&queue);
        while queue.holding {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                queue.holding = false;
                break;
            }
            queue = self.wake.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        queue
    }

    fn is_held(&self, queue: &Queue) -> bool {
        !queue.closed
            && queue.entries.len() < GROUP_LEAVES
            && queue.bytes < GROUP_BYTES
            && self.held.get().is_some_and(|held| held())
    }

    pub(super) fn is_crowded(&self) -> bool {
        let queue = self.lock();
        queue.entries.len() > CROWDED_LEAVES || queue.bytes > CROWDED_BYTES
    }

    pub(super) fn hold_while(&self, held: Held) {
        // A second one would be another driver's: there is one in a process.
        let _ = self.held.set(held);
    }

    /// Takes no more, and lets the writer end once it has written what is queued.
    pub(super) fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        queue.holding = false;
        drop(queue);
        self.wake.notify_one();
    }

    /// Notes why nothing is written any more; the first reason stays.
    pub(super) fn fail(&self, why: String) {
        let _first_time = self.failure.set(why);
    }

    pub(super) fn failure(&self) -> Option<&String> {
        self.failure.get()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::mpsc;

    use super::*;
    use crate::fixture::{Ring, leaf};

    /// A journal that holds while the flag says so.
    fn holding(ring: &Ring) -> (crate::Journal, Arc<AtomicBool>) {
        let journal = ring.open();
        let flag = Arc::new(AtomicBool::new(true));
        let held = Arc::clone(&flag);
        journal.hold_while(Box::new(move || held.load(Ordering::Relaxed)));
        (journal, flag)
    }

    fn syncs(ring: &Ring) -> usize {
        ring.disk.take_log().iter().filter(|what| **what == "sync").count()
    }

    #[test]
    fn leaves_that_are_held_share_a_sync() {
        let ring = Ring::with_genesis();
        let (journal, flag) = holding(&ring);
        let _before = ring.disk.take_log();
        let (tell, told) = mpsc::channel();
        for n in 0..3 {
            if n == 2 {
                // Nothing holds them any more: the one that comes now takes the others along.
                flag.store(false, Ordering::Relaxed);
            }
            let tell = tell.clone();
            journal.submit(&leaf(n, 100), Box::new(move |done| tell.send(done).unwrap()));
        }
        let positions: Vec<_> = (0..3).map(|_| told.recv().unwrap().unwrap().position).collect();
        assert_eq!(positions, [1, 2, 3]);
        // The three came within far less than the hold, unless this machine stood still.
        assert!(syncs(&ring) <= 2);
    }

    #[test]
    fn no_leaf_is_held_for_long_and_none_once_it_is_closed() {
        let ring = Ring::with_genesis();
        let (journal, _flag) = holding(&ring);
        let begun = Instant::now();
        ring.commit(&journal, &[leaf(1, 100)]).unwrap();
        assert!(begun.elapsed() >= HOLD);
        journal.submit_quietly(&leaf(2, 100));
        journal.close();
        assert_eq!(journal.size(), 3);
    }
}
