//! The running signer of one ring.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use keystore::{UnlockKind, Vault};
use signer_proto::{CheckpointShown, HealthReport, Refusal, SignIntended};
use thiserror::Error;
use zeroize::Zeroizing;

use super::config::RingConfig;
use super::directory::RingLock;
use super::open::{Environment, HeldRing, OpenError, ReplayedRing, Start};
use crate::calls::{Calls, health_report, refuse_unlock, unlock_now};
use crate::keeper::Keeper;
use crate::listen::{
    self, Bound, Dispatch, Limits, ListenError, Listening, PeerRules, SocketPaths, Who,
};

/// Octets of the stack of the thread that writes counted refusals.
const STACK: usize = 256 * 1024;

/// Why the sockets are not served.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Their directory cannot be made.
    #[error("the directory for the sockets cannot be made")]
    Directory(#[source] std::io::Error),
    /// They cannot be made.
    #[error("the sockets cannot be served")]
    Listen(#[from] ListenError),
}

/// A ring that is open. It serves sockets, or dispatches what tests hand it.
pub struct Signer {
    keeper: Arc<Keeper>,
    config: RingConfig,
    ticker: Option<JoinHandle<()>>,
    /// Held until the journal is closed: fields are dropped in order.
    _lock: RingLock,
}

impl Signer {
    /// Opens a ring: replays its journal and writes down that it did. It stays locked.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(
        dir: &Path,
        vault: Arc<dyn Vault>,
        environment: Environment,
        start: &Start,
    ) -> Result<Self, OpenError> {
        HeldRing::take(dir)?.replay(vault, environment)?.start(start)
    }

    pub(super) fn over(ring: ReplayedRing) -> Result<Self, OpenError> {
        let ReplayedRing { dir, lock, config, keeper, .. } = ring;
        let ticker = thread::Builder::new()
            .name("refusals".to_owned())
            .stack_size(STACK)
            .spawn({
                let keeper = Arc::clone(&keeper);
                move || keeper.tick()
            })
            .map_err(super::directory::io_error("start a thread for", &dir))?;
        Ok(Self { keeper, config, ticker: Some(ticker), _lock: lock })
    }

    pub(super) fn keeper(&self) -> &Arc<Keeper> {
        &self.keeper
    }

    /// Returns what ring.toml says.
    #[must_use]
    pub fn config(&self) -> &RingConfig {
        &self.config
    }

    /// Unlocks with the factor's octets, as the unlock file says what they are. The attempt is
    /// journaled like one from admin.sock, but does not wait for earlier ones: who starts the
    /// signer may read its files anyway.
    ///
    /// # Errors
    /// [`Refusal`] by `unlock-failed`, `key-file-corrupt` or what keeps the journal from writing.
    pub fn unlock(&self, factor: Zeroizing<Vec<u8>>) -> Result<(), Refusal> {
        let factor = self.keeper.factor_of(factor).map_err(|error| refuse_unlock(&error))?;
        unlock_now(&self.keeper, &factor)
    }

    /// Returns what opens the ring, as its unlock file says.
    ///
    /// # Errors
    /// [`Refusal`] by `key-file-corrupt` or `driver-unavailable`.
    pub fn unlock_kind(&self) -> Result<UnlockKind, Refusal> {
        self.keeper.unlock_kind().map_err(|error| refuse_unlock(&error))
    }

    /// Takes a checkpoint that somebody kept outside: one that this journal cannot have made marks
    /// the ring as rolled back, and nothing is signed or unlocked any more.
    ///
    /// # Errors
    /// [`Refusal`] by `state-rolled-back`, or `proof-refused` for a note that neither the log nor a
    /// pinned witness signed.
    pub fn show_checkpoint(&self, note: &[u8]) -> Result<CheckpointShown, Refusal> {
        self.keeper.show_checkpoint(note)
    }

    /// Lists the signatures that were intended and are not in the journal, by the positions of
    /// their intents: a driver was asked, and the process ended or the driver failed before the
    /// leaf. None of them was released.
    #[must_use]
    pub fn open_intents(&self) -> Vec<(u64, SignIntended)> {
        let open = self.keeper.open_intents().into_iter();
        open.map(|intent| (intent.position, intent.intended)).collect()
    }

    /// Reports how the signer is.
    #[must_use]
    pub fn health(&self) -> HealthReport {
        health_report(&self.keeper)
    }

    /// Returns what requests are handed to.
    #[must_use]
    pub fn dispatch(&self) -> Arc<dyn Dispatch> {
        Arc::new(Calls(Arc::clone(&self.keeper)))
    }

    /// Serves the four sockets in `run` to whom ring.toml admits; `run` is made if it is not
    /// there.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn serve(&self, run: &Path, limits: Limits) -> Result<Listening, ServeError> {
        self.serve_on(bind_sockets(run, &self.config, limits)?)
    }

    /// Serves sockets that are there already.
    ///
    /// # Errors
    /// [`ServeError::Listen`].
    pub fn serve_on(&self, sockets: Bound) -> Result<Listening, ServeError> {
        Ok(sockets.serve(peer_rules(&self.config), self.dispatch())?)
    }

    /// Ends: refuses what comes, writes what is queued, frees the ring. Sockets are shut down
    /// before, by [`Listening::shutdown`].
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        self.keeper.end();
        if let Some(ticker) = self.ticker.take() {
            // It ends by itself; a panic was told by the panic hook already.
            let _ = ticker.join();
        }
        self.keeper.journal.close();
        self.keeper.followed.close();
    }
}

/// Makes the four sockets of a ring.
pub(super) fn bind_sockets(
    run: &Path,
    config: &RingConfig,
    limits: Limits,
) -> Result<Bound, ServeError> {
    make_run_directory(run, config).map_err(ServeError::Directory)?;
    let paths = SocketPaths {
        dir: run.to_owned(),
        server_gid: config.server_gid,
        admin_gid: config.admin_gid,
    };
    Ok(listen::bind_all(paths, limits)?)
}

fn peer_rules(config: &RingConfig) -> PeerRules {
    let listed = |uids: &[u32]| Who::Listed { uids: uids.to_vec(), gids: Vec::new() };
    PeerRules {
        issue: listed(&config.server_uids),
        status: listed(&config.server_uids),
        va: listed(&config.va_uids),
        admin: match config.admin_gid {
            Some(_) => Who::WhoeverReaches,
            None => listed(&config.admin_uids),
        },
    }
}

/// Makes the directory for the sockets. With two groups no single one fits it: then everybody
/// may pass through, and the sockets' own modes decide.
fn make_run_directory(run: &Path, config: &RingConfig) -> std::io::Result<()> {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown};

    match fs::create_dir(run) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return check_run_directory(run);
        }
        made => made?,
    }
    let mode = if config.admin_gid.is_some() { 0o711 } else { 0o750 };
    fs::set_permissions(run, fs::Permissions::from_mode(mode))?;
    match config.server_gid {
        Some(gid) => chown(run, None, Some(gid)),
        None => Ok(()),
    }
}

/// Refuses a directory in which others can put a socket of theirs in the place of admin.sock:
/// operators would tell it the passphrase.
fn check_run_directory(run: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;

    let metadata = std::fs::metadata(run)?;
    let own = rustix::process::geteuid().as_raw();
    let why = if !metadata.is_dir() {
        "it is no directory"
    } else if ![own, 0].contains(&metadata.uid()) {
        "it belongs to neither the signer nor root"
    } else if metadata.mode() & 0o022 != 0 {
        "others than its owner may write there"
    } else {
        return Ok(());
    };
    Err(std::io::Error::new(
        std::io::ErrorKind::PermissionDenied,
        format!("{}: {why}", run.display()),
    ))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn refuses_a_run_directory_where_others_may_put_a_socket() {
        let dir = tempfile::tempdir().unwrap();
        for (mode, taken) in
            [(0o700, true), (0o2750, true), (0o711, true), (0o770, false), (0o1777, false)]
        {
            fs::set_permissions(dir.path(), Permissions::from_mode(mode)).unwrap();
            let checked = check_run_directory(dir.path());
            let kind = checked.map_err(|error| error.kind());
            let expected = match taken {
                true => Ok(()),
                false => Err(std::io::ErrorKind::PermissionDenied),
            };
            assert_eq!(kind, expected, "{mode:o}");
        }
    }
}
