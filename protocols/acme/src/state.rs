//! What the endpoints share.

use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use ca::Authority;
use model::{AuditAction, NewAuditEvent, UnixTime};
use store::Store;

use crate::accounts::Accounts;
use crate::base::Bases;
use crate::chaos::Chaos;
use crate::flow::validate::Validations;
use crate::limit::AddressLimits;
use crate::nonce::{NonceError, Nonces};
use crate::plans::Plans;
use crate::settings::Settings;

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
    pub(crate) limits: AddressLimits,
    pub(crate) validations: Validations,
    pub(crate) plans: Plans,
    pub(crate) chaos: Chaos,
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
            limits: AddressLimits::new(settings.limits),
            validations: Validations::new(validator),
            plans: Plans::default(),
            chaos: Chaos::new(settings.dangerous_chaos),
            settings,
            authority,
            bases,
        })))
    }

    pub(crate) fn store(&self) -> &Store {
        self.authority.store()
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
