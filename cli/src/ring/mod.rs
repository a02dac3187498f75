//! `chancery ring`: rings beside each other, and a ring whose journal lost its end
//! (docs/operate/rings.md).

mod acts;
mod checkpoint;
mod courier;
mod prefix;
mod source;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;
use signer_log::checkpoint::origin;
use signer_log::note::{Algorithm, NoteKey};
use signer_proto::{CrlFloor, Description, Digest, Purpose};

use crate::exit::Outcome;
use crate::options::Global;
use crate::output;
use prefix::Prefix;
use source::Other;

/// Rings beside each other.
#[derive(Debug, Subcommand)]
pub enum Ring {
    /// Say which ring this is: instance, genesis, log key, serial prefix
    Show,
    /// Print the newest checkpoint of the journal, to be kept elsewhere
    Checkpoint {
        /// A file to write it to
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Show the signer a checkpoint that was kept elsewhere, or that a witness cosigned. One that
    /// this journal cannot have made stops the ring
    ShowCheckpoint {
        /// The signed note
        note: PathBuf,
    },
    /// Accept that the end of the journal is lost for good, and go on without it
    AcceptGap {
        /// The checkpoint that showed the loss
        #[arg(long, value_name = "FILE")]
        seen: PathBuf,
        /// The highest CRL number that anybody saw of a key, as in issuing=417; for every key
        /// that signs CRLs
        #[arg(long = "crl", value_name = "KEY=NUMBER", value_parser = acts::floor)]
        crls: Vec<CrlFloor>,
        /// The first octet of serials from now on, 01 to 7f; default: one that this journal does
        /// not know
        #[arg(long, value_name = "HEX")]
        serial_prefix: Option<Prefix>,
    },
    /// Make a standby the active ring, after the one before was kept from its keys for good
    Promote {
        /// How that one is kept from its keys, for the journal; at most 512 octets
        #[arg(long)]
        fence: String,
        /// The first octet of serials from now on, 01 to 7f; default: one that this journal does
        /// not know
        #[arg(long, value_name = "HEX")]
        serial_prefix: Option<Prefix>,
    },
    /// Take up another ring, whose journal is followed from now on
    Follow {
        #[command(flatten)]
        other: Other,
        /// What the other ring's genesis must be, as its `ring show` printed it there
        #[arg(long, value_name = "DIGEST")]
        genesis: Option<Digest>,
    },
    /// Bring the leaves of another ring's journal that are missing here: of one that this ring
    /// follows, or that it stands by for
    Courier {
        #[command(flatten)]
        other: Other,
        /// Stay, and look again every so many seconds
        #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
        every: Option<u32>,
    },
}

impl Ring {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        match self {
            Self::Show => show(global).await,
            Self::Checkpoint { out } => checkpoint::print(global, out.as_deref()).await,
            Self::ShowCheckpoint { note } => checkpoint::show(global, &note).await,
            Self::AcceptGap { seen, crls, serial_prefix } => {
                acts::accept_gap(global, &seen, crls, serial_prefix).await
            }
            Self::Promote { fence, serial_prefix } => {
                acts::promote(global, fence, serial_prefix).await
            }
            Self::Follow { other, genesis } => acts::follow(global, &other, genesis).await,
            Self::Courier { other, every } => courier::run(global, &other, every).await,
        }
    }
}

async fn show(global: &Global) -> Outcome {
    let admin = crate::admin::connect(&global.run_dir()?)?;
    let (health, described) = (admin.health().await?, admin.describe().await?);
    let answer = json!({
        "instance": described.instance.to_string(),
        "genesis": described.genesis.to_string(),
        "log_key": log_key(&described).map(|key| key.to_string()),
        "serial_prefix": Prefix(described.serial_prefix).to_string(),
        "signer": health.state.to_string(),
        "leaves": health.position,
    });
    if global.json {
        return output::json(&answer);
    }
    output::fields(
        &answer,
        &["instance", "genesis", "log_key", "serial_prefix", "signer", "leaves"],
    )
}

/// Returns the key under which a ring signs its checkpoints.
fn log_key(described: &Description) -> Option<NoteKey> {
    let log = described.keys.0.iter().find(|key| key.purpose == Purpose::Log)?;
    let name = origin(described.instance);
    NoteKey::of_spki(&name, Algorithm::Ed25519, log.spki.as_ref()?).ok()
}
