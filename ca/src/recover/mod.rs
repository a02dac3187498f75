//! Following the signer's journal: the write-ahead log of issuance, and the only way in which the
//! server learns of what was done on admin.sock.
//!
//! Everything here can be done twice with the same outcome, and the position moves in the same
//! transaction as what was read, so a crash at any point loses and doubles nothing.

mod adopted;
mod certificates;
mod changes;
mod elsewhere;
mod portion;
mod structure;

use std::sync::Arc;

use futures_util::future::join_all;
use model::{JournalPosition, RingName};
use signer_client::CallError;
use signer_proto::{Description, KeyDescription, KeyId, ReadJournal, Rule, WireError};
use store::{StoreError, journal_positions};
use x509::{DerError, VerifyError};

use crate::authority::Authority;
use crate::issue::IssueError;
use crate::rings::{Progress, Ring};
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
    /// A leaf speaks of an issuer that only the journal of another ring may tell, and that is not
    /// followed yet: this goes on when it is.
    #[error(
        "the issuer of the leaf at {position} is not known yet: another ring may have signed it"
    )]
    IssuerElsewhere {
        /// Where it stands.
        position: u64,
    },
    /// There is no such ring.
    #[error("this server has no ring `{0}`")]
    NoRing(RingName),
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

/// The keys of a ring, as its leaves name them.
pub(crate) struct Keys {
    pub(crate) ring: Arc<Ring>,
    described: Arc<Description>,
}

impl Keys {
    /// Asks what the ring holds.
    pub(crate) async fn of(ring: &Arc<Ring>) -> Result<Self, RecoverError> {
        let described = ring.describe().await.map_err(RecoverError::Signer)?;
        Ok(Self { ring: Arc::clone(ring), described })
    }

    /// Returns the keys that sign certificates.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = &KeyDescription> {
        self.described.keys.0.iter().filter(|key| key.purpose.is_authority())
    }

    pub(crate) fn by_id(&self, id: KeyId, position: u64) -> Result<&KeyDescription, RecoverError> {
        let mut keys = self.described.keys.0.iter();
        keys.find(|key| key.id == id).ok_or(RecoverError::Key { position })
    }

    fn by_spki(&self, spki: &x509::SpkiDer) -> Option<&KeyDescription> {
        self.described.keys.0.iter().find(|key| key.spki.as_ref() == Some(spki))
    }
}

impl Authority {
    /// Takes over the whole journal of every ring from the stored positions on. To be called at
    /// start, before anything is issued. The report counts all rings; its positions are those of
    /// the first.
    ///
    /// # Errors
    /// The first ring's error; what other rings have is taken over all the same.
    pub async fn recover(&self) -> Result<RecoveryReport, RecoverError> {
        let rings = &self.0.rings;
        let each = join_all(rings.iter().map(|ring| self.follow(ring, Reach::Everything)));
        let each: Result<Vec<_>, _> = each.await.into_iter().collect();
        let mut reports = each?.into_iter();
        let mut all = reports.next().unwrap_or_default();
        for report in reports {
            all.certificates += report.certificates;
            all.changes += report.changes;
            all.issuers += report.issuers;
            all.skipped += report.skipped;
        }
        Ok(all)
    }

    /// Takes over the whole journal of one ring.
    ///
    /// # Errors
    /// [`RecoverError`]; [`RecoverError::NoRing`] if there is no such ring.
    pub async fn recover_ring(&self, name: &RingName) -> Result<RecoveryReport, RecoverError> {
        let ring = self.ring(name).ok_or_else(|| RecoverError::NoRing(name.clone()))?;
        self.follow(ring, Reach::Everything).await
    }

    /// Takes over a journal as far as `reach` goes.
    pub(crate) async fn follow(
        &self,
        ring: &Arc<Ring>,
        reach: Reach,
    ) -> Result<RecoveryReport, RecoverError> {
        let _one = ring.following.lock().await;
        let from = journal_positions::get(&self.0.store, &ring.name).await?.0;
        let mut report = RecoveryReport { from, to: from, ..RecoveryReport::default() };
        if ring.progress() != Progress::Followed {
            // What other rings signed for its keys while nobody could ask for them.
            report.issuers += self.take_signed(ring).await?;
        }
        loop {
            let portion = self.read_portion(ring, report.to, reach).await?;
            if portion.end == report.to {
                ring.note_progress(Progress::Followed);
                return Ok(report);
            }
            let end = portion.end;
            match self.take_over(ring, portion, &mut report).await {
                Err(error @ RecoverError::IssuerElsewhere { .. }) => {
                    ring.note_progress(Progress::Waiting);
                    return Err(error);
                }
                outcome => outcome?,
            }
            report.to = end;
            ring.forget_recorded(end);
        }
    }

    async fn read_portion(
        &self,
        ring: &Ring,
        from: u64,
        reach: Reach,
    ) -> Result<Portion, RecoverError> {
        let call = ReadJournal { from, limit: READ };
        let slice = ring.signer.read_journal(&call).await.map_err(|error| match error {
            CallError::Refused(refusal) if refusal.rule == Rule::PositionUnknown => {
                RecoverError::Behind(from)
            }
            other => RecoverError::Signer(other),
        })?;
        Portion::take(slice, &ring.recorded(), reach, self.0.clock.unix_millis())
    }

    async fn take_over(
        &self,
        ring: &Arc<Ring>,
        portion: Portion,
        report: &mut RecoveryReport,
    ) -> Result<(), RecoverError> {
        let (expected, next) = (JournalPosition(report.to), JournalPosition(portion.end));
        let name = ring.name.clone();
        if portion.is_idle() {
            return Ok(self
                .0
                .store
                .write(move |tx| {
                    Box::pin(
                        async move { journal_positions::advance(tx, &name, expected, next).await },
                    )
                })
                .await?);
        }
        let keys = Keys::of(ring).await?;
        // If they could not be read after the last portion, what follows would be passed over
        // for ever as that of unknown issuers.
        self.list_issuers_again().await?;
        self.record_certificates(&keys, &portion.certificates, report).await?;
        let changes = self.changes(&keys, &portion.changes, report)?;
        let structuring = match &portion.structure {
            Some(_) => Some(self.0.structuring.lock().await),
            None => None,
        };
        let structure = match &portion.structure {
            Some(leaf) => self.structure(&keys, leaf).await?,
            None => structure::Step::Nothing,
        };
        let structural = structure.is_something();
        let applied = changes.clone();
        let changed = self
            .0
            .store
            .write(move |tx| {
                Box::pin(async move {
                    let changed = changes::apply(tx, &applied).await?;
                    structure::apply(tx, structure).await?;
                    journal_positions::advance(tx, &name, expected, next).await?;
                    Ok(changed)
                })
            })
            .await?;
        drop(structuring);
        report.changes += changed;
        self.forget_changed(ring, &changes);
        if structural {
            report.issuers += 1;
        }
        if portion.structure.is_some() {
            report.issuers += self.take_signed_everywhere().await?;
        }
        if structural || portion.policies {
            self.reload_after(ring).await?;
        }
        Ok(())
    }

    /// Reads the issuers again after something of a ring changed them. Paths lead through several
    /// rings: theirs are read again too, as far as they answer.
    async fn reload_after(&self, ring: &Arc<Ring>) -> Result<(), RecoverError> {
        let others = self.0.rings.iter().filter(|other| other.name != ring.name);
        for (other, outcome) in
            join_all(others.map(async |other| (other, self.reload_ring(other).await))).await
        {
            if let Err(error) = outcome {
                tracing::debug!(ring = %other.name, %error, "its keys are read later");
            }
        }
        let reloaded = self.reload_ring(ring).await;
        self.wake_all();
        reloaded.map_err(|error| RecoverError::Issuers(Box::new(error)))
    }
}
