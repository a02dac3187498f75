//! ring.toml: what kind of ring this is, and who may connect.

use serde::{Deserialize, Serialize};
use signer_proto::Digest;
use thiserror::Error;

use signer_log::note::{Algorithm, NoteKey};

use crate::ledger::WitnessRules;

/// The file's name inside the ring.
pub(super) const FILE: &str = "ring.toml";
/// The uid that stands for every uid without a mapping (user_namespaces(7)).
const OVERFLOW_UID: u32 = 65_534;
/// How long ago a witness' cosignature may be, if the file does not say.
const DEFAULT_LAG: &str = "24h";

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
    /// What is said of witnesses cannot be.
    #[error("the witnesses: {0}")]
    Witness(String),
}

/// Which family of drivers holds the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriverFamily {
    /// Encrypted files in the ring.
    File,
    /// A PKCS#11 token.
    Pkcs11,
    /// A cloud's key management service.
    Kms,
}

impl core::fmt::Display for DriverFamily {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Pkcs11 => "pkcs11",
            Self::Kms => "kms",
        })
    }
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
    /// How many pinned witnesses must have cosigned lately, or nothing is issued.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub witnesses_required: u16,
    /// How long ago their cosignatures may be: a number and `s`, `m`, `h` or `d`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness_max_lag: Option<String>,
    /// The witnesses whose cosignatures count.
    #[serde(default, rename = "witness", skip_serializing_if = "Vec::is_empty")]
    pub witnesses: Vec<WitnessConfig>,
}

/// A witness that watches the ring's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessConfig {
    /// The name under which it signs.
    pub name: String,
    /// Its verifier key (C2SP signed-note, algorithm 4): `<name>+<id>+<base64>`.
    pub key: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u16) -> bool {
    *number == 0
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
        config.witness_rules()?;
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

    /// Returns what it says of witnesses.
    ///
    /// # Errors
    /// [`ConfigError::Witness`].
    pub(crate) fn witness_rules(&self) -> Result<WitnessRules, ConfigError> {
        let pinned: Vec<_> = self.witnesses.iter().map(pinned).collect::<Result<_, _>>()?;
        let twice = |(nth, key): (usize, &NoteKey)| {
            pinned.iter().take(nth).any(|other| other.octets() == key.octets())
        };
        let wrong = |why: &str| Err(ConfigError::Witness(why.to_owned()));
        if pinned.iter().enumerate().any(twice) {
            return wrong("two witnesses have one key");
        }
        if usize::from(self.witnesses_required) > pinned.len() {
            return wrong("witnesses_required is more than there are");
        }
        let lag = self.witness_max_lag.as_deref().unwrap_or(DEFAULT_LAG);
        let Some(max_lag_s) = seconds(lag) else {
            return wrong("witness_max_lag is not a number and s, m, h or d");
        };
        Ok(WitnessRules { pinned, required: self.witnesses_required.into(), max_lag_s })
    }

    fn check_uids(&self) -> Result<(), ConfigError> {
        let uids = self.server_uids.iter().chain(&self.va_uids).chain(&self.admin_uids);
        match uids.copied().find(|uid| [OVERFLOW_UID, u32::MAX].contains(uid)) {
            Some(uid) => Err(ConfigError::OverflowUid(uid)),
            None => Ok(()),
        }
    }
}

fn pinned(witness: &WitnessConfig) -> Result<NoteKey, ConfigError> {
    let wrong = |why: &str| ConfigError::Witness(format!("{}: {why}", witness.name));
    let key: NoteKey = witness.key.parse().map_err(|error| wrong(&format!("{error}")))?;
    if key.name() != witness.name {
        return Err(wrong("the key has another name"));
    }
    if key.algorithm() != Algorithm::CosignatureV1 {
        return Err(wrong("the key is none for cosignatures (algorithm 4)"));
    }
    Ok(key)
}

/// Reads a span of time, as in `90s`, `15m`, `24h` or `7d`.
fn seconds(text: &str) -> Option<i64> {
    let (unit, factor) = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400)]
        .into_iter()
        .find(|(unit, _)| text.ends_with(*unit))?;
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    (number > 0).then(|| i64::from(number) * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "w1+48741dd3+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU";

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
            witnesses_required: 1,
            witness_max_lag: Some("90m".to_owned()),
            witnesses: vec![WitnessConfig { name: "w1".to_owned(), key: KEY.to_owned() }],
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
