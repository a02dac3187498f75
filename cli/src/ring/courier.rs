//! The courier: brings leaves, a checkpoint and the proof between them from one ring to another.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use signer_client::{CallError, SignerClient};
use signer_proto::{
    Courier, FollowedRing, InstanceId, LeafBytes, Leaves, NoteBytes, ProofHashes, Rule, Socket,
};

use super::checkpoint;
use super::source::{Other, Source};
use crate::exit::{Failure, Outcome};
use crate::options::Global;
use crate::output;

/// A batch is verified and made durable before it is answered.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most octets of leaves in a batch: the call takes 9 MiB in all.
const MOST: usize = 8 * 1024 * 1024;

/// Brings what is missing, once or again and again.
pub async fn run(global: &Global, other: &Other, every: Option<u32>) -> Outcome {
    let here = crate::admin::connect(&global.run_dir()?)?;
    let Some(seconds) = every else {
        let done = bring(&here, &other.open(global)?).await?;
        return told(global, &done);
    };
    let mut tick = tokio::time::interval(Duration::from_secs(seconds.into()));
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let done = match other.open(global) {
            Ok(source) => bring(&here, &source).await,
            Err(failure) => Err(failure),
        };
        match done {
            Ok(done) => told(global, &done)?,
            // Another moment it may be there again. What is refused stays so.
            Err(Failure::Unavailable(why)) => eprintln!("chancery: {why}"),
            Err(failure) => return Err(failure),
        }
    }
}

/// Brings leaves until all of the newest checkpoint are here.
async fn bring(here: &SignerClient, there: &Source) -> Outcome<FollowedRing> {
    let instance = there.instance().await?;
    let note = there.checkpoint().await?;
    let mut from = known(here, instance, &note).await?;
    let size = checkpoint::parse(&note).context("the other ring's checkpoint")?.size;
    if from > size {
        return Err(Failure::Refused(format!(
            "{from} leaves are here, and the other ring's newest checkpoint has {size}: it was \
             rolled back, or it is not the one that it says it is"
        )));
    }
    loop {
        let leaves = batch(there, from, size).await?;
        let end = from + u64::try_from(leaves.len()).context("a batch")?;
        let proof = there.consistency(end, size).await?;
        let call = Courier {
            instance,
            from,
            leaves: Leaves(leaves),
            checkpoint: NoteBytes(note.clone()),
            proof: ProofHashes(proof),
        };
        let taken = here.call(Socket::Admin, &call, PATIENCE).await?;
        if taken.size == size {
            return Ok(taken);
        }
        if taken.size <= from {
            return Err(Failure::Unavailable("the other ring gives no leaves".into()));
        }
        from = taken.size;
    }
}

/// Reads as many of the next leaves as one call takes.
async fn batch(there: &Source, from: u64, size: u64) -> Outcome<Vec<LeafBytes>> {
    if from == size {
        return Ok(Vec::new());
    }
    let (mut octets, mut batch) = (0, Vec::new());
    for leaf in there.leaves(from, size - from).await? {
        octets += leaf.len() + 4;
        if octets > MOST && !batch.is_empty() {
            break;
        }
        batch.push(LeafBytes(leaf));
    }
    Ok(batch)
}

/// Asks how many leaves of a ring's journal are here. No journal goes on at its genesis: such a
/// call takes nothing and answers how far it came.
async fn known(here: &SignerClient, instance: InstanceId, note: &[u8]) -> Outcome<u64> {
    let call = Courier {
        instance,
        from: 0,
        leaves: Leaves(Vec::new()),
        checkpoint: NoteBytes(note.to_owned()),
        proof: ProofHashes(Vec::new()),
    };
    match here.call(Socket::Admin, &call, PATIENCE).await {
        Err(CallError::Refused(refusal)) if refusal.rule == Rule::RingNotFollowed => {
            Err(Failure::NotFound(format!(
                "this ring does not follow {instance}: `chancery ring follow` comes first"
            )))
        }
        told => Ok(told?.size),
    }
}

fn told(global: &Global, ring: &FollowedRing) -> Outcome {
    let as_of = ring.as_of.map(|time| time.to_string());
    if global.json {
        return output::json(&json!({
            "instance": ring.instance.to_string(),
            "leaves": ring.size,
            "as_of": as_of,
        }));
    }
    let as_of = as_of.unwrap_or_else(|| "-".to_owned());
    output::text(&format!("{}: {} leaves, as of {as_of}", ring.instance, ring.size))
}
