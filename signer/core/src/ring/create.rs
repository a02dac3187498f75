//! Makes a ring: house keys, genesis, ring.toml; all of it or nothing.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use keystore::{Founder, KeyIdentity, NewFactor, UnlockError};
use signer_proto::stub;
use signer_proto::{
    Digest, Event, Genesis, HouseKeys, InstanceId, KeyId, KeySpec, Leaf, OperatorKeys, Purpose,
    Refusal, Thresholds, Version, Wire,
};
use signer_quorum::OperatorSet;
use thiserror::Error;
use x509::sha256;

use super::config::{ConfigError, DriverFamily, FILE, RingConfig};
use super::directory::{self, DirectoryError, JOURNAL};
use super::open::Environment;
use crate::clock::NoEntropy;
use crate::journal::{Journal, JournalError};
use crate::state::house_label;

/// Why a ring was not made. Nothing of it is left under its name.
#[derive(Debug, Error)]
pub enum CreateError {
    /// There is something already.
    #[error("{} is there already and not empty", .0.display())]
    Exists(PathBuf),
    /// A path that names no directory inside another.
    #[error("{} cannot be the name of a ring", .0.display())]
    Name(PathBuf),
    /// Operators or a threshold that cannot be.
    #[error("the operators are not taken")]
    Operators(#[source] Refusal),
    /// The directory cannot be made.
    #[error("the ring's directory cannot be made")]
    Directory(#[from] DirectoryError),
    /// The house keys cannot be made.
    #[error("the ring's keys cannot be made")]
    Keys(#[from] UnlockError),
    /// The journal cannot be begun.
    #[error("the journal cannot be begun")]
    Journal(#[from] JournalError),
    /// The journal ended before genesis was durable.
    #[error("genesis was not written")]
    GenesisLost,
    /// No randomness.
    #[error("no identity can be drawn")]
    Entropy(#[from] NoEntropy),
    /// ring.toml cannot be written.
    #[error("ring.toml cannot be written")]
    Config(#[from] ConfigError),
}

/// What a new ring is told.
#[derive(Debug, Clone)]
pub struct NewRing {
    /// The family of drivers.
    pub driver: DriverFamily,
    /// Who may connect to issue.sock and status.sock.
    pub server_uids: Vec<u32>,
    /// Who may connect to va.sock.
    pub va_uids: Vec<u32>,
    /// Who may connect to admin.sock.
    pub admin_uids: Vec<u32>,
    /// See [`RingConfig::server_gid`].
    pub server_gid: Option<u32>,
    /// See [`RingConfig::admin_gid`].
    pub admin_gid: Option<u32>,
    /// Who may approve acts, as OpenSSH writes their keys; empty: whoever reaches admin.sock.
    pub operators: OperatorKeys,
    /// How many of them must; zero without operators.
    pub threshold: u8,
    /// The program that makes the ring, as it prints its version.
    pub made_by: String,
}

/// Makes a ring at `dir`, which is not there or empty, and returns its configuration.
///
/// `founder` gives the driver family's founder for the directory in which the ring is being
/// made: a sibling, renamed at the end, so that a ring is whole or not there.
///
/// # Errors
/// [`CreateError`].
pub fn create(
    dir: &Path,
    new: &NewRing,
    factor: &NewFactor,
    founder: impl FnOnce(&Path) -> Box<dyn Founder>,
    environment: &Environment,
) -> Result<RingConfig, CreateError> {
    OperatorSet::read(&new.operators, &Thresholds::all(new.threshold))
        .map_err(CreateError::Operators)?;
    let making = sibling(dir)?;
    check_free(dir)?;
    if making.exists() {
        // Left by an attempt that was interrupted: its keys never signed anything.
        fs::remove_dir_all(&making).map_err(directory::io_error("remove", &making))?;
    }
    directory::make_private(&making)?;
    let config = fill(&making, new, factor, founder(&making).as_ref(), environment)?;
    directory::sync(&making)?;
    fs::rename(&making, dir).map_err(directory::io_error("rename to", dir))?;
    directory::sync(dir.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    Ok(config)
}

fn sibling(dir: &Path) -> Result<PathBuf, CreateError> {
    let name = dir.file_name().ok_or_else(|| CreateError::Name(dir.to_owned()))?;
    let mut making = OsString::from(".");
    making.push(name);
    making.push(".making");
    Ok(dir.with_file_name(making))
}

fn check_free(dir: &Path) -> Result<(), CreateError> {
    let entry = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(directory::io_error("read", dir)(error).into()),
    };
    match entry {
        None => Ok(()),
        Some(_) => Err(CreateError::Exists(dir.to_owned())),
    }
}

fn fill(
    dir: &Path,
    new: &NewRing,
    factor: &NewFactor,
    founder: &dyn Founder,
    environment: &Environment,
) -> Result<RingConfig, CreateError> {
    let founding = founder.found(factor, &house_identities(environment)?)?;
    let genesis = Genesis {
        instance: InstanceId(draw(environment)?),
        serial_prefix: serial_prefix(environment)?,
        house_keys: HouseKeys(founding.house_keys()),
        operators: new.operators.clone(),
        threshold: new.threshold,
        made_by: Version(stub::maker(&new.made_by)),
    };
    let prefix = genesis.serial_prefix;
    let leaf = Leaf { at_ms: environment.clock.wall_ms(), event: Event::from(genesis) };
    let digest = Digest(sha256(&leaf.to_wire()));
    drop(founding.bind(digest)?);
    begin_journal(&dir.join(JOURNAL), &leaf, environment)?;
    let config = RingConfig {
        version: 1,
        driver: new.driver,
        unlock: None,
        genesis: digest.to_string(),
        serial_prefix: prefix,
        server_uids: new.server_uids.clone(),
        va_uids: new.va_uids.clone(),
        admin_uids: new.admin_uids.clone(),
        server_gid: new.server_gid,
        admin_gid: new.admin_gid,
        strict: false,
        witnesses_required: 0,
        witness_max_lag: None,
        witnesses: Vec::new(),
    };
    let text = config.to_text()?;
    // Held against what a start will demand.
    RingConfig::parse(&text)?;
    directory::write_new(&dir.join(FILE), text.as_bytes())?;
    Ok(config)
}

fn begin_journal(dir: &Path, genesis: &Leaf, environment: &Environment) -> Result<(), CreateError> {
    directory::make_private(dir)?;
    let disk = Arc::clone(&environment.disk);
    let (journal, _) = Journal::open(disk, dir, None, &mut |_, _| Ok(()))?;
    let (done, wait) = mpsc::sync_channel(1);
    journal.submit(
        genesis,
        Box::new(move |outcome| {
            // The receiver waits below.
            let _ = done.send(outcome);
        }),
    );
    wait.recv().map_err(|_| CreateError::GenesisLost)??;
    journal.close();
    Ok(())
}

fn house_identities(environment: &Environment) -> Result<Vec<KeyIdentity>, CreateError> {
    let house = [
        (Purpose::Log, KeySpec::Ed25519),
        (Purpose::Serial, KeySpec::HmacSha256),
        (Purpose::Seal, KeySpec::Aes256),
    ];
    let mut identities = Vec::with_capacity(house.len());
    for (purpose, spec) in house {
        if let Some(label) = house_label(purpose) {
            identities.push(KeyIdentity { id: KeyId(draw(environment)?), label, purpose, spec });
        }
    }
    Ok(identities)
}

/// Draws 0x01 to 0x7f: a positive serial whose length is always the same.
fn serial_prefix(environment: &Environment) -> Result<u8, NoEntropy> {
    loop {
        let [octet, ..] = draw(environment)?;
        if (0x01..=0x7f).contains(&octet) {
            return Ok(octet);
        }
    }
}

fn draw(environment: &Environment) -> Result<[u8; 16], NoEntropy> {
    let mut octets = [0; 16];
    environment.entropy.fill(&mut octets)?;
    Ok(octets)
}
