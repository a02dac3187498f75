//! The signer's end of the forker's line.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::forker::{Order, STARTED};
use crate::{descriptors, frame};

/// How long the forker may take: it starts a program, and waits for nothing.
const LIMIT: Duration = Duration::from_secs(5);

/// A running forker.
pub struct Forker {
    line: Mutex<UnixStream>,
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
        Ok(Self { line: Mutex::new(line) })
    }

    /// Has the helper of a token started; gives its process id and the line to it.
    pub(super) fn helper(&self, token: &str) -> io::Result<(u32, UnixStream)> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        frame::send(&line, &Order::Start(token.to_owned()))?;
        let (word, mut descriptors) = descriptors::receive(&line)?;
        let id = frame::receive::<u32>(&line)?;
        match descriptors.pop() {
            Some(own) if word == STARTED => Ok((id, UnixStream::from(own))),
            _ => Err(io::Error::other("the forker did not start the helper")),
        }
    }

    /// Has a helper killed.
    pub(super) fn end(&self, id: u32) {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        // Without the forker there are no helpers either.
        let _ = frame::send(&line, &Order::End(id)).and_then(|()| frame::receive::<()>(&line));
    }
}
