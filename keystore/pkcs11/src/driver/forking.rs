//! The signer's end of the forker's line.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::forker::{Order, STARTED};
use crate::{descriptors, frame};

/// How long the forker may take: it starts a program, and waits for nothing.
const LIMIT: Duration = Duration::from_secs(5);

/// What is said of all tokens once there is no forker.
pub(super) const GONE: &str =
    "the forker, which alone starts modules' processes, is gone: restart the signer";

/// A running forker.
pub struct Forker {
    line: Mutex<UnixStream>,
    gone: AtomicBool,
}

impl Forker {
    /// Starts `p11-module forker`. While this process may still start programs.
    ///
    /// # Errors
    /// The system's.
    pub fn start(program: &Path, config: &Path) -> io::Result<Self> {
        let (line, theirs) = UnixStream::pair()?;
        frame::limit(&line, LIMIT)?;
        let mut command = Command::new(program);
        command.arg("forker").arg("--config").arg(config).env_clear().current_dir("/");
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        // It ends when the line is closed; nobody waits for it.
        drop(command.spawn()?);
        Ok(Self { line: Mutex::new(line), gone: AtomicBool::new(false) })
    }

    /// Has the helper of a token started; gives its process id and the line to it.
    pub(super) fn helper(&self, token: &str) -> io::Result<(u32, UnixStream)> {
        let started = self.ask(|line| {
            frame::send(line, &Order::Start(token.to_owned()))?;
            let (word, mut descriptors) = descriptors::receive(line)?;
            let id = frame::receive::<u32>(line)?;
            Ok(descriptors.pop().filter(|_| word == STARTED).map(|own| (id, UnixStream::from(own))))
        });
        started?.ok_or_else(|| io::Error::other("the forker did not start the helper"))
    }

    /// Has a helper killed.
    pub(super) fn end(&self, id: u32) {
        // Without the forker there are no helpers either.
        let _ = self.ask(|line| {
            frame::send(line, &Order::End(id))?;
            frame::receive::<()>(line)
        });
    }

    /// Tells whether helpers that end stay away.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// After an exchange that failed nobody knows what comes next on the line: it is not used again.
    fn ask<T>(&self, exchange: impl FnOnce(&UnixStream) -> io::Result<T>) -> io::Result<T> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_gone() {
            return Err(io::Error::other(GONE));
        }
        exchange(&line).inspect_err(|error| {
            self.gone.store(true, Ordering::Release);
            eprintln!("pkcs11: {GONE}: {error}");
        })
    }
}
