//! The module and its token: loaded, initialised, found, logged in.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::MechanismType;
use cryptoki::session::Session;
use cryptoki::slot::{Limit, Slot, TokenInfo};

use super::error::{fault, of};
use super::login::Login;
use super::report;
use super::setting::{Setting, stamp};
use crate::config::{ModuleConfig, TokenConfig};
use crate::wire::{Answer, Card, Fault, FaultKind, PinStamp, Request};

/// The one token of this process.
pub(super) struct Token {
    pub(super) module: ModuleConfig,
    config: TokenConfig,
    /// What the PIN's file looked like when the PIN was read.
    stamp: PinStamp,
    context: OnceLock<Pkcs11>,
    login: Mutex<Login>,
    /// Read by whoever uses the module; written while it is initialised.
    opened: RwLock<Option<Opened>>,
    generations: AtomicU64,
}

/// A token that was found and logged in to.
pub(super) struct Opened {
    pub(super) slot: Slot,
    pub(super) info: TokenInfo,
    pub(super) mechanisms: Vec<MechanismType>,
    /// Sessions of another generation are the module's no longer.
    pub(super) generation: u64,
    /// A login ends with the last session: this one is never used for anything else.
    sentinel: Mutex<Session>,
}

impl Token {
    pub(super) fn new(setting: Setting) -> Self {
        Self {
            module: setting.module,
            config: setting.token,
            stamp: setting.stamp,
            context: OnceLock::new(),
            login: Mutex::new(Login::new(setting.pin)),
            opened: RwLock::new(None),
            generations: AtomicU64::new(1),
        }
    }

    /// Answers what is asked of the token as a whole.
    pub(super) fn answer(&self, request: &Request) -> Result<Answer, Fault> {
        match request {
            Request::Open => self.open().map(Answer::Opened),
            Request::Reinitialise => self.reinitialise().map(Answer::Opened),
            Request::Beat => self.beat().map(|()| Answer::Done),
            Request::Stamps => {
                let now = stamp(self.config.pin_file.as_deref());
                Ok(Answer::Stamps { read: self.stamp, now })
            }
            Request::Report => {
                let opened = self.opened();
                report::lines(self, opened.as_ref()).map(Answer::Lines)
            }
            _ => Err(of(FaultKind::Refused, "this is asked of a session")),
        }
    }

    /// Returns the module's functions.
    pub(super) fn context(&self) -> Result<&Pkcs11, Fault> {
        if let Some(context) = self.context.get() {
            return Ok(context);
        }
        // Its constructors run now, and for the first time any code of it.
        let context = Pkcs11::new(&self.module.path).map_err(|error| fault(&error))?;
        Ok(self.context.get_or_init(|| context))
    }

    /// Returns what is open, and keeps it so meanwhile.
    pub(super) fn opened(&self) -> RwLockReadGuard<'_, Option<Opened>> {
        self.opened.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<Card, Fault> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        if opened.is_none() {
            *opened = Some(self.rise()?);
        }
        Ok(card(opened.as_ref()))
    }

    /// Waits until no session is used, for C_Finalize ends them all.
    fn reinitialise(&self) -> Result<Card, Fault> {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *opened = None;
        // A module that was never initialised says so, and that is as good.
        let _ = self.context()?.clone().finalize();
        *opened = Some(self.rise()?);
        Ok(card(opened.as_ref()))
    }

    /// Ends all that is open, for good.
    pub(super) fn finalize(&self) {
        let mut opened = self.opened.write().unwrap_or_else(PoisonError::into_inner);
        *opened = None;
        if let Some(context) = self.context.get() {
            // There is nobody left to tell.
            let _ = context.clone().finalize();
        }
    }

    fn rise(&self) -> Result<Opened, Fault> {
        let context = self.context()?;
        match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(fault(&error)),
        }
        let (slot, info) = self.find(context)?;
        let sentinel = context.open_ro_session(slot).map_err(|error| fault(&error))?;
        self.login().ensure(&sentinel, &info)?;
        let mechanisms = context.get_mechanism_list(slot).map_err(|error| fault(&error))?;
        let generation = self.generations.fetch_add(1, Ordering::Relaxed);
        Ok(Opened { slot, info, mechanisms, generation, sentinel: Mutex::new(sentinel) })
    }

    /// Looks through all slots: where a token is says nothing about which it is.
    fn find(&self, context: &Pkcs11) -> Result<(Slot, TokenInfo), Fault> {
        let slots = context.get_slots_with_token().map_err(|error| fault(&error))?;
        let mut found = None;
        for slot in slots {
            // A token may be pulled while the others are looked at.
            let Ok(info) = context.get_token_info(slot) else { continue };
            if !self.is_ours(&info) {
                continue;
            }
            if found.replace((slot, info)).is_some() {
                let uri = &self.config.uri;
                return Err(of(FaultKind::Device, format!("{uri} is in two slots at once")));
            }
        }
        found.ok_or_else(|| of(FaultKind::Device, format!("{} is in no slot", self.config.uri)))
    }

    fn is_ours(&self, info: &TokenInfo) -> bool {
        let uri = &self.config.uri;
        let fits = |wanted: &Option<String>, found: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == found.trim_end())
        };
        info.token_initialized()
            && info.label().trim_end() == uri.token
            && info.serial_number().trim_end() == uri.serial
            && fits(&uri.manufacturer, info.manufacturer_id())
            && fits(&uri.model, info.model())
    }

    fn beat(&self) -> Result<(), Fault> {
        let opened = self.opened();
        let opened = opened.as_ref().ok_or_else(not_open)?;
        let info = self.context()?.get_token_info(opened.slot).map_err(|error| fault(&error))?;
        if !self.is_ours(&info) {
            return Err(of(FaultKind::Device, "another token is in the slot"));
        }
        self.login_again(opened)
    }

    /// Logs in if nobody is any more.
    pub(super) fn login_again(&self, opened: &Opened) -> Result<(), Fault> {
        let sentinel = opened.sentinel.lock().unwrap_or_else(PoisonError::into_inner);
        self.login().ensure(&sentinel, &opened.info)
    }

    fn login(&self) -> MutexGuard<'_, Login> {
        self.login.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the token's configuration.
    pub(super) fn config(&self) -> &TokenConfig {
        &self.config
    }
}

/// One session is the sentinel's, another one may be needed to write.
fn card(opened: Option<&Opened>) -> Card {
    let limit = opened.map(|opened| opened.info.max_session_count());
    let sessions = match limit {
        Some(Limit::Max(most)) => Some(u32::try_from(most.saturating_sub(2)).unwrap_or(u32::MAX)),
        _ => None,
    };
    Card { sessions: sessions.map(|most| most.max(1)) }
}

pub(super) fn not_open() -> Fault {
    of(FaultKind::Device, "the token is not open")
}
