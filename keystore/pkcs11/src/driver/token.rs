//! A token: whether it can be used now, and what is done so that it can.
//!
//! ```text
//!            trouble                      a rung holds
//!   Ready  ----------->  Rising  -------------------------->  Ready
//!                          |  no rung holds          ^
//!                          v                         | half open: the next attempt
//!                        Absent  --------------------+
//!            the PIN is refused: Stuck, until there is another PIN
//! ```
//! While a token is absent, calls are answered at once (the circuit is open). Only the token's own
//! thread tries again, one attempt at a time (half open), with growing pauses.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::forking::Forker;
use super::keys::Keys;
use super::link::{Link, LinkError};
use crate::config::TokenConfig;
use crate::wire::{Answer, Fault, FaultKind, Line, PinStamp, Request};

/// How often a call is sent again after a failure that says nothing about the call itself.
const ATTEMPTS: usize = 2;

/// Where a token stands.
pub(super) enum Standing {
    /// It can be used.
    Ready(Arc<Link>),
    /// Something went wrong, and the ladder is being climbed.
    Rising { link: Option<Arc<Link>>, rung: Rung, why: String },
    /// The ladder did not help, or the token is not there.
    Absent {
        link: Option<Arc<Link>>,
        why: String,
        /// How often in a row.
        failures: u32,
    },
    /// The token does not take the PIN.
    Stuck { link: Option<Arc<Link>>, why: String, stamp: Option<PinStamp> },
    /// The driver is gone.
    Ended,
}

/// Where to begin. New sessions and a new login are tried before, in the helper itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rung {
    /// C_Finalize, C_Initialize, and all that follows.
    Reinitialise,
    /// Kill the helper, and start another one.
    Restart,
}

/// Why a call at a token was not answered.
#[derive(Debug)]
pub(super) enum CallError {
    /// Not now.
    Unavailable(String),
    /// All sessions are used.
    Busy,
    /// The token said no.
    Fault(Fault),
}

/// One token of the configuration.
pub(super) struct Token {
    pub(super) number: usize,
    pub(super) config: TokenConfig,
    pub(super) timeout: Duration,
    pub(super) forker: Arc<Forker>,
    pub(super) keys: Arc<Keys>,
    standing: Mutex<Standing>,
    /// What the helper told last of module and token, when, and in which era.
    pub(super) told: Mutex<Option<(Instant, u64, Vec<Line>)>>,
    changed: Condvar,
}

impl Token {
    pub(super) fn new(
        (number, config): (usize, TokenConfig),
        timeout: Duration,
        forker: Arc<Forker>,
        keys: Arc<Keys>,
    ) -> Self {
        let standing =
            Standing::Rising { link: None, rung: Rung::Restart, why: "it is started".to_owned() };
        Self {
            number,
            config,
            timeout,
            forker,
            keys,
            standing: Mutex::new(standing),
            told: Mutex::new(None),
            changed: Condvar::new(),
        }
    }

    pub(super) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes another standing, but for a token that is given up.
    pub(super) fn stand(&self, next: Standing) {
        let mut standing = self.standing();
        if !matches!(*standing, Standing::Ended) {
            *standing = next;
        }
        drop(standing);
        self.changed.notify_all();
    }

    /// Gives it up.
    pub(super) fn end(&self) {
        *self.standing() = Standing::Ended;
        self.changed.notify_all();
    }

    /// Waits until something changes, for so long at most.
    pub(super) fn wait<'a>(
        &self,
        standing: MutexGuard<'a, Standing>,
        limit: Duration,
    ) -> MutexGuard<'a, Standing> {
        self.changed.wait_timeout(standing, limit).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Says whether it can be used, and else why not.
    pub(super) fn health(&self) -> Result<(), String> {
        match &*self.standing() {
            Standing::Ready(_) => Ok(()),
            Standing::Rising { why, .. } | Standing::Absent { why, .. } => {
                Err(format!("token {}: {why}", self.config.name))
            }
            Standing::Stuck { why, .. } => Err(format!(
                "token {}: the PIN is refused and not tried again until its file changes: {why}",
                self.config.name
            )),
            Standing::Ended => Err(format!("token {}: the driver has ended", self.config.name)),
        }
    }

    /// Says whether calls wait for its sessions. One that cannot be used makes nobody wait.
    pub(super) fn is_full(&self) -> bool {
        matches!(&*self.standing(), Standing::Ready(link) if link.is_full())
    }

    /// Returns the link of a token that can be used; until `patience` one that is rising is waited
    /// for.
    pub(super) fn ready(&self, patience: Instant) -> Result<Arc<Link>, CallError> {
        let mut standing = self.standing();
        loop {
            match &*standing {
                Standing::Ready(link) => return Ok(Arc::clone(link)),
                Standing::Rising { .. } => {}
                _ => break,
            }
            let left = patience.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            standing = self.wait(standing, left);
        }
        drop(standing);
        Err(CallError::Unavailable(self.health().err().unwrap_or_default()))
    }

    /// Asks a session. Until `patience` the token is waited for, and the call sent again if what
    /// failed was the token and not the call.
    pub(super) fn call(
        &self,
        request: &Request,
        patience: Instant,
        limit: Option<Duration>,
    ) -> Result<Answer, CallError> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let link = match self.ready(patience) {
                Ok(link) => link,
                Err(error) => return Err(last.unwrap_or(error)),
            };
            last = Some(match link.call(request, patience.max(self.queue()), limit) {
                Ok(Answer::Fault(fault)) => match fault.kind {
                    FaultKind::Device => {
                        self.trouble(&link, Rung::Reinitialise, &fault.why);
                        self.unavailable(&fault.why)
                    }
                    FaultKind::Pin => {
                        self.trouble(&link, Rung::Reinitialise, &fault.why);
                        return Err(self.unavailable(&fault.why));
                    }
                    FaultKind::Sessions => {
                        link.keep(link.count().saturating_sub(1));
                        CallError::Busy
                    }
                    _ => return Err(CallError::Fault(fault)),
                },
                Ok(answer) => return Ok(answer),
                Err(LinkError::Busy) => return Err(CallError::Busy),
                Err(LinkError::Broken(why)) => {
                    self.trouble(&link, Rung::Restart, &why);
                    self.unavailable(&why)
                }
            });
        }
        Err(last.unwrap_or(CallError::Busy))
    }

    /// How long a free session is waited for, when the token itself is not.
    fn queue(&self) -> Instant {
        Instant::now() + self.timeout
    }

    fn unavailable(&self, why: &str) -> CallError {
        CallError::Unavailable(format!("token {}: {why}", self.config.name))
    }

    /// Reports that a link did not do what it should, once: who reports it again is late.
    pub(super) fn trouble(&self, link: &Arc<Link>, rung: Rung, why: &str) {
        let mut standing = self.standing();
        match &*standing {
            Standing::Ready(current) if Arc::ptr_eq(current, link) => {}
            _ => return,
        }
        eprintln!("pkcs11: token {}: {why}", self.config.name);
        let link = Some(Arc::clone(link));
        *standing = Standing::Rising { link, rung, why: why.to_owned() };
        drop(standing);
        self.changed.notify_all();
    }
}
