//! What the endpoints share.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use ca::Authority;
use model::{
    AcmeAccount, AcmeOrder, AuditAction, Id, IssuedCertificate, Issuer, NewAuditEvent, UnixTime,
};
use store::{BoxFuture, Store, StoreError, Tx};
use x509::CertificateDer;

use crate::accounts::Accounts;
use crate::base::Bases;
use crate::chaos::Chaos;
use crate::flow::recover::Swept;
use crate::flow::validate::Validations;
use crate::kept::Kept;
use crate::limit::AddressLimits;
use crate::nonce::{NonceError, Nonces};
use crate::plans::Plans;
use crate::problem::Problem;
use crate::settings::Settings;

/// Orders that are kept at most, from when they are made until a CSR is taken for them.
const ORDERS: usize = 4_096;

/// Certificates that are kept at most: clients fetch theirs at once.
const CERTIFICATES: usize = 1_024;

/// What an ACME server is made of.
pub struct AcmeParts {
    /// Issues and revokes.
    pub authority: Authority,
    /// What the operator chose.
    pub settings: Settings,
    /// The URLs that the server answers under.
    pub bases: Bases,
    /// The validation authority's socket; without it no name can be validated.
    pub validator: Option<PathBuf>,
}

/// What the endpoints share; every request has some clones of it, which share everything.
#[derive(Clone)]
pub struct AcmeState(Arc<Shared>);

/// What stands behind a clone of [`AcmeState`].
pub struct Shared {
    pub(crate) authority: Authority,
    pub(crate) settings: Settings,
    pub(crate) bases: Bases,
    pub(crate) nonces: Nonces,
    pub(crate) accounts: Accounts,
    /// Orders that no CSR was taken for, as they are stored.
    pub(crate) orders: Kept<Id<AcmeOrder>, Arc<AcmeOrder>>,
    /// Certificates that were just issued.
    pub(crate) certificates: Kept<Id<IssuedCertificate>, Arc<Download>>,
    pub(crate) limits: AddressLimits,
    pub(crate) validations: Validations,
    pub(crate) plans: Plans,
    pub(crate) swept: Swept,
    pub(crate) chaos: Chaos,
}

/// What a client fetches; none of it ever changes.
pub(crate) struct Download {
    /// Whom it was issued to.
    pub(crate) account: Id<AcmeAccount>,
    pub(crate) issuer: Id<Issuer>,
    pub(crate) der: CertificateDer,
}

impl Deref for AcmeState {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl AcmeState {
    /// Opens.
    ///
    /// # Errors
    /// [`NonceError`] if the database does not say which nonces are good.
    pub async fn open(parts: AcmeParts) -> Result<Self, NonceError> {
        let AcmeParts { authority, settings, bases, validator } = parts;
        if settings.dangerous_chaos {
            tracing::warn!("dangerous_chaos is on: good requests are refused by chance");
        }
        let store = authority.store();
        Ok(Self(Arc::new(Shared {
            nonces: Nonces::open(store).await?,
            accounts: Accounts::new(store),
            orders: Kept::new(if store.is_shared() { 0 } else { ORDERS }),
            certificates: Kept::new(if store.is_shared() { 0 } else { CERTIFICATES }),
            limits: AddressLimits::new(settings.limits),
            validations: Validations::new(validator),
            plans: Plans::default(),
            swept: Swept::default(),
            chaos: Chaos::new(settings.dangerous_chaos),
            settings,
            authority,
            bases,
        })))
    }

    pub(crate) fn store(&self) -> &Store {
        self.authority.store()
    }

    /// Writes, and takes back what is kept of it. Both run in a task of their own: a client that hangs
    /// up in between must not leave what it gave up in the server's memory.
    ///
    /// # Errors
    /// A [`Problem`] if the task panicked; within, what the store says.
    pub(crate) async fn change<T, F>(
        &self,
        take_back: impl FnOnce(&Self) + Send + 'static,
        act: F,
    ) -> Result<Result<T, StoreError>, Problem>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let state = self.clone();
        let work = tokio::spawn(async move {
            let outcome = state.store().write(act).await;
            take_back(&state);
            outcome
        });
        work.await.map_err(|error| Problem::internal(&error))
    }

    /// Gives the time.
    #[must_use]
    pub fn now(&self) -> UnixTime {
        self.authority.now()
    }

    pub(crate) fn millis(&self) -> u64 {
        self.authority.clock().unix_millis()
    }

    /// Makes an event of the audit log.
    pub(crate) fn event(
        &self,
        actor: &str,
        action: AuditAction,
        target: String,
        detail: serde_json::Value,
    ) -> NewAuditEvent {
        NewAuditEvent {
            at: self.now(),
            actor: actor.to_owned(),
            action,
            target,
            detail: detail.to_string(),
            journal: None,
        }
    }
}
