//! OCSP by a ring that follows another one: the server couriers the one's journal to the other.
//!
//! The follower believes nothing of it but what leads to a checkpoint under the pinned log key
//! (signer/core, `followed`): who withholds or bends leaves gets no answers signed, not wrong ones.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use model::{Id, Issuer};
use signer_client::CallError;
use signer_log::checkpoint::Checkpoint;
use signer_log::note::Note;
use signer_proto::{
    Courier, Description, Digest, Event, InstanceId, KeyDescription, KeyLabel, Leaf, LeafBytes,
    Leaves, NoteBytes, ProofHashes, ProofKind, Purpose, ReadCheckpoint, ReadJournal, ReadPolicy,
    ReadProof, Rule, Socket, Wire,
};
use tokio::sync::watch;
use tokio::time::timeout;
use x509::{PublicKey, Serial, SignatureScheme};

use crate::authority::Authority;
use crate::rings::Ring;

/// How often a journal is looked at for news, besides at every change that is made here.
const LOOK: Duration = Duration::from_millis(400);
/// How long news that change no status may wait. The follower tells nothing later than the newest
/// checkpoint that it has, so it gets one now and then in any case.
const KEEP: Duration = Duration::from_secs(30);
/// How long the follower may take for a batch: it verifies it and makes it durable.
const PATIENCE: Duration = Duration::from_secs(30);
/// The most octets of leaves in a batch: the call takes 9 MiB in all.
const MOST: usize = 8 * 1024 * 1024;
/// Leaves that are read at a time.
const READ: u32 = 1_024;

/// Why a journal is not brought to its follower.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CourierError {
    /// The ring that is followed does not answer.
    #[error("the ring that is followed gives no news")]
    From(#[source] CallError),
    /// The follower does not take them.
    #[error("the follower does not take them")]
    To(#[source] CallError),
    /// What the ring gave is no checkpoint.
    #[error("the checkpoint does not read: {0}")]
    Checkpoint(String),
    /// The follower has more than the ring itself.
    #[error("{here} leaves are with the follower, and the journal has {there}: it was rolled back")]
    RolledBack {
        /// With the follower.
        here: u64,
        /// In the journal.
        there: u64,
    },
}

/// An OCSP key that speaks for a CA of another ring.
#[derive(Clone)]
pub(crate) struct Delegate {
    pub(crate) label: KeyLabel,
    pub(crate) public_key: PublicKey,
    pub(crate) scheme: SignatureScheme,
    pub(crate) speaks_for: SpeaksFor,
}

/// For whom a responder of another ring speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SpeaksFor {
    /// The ring that has the CA's key.
    pub(crate) instance: InstanceId,
    /// The label of that key.
    pub(crate) issuer_key: String,
}

/// A change that the follower may not have yet.
struct Unseen {
    position: u64,
    issuer: Id<Issuer>,
    serial: Serial,
}

/// What a ring has to do with others: whom it follows, and what its followers lack.
pub(crate) struct Following {
    delegates: RwLock<Arc<Vec<Delegate>>>,
    /// What the policies of its OCSP keys say, by their digests.
    read: tokio::sync::Mutex<HashMap<Digest, Option<SpeaksFor>>>,
    unseen: Mutex<Vec<Unseen>>,
    news: watch::Sender<()>,
}

impl Default for Following {
    fn default() -> Self {
        Self {
            delegates: RwLock::default(),
            read: tokio::sync::Mutex::default(),
            unseen: Mutex::default(),
            news: watch::Sender::new(()),
        }
    }
}

impl Following {
    /// Returns the OCSP keys that speak for CAs of other rings.
    pub(crate) fn delegates(&self) -> Arc<Vec<Delegate>> {
        Arc::clone(&self.delegates.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes a change whose answers a follower gives, and wakes who couriers.
    pub(crate) fn tell(&self, position: u64, issuer: Id<Issuer>, serial: Serial) {
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        unseen.push(Unseen { position, issuer, serial });
        drop(unseen);
        self.news.send_replace(());
    }

    /// Takes the changes of some issuers that a follower has by now.
    fn take_seen(
        &self,
        size: u64,
        is_its: impl Fn(Id<Issuer>) -> bool,
    ) -> Vec<(Id<Issuer>, Serial)> {
        let mut unseen = self.unseen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut seen = Vec::new();
        unseen.retain(|change| {
            let is_seen = change.position < size && is_its(change.issuer);
            if is_seen {
                seen.push((change.issuer, change.serial));
            }
            !is_seen
        });
        seen
    }
}

impl Ring {
    /// Reads for which CAs of other rings its OCSP keys speak. A policy is read once.
    pub(crate) async fn read_delegates(&self, described: &Description) -> Result<(), CallError> {
        let mut read = self.following_others.read.lock().await;
        let mut found = Vec::new();
        for key in described.keys.0.iter().filter(|key| key.purpose == Purpose::Ocsp) {
            let Some(digest) = key.policy.map(|policy| policy.digest) else {
                continue;
            };
            let speaks_for = match read.get(&digest) {
                Some(known) => known.clone(),
                None => {
                    let call = ReadPolicy { key: key.label.clone() };
                    let speaks_for = speaks_for(&self.signer.read_policy(&call).await?.text.0);
                    read.insert(digest, speaks_for.clone());
                    speaks_for
                }
            };
            found.extend(speaks_for.and_then(|speaks_for| delegate(key, speaks_for)));
        }
        let delegates = &self.following_others.delegates;
        *delegates.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(found);
        Ok(())
    }

    fn follows(&self, instance: InstanceId) -> bool {
        let delegates = self.following_others.delegates();
        delegates.iter().any(|delegate| delegate.speaks_for.instance == instance)
    }
}

fn delegate(key: &KeyDescription, speaks_for: SpeaksFor) -> Option<Delegate> {
    let public_key = PublicKey::parse(key.spki.as_ref()?.as_bytes()).ok()?;
    Some(Delegate {
        label: key.label.clone(),
        scheme: SignatureScheme::default_for(public_key.kind())?,
        public_key,
        speaks_for,
    })
}

/// Reads from a responder's policy for whom it speaks, if that is a CA of another ring.
fn speaks_for(policy: &str) -> Option<SpeaksFor> {
    let policy: toml::Table = toml::from_str(policy).ok()?;
    let instance = policy.get("issuer_ring")?.as_str()?;
    let mut octets = [0; 16];
    (instance.len() == 32).then_some(())?;
    for (octet, digits) in octets.iter_mut().zip(instance.as_bytes().chunks(2)) {
        *octet = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    let issuer_key = policy.get("issuer_key")?.as_str()?.to_owned();
    Some(SpeaksFor { instance: InstanceId(octets), issuer_key })
}

/// How far a journal was brought to one follower.
#[derive(Default)]
struct Road {
    /// Leaves that the follower has; none before it was asked.
    size: Option<u64>,
    /// The next ones, read and not brought yet.
    waiting: Vec<LeafBytes>,
    /// Whether one of them changes a status.
    matters: bool,
    /// When it was brought to the follower last.
    at: Option<Instant>,
}

impl Authority {
    /// Brings one ring's journal to another one for as long as that follows it.
    pub(crate) async fn courier_for_ever(self, from: Arc<Ring>, to: Arc<Ring>) {
        let what = format!("bringing the journal of `{}` to `{}`", from.name, to.name);
        let mut complaint = crate::jobs::Complaint::about(what);
        let mut news = from.following_others.news.subscribe();
        let mut road = Road::default();
        loop {
            // Whether there is news or the time is over is all the same.
            let _ = timeout(LOOK, news.changed()).await;
            let followed = from.described().map(|described| described.instance);
            let Some(instance) = followed.filter(|instance| to.follows(*instance)) else {
                tokio::time::sleep(LOOK).await;
                continue;
            };
            let brought = self.bring(&from, &to, instance, &mut road).await;
            if brought.is_err() {
                road = Road::default();
            }
            if complaint.hear(brought).is_none() {
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    async fn bring(
        &self,
        from: &Ring,
        to: &Ring,
        instance: InstanceId,
        road: &mut Road,
    ) -> Result<(), CourierError> {
        let size = match road.size {
            Some(size) => size,
            None => progress_of(from, to, instance).await?,
        };
        road.size = Some(size);
        read_on(from, size, road).await?;
        let is_due = road.at.is_none_or(|at| at.elapsed() >= KEEP);
        if road.matters || is_due {
            carry(from, to, instance, road).await?;
        }
        let seen = |id| self.entry_by_id(id).is_some_and(|e| e.answers_by(to));
        let brought = road.size.unwrap_or(0);
        for (issuer, serial) in from.following_others.take_seen(brought, seen) {
            // What was signed before the follower knew is not repeated.
            self.0.responders.forget(issuer, serial);
        }
        Ok(())
    }
}

/// Reads the leaves behind those that wait already.
async fn read_on(from: &Ring, size: u64, road: &mut Road) -> Result<(), CourierError> {
    loop {
        let next = size + road.waiting.len() as u64;
        let call = ReadJournal { from: next, limit: READ };
        let slice = match from.signer.read_journal(&call).await {
            Err(CallError::Refused(refusal)) if refusal.rule == Rule::PositionUnknown => {
                let there = from.signer.health().await.map_err(CourierError::From)?.position;
                return Err(CourierError::RolledBack { here: next, there });
            }
            outcome => outcome.map_err(CourierError::From)?,
        };
        if slice.leaves.0.is_empty() {
            return Ok(());
        }
        road.matters |= slice.leaves.0.iter().any(changes_a_status);
        road.waiting.extend(slice.leaves.0);
        if octets(&road.waiting) > MOST {
            road.matters = true;
            return Ok(());
        }
    }
}

/// Says whether a leaf is what an answer may depend on. Two rings that follow each other have
/// no news of it for ever.
fn changes_a_status(leaf: &LeafBytes) -> bool {
    let idle = |event: &Event| {
        matches!(
            event,
            Event::FollowedRead(_)
                | Event::OcspSigned(_)
                | Event::HandshakesSigned(_)
                | Event::CrlSigned(_)
                | Event::AuditAnchored(_)
                | Event::Refused(_)
        )
    };
    Leaf::from_wire(&leaf.0).is_ok_and(|leaf| !idle(&leaf.event))
}

fn octets(leaves: &[LeafBytes]) -> usize {
    leaves.iter().map(|leaf| leaf.0.len() + 4).sum()
}

/// Carries what waits to the follower, with a checkpoint and the proof that leads to it.
async fn carry(
    from: &Ring,
    to: &Ring,
    instance: InstanceId,
    road: &mut Road,
) -> Result<(), CourierError> {
    let mut position = road.size.unwrap_or(0);
    let least = position + road.waiting.len() as u64;
    let read = from.signer.read_checkpoint(&ReadCheckpoint { least }).await;
    let note = read.map_err(CourierError::From)?.newest;
    let size = size_of(&note)?;
    loop {
        let batch = road.next_batch();
        let end = position + batch.len() as u64;
        let call = Courier {
            instance,
            from: position,
            leaves: Leaves(batch),
            checkpoint: note.clone(),
            proof: proof_of(from, end, size).await?,
        };
        let taken = to.signer.call(Socket::Status, &call, PATIENCE).await;
        position = taken.map_err(CourierError::To)?.size;
        if position != end {
            // It lost some, or another courier was here.
            *road = Road { size: Some(position), ..Road::default() };
            return Ok(());
        }
        road.size = Some(position);
        if road.waiting.is_empty() {
            road.matters = false;
            road.at = Some(Instant::now());
            return Ok(());
        }
    }
}

async fn proof_of(from: &Ring, first: u64, size: u64) -> Result<ProofHashes, CourierError> {
    if first == size {
        return Ok(ProofHashes(Vec::new()));
    }
    let call = ReadProof { kind: ProofKind::Consistency, first, size };
    Ok(from.signer.read_proof(&call).await.map_err(CourierError::From)?.hashes)
}

impl Road {
    /// Takes as many of the leaves that wait as one call takes.
    fn next_batch(&mut self) -> Vec<LeafBytes> {
        let mut total = 0;
        let fits = |leaf: &&LeafBytes| {
            total += leaf.0.len() + 4;
            total <= MOST
        };
        let count = self.waiting.iter().take_while(fits).count().max(1).min(self.waiting.len());
        let rest = self.waiting.split_off(count);
        std::mem::replace(&mut self.waiting, rest)
    }
}

fn size_of(note: &NoteBytes) -> Result<u64, CourierError> {
    let read = |note: &NoteBytes| {
        let note = Note::parse(&note.0).map_err(|error| error.to_string())?;
        Checkpoint::parse(&note.text).map_err(|error| error.to_string())
    };
    read(note).map(|checkpoint| checkpoint.size).map_err(CourierError::Checkpoint)
}

/// Asks how many leaves of a ring's journal the follower has. No journal goes on at its genesis:
/// such a call takes nothing and answers how far it came.
async fn progress_of(from: &Ring, to: &Ring, instance: InstanceId) -> Result<u64, CourierError> {
    let read = from.signer.read_checkpoint(&ReadCheckpoint { least: 0 }).await;
    let call = Courier {
        instance,
        from: 0,
        leaves: Leaves(Vec::new()),
        checkpoint: read.map_err(CourierError::From)?.newest,
        proof: ProofHashes(Vec::new()),
    };
    let told = to.signer.call(Socket::Status, &call, PATIENCE).await;
    Ok(told.map_err(CourierError::To)?.size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_for_whom_its_key_speaks() {
        let policy =
            "issuer_key = \"issuing\"\nissuer_ring = \"000102030405060708090a0b0c0d0e0f\"\n";
        let octets = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let expected = SpeaksFor { instance: InstanceId(octets), issuer_key: "issuing".to_owned() };
        assert_eq!(speaks_for(policy), Some(expected));
        for other in
            ["issuer_key = \"issuing\"\n", "issuer_ring = \"00\"\nissuer_key = \"a\"\n", "?"]
        {
            assert_eq!(speaks_for(other), None, "{other}");
        }
    }

    #[test]
    fn batches_keep_to_the_limit_of_the_call() {
        let leaf = |size: usize| LeafBytes(vec![7; size]);
        let mut road = Road { waiting: vec![leaf(MOST - 4), leaf(1), leaf(2)], ..Road::default() };
        let sizes =
            |batch: Vec<LeafBytes>| -> Vec<usize> { batch.iter().map(|l| l.0.len()).collect() };
        assert_eq!(sizes(road.next_batch()), [MOST - 4]);
        assert_eq!(sizes(road.next_batch()), [1, 2]);
        assert_eq!(sizes(road.next_batch()), [0; 0]);
        // One that is too large by itself is for the signer to refuse.
        let mut road = Road { waiting: vec![leaf(MOST)], ..Road::default() };
        assert_eq!(sizes(road.next_batch()), [MOST]);
    }

    #[test]
    fn what_a_follower_has_by_now_is_taken_once() {
        let following = Following::default();
        let (one, two) = (Id::from_parts(1, &[1; 10]), Id::from_parts(2, &[1; 10]));
        let serial = |octet| Serial::from_unsigned(&[octet]).expect("positive");
        for (position, issuer, octet) in [(3, one, 1), (5, one, 2), (3, two, 3)] {
            following.tell(position, issuer, serial(octet));
        }
        assert_eq!(following.take_seen(5, |id| id == one), [(one, serial(1))]);
        assert_eq!(following.take_seen(5, |id| id == one), []);
        assert_eq!(following.take_seen(6, |id| id == one), [(one, serial(2))]);
        assert_eq!(following.take_seen(6, |id| id == two), [(two, serial(3))]);
    }
}
