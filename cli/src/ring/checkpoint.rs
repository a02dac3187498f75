//! Checkpoints in files: out of the signer to be kept elsewhere, and back to be shown to it.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::json;
use signer_client::CallError;
use signer_log::checkpoint::Checkpoint;
use signer_log::note::Note;
use signer_proto::{NoteBytes, ReadCheckpoint, Rule, ShowCheckpoint, Socket};

use crate::exit::{Failure, Outcome};
use crate::options::{Global, read_bytes};
use crate::output;
use crate::up::write_private;

const PATIENCE: Duration = Duration::from_secs(10);

/// Reads a signed note's text as a checkpoint; whoever is to believe it verifies it.
pub fn parse(note: &[u8]) -> anyhow::Result<Checkpoint> {
    let note = Note::parse(note).map_err(|error| anyhow!("it is no signed note: {error}"))?;
    Checkpoint::parse(&note.text).map_err(|error| anyhow!("it is no checkpoint: {error}"))
}

/// Reads a checkpoint from a file.
pub fn from_file(path: &Path) -> Outcome<(Vec<u8>, Checkpoint)> {
    let note = read_bytes(path, "the checkpoint")?;
    let parsed =
        parse(&note).map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))?;
    Ok((note, parsed))
}

/// Prints the newest checkpoint, with every leaf that is there now in it.
pub async fn print(global: &Global, out: Option<&Path>) -> Outcome {
    let admin = crate::admin::connect(&global.run_dir()?)?;
    let least = admin.health().await?.position;
    let note = admin.read_checkpoint(&ReadCheckpoint { least }).await?.newest.0;
    let text = String::from_utf8(note).map_err(|_| anyhow!("the checkpoint is no text"))?;
    match out {
        Some(path) => Ok(write_private(path, text.as_bytes(), 0o644)?),
        None => output::text(&text),
    }
}

/// Shows the signer a checkpoint.
pub async fn show(global: &Global, path: &Path) -> Outcome {
    let admin = crate::admin::connect(&global.run_dir()?)?;
    let (note, checkpoint) = from_file(path)?;
    let call = ShowCheckpoint { note: NoteBytes(note) };
    let shown = match admin.call(Socket::Admin, &call, PATIENCE).await {
        Err(CallError::Refused(refusal)) if refusal.rule == Rule::StateRolledBack => {
            return Err(Failure::Findings(format!(
                "the signer's journal is not the one that made this checkpoint of {} leaves, and \
                 the ring signs nothing any more ({refusal}). docs/operate/log.md, \"A ring that was \
                 rolled back\"",
                checkpoint.size
            )));
        }
        shown => shown?,
    };
    let answer = json!({ "leaves": shown.size, "cosignatures_kept": shown.taken });
    if global.json {
        return output::json(&answer);
    }
    output::text(&format!(
        "the journal has these {} leaves; {} cosignatures were new, and are kept",
        shown.size, shown.taken
    ))
}
