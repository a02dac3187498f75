//! Certificates of before an adoption: many rows for one leaf, most of them without a certificate.

use std::collections::HashMap;

use model::{Issuer, UnixTime};
use signer_proto::{InventoryImported, KeyId, OldCertificate};
use store::certificates::Claim;
use x509::ForeignCertificate;

use super::report::{Finding, FindingKind};
use super::{RecoverError, Run};

/// A part of an inventory as a leaf has it.
pub(super) struct Adopted {
    position: u64,
    at: UnixTime,
    key: KeyId,
    /// What no row was found of yet, by serial number.
    missing: HashMap<Vec<u8>, OldCertificate>,
}

impl Adopted {
    pub(super) fn new(position: u64, at: UnixTime, leaf: InventoryImported) -> Self {
        let old = leaf.chunk.certificates.0.into_iter();
        let missing = old.map(|old| (old.serial.as_bytes().to_vec(), old)).collect();
        Self { position, at, key: leaf.key, missing }
    }

    pub(super) fn len(&self) -> u64 {
        self.missing.len() as u64
    }
}

impl Run<'_> {
    /// Holds a row against the leaf at its place.
    pub(super) async fn compare_adopted(
        &mut self,
        row: Claim,
        leaf: &mut Adopted,
    ) -> Result<(), RecoverError> {
        if leaf.missing.remove(&row.serial).is_none() {
            return self.never_signed(row).await;
        }
        let issuer = self.holder_of(leaf.key, leaf.position)?;
        let issuer = issuer.filter(|issuer| issuer.id.to_string() == row.issuer);
        let differs = match issuer {
            None => "the issuer is not the one whose key was adopted",
            Some(_) if row.ring != self.ring.as_str() => "the ring is not the one that adopted it",
            Some(issuer) if !row.der.is_empty() && !is_of(&issuer, &row) => {
                "the certificate is not one that the issuer signed"
            }
            Some(_) => return Ok(()),
        };
        self.differs(row, differs).await
    }

    /// Puts back what of a part of an inventory has no row.
    pub(super) async fn look_for_adopted(&mut self, leaf: Adopted) -> Result<(), RecoverError> {
        if leaf.missing.is_empty() || leaf.position >= self.taken_over {
            return Ok(());
        }
        let count = leaf.missing.len();
        let (position, place) = (leaf.position, (leaf.position, leaf.at));
        let repaired = match self.holder_of(leaf.key, leaf.position)? {
            None => false,
            Some(issuer) => {
                let authority = self.authority;
                let old = leaf.missing.values();
                let rows: Vec<_> =
                    old.map(|old| authority.old_certificate(&issuer, old, place)).collect();
                let ring = self.ring.clone();
                let put_back = authority.0.store.write(move |tx| {
                    Box::pin(async move { store::record_adopted(tx, &ring, &rows).await })
                });
                put_back.await? == count as u64
            }
        };
        let ring = self.ring.clone();
        self.alarm(Finding {
            ring,
            kind: FindingKind::Missing,
            position: i64::try_from(position).ok(),
            serial: None,
            certificate: None,
            detail: format!("the inventory did not have {count} certificates of an adopted CA"),
            repaired,
        })
        .await
    }
}

fn is_of(issuer: &Issuer, row: &Claim) -> bool {
    let held = issuer.state.certificate();
    let held = held.and_then(|held| ForeignCertificate::parse(held.certificate.as_bytes()).ok());
    let Some((held, certificate)) = held.zip(ForeignCertificate::parse(&row.der).ok()) else {
        return false;
    };
    certificate.serial().is_some_and(|serial| serial.as_bytes() == row.serial)
        && matches!(certificate.verify_by(held.public_key()), Some(Ok(())))
}
