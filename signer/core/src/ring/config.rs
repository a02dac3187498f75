//! ring.toml: what kind of ring this is, and who may connect.

use serde::{Deserialize, Serialize};
use signer_proto::Digest;
use thiserror::Error;

/// The file's name inside the ring.
pub(super) const FILE: &str = "ring.toml";
/// The uid that stands for every uid without a mapping (user_namespaces(7)).
const OVERFLOW_UID: u32 = 65_534;

/// Why ring.toml is not taken. Malformed.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The text is no TOML of this form.
    #[error("ring.toml is not understood: {0}")]
    Syntax(String),
    /// A newer program made it.
    #[error("ring.toml is of version {0}, and this program knows version 1")]
    Version(u32),
    /// The genesis digest is no digest.
    #[error("genesis is not 64 lower-case hexadecimal digits")]
    Genesis,
    /// A uid that stands for nobody.
    #[error("{0} stands for uids without a mapping and cannot be admitted")]
    OverflowUid(u32),
}

/// Which family of drivers holds the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriverFamily {
    /// Encrypted files in the ring.
    File,
}

/// The content of ring.toml.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RingConfig {
    /// Always 1.
    pub version: u32,
    /// Which family of drivers holds the keys.
    pub driver: DriverFamily,
    /// What opened the ring when it was made, in rings of older programs. Nothing goes by it: the
    /// unlock file decides, and a rotation replaces that file alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock: Option<String>,
    /// SHA-256 of the genesis leaf, in hex: the journal must begin with it.
    pub genesis: String,
    /// The first octet of every serial, for people; genesis has the one that counts.
    pub serial_prefix: u8,
    /// Who may connect to issue.sock and status.sock.
    pub server_uids: Vec<u32>,
    /// Who may connect to va.sock.
    #[serde(default)]
    pub va_uids: Vec<u32>,
    /// Who may connect to admin.sock; without effect where `admin_gid` is given.
    pub admin_uids: Vec<u32>,
    /// The group of issue.sock, status.sock and va.sock; none: the one that their directory
    /// gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_gid: Option<u32>,
    /// The group of admin.sock: its members may connect, whatever their uids. The kernel shows a
    /// peer's primary group only, so the mode of the socket's file decides. None: the signer's
    /// own group, and `admin_uids` decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_gid: Option<u32>,
    /// Whether the ring stays locked while an item of the self-check fails.
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub strict: bool,
}

impl RingConfig {
    /// Reads the text.
    ///
    /// # Errors
    /// [`ConfigError`], the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::Syntax(error.to_string()))?;
        if config.version != 1 {
            return Err(ConfigError::Version(config.version));
        }
        config.genesis_digest()?;
        config.check_uids()?;
        Ok(config)
    }

    /// Returns the text.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`] if it cannot be written, which no value of this type does.
    pub fn to_text(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(|error| ConfigError::Syntax(error.to_string()))
    }

    /// Returns the digest that the journal must begin with.
    ///
    /// # Errors
    /// [`ConfigError::Genesis`].
    pub fn genesis_digest(&self) -> Result<Digest, ConfigError> {
        self.genesis.parse().map_err(|_| ConfigError::Genesis)
    }

    fn check_uids(&self) -> Result<(), ConfigError> {
        let uids = self.server_uids.iter().chain(&self.va_uids).chain(&self.admin_uids);
        match uids.copied().find(|uid| [OVERFLOW_UID, u32::MAX].contains(uid)) {
            Some(uid) => Err(ConfigError::OverflowUid(uid)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> RingConfig {
        RingConfig {
            version: 1,
            driver: DriverFamily::File,
            unlock: None,
            genesis: "ab".repeat(32),
            serial_prefix: 0x21,
            server_uids: vec![1000],
            va_uids: vec![],
            admin_uids: vec![0, 1000],
            server_gid: None,
            admin_gid: Some(7403),
            strict: true,
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let text = config().to_text().unwrap();
        assert_eq!(RingConfig::parse(&text).unwrap(), config());
    }

    #[test]
    fn the_line_of_older_programs_is_read_and_means_nothing() {
        let text = config().to_text().unwrap();
        assert!(!text.contains("unlock"));
        let old = format!("unlock = \"passphrase\"\n{text}");
        let expected = RingConfig { unlock: Some("passphrase".to_owned()), ..config() };
        assert_eq!(RingConfig::parse(&old).unwrap(), expected);
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        let text = config().to_text().unwrap();
        let parse = |from: &str, to: &str| RingConfig::parse(&text.replace(from, to));
        assert!(matches!(parse("version = 1", "version = 2"), Err(ConfigError::Version(2))));
        assert!(matches!(parse("\"file\"", "\"tape\""), Err(ConfigError::Syntax(_))));
        assert!(matches!(parse("driver =", "drver ="), Err(ConfigError::Syntax(_))));
        assert!(matches!(parse("abab", "abaB"), Err(ConfigError::Genesis)));
        assert!(matches!(parse("1000", "65534"), Err(ConfigError::OverflowUid(65_534))));
    }
}
