//! CRLs: built by the signer from its own revocation set, kept in the database, served from
//! memory.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use model::{Id, Issuer, IssuerKind, IssuerName, UnixTime};
use signer_client::CallError;
use signer_proto::{BuildCrl, BuiltCrl};
use store::{StoreError, crls};
use x509::{CertificateDer, Crl, CrlDer};

use crate::authority::Authority;
use crate::issuers::{IssuerEntry, path_of};
use crate::profile::Seconds;

/// From thisUpdate to nextUpdate for issuing CAs; the next one is there after half of it.
const SPAN_OF_ISSUING: Seconds = Seconds::days(7);
/// The same for CAs that only sign CAs.
const SPAN_OF_AUTHORITIES: Seconds = Seconds::days(90);

/// A CRL as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlEntry {
    /// The CRL.
    pub der: CrlDer,
    /// Its number (RFC 5280 §5.2.3).
    pub number: u64,
    /// The time of its making.
    pub this_update: UnixTime,
    /// The time by which the next one is there.
    pub next_update: UnixTime,
    /// A strong entity tag, quotes included (RFC 9110 §8.8.3).
    pub etag: String,
}

/// Why there is no status information.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// No issuer with a certificate has this name.
    #[error("there is no issuer of this name")]
    UnknownIssuer,
    /// None was made yet, and the signer does not answer.
    #[error("there is none yet: {0}")]
    NotYet(String),
    /// The signer's answer is no CRL of ours.
    #[error("the signer's CRL is faulty: {0}")]
    Faulty(String),
    /// The database.
    #[error("the database did not answer")]
    Store(#[from] StoreError),
}

impl From<CallError> for StatusError {
    fn from(error: CallError) -> Self {
        Self::NotYet(error.to_string())
    }
}

/// The newest CRL of each issuer.
#[derive(Default)]
pub(crate) struct CrlCache {
    states: RwLock<HashMap<Id<Issuer>, State>>,
}

#[derive(Default, Clone)]
struct State {
    entry: Option<Arc<CrlEntry>>,
    /// Set when a revocation is not on it.
    stale: bool,
}

impl CrlCache {
    /// Notes that something was revoked which the CRL does not show yet.
    pub(crate) fn mark_stale(&self, issuer: Id<Issuer>) {
        self.change(issuer, |state| state.stale = true);
    }

    pub(crate) fn get(&self, issuer: Id<Issuer>) -> Option<Arc<CrlEntry>> {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        states.get(&issuer)?.entry.clone()
    }

    fn is_stale(&self, issuer: Id<Issuer>) -> bool {
        let states = self.states.read().unwrap_or_else(PoisonError::into_inner);
        states.get(&issuer).is_some_and(|state| state.stale)
    }

    fn mark_fresh(&self, issuer: Id<Issuer>) {
        self.change(issuer, |state| state.stale = false);
    }

    /// Puts a CRL in the place of one with a lower number.
    fn put(&self, issuer: Id<Issuer>, entry: Arc<CrlEntry>) -> Arc<CrlEntry> {
        let mut newest = Arc::clone(&entry);
        self.change(issuer, |state| match &state.entry {
            Some(there) if there.number >= entry.number => newest = Arc::clone(there),
            _ => state.entry = Some(entry),
        });
        newest
    }

    fn change(&self, issuer: Id<Issuer>, act: impl FnOnce(&mut State)) {
        let mut states = self.states.write().unwrap_or_else(PoisonError::into_inner);
        act(states.entry(issuer).or_default());
    }
}

impl CrlEntry {
    fn new(stored: crls::StoredCrl) -> Self {
        let digest = x509::sha256(stored.der.as_bytes());
        let tag: String = digest[..16].iter().map(|b| format!("{b:02x}")).collect();
        Self {
            number: stored.meta.number,
            this_update: stored.meta.this_update,
            next_update: stored.meta.next_update,
            etag: format!("\"{tag}\""),
            der: stored.der,
        }
    }

    /// Returns number and times.
    pub(crate) fn meta(&self) -> crls::CrlMeta {
        crls::CrlMeta {
            number: self.number,
            this_update: self.this_update,
            next_update: self.next_update,
        }
    }

    /// Says whether half of its time is over.
    fn is_old(&self, now: UnixTime) -> bool {
        let half = self.next_update.seconds_since(self.this_update) / 2;
        now >= self.this_update.plus_seconds(half)
    }
}

impl Authority {
    /// Returns an issuer's newest CRL. It is served also while the signer is away.
    pub async fn crl(&self, issuer: &IssuerName) -> Result<Arc<CrlEntry>, StatusError> {
        let id = self.certified(issuer)?.id;
        if let Some(entry) = self.0.crls.get(id) {
            return Ok(entry);
        }
        if let Some(entry) = self.load_crl(id).await? {
            return Ok(entry);
        }
        let entry = self
            .entry_by_id(id)
            .ok_or_else(|| StatusError::NotYet("the issuer's key is not there yet".into()))?;
        self.build_crl(&entry, false).await
    }

    /// Returns an issuer's certificate.
    pub fn ca_certificate(&self, issuer: &IssuerName) -> Result<CertificateDer, StatusError> {
        let held = self.certified(issuer)?;
        let held = held.state.certificate().ok_or(StatusError::UnknownIssuer)?;
        Ok(held.certificate.clone())
    }

    /// Returns an issuer's certificate and those above it, root last.
    pub fn chain(&self, issuer: &IssuerName) -> Result<Vec<CertificateDer>, StatusError> {
        Ok(path_of(&self.certified(issuer)?, &self.issuers()))
    }

    /// Finds an issuer that has its certificate.
    pub(crate) fn certified(&self, name: &IssuerName) -> Result<Issuer, StatusError> {
        self.issuers()
            .iter()
            .find(|issuer| issuer.name == *name && issuer.state.certificate().is_some())
            .cloned()
            .ok_or(StatusError::UnknownIssuer)
    }

    /// Says whether an issuer's CRL is to be built now.
    pub(crate) fn wants_crl(&self, issuer: Id<Issuer>) -> bool {
        let now = self.now();
        let old = self.0.crls.get(issuer).is_none_or(|entry| entry.is_old(now));
        old || self.0.crls.is_stale(issuer)
    }

    /// Takes over from the database what is newer there: another server may have built it.
    pub(crate) async fn load_crl(
        &self,
        issuer: Id<Issuer>,
    ) -> Result<Option<Arc<CrlEntry>>, StatusError> {
        let known = self.0.crls.get(issuer);
        let meta = crls::latest_meta(&self.0.store, issuer).await?;
        let newer = |meta: crls::CrlMeta| known.as_ref().is_none_or(|k| k.number < meta.number);
        if !meta.is_some_and(newer) {
            return Ok(known);
        }
        let stored = crls::latest(&self.0.store, issuer).await?;
        Ok(stored.map(|stored| self.0.crls.put(issuer, Arc::new(CrlEntry::new(stored)))))
    }

    /// Has the next CRL signed and keeps it; unless `even_if_fresh`, one that was built while
    /// this call waited will do.
    pub(crate) async fn build_crl(
        &self,
        issuer: &IssuerEntry,
        even_if_fresh: bool,
    ) -> Result<Arc<CrlEntry>, StatusError> {
        let id = issuer.issuer.id;
        let _building = issuer.ring.building.lock().await;
        if let Some(entry) = self.0.crls.get(id).filter(|_| !even_if_fresh && !self.wants_crl(id)) {
            return Ok(entry);
        }
        // Before the signer is asked: what is revoked from here on marks it stale again.
        self.0.crls.mark_fresh(id);
        let outcome = self.sign_crl(issuer).await;
        if outcome.is_err() {
            self.0.crls.mark_stale(id);
        }
        outcome
    }

    async fn sign_crl(&self, issuer: &IssuerEntry) -> Result<Arc<CrlEntry>, StatusError> {
        let id = issuer.issuer.id;
        let span = match issuer.issuer.kind {
            IssuerKind::Issuing => SPAN_OF_ISSUING,
            IssuerKind::Root | IssuerKind::Intermediate => SPAN_OF_AUTHORITIES,
        };
        let call = BuildCrl {
            key: issuer.key.clone(),
            shard: 0,
            next_update: self.now().plus_seconds(span.0),
        };
        let built = issuer.ring.signer.build_crl(&call).await?;
        let stored = assemble(issuer, &built)?;
        let kept = stored.clone();
        let outcome = self
            .0
            .store
            .write(move |tx| Box::pin(async move { crls::put(tx, id, &kept).await }))
            .await;
        match outcome {
            // Another server was faster with a higher number: that one is served.
            Ok(()) | Err(StoreError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
        tracing::info!(issuer = %issuer.issuer.name, number = built.number, "built a CRL");
        Ok(self.0.crls.put(id, Arc::new(CrlEntry::new(stored))))
    }
}

fn assemble(issuer: &IssuerEntry, built: &BuiltCrl) -> Result<crls::StoredCrl, StatusError> {
    let key = &issuer.facts.public_key;
    let scheme = issuer.facts.scheme;
    // One verification a CRL costs nothing, and a faulty one would fail every relying party.
    key.verify(scheme, built.tbs.as_bytes(), &built.signature)
        .map_err(|error| StatusError::Faulty(error.to_string()))?;
    Ok(crls::StoredCrl {
        meta: crls::CrlMeta {
            number: built.number,
            this_update: built.this_update,
            next_update: built.next_update,
        },
        der: Crl::assemble(&built.tbs, scheme, &built.signature),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64) -> Arc<CrlEntry> {
        Arc::new(CrlEntry::new(crls::StoredCrl {
            meta: crls::CrlMeta { number, this_update: UnixTime(100), next_update: UnixTime(200) },
            der: CrlDer::from_vec(number.to_be_bytes().to_vec()),
        }))
    }

    #[test]
    fn a_crl_is_old_after_half_of_its_time() {
        assert!(!entry(1).is_old(UnixTime(149)));
        assert!(entry(1).is_old(UnixTime(150)));
    }

    #[test]
    fn a_lower_number_never_replaces_a_higher_one() {
        let cache = CrlCache::default();
        let id = Id::from_parts(1, &[1; 10]);
        cache.put(id, entry(2));
        assert_eq!(cache.put(id, entry(1)).number, 2);
        assert_eq!(cache.get(id).map(|entry| entry.number), Some(2));
        assert_eq!(cache.put(id, entry(3)).number, 3);
        assert_ne!(entry(1).etag, entry(2).etag);
    }

    #[test]
    fn a_revocation_makes_it_stale() {
        let cache = CrlCache::default();
        let id = Id::from_parts(1, &[1; 10]);
        assert!(!cache.is_stale(id));
        cache.mark_stale(id);
        assert!(cache.is_stale(id));
        cache.put(id, entry(1));
        assert!(cache.is_stale(id));
        cache.mark_fresh(id);
        assert!(!cache.is_stale(id));
    }
}
