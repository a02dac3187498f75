//! The lines to one running helper.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::forking::Forker;
use crate::wire::{Answer, BUILD, Build, GREETING, Request};
use crate::{descriptors, frame};

/// How long a helper may take to greet: it has read two files and loaded nothing yet.
const GREETING_LIMIT: Duration = Duration::from_secs(5);

/// Tells eras apart, whatever process ids come again.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A helper: a line for what concerns the token, and one for each session.
pub(super) struct Link {
    /// Which of all times that a token rose: what was found out before is looked at again.
    era: AtomicU64,
    id: u32,
    timeout: Duration,
    control: Mutex<UnixStream>,
    idle: Mutex<Vec<UnixStream>>,
    freed: Condvar,
    /// How many callers wait for a lane.
    waiting: AtomicUsize,
    /// How many lanes there are, idle or not.
    lanes: AtomicUsize,
    broken: AtomicBool,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum LinkError {
    /// All sessions are used; nothing was sent.
    Busy,
    /// The helper died, hangs, or talks nonsense. Whether it did what it was asked is unknown.
    Broken(String),
}

impl Link {
    /// Has a helper started, and is greeted by it.
    pub(super) fn start(forker: &Forker, token: &str, timeout: Duration) -> io::Result<Self> {
        let (id, control) = forker.helper(token)?;
        let greeted = greeting(&control, timeout);
        if greeted.is_err() {
            forker.end(id);
        }
        let lanes = greeted?;
        Ok(Self {
            era: AtomicU64::new(NEXT.fetch_add(1, Ordering::Relaxed)),
            id,
            timeout,
            control: Mutex::new(control),
            lanes: AtomicUsize::new(lanes.len()),
            idle: Mutex::new(lanes),
            freed: Condvar::new(),
            waiting: AtomicUsize::new(0),
            broken: AtomicBool::new(false),
        })
    }

    /// Says since when what is known of its keys holds.
    pub(super) fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Forgets what is known of its keys.
    pub(super) fn renew(&self) {
        self.era.store(NEXT.fetch_add(1, Ordering::Relaxed), Ordering::Release);
    }

    /// Returns the helper's process id.
    pub(super) fn id(&self) -> u32 {
        self.id
    }

    /// Asks what concerns the token as a whole.
    pub(super) fn control(&self, request: &Request, limit: Duration) -> Result<Answer, LinkError> {
        let line = self.control.lock().unwrap_or_else(PoisonError::into_inner);
        self.exchange(&line, request, limit)
    }

    /// Asks on a lane of its own. Until `patience` a lane is waited for; then the helper has its
    /// time, or `limit` if that is given.
    pub(super) fn call(
        &self,
        request: &Request,
        patience: Instant,
        limit: Option<Duration>,
    ) -> Result<Answer, LinkError> {
        let lane = self.lane(patience)?;
        if let Some(limit) = limit {
            frame::limit(&lane, limit).map_err(|error| self.broke(&error))?;
        }
        let answer = self.exchange(&lane, request, limit.unwrap_or(self.timeout))?;
        if limit.is_some() {
            frame::limit(&lane, self.timeout).map_err(|error| self.broke(&error))?;
        }
        self.give_back(lane);
        Ok(answer)
    }

    /// Leaves no more lanes than this; they are closed as they come back.
    pub(super) fn keep(&self, most: usize) {
        let mut idle = self.idle();
        while self.lanes.load(Ordering::Relaxed) > most.max(1) && idle.pop().is_some() {
            self.lanes.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Returns how many lanes there are.
    pub(super) fn lanes(&self) -> usize {
        self.lanes.load(Ordering::Relaxed)
    }

    /// Tells whether each lane has a caller that waits for it beside the one that uses it.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) >= self.lanes()
    }

    /// Tells whether the helper is of no use any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn exchange(
        &self,
        line: &UnixStream,
        request: &Request,
        limit: Duration,
    ) -> Result<Answer, LinkError> {
        let deadline = Instant::now() + limit;
        let answer =
            frame::send(line, request).and_then(|()| frame::receive_until(line, Some(deadline)));
        answer.map_err(|error| self.broke(&error))
    }

    fn broke(&self, error: &io::Error) -> LinkError {
        // Under the lock, so that nobody begins to wait after it.
        let idle = self.idle();
        self.broken.store(true, Ordering::Release);
        drop(idle);
        self.freed.notify_all();
        LinkError::Broken(match error.kind() {
            io::ErrorKind::TimedOut => "the module does not come back".to_owned(),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset => "the module's process is gone".to_owned(),
            _ => format!("the module's process talks nonsense: {error}"),
        })
    }

    fn lane(&self, patience: Instant) -> Result<UnixStream, LinkError> {
        let mut idle = self.idle();
        loop {
            if self.is_broken() {
                return Err(LinkError::Broken("the module's process is gone".to_owned()));
            }
            if let Some(lane) = idle.pop() {
                return Ok(lane);
            }
            let left = patience.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(LinkError::Busy);
            }
            self.waiting.fetch_add(1, Ordering::Relaxed);
            idle = self.freed.wait_timeout(idle, left).unwrap_or_else(PoisonError::into_inner).0;
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn give_back(&self, lane: UnixStream) {
        self.idle().push(lane);
        self.freed.notify_one();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<UnixStream>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn greeting(control: &UnixStream, timeout: Duration) -> io::Result<Vec<UnixStream>> {
    frame::limit(control, GREETING_LIMIT)?;
    let (word, descriptors) = descriptors::receive(control)?;
    let Build(build) = frame::receive(control)?;
    if word != GREETING || build != BUILD || descriptors.is_empty() {
        let why = format!("the helper is {build}, and {BUILD} is wanted");
        return Err(io::Error::other(why));
    }
    let lanes: Vec<_> = descriptors.into_iter().map(UnixStream::from).collect();
    lanes.iter().try_for_each(|lane| frame::limit(lane, timeout))?;
    Ok(lanes)
}
