//! The half that runs in the helper's process: one vendor module, one token.
//!
//! A thread a session, and two lines of its own to the signer for each: what one of them waits for
//! holds up nobody else, and while it signs what came over one of them the next request comes over
//! the other. A session of the first line, the sentinel, only keeps the login alive.

mod attributes;
mod error;
mod generate;
mod lane;
mod login;
mod public;
mod report;
mod setting;
mod sign;
mod token;
mod trial;

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

pub use setting::{Place, Setting, SettingError};
use token::Token;

use crate::wire::{Answer, BUILD, Build, GREETING, LINES, Request};
use crate::{descriptors, frame};

/// A module may need much more than we do.
const STACK: usize = 8 * 1024 * 1024;
/// How long a module may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// The lines to the signer, made while sockets can be.
pub struct Lines {
    control: UnixStream,
    lanes: Vec<[UnixStream; LINES]>,
    theirs: Vec<UnixStream>,
}

impl Lines {
    /// Makes two lines for each session, beside the one that this process was started with.
    ///
    /// # Errors
    /// The system's.
    pub fn new(control: UnixStream, sessions: u16) -> io::Result<Self> {
        let (mut lanes, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..sessions {
            let (one, two) = (UnixStream::pair()?, UnixStream::pair()?);
            lanes.push([one.0, two.0]);
            theirs.extend([one.1, two.1]);
        }
        Ok(Self { control, lanes, theirs })
    }
}

/// Greets the signer and serves it until it is gone.
///
/// # Errors
/// The system's, while greeting.
pub fn serve(lines: Lines, setting: Setting) -> io::Result<()> {
    let Lines { control, lanes, theirs } = lines;
    let handed: Vec<_> = theirs.iter().map(|line| line.as_fd()).collect();
    descriptors::send(&control, GREETING, &handed)?;
    frame::send(&control, &Build(BUILD.to_owned()))?;
    drop(theirs);
    let token = Arc::new(Token::new(setting));
    for (number, lines) in lanes.into_iter().enumerate() {
        let token = Arc::clone(&token);
        let named = thread::Builder::new().name(format!("session {number}"));
        named.stack_size(STACK).spawn(move || lane::serve(&lines, &token))?;
    }
    while let Ok(request) = frame::receive::<Request>(&control) {
        let answer = token.answer(&request).unwrap_or_else(Answer::Fault);
        if frame::send(&control, &answer).is_err() {
            break;
        }
    }
    goodbye(token);
    Ok(())
}

/// Lets the module close its sessions, for devices that have few of them; a module that hangs is
/// left.
fn goodbye(token: Arc<Token>) {
    let (done, wait) = std::sync::mpsc::channel();
    let started = thread::Builder::new().spawn(move || {
        token.finalize();
        // Whoever waited may have gone.
        let _ = done.send(());
    });
    if started.is_ok() {
        let _ = wait.recv_timeout(GOODBYE);
    }
}
