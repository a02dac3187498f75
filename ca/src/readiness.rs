//! What works and what does not, for `/readyz`, `chancery doctor` and metrics.

use std::time::Duration;

use futures_util::future::join_all;
use model::{Id, Issuer, IssuerKind, IssuerName, RingName, UnixTime};
use signer_client::CallError;
use signer_proto::{ReadDriver, SignerState};
use store::certificates::{self, Counts};
use store::{StoreError, crls, journal_positions};

use tokio::time::timeout;

use crate::authority::Authority;
use crate::rings::Ring;

/// How long a signer may take to say how it is: a ring that hangs is told as one that is away,
/// and nothing of the others waits for it.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// How the signer is, as far as the server can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerReadiness {
    /// It signs.
    Ready,
    /// It waits for its unlock factor.
    Locked,
    /// Its journal cannot be written; it wants a restart.
    JournalFailed,
    /// It answers and cannot reach its keys, in a token or a service, and why.
    KeysUnreachable(String),
    /// It does not answer, and why.
    Unavailable(String),
}

/// How a ring is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingReadiness {
    /// Which.
    pub name: RingName,
    /// How its signer is.
    pub signer: SignerReadiness,
    /// How many issuers can issue leaves now by its keys.
    pub issuing: usize,
}

/// How fresh an issuer's CRL is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrlReadiness {
    /// Whose.
    pub issuer: IssuerName,
    /// Whether its nextUpdate lies ahead.
    pub fresh: bool,
    /// Its times; none before the first.
    pub meta: Option<crls::CrlMeta>,
}

/// What works and what does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// Whether the database answers.
    pub store: bool,
    /// How the first ring's signer is.
    pub signer: SignerReadiness,
    /// How every ring is, the first one first.
    pub rings: Vec<RingReadiness>,
    /// How many issuers can issue leaves now: their keys are in rings that sign.
    pub issuing: usize,
    /// The CRL of every issuer that is not retired.
    pub crls: Vec<CrlReadiness>,
    /// Whether inventory and journal agreed when they were last compared; none before that.
    pub reconciled: Option<bool>,
}

impl Readiness {
    /// Says whether certificates can be issued now, by one ring at least.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.store && self.issuing > 0
    }
}

/// What metrics say of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingMetrics {
    /// Which.
    pub name: RingName,
    /// The first position of its journal that was not taken over.
    pub taken_over: u64,
}

/// What metrics say of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerMetrics {
    /// Which.
    pub id: Id<Issuer>,
    /// Its name.
    pub name: IssuerName,
    /// The ring that holds its key.
    pub ring: RingName,
    /// Its place in the hierarchy.
    pub kind: IssuerKind,
    /// Its last second.
    pub not_after: UnixTime,
    /// The last second of its responder's certificate.
    pub responder_not_after: Option<UnixTime>,
    /// Its certificates by state.
    pub certificates: Counts,
    /// The number and times of its CRL.
    pub crl: Option<crls::CrlMeta>,
}

impl Authority {
    /// Asks every component how it is. It takes no longer than the signer's usual deadline.
    pub async fn readiness(&self) -> Readiness {
        let rings = join_all(self.0.rings.iter().map(|ring| self.ring_readiness(ring))).await;
        let now = self.now();
        let issuers = self.issuers();
        let served = issuers.iter().filter(|issuer| is_served(issuer));
        let crls = served.map(|issuer| {
            let entry = self.0.crls.get(issuer.id);
            CrlReadiness {
                issuer: issuer.name.clone(),
                fresh: entry.as_ref().is_some_and(|entry| now < entry.next_update),
                meta: entry.map(|entry| entry.meta()),
            }
        });
        Readiness {
            store: self.0.store.ping().await.is_ok(),
            signer: rings.first().expect("there is a ring").signer.clone(),
            issuing: rings.iter().map(|ring| ring.issuing).sum(),
            rings,
            crls: crls.collect(),
            reconciled: self.reconciliation().last.map(|last| last.agrees()),
        }
    }

    async fn ring_readiness(&self, ring: &Ring) -> RingReadiness {
        let signer = match timeout(PATIENCE, ring.readiness()).await {
            Ok(signer) => signer,
            Err(_) => SignerReadiness::Unavailable("no answer within 1.5 s".to_owned()),
        };
        let now = self.now();
        let entries = self.entries();
        let issuing = entries.iter().filter(|e| e.ring.name == ring.name && e.issues(now)).count();
        RingReadiness {
            name: ring.name.clone(),
            issuing: if signer == SignerReadiness::Ready { issuing } else { 0 },
            signer,
        }
    }

    /// Collects what metrics say of every ring.
    pub async fn ring_metrics(&self) -> Result<Vec<RingMetrics>, StoreError> {
        let mut found = Vec::new();
        for ring in &self.0.rings {
            let position = journal_positions::get(&self.0.store, &ring.name).await?;
            found.push(RingMetrics { name: ring.name.clone(), taken_over: position.0 });
        }
        Ok(found)
    }
}

impl Ring {
    async fn readiness(&self) -> SignerReadiness {
        match self.signer.health().await {
            Ok(report) => match report.state {
                SignerState::Ready => self.keys_readiness().await,
                SignerState::Locked => SignerReadiness::Locked,
                SignerState::JournalFailed => SignerReadiness::JournalFailed,
                SignerState::RolledBack => {
                    SignerReadiness::Unavailable("its journal was rolled back".to_owned())
                }
            },
            Err(CallError::Refused(refusal)) => SignerReadiness::Unavailable(refusal.to_string()),
            Err(error) => SignerReadiness::Unavailable(error.to_string()),
        }
    }

    /// Asks the signer whether its driver reaches the keys: an HSM may be away while the signer is
    /// well.
    async fn keys_readiness(&self) -> SignerReadiness {
        match self.signer.read_driver(&ReadDriver { lines: false }).await {
            Ok(report) => report
                .fault
                .map_or(SignerReadiness::Ready, |fault| SignerReadiness::KeysUnreachable(fault.0)),
            Err(error) => SignerReadiness::Unavailable(error.to_string()),
        }
    }
}

impl Authority {
    /// Collects what metrics say of every issuer that has its certificate.
    pub async fn metrics(&self) -> Result<Vec<IssuerMetrics>, StoreError> {
        let counts = certificates::count_by_state(&self.0.store, self.now()).await?;
        let issuers = self.issuers();
        let each = issuers.iter().filter_map(|issuer| {
            Some(IssuerMetrics {
                id: issuer.id,
                name: issuer.name.clone(),
                ring: issuer.ring.clone(),
                kind: issuer.kind,
                not_after: issuer.state.certificate()?.not_after,
                responder_not_after: issuer.responder.as_ref().map(|held| held.not_after),
                certificates: counts.get(&issuer.id).copied().unwrap_or_default(),
                crl: self.0.crls.get(issuer.id).map(|entry| entry.meta()),
            })
        });
        Ok(each.collect())
    }
}

/// Says whether an issuer still answers for what it issued.
pub(crate) fn is_served(issuer: &Issuer) -> bool {
    matches!(issuer.state, model::IssuerState::Active(_) | model::IssuerState::Draining(_))
}
