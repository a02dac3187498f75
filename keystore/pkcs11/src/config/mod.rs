//! pkcs11.toml: which modules are loaded, which tokens are used, and where keys are.

mod read;
mod section;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::uri::Uri;

/// More than any configuration has.
const MOST: u64 = 1024 * 1024;

/// Why the configuration is not taken.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{} is not read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Somebody else than root, or than the user who runs this, could have written it.
    #[error("{} is not trusted: {why}", path.display())]
    NotTrusted {
        /// The file.
        path: PathBuf,
        /// Who may write it.
        why: String,
    },
    /// What it says is not taken; everything that is wrong.
    #[error("{} is not taken:{}", path.display(), list(faults))]
    Faults {
        /// The file.
        path: PathBuf,
        /// Each with its path in the text.
        faults: Vec<String>,
    },
}

fn list(faults: &[String]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// Whose the file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Root's: nobody whom the signer has to fear can write it.
    Root,
    /// The signer's own user: as trustworthy as that user's processes are.
    OwnUser,
}

/// What pkcs11.toml says.
#[derive(Debug, Clone)]
pub struct Config {
    /// The file.
    pub path: PathBuf,
    /// Whose it is.
    pub source: Source,
    /// How long a signature may take.
    pub timeout: Duration,
    /// The modules.
    pub modules: Vec<ModuleConfig>,
    /// The tokens.
    pub tokens: Vec<TokenConfig>,
    /// Where new keys are made: an index into the tokens.
    pub default_token: usize,
    /// Where keys are that are elsewhere than there, or in several tokens: by label, in the order
    /// in which they are tried; an index into the tokens, and the URI.
    pub keys: BTreeMap<String, Vec<(usize, Uri)>>,
}

/// A vendor's module.
#[derive(Debug, Clone)]
pub struct ModuleConfig {
    /// Its name in this file.
    pub name: String,
    /// The shared object.
    pub path: PathBuf,
    /// The SHA-256 that the shared object must have.
    pub sha256: Option<[u8; 32]>,
    /// The environment that it finds; nothing else is handed on.
    pub environment: BTreeMap<String, String>,
    /// Files and directories that it may read, besides libraries.
    pub readable: Vec<PathBuf>,
    /// Files and directories that it may write.
    pub writable: Vec<PathBuf>,
    /// TCP ports that it may connect to; none: no network.
    pub network_ports: Vec<u16>,
    /// Sockets of local daemons that it may connect to; none: it connects to nothing.
    pub sockets: Vec<PathBuf>,
}

/// A token.
#[derive(Debug, Clone)]
pub struct TokenConfig {
    /// Its name in this file.
    pub name: String,
    /// An index into the modules.
    pub module: usize,
    /// Which token it is.
    pub uri: Uri,
    /// The file with the user's PIN; none for a token without login, or with a PIN pad of its own.
    pub pin_file: Option<PathBuf>,
    /// How many sessions sign at a time.
    pub sessions: u16,
}

impl Config {
    /// Reads the file: it must be root's or the own user's, and nobody else may write it.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let path = std::path::absolute(path).map_err(|source| io_error(path, source))?;
        let file = File::open(&path).map_err(|source| io_error(&path, source))?;
        let source = trusted(&path, &file)?;
        let mut text = String::new();
        let read = file.take(MOST).read_to_string(&mut text);
        read.map_err(|source| io_error(&path, source))?;
        let mut config = Self::parse(&text, &path)?;
        config.source = source;
        Ok(config)
    }

    /// Reads the text.
    ///
    /// # Errors
    /// [`ConfigError::Faults`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        read::read(text, path)
            .map_err(|faults| ConfigError::Faults { path: path.to_owned(), faults: faults.0 })
    }

    /// Returns a token and its module.
    #[must_use]
    pub fn token(&self, name: &str) -> Option<(&TokenConfig, &ModuleConfig)> {
        let token = self.tokens.iter().find(|token| token.name == name)?;
        Some((token, self.modules.get(token.module)?))
    }
}

fn io_error(path: &Path, source: io::Error) -> ConfigError {
    ConfigError::Io { path: path.to_owned(), source }
}

/// Whoever writes this file has code of theirs loaded and given the PIN.
pub(crate) fn trusted(path: &Path, file: &File) -> Result<Source, ConfigError> {
    let refused = |why: String| ConfigError::NotTrusted { path: path.to_owned(), why };
    let metadata = file.metadata().map_err(|source| io_error(path, source))?;
    if !metadata.is_file() {
        return Err(refused("it is no file".to_owned()));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(refused(format!(
            "its mode is {:o}: others may write it",
            metadata.mode() & 0o7777
        )));
    }
    let own = rustix::process::geteuid().as_raw();
    match metadata.uid() {
        0 => Ok(Source::Root),
        uid if uid == own => Ok(Source::OwnUser),
        uid => {
            Err(refused(format!("it belongs to uid {uid}, and neither to root nor to uid {own}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        version = 1
        default_token = "one"
        [[module]]
        name = "soft"
        path = "/usr/lib/softhsm/libsofthsm2.so"
        environment = { SOFTHSM2_CONF = "/etc/softhsm2.conf" }
        readable = ["/etc/softhsm2.conf"]
        writable = ["/var/lib/softhsm"]
        [[token]]
        name = "one"
        module = "soft"
        uri = "pkcs11:token=one;serial=1"
        pin_file = "/etc/chancery/pin"
        sessions = 8
        [[token]]
        name = "two"
        module = "soft"
        uri = "pkcs11:token=two;serial=2"
        [key.issuing]
        uris = ["pkcs11:token=one;serial=1", "pkcs11:token=two;serial=2;object=issuing"]
    "#;

    fn faults(text: &str) -> Vec<String> {
        match Config::parse(text, Path::new("/x.toml")) {
            Err(ConfigError::Faults { faults, .. }) => faults,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn reads_modules_tokens_and_keys() {
        let config = Config::parse(GOOD, Path::new("/x.toml")).unwrap();
        assert_eq!(config.default_token, 0);
        assert_eq!(config.tokens[0].sessions, 8);
        assert_eq!(config.tokens[1].sessions, 4);
        assert_eq!(config.tokens[1].pin_file, None);
        assert_eq!(config.timeout, Duration::from_secs(2));
        let places: Vec<_> = config.keys["issuing"].iter().map(|(token, _)| *token).collect();
        assert_eq!(places, [0, 1]);
        assert_eq!(config.token("two").unwrap().1.name, "soft");
    }

    #[test]
    fn tells_all_faults_at_once_with_their_path() {
        let text = r#"
            version = 2
            default_token = "three"
            timeout_ms = 5
            colour = "blue"
            [[module]]
            name = "soft"
            path = "lib.so"
            sha256 = "abc"
            environment = { LD_PRELOAD = "/x.so" }
            network_ports = [0]
            slot = 3
            [[token]]
            name = "one"
            module = "hard"
            uri = "pkcs11:slot-id=0"
            pin = "1234"
            sessions = 0
            [key.Issuing]
            uris = ["pkcs11:token=a;serial=9"]
        "#;
        let faults = faults(text);
        for path in [
            "version",
            "default_token",
            "timeout_ms",
            "colour",
            "module[0].path",
            "module[0].sha256",
            "module[0].environment.LD_PRELOAD",
            "module[0].network_ports",
            "module[0].slot",
            "token[0].module",
            "token[0].uri",
            "token[0].pin",
            "token[0].sessions",
            "key.Issuing",
        ] {
            let count = faults.iter().filter(|f| f.starts_with(&format!("{path}:"))).count();
            assert_eq!(count, 1, "{path} in {faults:#?}");
        }
        assert!(!faults.concat().contains("1234"), "{faults:#?}");
    }

    #[test]
    fn refuses_a_key_in_a_token_that_is_not_there_and_one_place_twice() {
        let with = |uris: &str| {
            GOOD.replace(
                r#"["pkcs11:token=one;serial=1", "pkcs11:token=two;serial=2;object=issuing"]"#,
                uris,
            )
        };
        for (uris, why) in [
            (r#"["pkcs11:token=three;serial=1"]"#, "no token here has this label and serial"),
            (r#"["pkcs11:token=one;serial=1", "pkcs11:token=one;serial=1"]"#, "stands twice"),
            ("[]", "is empty"),
        ] {
            let faults = faults(&with(uris));
            assert!(faults.len() == 1 && faults[0].contains(why), "{faults:?}");
        }
    }

    #[test]
    fn refuses_a_file_that_others_may_write() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pkcs11.toml");
        std::fs::write(&path, GOOD).unwrap();
        for (mode, good) in [(0o644, true), (0o600, true), (0o664, false), (0o646, false)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = Config::read(&path);
            assert_eq!(read.is_ok(), good, "{mode:o}");
            if let Err(error) = read {
                assert!(matches!(error, ConfigError::NotTrusted { .. }), "{error}");
            }
        }
    }
}
