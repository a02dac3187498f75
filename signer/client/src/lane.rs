//! The connections to one socket, and what happens when they break.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use signer_proto::{Refusal, Rule, Wire as _};
use tokio::net::UnixStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use crate::answers::Outcome;
use crate::connection::Connection;
use crate::error::{CallError, ProtocolError};
use crate::options::ClientOptions;
use crate::request::Request;
use crate::traffic::Counters;

/// How often a call is sent before it gives up on connections that break.
const ATTEMPTS: u32 = 3;
/// The wait after the first failed connection; it doubles with each one.
const FIRST_BACKOFF: Duration = Duration::from_millis(10);
/// The longest wait between two connections.
const LONGEST_BACKOFF: Duration = Duration::from_secs(1);
/// A call sits out a wait that is no longer than this; beyond it fails at once.
const PATIENCE: Duration = Duration::from_millis(100);

/// The connections to one socket.
pub(crate) struct Lane {
    path: PathBuf,
    slots: Vec<Slot>,
    counters: Arc<Counters>,
}

/// The place of one connection.
struct Slot {
    live: Mutex<Option<Arc<Connection>>>,
    /// Held while connecting, so that one asker connects and the others wait for it.
    connecting: tokio::sync::Mutex<Backoff>,
    in_flight: Arc<Semaphore>,
}

#[derive(Default)]
struct Backoff {
    failures: u32,
    until: Option<Instant>,
    why: String,
}

impl Lane {
    pub(crate) fn new(path: PathBuf, options: &ClientOptions, counters: Arc<Counters>) -> Self {
        let slot = || Slot {
            live: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            in_flight: Arc::new(Semaphore::new(options.in_flight_per_connection.max(1))),
        };
        Self {
            path,
            slots: core::iter::repeat_with(slot)
                .take(options.connections_per_socket.max(1))
                .collect(),
            counters,
        }
    }

    /// Sends a request until it is answered, refused, or lost for good, and returns the body of
    /// the answer. The caller keeps the deadline.
    pub(crate) async fn ask(&self, request: &Request) -> Result<Vec<u8>, CallError> {
        let mut attempt = 1;
        loop {
            let last = attempt == ATTEMPTS;
            attempt += 1;
            match self.attempt(request).await {
                Attempt::Done(outcome) => return outcome,
                Attempt::NotSent(why) if last => return Err(CallError::Unavailable { why }),
                Attempt::NotSent(_) => {}
                Attempt::Lost(why) if last || !request.is_idempotent() => {
                    return Err(CallError::Unavailable { why });
                }
                Attempt::Lost(why) => debug!(kind = %request.kind, why, "asking again"),
            }
        }
    }

    async fn attempt(&self, request: &Request) -> Attempt {
        let Some((slot, permit)) = self.enter().await else {
            return Attempt::NotSent("the client has no connections".to_owned());
        };
        let connection = match slot.connection(self).await {
            Ok(connection) => connection,
            Err(why) => return Attempt::NotSent(why),
        };
        let answer = match connection.ask(request, permit) {
            Ok(answer) => answer,
            Err((_permit, why)) => return Attempt::NotSent(why),
        };
        match answer.await {
            Ok(Outcome::Answer(body)) => Attempt::Done(Ok(body)),
            Ok(Outcome::Refused(body)) => Attempt::Done(Err(refused(request, &body))),
            Ok(Outcome::Broken(error)) => Attempt::Done(Err(CallError::Protocol(error))),
            Ok(Outcome::Lost { partial: true, why }) => {
                Attempt::Done(Err(CallError::Unavailable { why }))
            }
            Ok(Outcome::Lost { partial: false, why }) => Attempt::Lost(why),
            // The sender is always used; a defect must not look like an answer.
            Err(_) => Attempt::Lost("the connection was dropped".to_owned()),
        }
    }

    /// Chooses the connection with the fewest requests, and waits for a place on it.
    async fn enter(&self) -> Option<(&Slot, OwnedSemaphorePermit)> {
        let slot = self.slots.iter().max_by_key(|slot| slot.in_flight.available_permits())?;
        let permit = slot.in_flight.clone().acquire_owned().await.ok()?;
        Some((slot, permit))
    }
}

enum Attempt {
    Done(Result<Vec<u8>, CallError>),
    /// Nothing of the request left this process.
    NotSent(String),
    /// The request may have reached the signer; nothing of the answer came.
    Lost(String),
}

fn refused(request: &Request, body: &[u8]) -> CallError {
    match Refusal::from_wire(body) {
        Ok(refusal) if refusal.rule == Rule::DeadlineExceeded => CallError::DeadlineExceeded,
        Ok(refusal) => CallError::Refused(refusal),
        Err(why) => CallError::Protocol(ProtocolError::Answer { kind: request.kind, why }),
    }
}

impl Slot {
    async fn connection(&self, lane: &Lane) -> Result<Arc<Connection>, String> {
        if let Some(connection) = self.live() {
            return Ok(connection);
        }
        let mut backoff = self.connecting.lock().await;
        if let Some(connection) = self.live() {
            return Ok(connection);
        }
        backoff.wait().await?;
        match UnixStream::connect(&lane.path).await {
            Ok(stream) => {
                *backoff = Backoff::default();
                let connection = Arc::new(Connection::start(stream, lane.counters.clone()));
                *self.place() = Some(connection.clone());
                Ok(connection)
            }
            Err(error) => {
                let why = format!("{}: {error}", lane.path.display());
                debug!(why, "the signer does not take a connection");
                backoff.fail(why.clone());
                Err(why)
            }
        }
    }

    fn live(&self) -> Option<Arc<Connection>> {
        let mut place = self.place();
        if !place.as_ref().is_some_and(|connection| connection.is_live()) {
            *place = None;
        }
        place.clone()
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Option<Arc<Connection>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Backoff {
    /// Sits out a short wait.
    ///
    /// # Errors
    /// Why the last connection failed, if the wait is a long one.
    async fn wait(&self) -> Result<(), String> {
        let Some(until) = self.until else {
            return Ok(());
        };
        if until.saturating_duration_since(Instant::now()) > PATIENCE {
            return Err(self.why.clone());
        }
        sleep_until(until).await;
        Ok(())
    }

    fn fail(&mut self, why: String) {
        let wait = FIRST_BACKOFF.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        self.until = Some(Instant::now() + wait.min(LONGEST_BACKOFF));
        self.why = why;
    }
}
