//! Getting the server's own certificate, and the next one in time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ca::{Authority, IssueError, IssueRequest};
use model::CertificateStatus;
use store::{StoreError, certificates};
use tokio::time::sleep;

use super::certificate::Due;
use super::{KeyError, OwnCertificate, OwnKey, Resolver};
use crate::config::Tls;

/// How often it is looked at whether the certificate is due.
const LOOK: Duration = Duration::from_secs(60);
/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// Keeps the server's own certificate fresh.
pub struct Renewal {
    authority: Authority,
    wish: Tls,
    key: OwnKey,
    resolver: Arc<Resolver>,
    current: Option<OwnCertificate>,
}

/// Says why there is no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The CA did not issue it.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// What was issued cannot be read.
    #[error("the issued certificate cannot be read")]
    Unreadable,
    /// It cannot be written.
    #[error("cannot write to {}", path.display())]
    File {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Renewal {
    /// Takes up the key and the certificate of the last start, and shows it at once if it is still
    /// good: a server whose signer is away answers all the same.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn take_up(
        authority: Authority,
        wish: Tls,
        resolver: Arc<Resolver>,
    ) -> Result<Self, KeyError> {
        let key = OwnKey::load_or_make(&wish.directory)?;
        let good = |certificate: &OwnCertificate| {
            let now = authority.now();
            let due = certificate.due(now, &wish.names, key.public(), &authority.issuers());
            now <= certificate.not_after() && !matches!(due, Some(Due::Key | Due::Issuer))
        };
        let current = OwnCertificate::load(&wish.directory).filter(good);
        if let Some(certificate) = &current {
            resolver.swap(&key, certificate);
        }
        Ok(Self { authority, wish, key, resolver, current })
    }

    /// Tells whether handshakes have a certificate.
    #[must_use]
    pub const fn has_certificate(&self) -> bool {
        self.current.is_some()
    }

    /// Gets a new certificate if it is due, and shows it.
    ///
    /// # Errors
    /// [`RenewalError`]; the certificate before is still shown.
    pub async fn renew_if_due(&mut self) -> Result<(), RenewalError> {
        let why = match &self.current {
            None => None,
            Some(current) => match self.due(current).await? {
                Some(due) => Some(due),
                None => return Ok(()),
            },
        };
        let issued = self
            .authority
            .issue_for_itself(IssueRequest {
                profile: self.wish.profile.clone(),
                csr: self.key.csr()?,
                subject: None,
                names: Some(self.wish.names.clone()),
                validity: None,
                requested_by: "system".to_owned(),
                idempotency: None,
                replaces: None,
            })
            .await?;
        let fresh = OwnCertificate::new(&issued.certificate.der, &issued.chain);
        let fresh = fresh.ok_or(RenewalError::Unreadable)?;
        self.resolver.swap(&self.key, &fresh);
        tracing::info!(
            serial = %fresh.serial(),
            not_after = %fresh.not_after(),
            why = ?why,
            "the server has a new certificate of its own"
        );
        let saved = fresh.save(&self.wish.directory);
        self.current = Some(fresh);
        saved.map_err(|source| RenewalError::File { path: self.wish.directory.clone(), source })
    }

    async fn due(&self, current: &OwnCertificate) -> Result<Option<Due>, StoreError> {
        let issuers = self.authority.issuers();
        let now = self.authority.now();
        let due = current.due(now, &self.wish.names, self.key.public(), &issuers);
        let (None, Some(issuer)) = (due, current.issuer(&issuers)) else {
            return Ok(due);
        };
        let store = self.authority.store();
        let kept = certificates::get_by_serial(store, issuer.id, current.serial()).await?;
        let good = kept.is_none_or(|kept| kept.status == CertificateStatus::Valid);
        Ok((!good).then_some(Due::Revoked))
    }

    /// Goes on for ever, faster after a failure.
    pub async fn run(mut self) {
        let mut pause = PAUSES.0;
        let mut complained = false;
        loop {
            match self.renew_if_due().await {
                Ok(()) => {
                    (pause, complained) = (PAUSES.0, false);
                    if let Some(current) = &self.current {
                        let left = current.not_after().seconds_since(self.authority.now());
                        #[expect(clippy::cast_precision_loss, reason = "a gauge of seconds")]
                        metrics::gauge!("chancery_tls_expiry_seconds").set(left as f64);
                    }
                    sleep(LOOK).await;
                }
                Err(error) => {
                    if !complained {
                        let error = crate::problem::chain(&error);
                        tracing::warn!(error, "no new certificate for the server itself yet");
                        complained = true;
                    }
                    sleep(pause).await;
                    pause = (pause * 2).min(PAUSES.1);
                }
            }
        }
    }
}
