//! Threads that run checks, and the first fault that they find.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use super::Check;
use crate::fault::Fault;

/// Checks that are handed over at once.
const BATCH: usize = 64;
/// Batches that wait at most: what is read ahead stays small.
const WAITING: usize = 32;

type Batch = Vec<(u64, Check)>;

/// The first fault of all threads.
#[derive(Default)]
struct First {
    fault: Mutex<Option<Fault>>,
    /// Its index; `u64::MAX` while there is none.
    index: AtomicU64,
}

impl First {
    fn report(&self, fault: Fault) {
        let mut first = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|first| fault.index < first.index) {
            self.index.store(fault.index, Ordering::Release);
            *first = Some(fault);
        }
    }
}

/// Threads that wait for checks.
pub(crate) struct Pool {
    queue: SyncSender<Batch>,
    batch: Batch,
    first: Arc<First>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts so many threads.
    pub(crate) fn start(threads: usize) -> Self {
        let (queue, waiting) = sync_channel::<Batch>(WAITING);
        let waiting = Arc::new(Mutex::new(waiting));
        let first = Arc::new(First { index: AtomicU64::new(u64::MAX), ..First::default() });
        let threads = (0..threads.max(1))
            .map(|_| {
                let (waiting, first) = (Arc::clone(&waiting), Arc::clone(&first));
                std::thread::spawn(move || work(&waiting, &first))
            })
            .collect();
        Self { queue, batch: Vec::new(), first, threads }
    }

    /// Takes a check of a leaf; waits while too many wait.
    pub(crate) fn check(&mut self, index: u64, check: Check) {
        self.batch.push((index, check));
        if self.batch.len() >= BATCH {
            self.hand_over();
        }
    }

    /// Returns whether a fault before `index` was found: nothing behind it is of interest.
    pub(crate) fn is_decided(&self, index: u64) -> bool {
        self.first.index.load(Ordering::Acquire) < index
    }

    /// Waits for all checks; gives the first fault.
    pub(crate) fn finish(mut self) -> Option<Fault> {
        self.hand_over();
        drop(self.queue);
        for thread in self.threads {
            // A thread that ended early left checks undone: that is no PASS.
            if thread.join().is_err() {
                let why = "a thread of the verifier ended early";
                self.first.report(Fault::new(0, crate::FaultKind::Act, why));
            }
        }
        self.first.fault.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn hand_over(&mut self) {
        let batch = std::mem::take(&mut self.batch);
        // Nobody waits only if every thread ended, which `finish` reports.
        let _ = self.queue.send(batch);
    }
}

fn work(waiting: &Mutex<Receiver<Batch>>, first: &First) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(batch) = next else { return };
        for (index, check) in batch {
            if index < first.index.load(Ordering::Acquire)
                && let Err(wrong) = check.run()
            {
                first.report(wrong.at(index));
            }
        }
    }
}
