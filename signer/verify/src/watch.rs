//! The witness: looks at a log again and again, and cosigns.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;
use signer_log::note::NoteKey;
use signer_verify::witness::{CosignerKey, Followed, Source, State, Witness, WitnessError};

use crate::{ALARM, FAIL, NO_VERDICT, PASS};

/// What to watch, and who cosigns.
#[derive(Args)]
pub(crate) struct Watch {
    /// Watches the log at an address (http, https, file) or in a directory: `checkpoint` and
    /// `tile/...` below it.
    #[arg(long, value_name = "URL", requires = "cosign", conflicts_with_all = ["ring", "journal"])]
    follow: Option<String>,
    /// The witness' own key file, mode 0600.
    #[arg(long, value_name = "FILE")]
    cosign: Option<PathBuf>,
    /// Draws a key under this name, writes it to --cosign, and prints what the signer pins.
    #[arg(long, value_name = "NAME", requires = "cosign", conflicts_with_all = ["ring", "journal"])]
    cosign_generate: Option<String>,
    /// The verifier key of the log, as `signer-verify --ring` prints it; remembered.
    #[arg(long, value_name = "KEY", requires = "follow")]
    log_key: Option<String>,
    /// Where the witness remembers what it saw: on a disk that the log's host cannot write.
    #[arg(long, value_name = "DIR", default_value = "witness")]
    state: PathBuf,
    /// Looks once and ends.
    #[arg(long, conflicts_with = "interval")]
    once: bool,
    /// Seconds between two looks; 60 if absent.
    #[arg(long, value_name = "SECONDS")]
    interval: Option<u64>,
    /// The roots (PEM) that an https server is trusted by.
    #[arg(long, value_name = "FILE", requires = "follow")]
    root: Option<PathBuf>,
    /// Writes the cosigned checkpoint to a file each time, for the operator to show the signer.
    #[arg(long, value_name = "FILE", requires = "follow")]
    out: Option<PathBuf>,
    /// Posts the cosigned checkpoint to the log's server, which shows it to the signer.
    #[arg(long, requires = "follow")]
    post: bool,
}

impl Watch {
    /// Returns whether a witness is asked for.
    pub(crate) fn is_meant(&self) -> bool {
        self.follow.is_some() || self.cosign_generate.is_some()
    }

    /// Draws a key, watches, or both.
    pub(crate) fn run(&self) -> anyhow::Result<u8> {
        let path = self.cosign.as_deref().context("--cosign is missing")?;
        if let Some(name) = &self.cosign_generate {
            let key = CosignerKey::generate(path, name)?;
            println!("{}", key.verifier());
        }
        match &self.follow {
            Some(address) => self.watch(address, path),
            None => Ok(PASS),
        }
    }

    fn watch(&self, address: &str, key: &Path) -> anyhow::Result<u8> {
        let log_key = self.log_key.as_deref().map(str::parse::<NoteKey>);
        let witness = Witness {
            source: Source::parse(address, self.root.as_deref())?,
            state: State::open(&self.state, log_key.transpose().context("--log-key")?)?,
            key: CosignerKey::load(key)?,
        };
        let interval = Duration::from_secs(self.interval.unwrap_or(60));
        loop {
            let code = match witness.follow(now()?) {
                Ok(followed) => self.hand_over(&witness, &followed)?,
                Err(error) => report(&witness, error),
            };
            // An alarm is final: somebody must look before anything is cosigned again.
            if self.once || code == ALARM {
                return Ok(code);
            }
            std::thread::sleep(interval);
        }
    }

    fn hand_over(&self, witness: &Witness, followed: &Followed) -> anyhow::Result<u8> {
        match followed.before {
            Some(before) => println!("cosigned {} leaves, {before} before", followed.size),
            None => println!("cosigned {} leaves, the first time", followed.size),
        }
        let note = followed.note.to_string();
        if let Some(out) = &self.out {
            std::fs::write(out, &note).with_context(|| out.display().to_string())?;
        }
        if self.post
            && let Err(error) = witness.source.show(note.as_bytes())
        {
            eprintln!("signer-verify: {:#}", anyhow::Error::new(error));
            return Ok(NO_VERDICT);
        }
        if self.out.is_none() && !self.post {
            print!("{note}");
        }
        Ok(PASS)
    }
}

/// Says what went wrong, and gives the exit code of it.
fn report(witness: &Witness, error: WitnessError) -> u8 {
    let code = match &error {
        WitnessError::Alarm(_) | WitnessError::AlarmStands(_) => ALARM,
        WitnessError::Note(_) | WitnessError::Tiles(_) => FAIL,
        WitnessError::Source(_) | WitnessError::State(_) | WitnessError::Cosigner(_) => NO_VERDICT,
    };
    eprintln!("signer-verify: {:#}", anyhow::Error::new(error));
    if let Some(path) = witness.state.alarm() {
        eprintln!("signer-verify: both checkpoints are in {}", path.display());
    }
    code
}

fn now() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since.context("the clock stands before 1970")?.as_secs())
}
