//! The courier: brings leaves, a checkpoint and the proof between them from one ring to another.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use signer_client::SignerClient;
use signer_proto::{
    Courier, Event, FollowedRing, InstanceId, Leaf, LeafBytes, Leaves, NoteBytes, ProofHashes,
    ReadJournal, Socket, Wire,
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
/// Leaves of the own journal that are read at a time.
const READ: u64 = 1_024;

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
    let mut from = known(here, instance).await?;
    let note = there.checkpoint().await?;
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
        if end == size {
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

/// Tells how many leaves of a ring's journal are here. A standby has them as its own; a ring that
/// follows says in its journal how far it came.
async fn known(here: &SignerClient, instance: InstanceId) -> Outcome<u64> {
    let end = here.health().await?.position;
    if here.describe().await?.instance == instance {
        return Ok(end);
    }
    let mut after = end;
    while after > 0 {
        let from = after.saturating_sub(READ);
        if let Some(size) = last_told(here, instance, from, after).await? {
            return Ok(size);
        }
        after = from;
    }
    Err(Failure::NotFound(format!(
        "this ring does not follow {instance}: `chancery ring follow` comes first"
    )))
}

/// Looks for the last leaf of a part of the own journal that tells.
async fn last_told(
    here: &SignerClient,
    instance: InstanceId,
    from: u64,
    to: u64,
) -> Outcome<Option<u64>> {
    let (mut position, mut told) = (from, None);
    while position < to {
        let limit = u32::try_from(to - position).context("a part of the journal")?;
        let slice = here.read_journal(&ReadJournal { from: position, limit }).await?;
        if slice.leaves.0.is_empty() {
            break;
        }
        for leaf in slice.leaves.0 {
            let read = Leaf::from_wire(&leaf.0)
                .with_context(|| format!("the journal's leaf at {position}"))?;
            told = tells(&read.event, instance).or(told);
            position += 1;
        }
    }
    Ok(told)
}

/// Says what a leaf tells of how far a ring was followed.
fn tells(event: &Event, instance: InstanceId) -> Option<u64> {
    match event {
        Event::FollowedRead(read) if read.instance == instance => Some(read.size),
        Event::RingFollowed(followed) => {
            let genesis = Leaf::from_wire(&followed.genesis.0).ok()?.event;
            matches!(genesis, Event::Genesis(genesis) if genesis.instance == instance).then_some(1)
        }
        _ => None,
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
