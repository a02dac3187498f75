//! Getting the server's own certificate, and the next one in time.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ca::{Authority, IssueError, OwnWish};
use model::CertificateStatus;
use signer_proto::KeyLabel;
use store::{StoreError, certificates};
use tokio::time::sleep;
use x509::PublicKey;

use super::certificate::Due;
use super::{OwnCertificate, OwnKey, Resolver, Way};
use crate::config::Tls;

/// How often it is looked at whether the certificate is due.
const LOOK: Duration = Duration::from_secs(60);
/// The first and the longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(30));

/// Keeps the server's own certificate fresh.
pub struct Renewal {
    authority: Authority,
    wish: Tls,
    way: Arc<Way>,
    resolver: Arc<Resolver>,
    current: Option<OwnCertificate>,
}

/// Says why there is no new certificate.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// The ring has no such key, or it is not for TLS, or it has no policy.
    #[error("the signer has no TLS key `{0}` that is active: `chancery ca server-key` makes it")]
    NoKey(KeyLabel),
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
    /// Takes up the certificate of the last start, and shows it at once if it is still good: once
    /// the signer is there, handshakes work.
    #[must_use]
    pub fn take_up(authority: Authority, wish: Tls, way: Way, resolver: Arc<Resolver>) -> Self {
        remove_old_key(&wish.directory);
        let way = Arc::new(way);
        let good = |certificate: &OwnCertificate| {
            let now = authority.now();
            let key = certificate.public_key();
            let due = certificate.due(now, &wish.names, key, &authority.issuers());
            now <= certificate.not_after() && !matches!(due, Some(Due::Issuer))
        };
        let current = OwnCertificate::load(&wish.directory).filter(good);
        if let Some(certificate) = &current {
            let key = OwnKey::new(certificate.public_key().clone(), Arc::clone(&way));
            resolver.swap(&key, certificate);
        }
        Self { authority, wish, way, resolver, current }
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
        let key = self.key().await;
        let why = match &self.current {
            None => None,
            Some(current) => {
                // A signer that is away changes nothing.
                let key = key.as_ref().ok().unwrap_or_else(|| current.public_key());
                match self.due(current, key).await? {
                    Some(due) => Some(due),
                    None => return Ok(()),
                }
            }
        };
        let key = key?;
        let (profile, names) = (&self.wish.profile, &self.wish.names);
        let issued =
            self.authority.issue_for_itself(&OwnWish { profile, key: &key, names }).await?;
        let fresh = OwnCertificate::new(&issued.certificate.der, &issued.chain);
        let fresh = fresh.ok_or(RenewalError::Unreadable)?;
        self.resolver.swap(&OwnKey::new(key, Arc::clone(&self.way)), &fresh);
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

    /// Asks the signer for the public half of the key.
    async fn key(&self) -> Result<PublicKey, RenewalError> {
        let found = self.authority.tls_key(self.way.label()).await?;
        found.ok_or_else(|| RenewalError::NoKey(self.way.label().clone()))
    }

    async fn due(
        &self,
        current: &OwnCertificate,
        key: &PublicKey,
    ) -> Result<Option<Due>, StoreError> {
        let issuers = self.authority.issuers();
        let now = self.authority.now();
        let due = current.due(now, &self.wish.names, key, &issuers);
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

/// Removes what versions before 0.2 kept: a private key in a file.
fn remove_old_key(directory: &Path) {
    let path = directory.join("tls.key");
    match std::fs::remove_file(&path) {
        Ok(()) => tracing::info!(path = %path.display(), "removed: the key is in the ring now"),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "this private key is of no use: remove it");
        }
    }
}
