//! What works and what does not, for `/readyz`, `chancery doctor` and metrics.

use model::{Id, Issuer, IssuerKind, IssuerName, UnixTime};
use signer_client::CallError;
use signer_proto::SignerState;
use store::certificates::{self, Counts};
use store::{StoreError, crls};

use crate::authority::Authority;

/// How the signer is, as far as the server can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignerReadiness {
    /// It signs.
    Ready,
    /// It waits for its unlock factor.
    Locked,
    /// Its journal cannot be written; it wants a restart.
    JournalFailed,
    /// It does not answer, and why.
    Unavailable(String),
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
    /// How the signer is.
    pub signer: SignerReadiness,
    /// How many issuers can issue leaves now.
    pub issuing: usize,
    /// The CRL of every issuer that is not retired.
    pub crls: Vec<CrlReadiness>,
    /// Whether inventory and journal agreed when they were last compared; none before that.
    pub reconciled: Option<bool>,
}

impl Readiness {
    /// Says whether certificates can be issued now.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.store && self.signer == SignerReadiness::Ready && self.issuing > 0
    }
}

/// What metrics say of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerMetrics {
    /// Which.
    pub id: Id<Issuer>,
    /// Its name.
    pub name: IssuerName,
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
        let signer = self.signer_readiness().await;
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
        let issuing = self.entries().iter().filter(|entry| entry.issues(now)).count();
        Readiness {
            store: self.0.store.ping().await.is_ok(),
            signer,
            issuing,
            crls: crls.collect(),
            reconciled: self.reconciliation().last.map(|last| last.agrees()),
        }
    }

    async fn signer_readiness(&self) -> SignerReadiness {
        match self.0.signer.health().await {
            Ok(report) => match report.state {
                SignerState::Ready => SignerReadiness::Ready,
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

    /// Collects what metrics say of every issuer that has its certificate.
    pub async fn metrics(&self) -> Result<Vec<IssuerMetrics>, StoreError> {
        let counts = certificates::count_by_state(&self.0.store, self.now()).await?;
        let issuers = self.issuers();
        let each = issuers.iter().filter_map(|issuer| {
            Some(IssuerMetrics {
                id: issuer.id,
                name: issuer.name.clone(),
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
