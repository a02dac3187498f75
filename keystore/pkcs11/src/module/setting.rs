//! What a helper reads before it gives its rights up.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::config::{self, Config, ConfigError, ModuleConfig, TokenConfig};
use crate::wire::PinStamp;

/// No PIN is longer.
const MOST_PIN: u64 = 256;
/// No module is larger.
const MOST_MODULE: u64 = 512 * 1024 * 1024;
/// Where shared objects and what belongs to them are.
const LIBRARIES: [&str; 6] =
    ["/lib", "/lib64", "/usr/lib", "/usr/local/lib", "/etc/ld.so.cache", "/usr/lib/ssl"];
/// What cryptographic libraries read.
const RANDOM: [&str; 3] = ["/dev/urandom", "/dev/random", "/etc/ssl/openssl.cnf"];
/// What the C library reads to find a host.
const RESOLVER: [&str; 6] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/host.conf",
    "/etc/services",
    "/etc/gai.conf",
];

/// Why a helper does not start.
#[derive(Debug, Error)]
pub enum SettingError {
    /// The configuration has no such token.
    #[error("there is no token {0} in the configuration")]
    NoToken(String),
    /// The module or the PIN cannot be read.
    #[error("{} is not read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The module is not one that only root or the own user could have put there.
    #[error("the module is not loaded")]
    NotTrusted(#[source] ConfigError),
    /// The module is another one.
    #[error("{} does not have the SHA-256 that the configuration pins", .0.display())]
    OtherModule(PathBuf),
    /// The PIN's file is readable by everybody, empty, or too long.
    #[error("{}: {why}", path.display())]
    Pin {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// A path, and whether the module may write there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path.
    pub path: PathBuf,
    /// Whether files are made, written and removed there.
    pub writable: bool,
}

/// The module and the token of a helper.
pub struct Setting {
    pub(crate) module: ModuleConfig,
    pub(crate) token: TokenConfig,
    pub(crate) pin: Option<Zeroizing<Vec<u8>>>,
    pub(crate) stamp: PinStamp,
}

impl Setting {
    /// Reads the PIN, and looks at the module without loading it.
    ///
    /// # Errors
    /// [`SettingError`].
    pub fn read(config: &Config, token: &str) -> Result<Self, SettingError> {
        let found = config.token(token);
        let (token, module) = found.ok_or_else(|| SettingError::NoToken(token.to_owned()))?;
        check_module(module)?;
        let (pin, stamp) = match &token.pin_file {
            Some(path) => read_pin(path).map(|(pin, stamp)| (Some(pin), stamp))?,
            None => (None, NO_STAMP),
        };
        Ok(Self { module: module.clone(), token: token.clone(), pin, stamp })
    }

    /// Returns how many sessions the signer may use at a time.
    #[must_use]
    pub fn sessions(&self) -> u16 {
        self.token.sessions
    }

    /// Returns the TCP ports that the module may connect to.
    #[must_use]
    pub fn network_ports(&self) -> &[u16] {
        &self.module.network_ports
    }

    /// Tells whether the module may connect to anything at all.
    #[must_use]
    pub fn connects(&self) -> bool {
        !self.module.network_ports.is_empty() || !self.module.sockets.is_empty()
    }

    /// Returns the paths that stay open; those that are not there are left out.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        let mut paths: Vec<PathBuf> = LIBRARIES.iter().chain(&RANDOM).map(PathBuf::from).collect();
        if !self.module.network_ports.is_empty() {
            paths.extend(RESOLVER.map(PathBuf::from));
        }
        paths.push(self.module.path.clone());
        paths.extend(self.module.readable.iter().chain(&self.module.sockets).cloned());
        let read = paths.into_iter().map(|path| Place { path, writable: false });
        let write = self.module.writable.iter();
        let write = write.map(|path| Place { path: path.clone(), writable: true });
        read.chain(write).filter(|place| place.path.exists()).collect()
    }
}

const NO_STAMP: PinStamp = PinStamp { inode: 0, modified_ns: 0, length: 0 };

/// Looks at a PIN's file from outside.
pub(crate) fn stamp(path: Option<&Path>) -> PinStamp {
    path.and_then(|path| path.metadata().ok()).map_or(NO_STAMP, |metadata| stamp_of(&metadata))
}

fn stamp_of(metadata: &std::fs::Metadata) -> PinStamp {
    let nanoseconds = metadata.mtime().saturating_mul(1_000_000_000);
    PinStamp {
        inode: metadata.ino(),
        modified_ns: nanoseconds.saturating_add(metadata.mtime_nsec()),
        length: metadata.len(),
    }
}

fn io_error(path: &Path, source: io::Error) -> SettingError {
    SettingError::Io { path: path.to_owned(), source }
}

fn check_module(module: &ModuleConfig) -> Result<(), SettingError> {
    let path = &module.path;
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    config::trusted(path, &file).map_err(SettingError::NotTrusted)?;
    let Some(pinned) = module.sha256 else { return Ok(()) };
    let mut octets = Vec::new();
    let read = file.take(MOST_MODULE).read_to_end(&mut octets);
    read.map_err(|source| io_error(path, source))?;
    if x509::sha256(&octets) == pinned {
        Ok(())
    } else {
        Err(SettingError::OtherModule(path.clone()))
    }
}

fn read_pin(path: &Path) -> Result<(Zeroizing<Vec<u8>>, PinStamp), SettingError> {
    let wrong = |why| SettingError::Pin { path: path.to_owned(), why };
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    let metadata = file.metadata().map_err(|source| io_error(path, source))?;
    if metadata.mode() & 0o007 != 0 {
        return Err(wrong("everybody may read it, or more"));
    }
    // At its full size from the start: a vector that grows leaves copies behind.
    let mut pin = Zeroizing::new(Vec::with_capacity(MOST_PIN as usize + 2));
    let read = file.take(MOST_PIN + 1).read_to_end(&mut pin);
    read.map_err(|source| io_error(path, source))?;
    while pin.last().is_some_and(|octet| matches!(octet, b'\n' | b'\r')) {
        pin.pop();
    }
    match pin.len() as u64 {
        0 => Err(wrong("there is no PIN in it")),
        length if length > MOST_PIN => Err(wrong("it is too long for a PIN")),
        _ => Ok((pin, stamp_of(&metadata))),
    }
}
