//! The task of a connection: few writes, few reads.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::OwnedReadHalf;
use tokio::task::yield_now;
use tracing::debug;
use zeroize::Zeroize as _;

use crate::answers::{AnswerReader, Completed, Outcome};
use crate::connection::Shared;
use crate::error::ProtocolError;
use crate::traffic::Counters;

/// Octets that one read takes at most.
const READ: usize = 128 * 1024;

/// Why the task ended.
enum End {
    Closed,
    Lost(io::Error),
    Broken(ProtocolError),
}

/// Moves bytes until the connection ends, and then ends it for all who wait.
pub(crate) async fn run(shared: Arc<Shared>, read: OwnedReadHalf) {
    // Also where the runtime drops this task: nobody may wait for an answer that cannot come.
    let guard = EndGuard(&shared);
    let end = move_bytes(&shared, read).await;
    match end {
        End::Closed => debug!("the signer closed the connection"),
        End::Lost(ref error) => debug!(%error, "the connection to the signer was lost"),
        End::Broken(ref error) => debug!(%error, "the signer broke the protocol"),
    }
    match end {
        End::Closed => shared.end("the signer closed the connection"),
        End::Lost(error) => shared.end(&error.to_string()),
        End::Broken(error) => {
            let waiting = {
                let mut state = shared.state();
                state.ended = Some(error.to_string());
                core::mem::take(&mut state.waiting)
            };
            for (_, pending) in waiting {
                pending.end(Outcome::Broken(error));
            }
        }
    }
    drop(guard);
}

struct EndGuard<'a>(&'a Shared);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        self.0.end("the runtime of the connection ended");
    }
}

async fn move_bytes(shared: &Shared, mut read: OwnedReadHalf) -> End {
    let mut answers = AnswerReader::default();
    let mut writer = Writing::default();
    let mut buffer = vec![0; READ];
    loop {
        tokio::select! {
            biased;
            taken = read.read(&mut buffer) => match taken {
                Ok(0) => return End::Closed,
                Ok(taken) => {
                    let bytes = buffer.get_mut(..taken).unwrap_or_default();
                    if let Err(broken) = take_answers(shared, &mut answers, bytes) {
                        return End::Broken(broken);
                    }
                }
                Err(error) => return End::Lost(error),
            },
            ready = shared.write.writable(), if !writer.is_done() => {
                if let Err(error) = ready.and_then(|()| writer.write(shared)) {
                    return End::Lost(error);
                }
            }
            () = shared.wake.notified() => {
                // Whoever is ready to run now gets to add its frame first.
                yield_now().await;
                if shared.state().ended.is_some() {
                    return End::Closed;
                }
                if writer.is_done() && let Err(error) = writer.write(shared) {
                    return End::Lost(error);
                }
            }
        }
    }
}

fn take_answers(
    shared: &Shared,
    answers: &mut AnswerReader,
    bytes: &mut [u8],
) -> Result<(), ProtocolError> {
    shared.counters.reads.fetch_add(1, Ordering::Relaxed);
    let mut completed = Completed::new();
    let outcome = answers.take(bytes, &mut shared.state().waiting, &mut completed);
    if completed.iter().any(|(pending, _)| pending.is_secret()) {
        bytes.zeroize();
    }
    Counters::add(&shared.counters.answers, completed.len());
    for (pending, outcome) in completed {
        pending.end(outcome);
    }
    outcome
}

/// Frames that the task took over and the socket has not taken whole.
#[derive(Default)]
struct Writing {
    chunk: Vec<u8>,
    taken: usize,
    secret: bool,
}

impl Writing {
    fn is_done(&self) -> bool {
        self.taken == self.chunk.len()
    }

    /// Writes until the socket is full or nothing is left.
    fn write(&mut self, shared: &Shared) -> io::Result<()> {
        loop {
            if self.is_done() && !self.take_over(shared) {
                return Ok(());
            }
            let rest = self.chunk.get(self.taken..).unwrap_or_default();
            match shared.write.try_write(rest) {
                Ok(taken) => {
                    shared.counters.writes.fetch_add(1, Ordering::Relaxed);
                    self.taken += taken;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes all frames that wait; says whether there are any.
    fn take_over(&mut self, shared: &Shared) -> bool {
        if self.secret {
            self.chunk.zeroize();
        }
        self.chunk.clear();
        self.taken = 0;
        let mut state = shared.state();
        core::mem::swap(&mut self.chunk, &mut state.out);
        self.secret = core::mem::take(&mut state.secret);
        state.writing = !self.chunk.is_empty();
        state.writing
    }
}
