//! The lines to one running helper.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::forking::Forker;
use super::sessions::{Sessions, Turn};
use crate::wire::{Answer, BUILD, Build, GREETING, LINES, Request};
use crate::{descriptors, frame};

/// How long a helper may take to greet: it has read two files and loaded nothing yet.
const GREETING_LIMIT: Duration = Duration::from_secs(5);

/// Tells eras apart, whatever process ids come again.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A helper: a line for what concerns the token, and two for each session.
pub(super) struct Link {
    /// Which of all times that a token rose: what was found out before is looked at again.
    era: AtomicU64,
    id: u32,
    timeout: Duration,
    control: Mutex<UnixStream>,
    sessions: Mutex<Sessions>,
    freed: Condvar,
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
        let sessions = Sessions::new(greeted?);
        Ok(Self {
            era: AtomicU64::new(NEXT.fetch_add(1, Ordering::Relaxed)),
            id,
            timeout,
            control: Mutex::new(control),
            sessions: Mutex::new(sessions),
            freed: Condvar::new(),
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
        let until = Instant::now() + limit;
        self.exchange(&line, request, &|| until)
    }

    /// Asks a session. Until `patience` one is waited for; then the helper has its time, from when
    /// the session has done what was asked of it before. A call with a `limit` of its own takes that
    /// long, and has a session for itself.
    pub(super) fn call(
        &self,
        request: &Request,
        patience: Instant,
        limit: Option<Duration>,
    ) -> Result<Answer, LinkError> {
        let turn = self.turn(patience, limit.is_some())?;
        let time = limit.unwrap_or(self.timeout);
        let until = || self.sessions().until(&turn, time);
        let limited = limit.map_or(Ok(()), |limit| frame::limit(&turn.line, limit));
        limited.map_err(|error| self.broke(&error))?;
        let answer = self.exchange(&turn.line, request, &until)?;
        if limit.is_some() {
            frame::limit(&turn.line, self.timeout).map_err(|error| self.broke(&error))?;
        }
        self.give_back(turn);
        Ok(answer)
    }

    /// Leaves no more sessions than this; they end as they become idle.
    pub(super) fn keep(&self, most: usize) {
        self.sessions().keep(most.max(1));
    }

    /// Returns how many sessions there are.
    pub(super) fn count(&self) -> usize {
        self.sessions().count()
    }

    /// Tells whether there is a next request for each session already.
    pub(super) fn is_full(&self) -> bool {
        self.sessions().is_full()
    }

    /// Tells whether the helper is of no use any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    fn exchange(
        &self,
        line: &UnixStream,
        request: &Request,
        until: &dyn Fn() -> Instant,
    ) -> Result<Answer, LinkError> {
        let answer = frame::send(line, request)
            .and_then(|()| frame::receive_until(line, self.timeout, until));
        answer.map_err(|error| self.broke(&error))
    }

    fn broke(&self, error: &io::Error) -> LinkError {
        // Under the lock, so that nobody begins to wait after it.
        let sessions = self.sessions();
        self.broken.store(true, Ordering::Release);
        drop(sessions);
        self.freed.notify_all();
        LinkError::Broken(match error.kind() {
            io::ErrorKind::TimedOut => "the module does not come back".to_owned(),
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::ConnectionReset => "the module's process is gone".to_owned(),
            _ => format!("the module's process talks nonsense: {error}"),
        })
    }

    fn turn(&self, patience: Instant, alone: bool) -> Result<Turn, LinkError> {
        let mut sessions = self.sessions();
        sessions.waiting_alone += usize::from(alone);
        let turn = loop {
            if self.is_broken() {
                break Err(LinkError::Broken("the module's process is gone".to_owned()));
            }
            if let Some(turn) = sessions.begin(alone) {
                break Ok(turn);
            }
            let left = patience.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break Err(LinkError::Busy);
            }
            sessions.waiting += 1;
            let waited = self.freed.wait_timeout(sessions, left);
            sessions = waited.unwrap_or_else(PoisonError::into_inner).0;
            sessions.waiting -= 1;
        };
        if alone {
            // Others kept away from sessions for it.
            sessions.waiting_alone -= 1;
            self.freed.notify_all();
        }
        turn
    }

    /// Gives a line back, and lets those look who wait: one may take it, but for those who want a
    /// session alone.
    fn give_back(&self, turn: Turn) {
        let mut sessions = self.sessions();
        sessions.end(turn);
        let all = sessions.waiting_alone > 0;
        drop(sessions);
        if all {
            self.freed.notify_all();
        } else {
            self.freed.notify_one();
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn greeting(control: &UnixStream, timeout: Duration) -> io::Result<Vec<[UnixStream; LINES]>> {
    frame::limit(control, GREETING_LIMIT)?;
    let (word, descriptors) = descriptors::receive(control)?;
    let Build(build) = frame::receive(control)?;
    if word != GREETING || build != BUILD || descriptors.is_empty() {
        let why = format!("the helper is {build}, and {BUILD} is wanted");
        return Err(io::Error::other(why));
    }
    let lines: Vec<_> = descriptors.into_iter().map(UnixStream::from).collect();
    lines.iter().try_for_each(|line| frame::limit(line, timeout))?;
    let mut lines = lines.into_iter();
    let pairs = std::iter::from_fn(|| lines.next().zip(lines.next()));
    Ok(pairs.map(|(one, other)| [one, other]).collect())
}
