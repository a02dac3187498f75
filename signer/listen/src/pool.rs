//! The threads that make calls: a lane for quick ones, and one for those that take long.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle, Thread};

use signer_proto::Kind;

use super::answer::Answering;
use super::limits::Limits;
use super::request::{Dispatch, Request};
use super::turns::Turns;

/// Octets of the stack of a thread that makes calls. ML-DSA takes the most of it.
pub(super) const STACK: usize = 1024 * 1024;

/// Where calls of a kind are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// On the connection's thread at once: nothing is computed.
    Here,
    /// On a worker: a signature or two.
    Quick,
    /// On a worker that quick calls never wait for: it may take seconds.
    Slow,
}

impl Lane {
    /// Returns the lane of a kind.
    pub(super) fn of(kind: Kind) -> Self {
        match kind {
            Kind::Health | Kind::Describe | Kind::ReadPolicy | Kind::ReadOperators => Self::Here,
            Kind::MintSerials
            | Kind::SignCertificate
            | Kind::AnchorAudit
            | Kind::SignHandshake
            | Kind::SignKeyExchange
            | Kind::InspectSerial
            | Kind::Seal
            | Kind::Unseal
            | Kind::RecordValidation
            | Kind::Revoke
            | Kind::Hold
            | Kind::Release => Self::Quick,
            Kind::ReadJournal
            // It may ask a device.
            | Kind::ReadDriver
            | Kind::ReadCheckpoint
            | Kind::ReadProof
            | Kind::ShowCheckpoint
            | Kind::ReadTile
            | Kind::BuildCrl
            | Kind::SignOcsp
            | Kind::RevocationDelta
            | Kind::Unlock
            | Kind::UnlockShare
            // Acts wait for each other, and for the disk.
            | Kind::Propose
            | Kind::GenerateKey
            | Kind::SetPolicy
            | Kind::SignAuthority
            | Kind::SignCaRequest
            | Kind::SetOperators
            | Kind::SetKeyState
            | Kind::SetFreeze
            | Kind::AcceptGap
            | Kind::Promote
            | Kind::Follow
            | Kind::Courier
            | Kind::AdoptKey
            | Kind::ImportInventory
            | Kind::RecordCeremony => Self::Slow,
        }
    }
}

/// A request on its way to the call.
pub(super) struct Job {
    pub(super) request: Request,
    pub(super) answering: Answering,
}

impl Job {
    /// Makes the call, unless it is too late for it.
    pub(super) fn run(self, dispatch: &dyn Dispatch) {
        if self.answering.is_late() {
            self.answering.refuse_late();
        } else {
            dispatch.dispatch(self.request, self.answering.into_reply());
        }
    }
}

#[derive(Default)]
struct Queue {
    jobs: Turns<Job>,
    /// Workers that wait for a job, the one that waits longest first.
    idle: Vec<Thread>,
    closed: bool,
}

#[derive(Default)]
struct Counter {
    queue: Mutex<Queue>,
}

impl Counter {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, job: Job) {
        let mut queue = self.lock();
        if queue.closed {
            drop(queue);
            // The request is refused by being dropped, outside the lock.
            drop(job);
            return;
        }
        queue.jobs.put(job.request.peer.socket, job);
        // The last one to have worked: its stack and its memory are still in the core's cache. Where
        // calls wait for a device there are many more workers than cores.
        let woken = queue.idle.pop();
        drop(queue);
        if let Some(worker) = woken {
            worker.unpark();
        }
    }

    fn take(&self) -> Option<Job> {
        let me = thread::current();
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.take() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            queue.idle.push(me.clone());
            drop(queue);
            thread::park();
            queue = self.lock();
            // It may have woken by itself.
            queue.idle.retain(|idle| idle.id() != me.id());
        }
    }

    /// Wakes all, so that they end once there is nothing left.
    fn close(&self) {
        let mut queue = self.lock();
        queue.closed = true;
        let idle = std::mem::take(&mut queue.idle);
        drop(queue);
        idle.iter().for_each(Thread::unpark);
    }
}

/// The workers of all sockets.
pub(super) struct Pool {
    quick: Counter,
    slow: Counter,
    dispatch: Arc<dyn Dispatch>,
    /// Quick calls that are being made.
    busy: AtomicUsize,
    workers: usize,
}

impl Pool {
    /// Starts the workers.
    pub(super) fn start(
        limits: &Limits,
        dispatch: Arc<dyn Dispatch>,
    ) -> io::Result<(Arc<Self>, Vec<JoinHandle<()>>)> {
        let pool = Arc::new(Self {
            quick: Counter::default(),
            slow: Counter::default(),
            dispatch,
            busy: AtomicUsize::new(0),
            workers: limits.workers.max(1),
        });
        let quick = (0..pool.workers).map(|_| Lane::Quick);
        let slow = (0..limits.slow_workers.max(1)).map(|_| Lane::Slow);
        let threads = quick.chain(slow).map(|lane| pool.worker(lane));
        let threads = threads.collect::<io::Result<Vec<_>>>();
        if threads.is_err() {
            pool.close();
        }
        Ok((Arc::clone(&pool), threads?))
    }

    /// Leaves a job to a worker.
    pub(super) fn put(&self, job: Job) {
        match Lane::of(job.request.kind) {
            Lane::Slow => self.slow.put(job),
            Lane::Here | Lane::Quick => self.quick.put(job),
        }
    }

    /// Makes a call on this thread if it is a quick one and few are being made: a handoff costs as
    /// much as a small call. Else leaves it to a worker.
    pub(super) fn run_or_put(&self, job: Job) {
        if Lane::of(job.request.kind) == Lane::Slow {
            self.slow.put(job);
        } else if self.busy.fetch_add(1, Ordering::Relaxed) < self.workers {
            job.run(&*self.dispatch);
            self.busy.fetch_sub(1, Ordering::Relaxed);
        } else {
            self.busy.fetch_sub(1, Ordering::Relaxed);
            self.quick.put(job);
        }
    }

    /// Lets the workers end once their queues are empty; later jobs are refused.
    pub(super) fn close(&self) {
        self.quick.close();
        self.slow.close();
    }

    fn worker(self: &Arc<Self>, lane: Lane) -> io::Result<JoinHandle<()>> {
        let pool = Arc::clone(self);
        let name = match lane {
            Lane::Slow => "slow calls",
            Lane::Here | Lane::Quick => "calls",
        };
        thread::Builder::new()
            .name(name.to_owned())
            .stack_size(STACK)
            .spawn(move || pool.work(lane))
    }

    fn work(&self, lane: Lane) {
        if lane == Lane::Slow {
            while let Some(job) = self.slow.take() {
                job.run(&*self.dispatch);
            }
        } else {
            while let Some(job) = self.quick.take() {
                self.busy.fetch_add(1, Ordering::Relaxed);
                job.run(&*self.dispatch);
                self.busy.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}
