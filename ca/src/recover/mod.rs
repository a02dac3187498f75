//! Following the signer's journal: the write-ahead log of issuance, and the only way in which the
//! server learns of what was done on admin.sock.
//!
//! Everything here can be done twice with the same outcome, and the position moves in the same
//! transaction as what was read, so a crash at any point loses and doubles nothing.

mod certificates;
mod changes;
mod portion;
mod structure;

use std::sync::PoisonError;

use model::{JournalPosition, RingName};
use signer_client::CallError;
use signer_proto::{Description, KeyDescription, KeyId, ReadJournal, Rule, WireError};
use store::{StoreError, journal_positions};
use x509::{DerError, VerifyError};

use crate::authority::Authority;
use crate::issue::IssueError;
use portion::Portion;

pub(crate) use certificates::{Verified, public_key};
pub(crate) use changes::{Known, action, apply};

/// Leaves that are read at a time.
const READ: u32 = 1_024;

/// What following the journal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecoveryReport {
    /// The position from which it was read.
    pub from: u64,
    /// The position up to which it is taken over now.
    pub to: u64,
    /// Certificates that the inventory did not have.
    pub certificates: u64,
    /// Statuses that the inventory did not have.
    pub changes: u64,
    /// Issuers that got a certificate or changed otherwise.
    pub issuers: u64,
    /// Leaves about certificates of issuers that the database does not know.
    pub skipped: u64,
}

/// Why the journal was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The signer did not answer.
    #[error("the signer's journal cannot be read")]
    Signer(#[source] CallError),
    /// The database has taken over more than the journal has.
    #[error(
        "the signer's journal ends before position {0}, which the database took over already: \
         the ring was replaced, or restored from an older backup than the database"
    )]
    Behind(u64),
    /// A leaf is not one that this program knows.
    #[error("the leaf at {position} cannot be read: it may be a newer signer's")]
    Leaf {
        /// Where it stands.
        position: u64,
        /// What is wrong with it.
        #[source]
        source: WireError,
    },
    /// A leaf's certificate is not DER.
    #[error("the certificate of the leaf at {position} cannot be read")]
    Certificate {
        /// Where it stands.
        position: u64,
        /// What is wrong with it.
        #[source]
        source: DerError,
    },
    /// A leaf's signature does not verify.
    #[error("the signature of the leaf at {position} does not verify")]
    Signature {
        /// Where it stands.
        position: u64,
        /// What is wrong with it.
        #[source]
        source: VerifyError,
    },
    /// A leaf speaks of a key that the signer does not describe.
    #[error("the leaf at {position} is about a key that the ring does not have")]
    Key {
        /// Where it stands.
        position: u64,
    },
    /// The issuers could not be read again.
    #[error("the issuers cannot be read")]
    Issuers(#[source] Box<IssueError>),
    /// The database.
    #[error("the database did not take it")]
    Store(#[from] StoreError),
}

/// How far to go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To the end: nothing is under way.
    Everything,
    /// Up to a certificate that this process may be about to record.
    Settled,
}

/// The keys of the ring, as leaves name them.
pub(crate) struct Keys(Description);

impl Keys {
    pub(crate) fn new(description: Description) -> Self {
        Self(description)
    }

    /// Returns the keys that sign certificates.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = &KeyDescription> {
        self.0.keys.0.iter().filter(|key| key.purpose.is_authority())
    }

    pub(crate) fn by_id(&self, id: KeyId, position: u64) -> Result<&KeyDescription, RecoverError> {
        let mut keys = self.0.keys.0.iter();
        keys.find(|key| key.id == id).ok_or(RecoverError::Key { position })
    }

    fn by_spki(&self, spki: &x509::SpkiDer) -> Option<&KeyDescription> {
        self.0.keys.0.iter().find(|key| key.spki.as_ref() == Some(spki))
    }
}

impl Authority {
    /// Takes over the whole journal from the stored position on. To be called at start, before
    /// anything is issued.
    pub async fn recover(&self) -> Result<RecoveryReport, RecoverError> {
        self.follow(Reach::Everything).await
    }

    /// Takes over the journal as far as `reach` goes.
    pub(crate) async fn follow(&self, reach: Reach) -> Result<RecoveryReport, RecoverError> {
        let _one = self.0.following.lock().await;
        let ring = RingName::default();
        let from = journal_positions::get(&self.0.store, &ring).await?.0;
        let mut report = RecoveryReport { from, to: from, ..RecoveryReport::default() };
        loop {
            let portion = self.read_portion(report.to, reach).await?;
            if portion.end == report.to {
                return Ok(report);
            }
            let end = portion.end;
            self.take_over(&ring, portion, &mut report).await?;
            report.to = end;
            self.forget_recorded(end);
        }
    }

    async fn read_portion(&self, from: u64, reach: Reach) -> Result<Portion, RecoverError> {
        let call = ReadJournal { from, limit: READ };
        let slice = self.0.signer.read_journal(&call).await.map_err(|error| match error {
            CallError::Refused(refusal) if refusal.rule == Rule::PositionUnknown => {
                RecoverError::Behind(from)
            }
            other => RecoverError::Signer(other),
        })?;
        let recorded = &self.0.recorded;
        let recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Portion::take(slice, &recorded, reach, self.0.clock.unix_millis())
    }

    async fn take_over(
        &self,
        ring: &RingName,
        portion: Portion,
        report: &mut RecoveryReport,
    ) -> Result<(), RecoverError> {
        let (expected, next) = (JournalPosition(report.to), JournalPosition(portion.end));
        if portion.is_idle() {
            let ring = ring.clone();
            return Ok(self
                .0
                .store
                .write(move |tx| {
                    Box::pin(
                        async move { journal_positions::advance(tx, &ring, expected, next).await },
                    )
                })
                .await?);
        }
        let described = self.0.signer.describe().await.map_err(RecoverError::Signer)?;
        let keys = Keys(described);
        // If they could not be read after the last portion, what follows would be passed over
        // for ever as that of unknown issuers.
        self.list_issuers_again().await?;
        self.record_certificates(&keys, ring, &portion.certificates, report).await?;
        let changes = self.changes(&keys, &portion.changes, report)?;
        let structure = match &portion.structure {
            Some(leaf) => self.structure(&keys, ring, leaf).await?,
            None => structure::Step::Nothing,
        };
        let structural = structure.is_something();
        let (ring, applied) = (ring.clone(), changes.clone());
        let changed = self
            .0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let changed = changes::apply(tx, &applied).await?;
                    structure::apply(tx, structure).await?;
                    journal_positions::advance(tx, &ring, expected, next).await?;
                    Ok(changed)
                })
            })
            .await?;
        report.changes += changed;
        self.forget_changed(&changes);
        if structural {
            report.issuers += 1;
        }
        if structural || portion.policies {
            self.reload_issuers().await.map_err(|error| RecoverError::Issuers(Box::new(error)))?;
            self.0.revoked.notify_one();
            self.0.restructured.notify_one();
        }
        Ok(())
    }

    /// Forgets what was recorded below a position that the journal is followed to.
    fn forget_recorded(&self, end: u64) {
        let recorded = &self.0.recorded;
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        *recorded = recorded.split_off(&end);
    }
}
