//! From the configuration to the end of the process.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, chown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use daemon::End;
use tokio::sync::Semaphore;

use crate::answer::Answers;
use crate::listen::{Peers, listen};
use crate::record::Records;
use crate::{Config, Validator, names};

/// How often it is looked whether resolv.conf changed.
const RESOLV_CONF: Duration = Duration::from_secs(15);

/// Why it does not serve. Unavailable.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The socket cannot be made.
    #[error("cannot listen on {}", path.display())]
    Listen {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something that is no socket stands in its place.
    #[error("{} is there and is no socket", .0.display())]
    NotASocket(PathBuf),
    /// Resolver or TLS.
    #[error("cannot validate: {0}")]
    Validator(String),
    /// Signals or standard output.
    #[error("the system refuses")]
    System(#[source] io::Error),
}

/// The socket, made before paths are closed.
#[derive(Debug)]
pub struct Sockets {
    listener: UnixListener,
    path: PathBuf,
}

impl Sockets {
    /// Listens in the place of a stale socket; for the group alone before it has its name.
    ///
    /// # Errors
    /// [`ServeError`].
    pub fn bind(config: &Config) -> Result<Self, ServeError> {
        let path = config.socket.clone();
        match fs::symlink_metadata(&path) {
            Ok(there) if !there.file_type().is_socket() => {
                return Err(ServeError::NotASocket(path));
            }
            _ => {}
        }
        match bind(&path, config.server_gid) {
            Ok(listener) => Ok(Self { listener, path }),
            Err(source) => Err(ServeError::Listen { path, source }),
        }
    }
}

fn bind(path: &Path, gid: Option<u32>) -> io::Result<UnixListener> {
    let unborn = path.with_extension("new");
    match fs::remove_file(&unborn) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&unborn)?;
    fs::set_permissions(&unborn, fs::Permissions::from_mode(0o660))?;
    if gid.is_some() {
        chown(&unborn, None, gid)?;
    }
    fs::rename(&unborn, path)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves until SIGTERM, SIGINT, or the end of `parent`, whose data it does not read.
///
/// The signer need not be there: what needs it is answered `unavailable` until it is.
///
/// # Errors
/// [`ServeError`] if it does not come as far as serving.
pub async fn run(config: Config, sockets: Sockets, parent: bool) -> Result<(), ServeError> {
    config.log.start();
    let validator = Validator::new(&config).map_err(ServeError::Validator)?;
    let answers = Answers {
        validator: validator.clone(),
        records: Records::new(&config.signer_run, &config.rings),
        permits: Arc::new(Semaphore::new(usize::from(config.in_flight))),
        in_flight: config.in_flight.into(),
        validations: Arc::default(),
    };
    let Sockets { listener, path } = sockets;
    let listener = tokio::net::UnixListener::from_std(listener).map_err(ServeError::System)?;
    let end = End::watch(parent).map_err(ServeError::System)?;
    say_ready(&path).map_err(ServeError::System)?;
    tokio::select! {
        () = listen(listener, Peers(config.server_uids.clone()), answers) => {}
        () = watch_resolv_conf(&config, &validator) => {}
        () = end.wait() => {}
    }
    let _ = fs::remove_file(&path);
    Ok(())
}

fn say_ready(path: &Path) -> io::Result<()> {
    use std::io::Write as _;
    let mut out = io::stdout().lock();
    writeln!(out, "ready socket={}", path.display())?;
    out.flush()
}

/// Asks other DNS servers once resolv.conf names them; for as long as it is polled.
async fn watch_resolv_conf(config: &Config, validator: &Validator) {
    let Some(path) = &config.dns.resolv_conf else {
        return std::future::pending().await;
    };
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified()).ok();
    let mut known: Option<SystemTime> = changed(path);
    loop {
        tokio::time::sleep(RESOLV_CONF).await;
        let now = changed(path);
        if now == known {
            continue;
        }
        known = now;
        let servers = fs::read_to_string(path).map(|text| names::servers_of(&text));
        match servers {
            Ok(servers) if !servers.is_empty() => {
                let outcome = validator.ask_others(&servers, config.dns.hosts);
                tracing::info!(?servers, ?outcome, "resolv.conf changed");
            }
            // Landlock leaves the file that was there at the start: a new one in its place is
            // not read.
            other => tracing::warn!(?other, "resolv.conf changed and is not taken: start again"),
        }
    }
}
