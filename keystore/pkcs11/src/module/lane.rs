//! One session, one thread, two lines to the signer.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream;

use cryptoki::error::Error;
use cryptoki::object::ObjectHandle;
use cryptoki::session::{Session, SessionState};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use signer_proto::KeySpec;

use super::error::{Trouble, fault, trouble};
use super::token::{Opened, Token, not_open};
use super::{generate, public, sign, trial};
use crate::frame;
use crate::wire::{Answer, Fault, FaultKind, LINES, Locator, Request};

/// Answers one request after the other until the signer closes a line.
pub(super) fn serve(lines: &[UnixStream; LINES], token: &Token) {
    let mut lane = Lane { held: None };
    let mut last = 0;
    while let Ok(at) = next(lines, last) {
        last = at;
        let Some(line) = lines.get(at) else { return };
        let Ok(request) = frame::receive::<Request>(line) else { return };
        let answer = lane.answer(token, &request).unwrap_or_else(Answer::Fault);
        if frame::send(line, &answer).is_err() {
            return;
        }
    }
}

/// Waits until there is a request, and says over which line: if both have one, then the other than
/// the last time.
fn next(lines: &[UnixStream; LINES], last: usize) -> io::Result<usize> {
    let mut looked = lines.each_ref().map(|line| PollFd::new(line, PollFlags::IN));
    while let Err(error) = poll(&mut looked, None) {
        if error != Errno::INTR {
            return Err(error.into());
        }
    }
    let is_there = |at: &usize| looked.get(*at).is_some_and(|line| !line.revents().is_empty());
    let other = (last + 1) % LINES;
    Ok(if is_there(&other) { other } else { last })
}

struct Lane {
    held: Option<Held>,
}

/// A session and the handles that were found with it.
pub(super) struct Held {
    pub(super) session: Session,
    generation: u64,
    keys: HashMap<Locator, ObjectHandle>,
    /// Keys of this session, for measuring.
    pub(super) trials: HashMap<KeySpec, ObjectHandle>,
}

/// Why a request was not done this time.
pub(super) enum Failure {
    Module(Error),
    Fault(Fault),
    /// The key is not seen, and nobody is logged in: it may be there all the same.
    NotSeen,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Module(error)
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Lane {
    /// Two rungs of the ladder are here: another session, and another login. Each is tried once, and
    /// only after the module said that it did nothing.
    fn answer(&mut self, token: &Token, request: &Request) -> Result<Answer, Fault> {
        let opened = token.opened();
        let opened = opened.as_ref().ok_or_else(not_open)?;
        let first = match self.once(token, opened, request) {
            Ok(answer) => return Ok(answer),
            Err(Failure::Fault(fault)) => return Err(fault),
            Err(failure) => failure,
        };
        match &first {
            Failure::Module(error) => match trouble(error) {
                Trouble::Session => self.drop_session(),
                Trouble::Login => {
                    self.drop_session();
                    token.login_again(opened)?;
                }
                Trouble::Final(_) => {
                    self.drop_after(error);
                    return Err(fault(error));
                }
            },
            _ => token.login_again(opened)?,
        }
        self.once(token, opened, request).map_err(|failure| match failure {
            Failure::Module(error) => {
                self.drop_session();
                fault(&error)
            }
            Failure::Fault(fault) => fault,
            Failure::NotSeen => super::error::of(FaultKind::Device, "the login does not hold"),
        })
    }

    fn once(
        &mut self,
        token: &Token,
        opened: &Opened,
        request: &Request,
    ) -> Result<Answer, Failure> {
        let context = token.context()?;
        match request {
            Request::Generate(wanted) => {
                let session = context.open_rw_session(opened.slot)?;
                return generate::generate(&session, opened, wanted).map(Answer::Key);
            }
            Request::Destroy(at) => {
                let session = context.open_rw_session(opened.slot)?;
                self.forget(at);
                return generate::destroy(&session, at).map(|()| Answer::Done);
            }
            _ => {}
        }
        let held = self.held(token, opened)?;
        match request {
            Request::Sign { at, how, data } => {
                let key = held.key(opened, at)?;
                sign::sign(&held.session, key, *how, data).map(Answer::Octets)
            }
            Request::Decrypt { at, data } => {
                let key = held.key(opened, at)?;
                sign::decrypt(&held.session, key, data).map(Answer::Octets)
            }
            Request::Look(at) => {
                let key = held.key(opened, at)?;
                public::look(&held.session, key).map(Answer::Key)
            }
            Request::TryKey(spec) => trial::key(held, opened, *spec).map(|_| Answer::Done),
            Request::TryOne(spec) => trial::one(held, opened, *spec).map(|()| Answer::Done),
            Request::TryMany(spec, millis) => {
                trial::many(held, opened, *spec, *millis).map(Answer::Count)
            }
            _ => Err(super::error::of(FaultKind::Refused, "this is asked of the token").into()),
        }
    }

    fn held(&mut self, token: &Token, opened: &Opened) -> Result<&mut Held, Failure> {
        // What belongs to another generation was ended by C_Finalize: its number may be another
        // session's by now, so that it is not closed but forgotten.
        let fits = self.held.as_ref().is_some_and(|held| held.generation == opened.generation);
        if !fits {
            self.held = None;
        }
        match &mut self.held {
            Some(held) => Ok(held),
            empty => {
                let session = token.context()?.open_ro_session_no_drop(opened.slot)?;
                Ok(empty.insert(Held {
                    session,
                    generation: opened.generation,
                    keys: HashMap::new(),
                    trials: HashMap::new(),
                }))
            }
        }
    }

    fn forget(&mut self, at: &Locator) {
        if let Some(held) = &mut self.held {
            held.keys.remove(at);
        }
    }

    fn drop_session(&mut self) {
        if let Some(held) = self.held.take() {
            // It is no good any more; that it does not close either is no news.
            let _ = held.session.close();
        }
    }

    /// After an error that says nothing of the session, an operation may still be active in it.
    fn drop_after(&mut self, error: &Error) {
        if !matches!(trouble(error), Trouble::Final(FaultKind::Ciphertext)) {
            self.drop_session();
        }
    }
}

impl Held {
    /// Finds a key by what it is called, once a session.
    fn key(&mut self, opened: &Opened, at: &Locator) -> Result<ObjectHandle, Failure> {
        if let Some(key) = self.keys.get(at) {
            return Ok(*key);
        }
        match public::find_private(&self.session, at) {
            Err(Failure::Fault(fault)) if fault.kind == FaultKind::KeyMissing => {
                let state = self.session.get_session_info()?.session_state();
                let seen = matches!(state, SessionState::RoUser | SessionState::RwUser);
                if opened.info.login_required() && !seen {
                    Err(Failure::NotSeen)
                } else {
                    Err(fault.into())
                }
            }
            Ok(key) => {
                self.keys.insert(at.clone(), key);
                Ok(key)
            }
            Err(failure) => Err(failure),
        }
    }
}
