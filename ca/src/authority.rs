//! The authority: what every protocol and the API call.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, PoisonError, RwLock};

use model::{Clock, ProfileName};
use signer_client::SignerClient;
use store::{Store, profiles};

use crate::crl::CrlCache;
use crate::issue::IssueError;
use crate::issuers::Issuers;
use crate::lease::Leases;
use crate::ocsp::Responders;
use crate::profile::{BUILTIN, Profile};
use crate::reconcile::Reconciler;
use crate::rings::{Ring, Rings};
use crate::urls::PublicUrls;

/// What an authority is made of.
pub struct AuthorityParts {
    /// The inventory.
    pub store: Store,
    /// The rings whose keys it has used.
    pub rings: Rings,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// What stands in certificates.
    pub urls: PublicUrls,
}

/// Issues, revokes and answers for status; clones share everything.
#[derive(Clone)]
pub struct Authority(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) store: Store,
    /// At least one.
    pub(crate) rings: Vec<Arc<Ring>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) urls: PublicUrls,
    pub(crate) issuers: Issuers,
    profiles: RwLock<HashMap<ProfileName, Arc<Profile>>>,
    /// Lets one read profiles at a time: what was read earlier must not be put in place later.
    reading_profiles: tokio::sync::Mutex<()>,
    pub(crate) crls: CrlCache,
    pub(crate) responders: Responders,
    /// Lets requests with the same idempotency key take turns.
    pub(crate) turns: crate::issue::Turns,
    /// Lets one follower change issuers at a time: two rings may tell of one issuer.
    pub(crate) structuring: tokio::sync::Mutex<()>,
    /// Compares inventory and journals.
    pub(crate) reconciler: Reconciler,
    /// Counts signatures, so that one in some is verified here again.
    pub(crate) signed: AtomicU32,
    /// Lets one server of a database at a time do what one must do.
    pub(crate) leases: Leases,
}

impl Authority {
    /// Opens: writes the built-in profiles if they are missing, reads the issuers. A signer that
    /// is not there yet, or locked, is no error: CRLs in the database are served meanwhile.
    pub async fn open(parts: AuthorityParts) -> Result<Self, IssueError> {
        let leases = Leases::open(parts.store.clone(), Arc::clone(&parts.clock)).await?;
        let authority = Self(Arc::new(Inner {
            store: parts.store,
            rings: parts.rings.open(),
            clock: parts.clock,
            urls: parts.urls,
            issuers: Issuers::default(),
            profiles: RwLock::default(),
            reading_profiles: tokio::sync::Mutex::default(),
            crls: CrlCache::default(),
            responders: Responders::default(),
            turns: crate::issue::Turns::default(),
            structuring: tokio::sync::Mutex::default(),
            reconciler: Reconciler::default(),
            signed: AtomicU32::new(0),
            leases,
        }));
        authority.seed_profiles().await?;
        authority.reload_profiles().await?;
        match authority.reload_issuers().await {
            Err(IssueError::Store(error)) => return Err(IssueError::Store(error)),
            Err(error) => tracing::warn!(%error, "the signer's keys are read later"),
            Ok(()) => {}
        }
        Ok(authority)
    }

    /// Returns the inventory.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// Returns the way to the first ring's signer.
    #[must_use]
    pub fn signer(&self) -> &SignerClient {
        &self.first_ring().signer
    }

    /// Returns the URLs that stand in certificates.
    #[must_use]
    pub fn urls(&self) -> &PublicUrls {
        &self.0.urls
    }

    /// Returns the time.
    #[must_use]
    pub fn now(&self) -> x509::UnixTime {
        self.0.clock.now()
    }

    async fn seed_profiles(&self) -> Result<(), IssueError> {
        let now = self.now();
        for (name, body) in BUILTIN {
            let name =
                ProfileName::new(*name).map_err(|error| IssueError::State(error.to_string()))?;
            if profiles::get(&self.0.store, &name).await?.is_some() {
                continue;
            }
            let profile = model::Profile {
                name,
                body: (*body).to_owned(),
                digest: x509::sha256(body.as_bytes()),
                revision: 1,
                builtin: true,
                enabled: true,
                updated_at: now,
            };
            let outcome = self
                .0
                .store
                .write(move |tx| Box::pin(async move { profiles::insert(tx, &profile).await }))
                .await;
            match outcome {
                // Another server of the same database was faster.
                Ok(()) | Err(store::StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads the profiles again; a profile that does not read is left out and logged.
    pub async fn reload_profiles(&self) -> Result<(), IssueError> {
        let _one = self.0.reading_profiles.lock().await;
        let mut fresh = HashMap::new();
        for stored in profiles::list(&self.0.store).await? {
            if !stored.enabled {
                continue;
            }
            match Profile::parse(stored.name.clone(), &stored.body) {
                Ok(profile) => {
                    fresh.insert(stored.name, Arc::new(profile));
                }
                Err(error) => {
                    tracing::error!(profile = %stored.name, %error, "a stored profile does not read");
                }
            }
        }
        *self.0.profiles.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// Returns the profiles that are switched on, by name.
    #[must_use]
    pub fn profiles(&self) -> Vec<Arc<Profile>> {
        let profiles = self.0.profiles.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = profiles.values().cloned().collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Finds a profile that is switched on.
    #[must_use]
    pub fn find_profile(&self, name: &ProfileName) -> Option<Arc<Profile>> {
        self.profile(name).ok()
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.clock
    }

    /// Returns the name of this process where servers share a database.
    #[must_use]
    pub fn holder(&self) -> &str {
        self.0.leases.holder()
    }

    pub(crate) fn profile(&self, name: &ProfileName) -> Result<Arc<Profile>, IssueError> {
        self.0
            .profiles
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
            .ok_or_else(|| IssueError::NoProfile(name.to_string()))
    }

    /// Finds the profile that has this digest now, for what is recovered from the journal.
    pub(crate) fn profile_by_digest(&self, digest: &[u8; 32]) -> Option<ProfileName> {
        self.0
            .profiles
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .find(|profile| profile.digest == *digest)
            .map(|profile| profile.name.clone())
    }
}
