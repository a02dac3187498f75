//! Opens a ring: lock, ring.toml, and the whole journal replayed into the state.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keystore::{Opener, Vault};
use signer_proto::stub;
use signer_proto::{Opened, Refusal, Report, Version};
use thiserror::Error;

use super::config::{ConfigError, FILE, RingConfig};
use super::directory::{self, DirectoryError, JOURNAL, RingLock};
use super::rotate;
use super::signer::{ServeError, Signer, bind_sockets};
use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::followed::{FollowError, FollowedJournals};
use crate::journal::{Disk, Journal, JournalError, OpenReport, RealDisk, View};
use crate::keeper::Keeper;
use crate::ledger::{Ledger, LedgerError};
use crate::listen::{Bound, Limits};
use crate::standby::Standby;
use crate::state::{State, StateError};

/// What the core gets from outside: time, randomness, disk.
#[derive(Clone)]
pub struct Environment {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random octets.
    pub entropy: Arc<dyn Entropy>,
    /// Keeps the journal.
    pub disk: Arc<dyn Disk>,
}

impl Environment {
    /// Takes the system's clock, randomness and files.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            disk: Arc::new(RealDisk),
        }
    }
}

/// What the journal is told of this start.
#[derive(Debug, Clone)]
pub struct Start {
    /// The program, as it prints its version; cut at 64 octets.
    pub version: String,
    /// The self-check; cut at 16 KiB.
    pub report: String,
}

/// Why a ring did not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The directory is not a ring to work in.
    #[error("the ring's directory cannot be used")]
    Directory(#[from] DirectoryError),
    /// ring.toml is not taken.
    #[error("the ring's configuration is not taken")]
    Config(#[from] ConfigError),
    /// The journal does not open.
    #[error("the journal does not open")]
    Journal(#[from] JournalError),
    /// The journal has no genesis.
    #[error("the journal has no genesis")]
    NoGenesis,
    /// A program whose policy checks are stubbed made it, or this one is such a program.
    #[error("the ring was made by `{0}`, and this program has nothing to do with such rings")]
    Maker(String),
    /// What the ring keeps of its log cannot be used.
    #[error("the log's checkpoints cannot be used")]
    Ledger(#[from] LedgerError),
    /// A journal that is followed does not open.
    #[error("a journal that is followed does not open")]
    Followed(#[from] FollowError),
    /// The first leaf of this start is not durable.
    #[error("the start cannot be written into the journal")]
    Start(#[source] Refusal),
}

/// A ring that no other signer has; its journal is not read yet, and no thread runs. Now is the
/// time to give up what only sockets and files outside of the ring are needed for.
pub struct HeldRing {
    dir: PathBuf,
    lock: RingLock,
    config: RingConfig,
}

impl HeldRing {
    /// Takes the ring's lock and reads ring.toml.
    ///
    /// # Errors
    /// [`OpenError::Directory`], [`OpenError::Config`].
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        directory::check_private(dir)?;
        let lock = RingLock::take(dir)?;
        let config = read_config(dir)?;
        Ok(Self { dir: dir.to_owned(), lock, config })
    }

    /// Returns what ring.toml says.
    #[must_use]
    pub fn config(&self) -> &RingConfig {
        &self.config
    }

    /// Makes the sockets in `run`, which is made if it is not there. Peers can connect and wait.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn bind(&self, run: &Path, limits: Limits) -> Result<Bound, ServeError> {
        bind_sockets(run, &self.config, limits)
    }

    /// Replays the journal. Threads run from here on.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn replay(
        self,
        vault: Arc<dyn Vault>,
        environment: Environment,
    ) -> Result<ReplayedRing, OpenError> {
        let Self { dir, lock, config } = self;
        let mut state = State::starting_at(environment.clock.wall_ms());
        let (journal, found) = replay(&dir, &config, &environment, &mut state)?;
        let ring = state.ring().ok_or(OpenError::NoGenesis)?;
        if !stub::may_open(&ring.genesis.made_by.0) {
            return Err(OpenError::Maker(ring.genesis.made_by.0.clone()));
        }
        // Now, while names in the ring may still be removed. An unlock file that cannot be read
        // settles nothing: the ring stays locked, and what needs no key goes on.
        let opener = vault.settle(ring.digest).ok();
        let Environment { clock, entropy, disk } = environment;
        let (rules, tree) = (config.witness_rules()?, journal.tree());
        let ledger = Ledger::open(&dir, &ring.genesis, rules, &tree, state.gaps())?;
        let standby = Standby::load(&dir, state.ends_promoted())
            .map_err(directory::io_error("read", &dir))?;
        let followed = FollowedJournals::open(&dir, disk, state.followed().iter())?;
        let beside = (ledger, standby, followed);
        let keeper = Arc::new(Keeper::new(state, journal, vault, (clock, entropy), beside));
        Ok(ReplayedRing { dir, lock, config, keeper, opener, cut: found.cut })
    }
}

/// A ring whose state is in memory; nothing of this start is in the journal yet.
pub struct ReplayedRing {
    pub(super) dir: PathBuf,
    pub(super) lock: RingLock,
    pub(super) config: RingConfig,
    pub(super) keeper: Arc<Keeper>,
    opener: Option<Opener>,
    cut: u64,
}

impl ReplayedRing {
    /// Has every attempt to unlock refused by `self-check-failed`: strict mode, and why.
    pub fn forbid_unlock(&self, why: String) {
        // The first reason counts: it is the one that was told.
        let _ = self.keeper.unlock_forbidden.set(why);
    }

    /// Writes down that the ring was opened, with the self-check's report, and what became of a
    /// rotation that was interrupted. It stays locked.
    ///
    /// # Errors
    /// [`OpenError::Start`], or [`OpenError::Directory`] where no thread can be started.
    pub fn start(self, start: &Start) -> Result<Signer, OpenError> {
        let opened = Opened {
            version: Version(cut(&start.version, 64)),
            report: Report(cut(&start.report, 16 * 1024)),
            cut: self.cut,
        };
        // A standby's journal is the one that it stands by for, leaf by leaf.
        if !self.keeper.standby.is_one() {
            self.keeper.write_and_wait(opened).map_err(OpenError::Start)?;
            if let Some(opener) = self.opener {
                rotate::settle(&self.keeper, opener).map_err(OpenError::Start)?;
            }
        }
        Signer::over(self)
    }
}

fn read_config(dir: &Path) -> Result<RingConfig, OpenError> {
    let path = dir.join(FILE);
    let text = fs::read_to_string(&path).map_err(directory::io_error("read", &path))?;
    Ok(RingConfig::parse(&text)?)
}

fn replay(
    dir: &Path,
    config: &RingConfig,
    environment: &Environment,
    state: &mut State,
) -> Result<(Journal, OpenReport), OpenError> {
    let genesis = config.genesis_digest()?;
    let disk = Arc::clone(&environment.disk);
    let mut on_leaf = |position: u64, bytes: &[u8]| {
        state.replay(position, bytes).map_err(|error| refused(position, &error))
    };
    let opened = Journal::open(disk, &dir.join(JOURNAL), Some(genesis), &mut on_leaf)?;
    Ok(opened)
}

fn refused(position: u64, error: &StateError) -> JournalError {
    let source = std::error::Error::source(error);
    let why = source.map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
    JournalError::LeafRefused { position, why }
}

fn cut(text: &str, most: usize) -> String {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}

/// Gives every leaf of a ring's journal, in order, for people who read it offline. Nothing is
/// changed and no lock is taken, so it also reads beside a signer: what that one is appending is
/// counted as cut, and stays.
///
/// # Errors
/// [`OpenError`]; the journal is checked as a start would.
pub fn read_journal(
    dir: &Path,
    on_leaf: &mut dyn FnMut(u64, &[u8]),
) -> Result<(RingConfig, OpenReport), OpenError> {
    directory::check_private(dir)?;
    let config = read_config(dir)?;
    let mut state = State::default();
    let mut both = |position: u64, bytes: &[u8]| {
        state.replay(position, bytes).map_err(|error| refused(position, &error))?;
        on_leaf(position, bytes);
        Ok(())
    };
    let genesis = config.genesis_digest()?;
    let (journal, found) =
        Journal::open(Arc::new(View), &dir.join(JOURNAL), Some(genesis), &mut both)?;
    journal.close();
    Ok((config, found))
}
