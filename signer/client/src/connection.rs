//! One connection, shared by all its askers and the task that moves its bytes.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Notify, OwnedSemaphorePermit, oneshot};
use zeroize::Zeroize as _;

use crate::answers::{Outcome, Pending, Waiting};
use crate::pump;
use crate::request::Request;
use crate::traffic::Counters;

/// A live connection; when the last holder drops it, its task ends.
pub(crate) struct Connection(Arc<Shared>);

/// What askers and the task share.
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Wakes the task: there is something to write, or the end.
    pub(crate) wake: Notify,
    pub(crate) write: OwnedWriteHalf,
    pub(crate) counters: Arc<Counters>,
}

/// What the lock guards. It is never held over a wait.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) waiting: Waiting,
    /// Frames that no write took yet.
    pub(crate) out: Vec<u8>,
    /// Whether a frame in `out` holds a secret.
    pub(crate) secret: bool,
    /// Whether the task writes or is about to: then nobody else does.
    pub(crate) writing: bool,
    next_sequence: u32,
    /// Why the connection is of no more use.
    pub(crate) ended: Option<String>,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection for all who wait, and for all who come.
    pub(crate) fn end(&self, why: &str) {
        let waiting = {
            let mut state = self.state();
            state.ended.get_or_insert_with(|| why.to_owned());
            state.out.zeroize();
            core::mem::take(&mut state.waiting)
        };
        for (_, pending) in waiting {
            pending.lose(why);
        }
    }
}

impl Connection {
    /// Starts the task of a connected stream. Needs a runtime.
    pub(crate) fn start(stream: UnixStream, counters: Arc<Counters>) -> Self {
        let (read, write) = stream.into_split();
        counters.connects.fetch_add(1, Ordering::Relaxed);
        let shared =
            Arc::new(Shared { state: Mutex::default(), wake: Notify::new(), write, counters });
        tokio::spawn(pump::run(shared.clone(), read));
        Self(shared)
    }

    /// Says whether it can take requests.
    pub(crate) fn is_live(&self) -> bool {
        self.0.state().ended.is_none()
    }

    /// Sends a request; the receiver gives what comes back.
    ///
    /// # Errors
    /// Gives the permit back with the reason if the connection had ended: nothing was sent.
    pub(crate) fn ask(
        &self,
        request: &Request,
        permit: OwnedSemaphorePermit,
    ) -> Result<oneshot::Receiver<Outcome>, (OwnedSemaphorePermit, String)> {
        let (asker, answer) = oneshot::channel();
        let mut state = self.0.state();
        if let Some(why) = &state.ended {
            return Err((permit, why.clone()));
        }
        // 0 is not for requests: the signer turns a whole connection away by it.
        let sequence = state.next_sequence.max(1);
        state.next_sequence = sequence.wrapping_add(1);
        let pending = Pending::new(request.kind, request.is_secret(), asker, permit);
        let alone = state.waiting.is_empty();
        state.waiting.insert(sequence, pending);
        request.append(sequence, &mut state.out);
        state.secret |= request.is_secret();
        self.0.counters.requests.fetch_add(1, Ordering::Relaxed);
        if state.writing {
            return Ok(answer);
        }
        // Alone, the frame goes out at once: no switch of tasks stands before it. In company the
        // task gathers what comes meanwhile into one write.
        if alone {
            self.write_now(&mut state);
        }
        if !state.out.is_empty() {
            state.writing = true;
            drop(state);
            self.0.wake.notify_one();
        }
        Ok(answer)
    }

    /// Writes what the socket takes without waiting; errors are left for the task to meet.
    fn write_now(&self, state: &mut State) {
        let Ok(taken) = self.0.write.try_write(&state.out) else {
            return;
        };
        self.0.counters.writes.fetch_add(1, Ordering::Relaxed);
        if state.secret {
            state.out.iter_mut().take(taken).for_each(|octet| octet.zeroize());
        }
        state.out.drain(..taken);
        state.secret &= !state.out.is_empty();
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.end("the client was dropped");
        self.0.wake.notify_one();
    }
}
