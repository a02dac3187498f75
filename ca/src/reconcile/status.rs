//! Statuses: the signer's revocation sets against what the inventory says.
//!
//! First each change of the signer's against the row, then each row that says held or revoked
//! against the signer. A page of either is held at a time; where they differ, the signer is asked
//! for that one serial number again, since its sets grow while they are read.

use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use model::{CertificateState, CertificateStatus, Id, IssuedCertificate, Issuer};
use signer_proto::{InspectSerial, KeyLabel, RevocationChange, RevocationDelta};
use store::certificates::{self, Filter};
use store::{StoreError, journal_positions};

use super::report::{Finding, FindingKind};
use super::{RecoverError, Run};
use crate::authority::Authority;
use crate::recover::{Known, apply};
use crate::revoke::status_after;
use crate::rings::Ring;

/// Changes that are read at a time.
const CHANGES: u32 = 1_024;
/// Rows that are read at a time.
const ROWS: u16 = 1_000;
/// Questions that are under way at a time.
const AT_ONCE: usize = 32;

/// A row whose status is not the signer's.
struct Difference {
    certificate: IssuedCertificate,
    /// The signer's last change; none if it has none.
    change: Option<RevocationChange>,
}

impl Run<'_> {
    pub(super) async fn compare_statuses(&mut self) -> Result<(), RecoverError> {
        let issuers = self.authority.issuers();
        let labels: Vec<KeyLabel> = self.keys.authorities().map(|key| key.label.clone()).collect();
        let ring = self.ring.clone();
        for issuer in issuers.iter().filter(|issuer| issuer.ring == ring) {
            let label = labels.iter().find(|label| label.as_str() == issuer.key_label);
            if let Some(label) = label {
                self.compare_changes(issuer.id, label).await?;
            }
            for state in [CertificateState::Held, CertificateState::Revoked] {
                self.compare_standing(issuer.id, state).await?;
            }
        }
        Ok(())
    }

    /// Holds the signer's changes against the rows.
    async fn compare_changes(
        &mut self,
        issuer: Id<Issuer>,
        label: &KeyLabel,
    ) -> Result<(), RecoverError> {
        let mut from = 0;
        loop {
            let call = RevocationDelta { key: label.clone(), from, limit: CHANGES };
            let slice = self.keys.ring.signer.revocation_delta(&call).await;
            let slice = slice.map_err(RecoverError::Signer)?;
            if slice.changes.0.is_empty() {
                return Ok(());
            }
            from += slice.changes.0.len() as u64;
            self.report.statuses += slice.changes.0.len() as u64;
            let authority = self.authority;
            let ring = Arc::clone(&self.keys.ring);
            let differing: Vec<Difference> = stream::iter(slice.changes.0)
                .map(|change| authority.status_differs(&ring, issuer, change))
                .buffered(AT_ONCE)
                .try_filter_map(async |found| Ok(found))
                .try_collect()
                .await?;
            self.tell(differing).await?;
        }
    }

    /// Holds the rows that say held or revoked against the signer.
    async fn compare_standing(
        &mut self,
        issuer: Id<Issuer>,
        state: CertificateState,
    ) -> Result<(), RecoverError> {
        let filter = Filter { state: Some(state), issuer: Some(issuer), ..Filter::default() };
        let mut cursor = None;
        loop {
            let (store, now) = (&self.authority.0.store, self.authority.now());
            let page = certificates::list(store, &filter, now, cursor.as_ref(), ROWS).await?;
            self.report.statuses += page.items.len() as u64;
            let authority = self.authority;
            let ring = Arc::clone(&self.keys.ring);
            let differing: Vec<Difference> = stream::iter(page.items)
                .map(|row| authority.standing_differs(&ring, row))
                .buffered(AT_ONCE)
                .try_filter_map(async |found| Ok(found))
                .try_collect()
                .await?;
            self.tell(differing).await?;
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn tell(&mut self, differing: Vec<Difference>) -> Result<(), RecoverError> {
        for Difference { certificate, change } in differing {
            let serial = Some(certificate.serial.to_hex());
            let told =
                |finding: &Finding| finding.kind == FindingKind::Status && finding.serial == serial;
            if self.report.findings.iter().any(told) {
                // Both walks come by what neither can mend.
                continue;
            }
            let repaired = match &change {
                Some(change) => self.bring_to(&certificate, change).await?,
                None => false,
            };
            let signer = change.as_ref().map_or("good", |change| change.status.as_str());
            self.alarm(Finding {
                ring: self.ring.clone(),
                kind: FindingKind::Status,
                position: change.as_ref().and_then(|c| i64::try_from(c.position).ok()),
                serial,
                certificate: Some(certificate.id.to_string()),
                detail: format!(
                    "the inventory says {}, the signer {signer}",
                    certificate.status.as_str()
                ),
                repaired,
            })
            .await?;
        }
        Ok(())
    }

    /// Brings a row to the signer's status. One that says revoked stays: revoked never changes.
    async fn bring_to(
        &self,
        certificate: &IssuedCertificate,
        change: &RevocationChange,
    ) -> Result<bool, RecoverError> {
        let known = [Known {
            issuer: certificate.issuer,
            change: change.clone(),
            ours: false,
            noted_at: self.authority.now(),
        }];
        let applied = known.clone();
        let store = &self.authority.0.store;
        let changed =
            store.write(move |tx| Box::pin(async move { apply(tx, &applied).await })).await?;
        self.authority.forget_changed(&self.keys.ring, &known);
        Ok(changed > 0)
    }
}

impl Authority {
    /// Looks for a row whose status is not what a change made it.
    async fn status_differs(
        &self,
        ring: &Ring,
        issuer: Id<Issuer>,
        change: RevocationChange,
    ) -> Result<Option<Difference>, RecoverError> {
        let row = match certificates::get_by_serial(&self.0.store, issuer, change.serial).await {
            Ok(Some(row)) => row,
            // Told where certificates are compared.
            Ok(None) | Err(StoreError::Corrupt { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if row.status == status_after(&change) {
            return Ok(None);
        }
        self.standing_differs(ring, row).await
    }

    /// Asks the signer for the status of a row's certificate, and looks again if it is another.
    async fn standing_differs(
        &self,
        ring: &Ring,
        row: IssuedCertificate,
    ) -> Result<Option<Difference>, RecoverError> {
        let Some(change) = self.differing_change(ring, &row).await? else {
            return Ok(None);
        };
        // A change that was made just now may not have reached the inventory yet.
        let taken_over = journal_positions::get(&self.0.store, &ring.name).await?;
        let is_settled = |change: &RevocationChange| change.position < taken_over.0;
        let Some(row) = certificates::get(&self.0.store, row.id).await? else {
            return Ok(None);
        };
        let found = self.differing_change(ring, &row).await?;
        Ok(found
            .filter(|again| *again == change && again.as_ref().is_none_or(is_settled))
            .map(|change| Difference { certificate: row, change }))
    }

    /// Gives the signer's last change if the row says something else; that may be none at all.
    async fn differing_change(
        &self,
        ring: &Ring,
        row: &IssuedCertificate,
    ) -> Result<Option<Option<RevocationChange>>, RecoverError> {
        let call = InspectSerial { serial: row.serial };
        let known = ring.signer.inspect_serial(&call).await.map_err(RecoverError::Signer)?;
        let change = known.issued.and_then(|issued| issued.change);
        let target = change.as_ref().map_or(CertificateStatus::Valid, status_after);
        Ok((row.status != target).then_some(change))
    }
}
