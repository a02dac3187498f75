//! The login of this process at its token.

use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, SessionState, UserType};
use cryptoki::slot::TokenInfo;
use cryptoki::types::RawAuthPin;
use zeroize::Zeroizing;

use super::error::{fault, of};
use crate::wire::{Fault, FaultKind};

/// The PIN, and whether the token took it. Logging in is the token's and the process' affair: one
/// login serves all sessions.
pub(super) struct Login {
    pin: Option<Zeroizing<Vec<u8>>>,
    /// Set once and for all: with another PIN there is another process.
    refused: Option<String>,
}

impl Login {
    pub(super) fn new(pin: Option<Zeroizing<Vec<u8>>>) -> Self {
        Self { pin, refused: None }
    }

    /// Logs in where nobody is. A PIN that the token refuses is never shown to it again: tokens
    /// lock after a few of them.
    pub(super) fn ensure(&mut self, session: &Session, info: &TokenInfo) -> Result<(), Fault> {
        if !info.login_required() || is_in(session)? {
            return Ok(());
        }
        if let Some(why) = &self.refused {
            return Err(of(FaultKind::Pin, why.clone()));
        }
        self.check_tries(info)?;
        let result = match &self.pin {
            Some(pin) => {
                let pin = RawAuthPin::new(Box::new(pin.to_vec()));
                session.login_with_raw(UserType::User, &pin)
            }
            None if info.protected_authentication_path() => session.login(UserType::User, None),
            None => return Err(self.refuse("the token wants a PIN and no pin_file is given")),
        };
        match result {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
            Err(error) => {
                let fault = fault(&error);
                match fault.kind {
                    FaultKind::Pin => Err(self.refuse(&fault.why)),
                    _ => Err(fault),
                }
            }
        }
    }

    /// The last try is left to a person.
    fn check_tries(&mut self, info: &TokenInfo) -> Result<(), Fault> {
        if info.user_pin_locked() {
            return Err(self.refuse("the token says that the PIN is locked"));
        }
        if info.user_pin_final_try() {
            return Err(self.refuse("the token says that one try is left before the PIN is locked"));
        }
        Ok(())
    }

    fn refuse(&mut self, why: &str) -> Fault {
        let fault = of(FaultKind::Pin, why);
        self.refused = Some(fault.why.clone());
        fault
    }
}

fn is_in(session: &Session) -> Result<bool, Fault> {
    let state = session.get_session_info().map_err(|error| fault(&error))?.session_state();
    Ok(matches!(state, SessionState::RoUser | SessionState::RwUser))
}
