//! The journal's one writer: takes all that is queued, makes it durable together, then reports.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use signer_proto::{Digest, Leaf, MAX_LEAF, Wire};

use super::disk::Disk;
use super::error::JournalError;
use super::group::Tail;
use super::inbox::{Entry, Inbox};
use super::open::{self, OnLeaf, OpenReport};
use super::reader::Durable;
use super::tree::TreeView;
use signer_listen::corked;
use signer_log::segment::leaf_time;

/// Octets of the writer thread's stack.
const STACK: usize = 512 * 1024;

/// A leaf that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// Its position.
    pub position: u64,
    /// The time that stands in it, in milliseconds since 1970.
    pub at_ms: i64,
}

/// What to do once a leaf is durable or never will be.
///
/// Runs on the writer thread, in the order of submission: it must be quick.
pub type Done = Box<dyn FnOnce(Result<Committed, JournalError>) + Send>;

/// Says whether leaves that are queued may wait for more. Called often, and must be quick.
pub type Held = Box<dyn Fn() -> bool + Send + Sync>;

/// How a journal is kept.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// A segment grows to this many octets.
    pub segment_bytes: u64,
    /// The directory is empty, and is not listed: a sealed process cannot.
    pub is_new: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { segment_bytes: 64 * 1024 * 1024, is_new: false }
    }
}

/// An open journal. Dropping it writes what is queued and ends the writer.
pub struct Journal {
    durable: Arc<Durable>,
    inbox: Arc<Inbox>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Journal {
    /// Opens the journal in `dir`, which exists, and gives every leaf to `on_leaf` in order.
    ///
    /// An empty directory becomes an empty journal, unless `genesis` says that there must be one.
    /// A torn write at the end is cut and reported; anything else that is wrong is
    /// [`JournalError::Corrupt`].
    pub fn open(
        disk: Arc<dyn Disk>,
        dir: &Path,
        genesis: Option<Digest>,
        on_leaf: OnLeaf<'_>,
    ) -> Result<(Self, OpenReport), JournalError> {
        Self::open_with(Options::default(), disk, dir, genesis, on_leaf)
    }

    /// Opens a journal that is kept otherwise than by default.
    pub fn open_with(
        options: Options,
        disk: Arc<dyn Disk>,
        dir: &Path,
        genesis: Option<Digest>,
        on_leaf: OnLeaf<'_>,
    ) -> Result<(Self, OpenReport), JournalError> {
        let (tail, report) = open::open(disk, dir, options, genesis, on_leaf)?;
        let durable = Arc::clone(&tail.durable);
        let inbox = Arc::new(Inbox::default());
        let thread = thread::Builder::new()
            .name("journal".to_owned())
            .stack_size(STACK)
            .spawn({
                let inbox = Arc::clone(&inbox);
                move || run(tail, &inbox)
            })
            .map_err(JournalError::io("start the writer of", dir))?;
        let journal = Self { durable, inbox, thread: Mutex::new(Some(thread)) };
        Ok((journal, report))
    }

    /// Queues a leaf; `done` learns its position once it is durable.
    ///
    /// Never blocks and never calls `done` on this thread. The leaf's time is raised to that of
    /// the leaf before, if it is earlier. After [`Journal::close`] `done` is dropped uncalled.
    pub fn submit(&self, leaf: &Leaf, done: Done) {
        self.inbox.put(leaf.to_wire(), Some(done));
    }

    /// Queues a leaf that nobody waits for.
    pub fn submit_quietly(&self, leaf: &Leaf) {
        self.inbox.put(leaf.to_wire(), None);
    }

    /// Returns the number of durable leaves: the position of the next one.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.durable.size()
    }

    /// Returns up to `limit` durable leaves from `from` on, of at most `max_bytes` in all; one
    /// leaf at least, if there is any.
    pub fn read(
        &self,
        from: u64,
        limit: usize,
        max_bytes: usize,
    ) -> Result<Vec<Vec<u8>>, JournalError> {
        self.durable.read(from, limit, max_bytes)
    }

    /// Returns the tree over the durable leaves, as it is now.
    #[must_use]
    pub fn tree(&self) -> TreeView {
        self.durable.tree()
    }

    /// Returns whether so much is queued that new requests had better be refused.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.inbox.is_crowded()
    }

    /// Lets leaves wait for each other while `held` says that nobody gains by having them sooner:
    /// a few milliseconds at most. The first one that is given counts.
    pub fn hold_while(&self, held: Held) {
        self.inbox.hold_while(held);
    }

    /// Returns why the journal failed, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.inbox.failure().cloned()
    }

    /// Writes what is queued, reports it, and ends the writer.
    pub fn close(&self) {
        self.inbox.close();
        let thread = (self.thread.lock()).unwrap_or_else(PoisonError::into_inner).take();
        // The last holder may be a `done` on the writer thread itself, which ends by itself.
        if let Some(thread) = thread.filter(|t| t.thread().id() != thread::current().id()) {
            let _panicked = thread.join();
        }
    }
}

impl core::fmt::Debug for Journal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = f.debug_struct("Journal");
        shown.field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

fn run(mut tail: Tail, inbox: &Inbox) {
    while let Some(group) = inbox.take() {
        let (mut leaves, dones) = split(group);
        let failed = inbox.failure().is_some();
        let outcome =
            if failed || leaves.is_empty() { Ok(tail.next) } else { tail.commit(&mut leaves) };
        let first = match outcome {
            Ok(first) if !failed => Some(first),
            Ok(_) => None,
            Err(why) => {
                inbox.fail(describe(&why));
                None
            }
        };
        // The answers of a group go out with one write for each connection.
        corked(|| report(first, &leaves, dones));
    }
}

/// What to tell whom: the leaf's place in its group, or the length that is too long.
type Waiting = Vec<(Result<usize, usize>, Option<Done>)>;

/// Parts what can be written from what is too long to be.
fn split(group: Vec<Entry>) -> (Vec<Vec<u8>>, Waiting) {
    let mut leaves = Vec::with_capacity(group.len());
    let mut dones = Vec::with_capacity(group.len());
    for Entry { leaf, done } in group {
        if leaf.len() > MAX_LEAF {
            dones.push((Err(leaf.len()), done));
        } else {
            dones.push((Ok(leaves.len()), done));
            leaves.push(leaf);
        }
    }
    (leaves, dones)
}

fn report(first: Option<u64>, leaves: &[Vec<u8>], dones: Waiting) {
    for (place, done) in dones {
        let Some(done) = done else { continue };
        done(match (place, first) {
            (Err(length), _) => Err(JournalError::LeafTooLong { length }),
            (Ok(_), None) => Err(JournalError::Failed),
            (Ok(place), Some(first)) => Ok(Committed {
                position: first + place as u64,
                at_ms: leaves.get(place).and_then(|leaf| leaf_time(leaf)).unwrap_or(0),
            }),
        });
    }
}

/// Returns the error with all its sources in one line.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    use super::*;
    use crate::fixture::{Ring, leaf};
    use crate::testing::Fault;

    #[test]
    fn a_leaf_is_written_then_synced_then_acknowledged() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let _before = ring.disk.take_log();
        let (tell, told) = mpsc::channel();
        let disk = ring.disk.clone();
        let done = Box::new(move |outcome| tell.send((outcome, disk.take_log())).unwrap());
        journal.submit(&leaf(1, 100), done);
        let (outcome, log) = told.recv().unwrap();
        assert_eq!(outcome.unwrap().position, 1);
        assert_eq!(log, ["write", "sync"]);
    }

    #[test]
    fn nothing_is_acknowledged_after_any_failure() {
        for (operations, fault, rolls) in [
            (0, Fault::NoSpace, false),
            (0, Fault::Io, false),
            (1, Fault::Io, false),
            (0, Fault::NoSpace, true),
            (1, Fault::NoSpace, true),
            (2, Fault::Io, true),
            (3, Fault::Io, true),
            (4, Fault::Io, true),
        ] {
            let ring = Ring::with_genesis();
            let journal = if rolls { ring.open_small() } else { ring.open() };
            ring.commit(&journal, &[leaf(1, 100)]).unwrap();
            ring.disk.fail_after(operations, fault);
            let case = format!("{fault:?} after {operations}, rolls: {rolls}");
            for _ in 0..3 {
                let refused = ring.commit(&journal, &[leaf(2, 2000)]);
                assert!(matches!(refused, Err(JournalError::Failed)), "{case}");
            }
            assert!(journal.failure().is_some(), "{case}");
            assert_eq!(journal.size(), 2, "{case}");
            assert_eq!(journal.read(0, 10, 10_000).unwrap().len(), 2, "{case}");
            drop(journal);
            // What reached the disk nevertheless may be there, as the one leaf that was written.
            let replayed = ring.replay().unwrap();
            assert!((2..=3).contains(&replayed.len()), "{case}");
        }
    }

    #[test]
    fn nothing_is_acknowledged_once_the_segment_is_gone() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let path = ring.dir.join("00000000000000000000.seg");
        ring.disk.remove(&path).unwrap();
        let refused = ring.commit(&journal, &[leaf(1, 100)]);
        assert!(matches!(refused, Err(JournalError::Failed)));
        let why = journal.failure().unwrap();
        assert!(why.contains("removed or replaced"), "{why}");
    }

    #[test]
    fn nothing_is_acknowledged_before_a_slow_sync_ends_and_syncs_are_shared() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let slow = Duration::from_millis(50);
        ring.disk.slow_sync(slow);
        let _before = ring.disk.take_log();
        let start = Instant::now();
        let leaves: Vec<Leaf> = (0..64).map(|n| leaf(n, 100)).collect();
        let committed = ring.commit(&journal, &leaves).unwrap();
        assert!(start.elapsed() >= slow);
        let positions: Vec<u64> = committed.iter().map(|c| c.position).collect();
        assert_eq!(positions, (1..=64).collect::<Vec<_>>());
        let log = ring.disk.take_log();
        let syncs = log.iter().filter(|what| **what == "sync").count();
        assert!(syncs <= 3, "{syncs} syncs for 64 leaves");
    }

    #[test]
    fn leaf_times_never_go_back() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let at = |at_ms| Leaf { at_ms, ..leaf(1, 10) };
        let committed = ring.commit(&journal, &[at(9000), at(7000), at(9500)]).unwrap();
        let times: Vec<i64> = committed.iter().map(|c| c.at_ms).collect();
        assert_eq!(times, [9000, 9000, 9500]);
        drop(journal);
        let journal = ring.open();
        let committed = ring.commit(&journal, &[at(1)]).unwrap();
        assert_eq!(committed[0].at_ms, 9500, "and not over a restart either");
    }

    #[test]
    fn a_leaf_that_is_too_long_is_refused_alone() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let (tell, told) = mpsc::channel();
        let long = leaf(2, 70_000);
        for each in [&leaf(1, 10), &long, &leaf(3, 10)] {
            let tell = tell.clone();
            journal.submit(each, Box::new(move |outcome| tell.send(outcome).unwrap()));
        }
        assert_eq!(told.recv().unwrap().unwrap().position, 1);
        let length = long.to_wire().len();
        match told.recv().unwrap() {
            Err(JournalError::LeafTooLong { length: found }) => assert_eq!(found, length),
            other => panic!("{other:?}"),
        }
        assert_eq!(told.recv().unwrap().unwrap().position, 2);
    }

    #[test]
    fn what_comes_first_is_genesis() {
        let ring = Ring::empty();
        let journal = ring.open();
        let refused = ring.commit(&journal, &[leaf(1, 10)]);
        assert!(matches!(refused, Err(JournalError::Failed)));
        assert!(journal.failure().unwrap().contains("not genesis"));
    }

    #[test]
    fn closing_writes_what_is_queued_and_drops_what_comes_later() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        (0..100).for_each(|n| journal.submit_quietly(&leaf(n, 100)));
        journal.close();
        assert_eq!(journal.size(), 101);
        let (tell, told) = mpsc::channel::<()>();
        journal.submit(&leaf(1, 10), Box::new(move |_| tell.send(()).unwrap()));
        assert!(told.recv().is_err(), "dropped uncalled");
    }

    #[test]
    fn the_last_holder_may_be_a_report_itself() {
        let ring = Ring::with_genesis();
        let journal = Arc::new(ring.open());
        ring.disk.slow_sync(Duration::from_millis(20));
        let (tell, told) = mpsc::channel();
        let held = Arc::clone(&journal);
        journal.submit(
            &leaf(1, 10),
            Box::new(move |_| {
                drop(held);
                tell.send(()).unwrap();
            }),
        );
        drop(journal);
        told.recv_timeout(Duration::from_secs(5)).unwrap();
    }

    #[test]
    fn many_submitters_keep_their_own_order() {
        let ring = Ring::with_genesis();
        let journal = ring.open();
        let (tell, told) = mpsc::channel();
        thread::scope(|scope| {
            for submitter in 0..8_u32 {
                let (journal, tell) = (&journal, tell.clone());
                scope.spawn(move || {
                    for n in 0..200 {
                        let tell = tell.clone();
                        let done = Box::new(move |outcome: Result<Committed, _>| {
                            tell.send((submitter, n, outcome.unwrap().position)).unwrap();
                        });
                        journal.submit(&leaf(submitter * 1000 + n, 30), done);
                    }
                });
            }
        });
        drop(tell);
        let mut reported: Vec<(u32, u32, u64)> = told.iter().collect();
        assert!(reported.is_sorted_by_key(|(_, _, position)| *position));
        reported.sort_unstable();
        assert_eq!(reported.len(), 1600);
        assert!(reported.chunk_by(|a, b| a.0 == b.0).all(|own| own.is_sorted_by_key(|r| r.2)));
    }
}
