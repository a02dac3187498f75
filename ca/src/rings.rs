//! The rings of one server: a signer each, with what is remembered of each.
//!
//! Nothing of one ring waits for another: a signer that is away keeps only what its keys sign.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use model::{Issuer, RingName};
use signer_client::SignerClient;
use signer_proto::Description;
use tokio::sync::Notify;

use crate::authority::Authority;
use crate::courier::Following;
use crate::log::LogReads;

/// The way to one ring.
#[derive(Debug, Clone)]
pub struct RingLink {
    /// What the server calls it: in the inventory, in URLs, in metrics.
    pub name: RingName,
    /// The way to its signer.
    pub signer: SignerClient,
}

/// A name that two rings have. Malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("two rings are called `{0}`")]
pub struct RingTwice(pub RingName);

/// The rings of a server: at least one, no two of one name.
#[derive(Debug, Clone)]
pub struct Rings(Vec<RingLink>);

impl From<SignerClient> for Rings {
    /// Gives one ring, `default`.
    fn from(signer: SignerClient) -> Self {
        Self(vec![RingLink { name: RingName::default(), signer }])
    }
}

impl Rings {
    /// Takes the first ring, which has the server's TLS key and anchors its audit log, and more.
    ///
    /// # Errors
    /// [`RingTwice`].
    pub fn new(
        first: RingLink,
        more: impl IntoIterator<Item = RingLink>,
    ) -> Result<Self, RingTwice> {
        let mut rings = vec![first];
        for ring in more {
            if rings.iter().any(|there| there.name == ring.name) {
                return Err(RingTwice(ring.name));
            }
            rings.push(ring);
        }
        Ok(Self(rings))
    }

    /// Begins to remember.
    pub(crate) fn open(self) -> Vec<Arc<Ring>> {
        self.0.into_iter().map(|link| Arc::new(Ring::new(link))).collect()
    }
}

/// How far a ring's journal was taken over since this process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not to its end yet.
    Behind,
    /// Up to a leaf whose issuer another ring's journal may tell.
    Waiting,
    /// To its end, once at least.
    Followed,
}

/// A ring and what is remembered of it.
pub(crate) struct Ring {
    pub(crate) name: RingName,
    pub(crate) signer: SignerClient,
    /// What it held when it was asked last; none before the first answer.
    described: RwLock<Option<Arc<Description>>>,
    /// Lets one read its keys at a time: what was read earlier must not be put in place later.
    pub(crate) describing: tokio::sync::Mutex<()>,
    /// Positions of its journal that this process brought into the inventory itself.
    recorded: Mutex<BTreeSet<u64>>,
    /// Lets one follow its journal at a time.
    pub(crate) following: tokio::sync::Mutex<()>,
    progress: Mutex<Progress>,
    pub(crate) log: LogReads,
    /// What it has to do with rings that it follows, or that follow it.
    pub(crate) following_others: Following,
    /// Lets one of its CRLs be built at a time: nobody gains from two of the same second.
    pub(crate) building: tokio::sync::Mutex<()>,
    /// Wakes its CRL job after a revocation.
    pub(crate) revoked: Notify,
    /// Wakes its responder job after keys, policies or issuers changed.
    pub(crate) restructured: Notify,
    /// Wakes its journal job after something that only the journal tells.
    pub(crate) journal: Notify,
}

impl Ring {
    fn new(link: RingLink) -> Self {
        Self {
            name: link.name,
            signer: link.signer,
            described: RwLock::default(),
            describing: tokio::sync::Mutex::default(),
            recorded: Mutex::default(),
            following: tokio::sync::Mutex::default(),
            progress: Mutex::new(Progress::Behind),
            log: LogReads::default(),
            following_others: Following::default(),
            building: tokio::sync::Mutex::default(),
            revoked: Notify::new(),
            restructured: Notify::new(),
            journal: Notify::new(),
        }
    }

    /// Says whether an issuer's key is in it.
    pub(crate) fn holds(&self, issuer: &Issuer) -> bool {
        issuer.ring == self.name
    }

    /// Finds the issuer whose key has this label in it.
    pub(crate) fn issuer_of<'a>(&self, issuers: &'a [Issuer], label: &str) -> Option<&'a Issuer> {
        issuers.iter().find(|issuer| self.holds(issuer) && issuer.key_label == label)
    }

    /// Returns what it held when it was asked last.
    pub(crate) fn described(&self) -> Option<Arc<Description>> {
        self.described.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks what it holds, and remembers it.
    pub(crate) async fn describe(&self) -> Result<Arc<Description>, signer_client::CallError> {
        let fresh = Arc::new(self.signer.describe().await?);
        let described = &self.described;
        *described.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Remembers that the journal job need not look at this position.
    pub(crate) fn note_recorded(&self, position: u64) {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).insert(position);
    }

    /// Returns the positions that were noted and not forgotten.
    pub(crate) fn recorded(&self) -> BTreeSet<u64> {
        self.recorded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets what was recorded below a position that the journal is followed to.
    pub(crate) fn forget_recorded(&self, end: u64) {
        let mut recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        *recorded = recorded.split_off(&end);
    }

    pub(crate) fn progress(&self) -> Progress {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes how far it was followed; to the end once is to the end for good.
    pub(crate) fn note_progress(&self, progress: Progress) {
        let mut known = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != Progress::Followed {
            *known = progress;
        }
    }
}

impl Authority {
    /// Returns the names of the rings, the first one first.
    pub fn ring_names(&self) -> impl Iterator<Item = &RingName> {
        self.0.rings.iter().map(|ring| &ring.name)
    }

    /// Returns the first ring: it has the server's TLS key, and the audit log is anchored in it.
    pub(crate) fn first_ring(&self) -> &Arc<Ring> {
        self.0.rings.first().expect("`Rings` has at least one")
    }

    pub(crate) fn ring(&self, name: &RingName) -> Option<&Arc<Ring>> {
        self.0.rings.iter().find(|ring| ring.name == *name)
    }

    /// Says whether a ring is one of this server whose signer has not answered since the start.
    pub(crate) fn is_silent(&self, name: &RingName) -> bool {
        self.ring(name).is_some_and(|ring| ring.described().is_none())
    }

    /// Wakes what looks at issuers, in every ring: paths lead through all of them.
    pub(crate) fn wake_all(&self) {
        for ring in &self.0.rings {
            ring.revoked.notify_one();
            ring.restructured.notify_one();
        }
    }
}
