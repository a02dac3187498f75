//! The forker: starts helpers, and ends those that hang.
//!
//! It is made before the signer's sandbox closes, knows how to start programs, and nothing else: no
//! PIN, no module, no key. The signer asks over a socket pair and gets the other end of the new
//! helper's own. If the signer is gone, all helpers go.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use signer_proto::{Reader, Wire, WireError, Writer};

use crate::config::Config;
use crate::{descriptors, frame};

/// What the signer asks of the forker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Order {
    /// Start the helper of a token.
    Start(String),
    /// Kill a helper.
    End(u32),
}

impl Wire for Order {
    fn put(&self, w: &mut Writer) {
        match self {
            Self::Start(token) => {
                1_u8.put(w);
                w.string(token.as_bytes());
            }
            Self::End(id) => {
                2_u8.put(w);
                id.put(w);
            }
        }
    }
    fn take(r: &mut Reader<'_>) -> Result<Self, WireError> {
        match u8::take(r)? {
            1 => r.text("token", 32).map(Self::Start),
            2 => u32::take(r).map(Self::End),
            _ => Err(WireError::UnknownValue("order")),
        }
    }
}

/// How long helpers may take to end by themselves: a little longer than they give their module.
const LEAVE: Duration = Duration::from_millis(1_500);
const LOOK: Duration = Duration::from_millis(5);

/// A helper was started; its process id follows.
pub(crate) const STARTED: u8 = 1;
/// It was not.
pub(crate) const NOT_STARTED: u8 = 2;

/// Takes the socket that a process was started with as its standard input.
///
/// # Errors
/// The system's.
pub fn own_line() -> io::Result<UnixStream> {
    let copy: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(UnixStream::from(copy))
}

/// Obeys until the signer is gone; then all helpers are, too.
///
/// # Errors
/// The system's, and `InvalidData` for an order that is none.
pub fn obey(line: &UnixStream, config: &Config) -> io::Result<()> {
    let program = std::env::current_exe()?;
    let mut helpers = HashMap::new();
    let ended = loop {
        let order = match frame::receive(line) {
            Ok(order) => order,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break Ok(()),
            Err(error) => break Err(error),
        };
        helpers.retain(|_, helper: &mut Child| !matches!(helper.try_wait(), Ok(Some(_))));
        let obeyed = match order {
            Order::Start(token) => start(line, config, (&program, &token), &mut helpers),
            Order::End(id) => {
                end(helpers.remove(&id));
                frame::send(line, &())
            }
        };
        if let Err(error) = obeyed {
            break Err(error);
        }
    };
    leave(helpers);
    ended
}

/// The signer is gone, and so is the other end of each helper's lines: they end by themselves. A module
/// that is in the middle of a write to its token (SoftHSM2: at each login) is left to finish it; one
/// that does not come back is killed.
fn leave(mut helpers: HashMap<u32, Child>) {
    let deadline = Instant::now() + LEAVE;
    while Instant::now() < deadline {
        helpers.retain(|_, helper| !matches!(helper.try_wait(), Ok(Some(_))));
        if helpers.is_empty() {
            return;
        }
        std::thread::sleep(LOOK);
    }
    helpers.into_values().for_each(|helper| end(Some(helper)));
}

fn start(
    line: &UnixStream,
    config: &Config,
    (program, token): (&PathBuf, &str),
    helpers: &mut HashMap<u32, Child>,
) -> io::Result<()> {
    match spawn(config, program, token) {
        Ok((helper, own)) => {
            let id = helper.id();
            helpers.insert(id, helper);
            descriptors::send(line, STARTED, &[own.as_fd()])?;
            frame::send(line, &id)
        }
        Err(error) => {
            eprintln!("p11-module: token {token}: not started: {error}");
            descriptors::send(line, NOT_STARTED, &[])?;
            frame::send(line, &0_u32)
        }
    }
}

fn spawn(config: &Config, program: &Path, token: &str) -> io::Result<(Child, UnixStream)> {
    let (_, module) = config.token(token).ok_or(io::ErrorKind::NotFound)?;
    let (own, theirs) = UnixStream::pair()?;
    let mut command = Command::new(program);
    command.arg("serve").arg("--config").arg(&config.path).arg("--token").arg(token);
    command.env_clear().envs(&module.environment).current_dir("/");
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    Ok((command.spawn()?, own))
}

/// Kills it and does not wait: a process inside of a driver may not go at once.
fn end(helper: Option<Child>) {
    let Some(mut helper) = helper else { return };
    // It may be gone already.
    let _ = helper.kill();
    // The thread reaps it; without one it stays a zombie until this process ends.
    let _ = std::thread::Builder::new().stack_size(64 * 1024).spawn(move || helper.wait());
}
