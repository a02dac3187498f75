//! Journals of other rings that are followed: their leaves are here as files and as a state of
//! their own, each verified against the pinned `log` key of its ring before it is kept.

mod brought;
mod ring;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};

use signer_log::checkpoint::origin;
use signer_log::note::{Algorithm, NoteKey};
use signer_proto::{
    Courier, Digest, FollowedRead, FollowedRing, Genesis, InstanceId, Purpose, Refusal, Rule,
};

use crate::journal::Disk;
use crate::keeper::{Keeper, lock};
use crate::state::Followed;
use brought::Brought;
pub use ring::FollowError;
pub(crate) use ring::FollowedJournal;

/// The folder of the ring in which followed journals lie, one in a folder of its own.
const FOLDER: &str = "followed";
/// Folders that every start prepares for rings that are taken up while it runs: a sealed process
/// makes none.
const SPARES: usize = 8;

/// All journals that are followed.
pub(crate) struct FollowedJournals {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    open: RwLock<HashMap<InstanceId, Arc<FollowedJournal>>>,
    /// One courier at a time.
    taking: Mutex<()>,
}

impl FollowedJournals {
    /// Opens those that this ring's journal says are followed.
    pub(crate) fn open<'a>(
        dir: &Path,
        disk: Arc<dyn Disk>,
        followed: impl Iterator<Item = (&'a InstanceId, &'a Followed)>,
    ) -> Result<Self, FollowError> {
        let dir = dir.join(FOLDER);
        for spare in spares(&dir) {
            ring::make_private(&spare).map_err(FollowError::Folder)?;
        }
        let mut open = HashMap::new();
        for (instance, followed) in followed {
            let folder = dir.join(instance.to_string());
            let journal = FollowedJournal::open(&folder, &disk, followed)?;
            open.insert(*instance, Arc::new(journal));
        }
        Ok(Self { dir, disk, open: RwLock::new(open), taking: Mutex::default() })
    }

    /// Returns the journal of a ring.
    pub(crate) fn get(&self, instance: &InstanceId) -> Result<Arc<FollowedJournal>, Refusal> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.get(instance).cloned().ok_or_else(|| {
            Refusal::new(Rule::RingNotFollowed, format!("the ring {instance} is not followed"))
        })
    }

    /// Returns the folder of the next ring that is taken up.
    pub(crate) fn spare(&self) -> Result<PathBuf, Refusal> {
        let mut spares = spares(&self.dir);
        spares.find(|spare| spare.exists()).ok_or_else(|| {
            let detail = format!("{SPARES} rings were taken up since the start: start again first");
            Refusal::new(Rule::JournalUnavailable, detail)
        })
    }

    /// Ends the writers of all of them.
    pub(crate) fn close(&self) {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().for_each(|journal| journal.close());
    }
}

fn spares(dir: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=SPARES).map(|number| dir.join(format!("next-{number}")))
}

/// Returns the key that signs the checkpoints of a ring.
fn log_key(genesis: &Genesis) -> Result<NoteKey, Refusal> {
    let log = genesis.house_keys.0.iter().find(|key| key.purpose == Purpose::Log);
    let spki = log.and_then(|key| key.spki.as_ref());
    let spki = spki.ok_or_else(|| Refusal::new(Rule::FieldMalformed, "it has no log key"))?;
    NoteKey::of_spki(&origin(genesis.instance), Algorithm::Ed25519, spki)
        .map_err(|error| Refusal::new(Rule::FieldMalformed, error.to_string()))
}

impl Keeper {
    /// Begins to follow a ring that was just taken up, in a folder that waited for it. Where that
    /// is cut off, the next start begins.
    pub(crate) fn open_followed(&self, instance: InstanceId, spare: &Path) -> Result<(), Refusal> {
        let all = &self.followed;
        let followed = self.live().state.followed().get(&instance).cloned();
        let followed = followed
            .ok_or_else(|| Refusal::new(Rule::StateCorrupt, "it was taken up and is not there"))?;
        let folder = all.dir.join(instance.to_string());
        let journal = FollowedJournal::begin(&folder, spare, &all.disk, &followed)
            .map_err(|error| Refusal::new(Rule::JournalUnavailable, error.to_string()))?;
        let mut open = all.open.write().unwrap_or_else(PoisonError::into_inner);
        open.insert(instance, Arc::new(journal));
        Ok(())
    }

    /// Says how far a ring was followed.
    pub(crate) fn followed_ring(&self, instance: InstanceId) -> Result<FollowedRing, Refusal> {
        Ok(self.followed.get(&instance)?.report(instance))
    }

    /// Takes leaves of a followed journal: all of them, verified and durable, or none. None from
    /// elsewhere than where it ends: the answer says where that is.
    pub(crate) fn take_followed_leaves(
        self: &Arc<Self>,
        call: &Courier,
    ) -> Result<FollowedRing, Refusal> {
        let journal = self.followed.get(&call.instance)?;
        let _one = lock(&self.followed.taking);
        let here = journal.report(call.instance);
        if call.from != here.size {
            return Ok(here);
        }
        let brought = journal.verify(call)?;
        let (size, root) = journal.take(brought)?;
        let known = self.live().state.followed().get(&call.instance).and_then(|ring| ring.read);
        if known.is_none_or(|(before, _)| before < size) {
            let root = Digest(root);
            self.write_and_wait(FollowedRead { instance: call.instance, size, root })?;
        }
        Ok(journal.report(call.instance))
    }

    /// Takes leaves of the ring that this one stands by for, if they are the next ones.
    pub(crate) fn take_own_leaves(
        self: &Arc<Self>,
        call: &Courier,
    ) -> Result<FollowedRing, Refusal> {
        let _one = lock(&self.followed.taking);
        let genesis = self.live().state.ring().map(|ring| ring.genesis.clone());
        let genesis =
            genesis.ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?;
        if genesis.instance != call.instance {
            let detail = "a standby takes the leaves of its own ring alone";
            return Err(Refusal::new(Rule::RingNotFollowed, detail));
        }
        let size = self.journal.size();
        if call.from != size {
            return Ok(FollowedRing { instance: call.instance, size, newest: 0, as_of: None });
        }
        let brought = Brought::verify(call, &log_key(&genesis)?, &self.journal.tree())?;
        let (done, wait) = mpsc::channel();
        let count = brought.leaves.len();
        for leaf in brought.leaves {
            let done = done.clone();
            self.append(leaf, move |outcome| {
                // Whoever waits has not gone: it waits without a limit.
                let _ = done.send(outcome);
            });
        }
        for _ in 0..count {
            wait.recv().map_err(|_| Refusal::new(Rule::ShuttingDown, "the signer is ending"))??;
        }
        Ok(FollowedRing {
            instance: call.instance,
            size: self.journal.size(),
            newest: brought.checkpoint.size,
            as_of: Some(brought.as_of),
        })
    }
}
