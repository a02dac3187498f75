//! Certificates: rows and leaves side by side, in the journal's order.

use std::collections::{HashMap, HashSet};

use model::{Issuer, ProfileName};
use signer_client::CallError;
use signer_proto::{Event, KeyId, Leaf, ReadJournal, Rule, Wire};
use store::certificates::{Claim, Place, claims, drop_orphaned_names};
use store::{Recorded, StoreError};
use x509::{
    Certificate, PublicKey, Serial, Signature, SignatureScheme, TbsCertificate, TbsCertificateDer,
    UnixTime,
};

use super::adopted::Adopted;
use super::report::{Finding, FindingKind};
use super::{RecoverError, Run};
use crate::recover::{Verified, public_key};

/// Leaves that are read at a time.
const READ: u32 = 1_024;
/// The profile of CAs' certificates in the inventory.
const CA_PROFILE: &str = "sub-ca";

/// A certificate as a leaf has it.
struct Signed {
    position: u64,
    at: UnixTime,
    key: KeyId,
    serial: Serial,
    /// Whether it is a root's own certificate, which stands with the issuers: nobody below a CA
    /// has its name.
    is_root: bool,
    tbs: TbsCertificateDer,
    scheme: SignatureScheme,
    signature: Signature,
    /// The server's profile; none for a CA's certificate.
    profile: Option<[u8; 32]>,
}

impl Signed {
    fn read(position: u64, leaf: Leaf) -> Result<Option<Self>, RecoverError> {
        let at = leaf.at();
        let (key, tbs, scheme, signature, profile) = match leaf.event {
            Event::CertificateSigned(event) => {
                let profile = Some(event.profile.0);
                (event.key, event.tbs, event.scheme, event.signature, profile)
            }
            Event::AuthoritySigned(event) => {
                (event.key, event.tbs, event.scheme, event.signature, None)
            }
            _ => return Ok(None),
        };
        let parsed = TbsCertificate::parse(tbs.as_bytes())
            .map_err(|source| RecoverError::Certificate { position, source })?;
        let serial = parsed.serial;
        let is_root = profile.is_none() && parsed.subject.der() == parsed.issuer.der();
        Ok(Some(Self { position, at, key, serial, is_root, tbs, scheme, signature, profile }))
    }
}

/// What a part of the journal says of certificates, by position.
#[derive(Default)]
struct Leaves {
    end: u64,
    signed: HashMap<i64, Signed>,
    adopted: HashMap<i64, Adopted>,
}

impl Run<'_> {
    /// Walks both from the first leaf to the last.
    pub(super) async fn compare_issued(&mut self) -> Result<(), RecoverError> {
        // No honest row stands before the first leaf.
        self.compare_rows(i64::MIN, 0, &mut Leaves::default()).await?;
        let mut position = 0;
        loop {
            let mut leaves = self.read(position).await?;
            if leaves.end == position {
                // Rows are looked at before the leaves once more: a row of a certificate that is
                // issued meanwhile has its leaf already.
                let after = Place::before(at(position));
                if claims(&self.authority.0.store, &self.ring, after, i64::MAX).await?.is_empty() {
                    return Ok(());
                }
                leaves = self.read(position).await?;
                if leaves.end == position {
                    return self.compare_rows(at(position), i64::MAX, &mut leaves).await.map(drop);
                }
            }
            let end = leaves.end;
            let found = self.compare_rows(at(position), at(end), &mut leaves).await?;
            self.look_for_missing(&leaves.signed, &found).await?;
            for adopted in leaves.adopted.into_values() {
                self.look_for_adopted(adopted).await?;
            }
            position = end;
        }
    }

    /// Reads the next leaves: where they end, and the certificates among them.
    async fn read(&mut self, from: u64) -> Result<Leaves, RecoverError> {
        let call = ReadJournal { from, limit: READ };
        let slice = self.keys.ring.signer.read_journal(&call).await;
        let slice = slice.map_err(|error| match error {
            CallError::Refused(refusal) if refusal.rule == Rule::PositionUnknown => {
                RecoverError::Behind(from)
            }
            other => RecoverError::Signer(other),
        })?;
        let end = from + slice.leaves.0.len() as u64;
        let mut leaves = Leaves { end, ..Leaves::default() };
        for (position, octets) in (from..).zip(slice.leaves.0) {
            let leaf = Leaf::from_wire(&octets.0)
                .map_err(|source| RecoverError::Leaf { position, source })?;
            if let Event::InventoryImported(imported) = leaf.event {
                let time = UnixTime(leaf.at_ms.div_euclid(1000));
                let adopted = Adopted::new(position, time, imported);
                self.report.certificates += adopted.len();
                leaves.adopted.insert(at(position), adopted);
            } else if let Some(found) = Signed::read(position, leaf)? {
                leaves.signed.insert(at(position), found);
            }
        }
        self.report.leaves += end - from;
        self.report.certificates += leaves.signed.len() as u64;
        Ok(leaves)
    }

    /// Holds every row of a part of the journal against the leaf at its place. Gives the
    /// positions that have the row of their serial number.
    async fn compare_rows(
        &mut self,
        from: i64,
        below: i64,
        leaves: &mut Leaves,
    ) -> Result<HashSet<i64>, RecoverError> {
        let mut found = HashSet::new();
        let mut place = Place::before(from);
        loop {
            let rows = claims(&self.authority.0.store, &self.ring, place, below).await?;
            let Some(last) = rows.last() else {
                return Ok(found);
            };
            place = last.place();
            for row in rows {
                self.report.rows += 1;
                if self.is_elsewhere(&row) {
                    continue;
                }
                if let Some(adopted) = leaves.adopted.get_mut(&row.journal) {
                    self.compare_adopted(row, adopted).await?;
                    continue;
                }
                let leaf = leaves.signed.get(&row.journal);
                let Some(leaf) = leaf.filter(|leaf| leaf.serial.as_bytes() == row.serial) else {
                    self.never_signed(row).await?;
                    continue;
                };
                found.insert(row.journal);
                self.compare_row(row, leaf).await?;
            }
        }
    }

    /// Says whether a row is another ring's to look at. One that says neither this ring nor its
    /// issuer's is looked at where the issuer's key is, or in the first ring.
    fn is_elsewhere(&self, row: &Claim) -> bool {
        if row.ring == self.ring.as_str() {
            return false;
        }
        let issuers = self.authority.issuers();
        let issuer = issuers.iter().find(|issuer| issuer.id.to_string() == row.issuer);
        match issuer.filter(|issuer| self.authority.ring(&issuer.ring).is_some()) {
            Some(issuer) => issuer.ring != self.ring || row.ring == issuer.ring.as_str(),
            // Issuer and row of a ring that another server of the database has.
            None if issuer.is_some_and(|issuer| issuer.ring.as_str() == row.ring) => true,
            None => self.authority.first_ring().name != self.ring,
        }
    }

    pub(super) async fn never_signed(&mut self, row: Claim) -> Result<(), RecoverError> {
        let detail = "the journal has no certificate with this serial number at this position";
        self.alarm(Finding {
            ring: self.ring.clone(),
            kind: FindingKind::NeverSigned,
            position: Some(row.journal),
            serial: Some(hex(&row.serial)),
            certificate: Some(row.id),
            detail: detail.to_owned(),
            repaired: false,
        })
        .await
    }

    async fn compare_row(&mut self, row: Claim, leaf: &Signed) -> Result<(), RecoverError> {
        let issuer = self.issuer_of(leaf)?;
        let certificate = Certificate::assemble(&leaf.tbs, leaf.scheme, &leaf.signature);
        let differs = if row.der != certificate.as_bytes() {
            "the certificate is not the one that was signed"
        } else if issuer.is_none_or(|issuer| issuer.id.to_string() != row.issuer) {
            "the issuer is not the one whose key signed"
        } else if row.ring != self.ring.as_str() {
            "the ring is not the one that signed"
        } else {
            return Ok(());
        };
        self.differs(row, differs).await
    }

    pub(super) async fn differs(&mut self, row: Claim, differs: &str) -> Result<(), RecoverError> {
        self.alarm(Finding {
            ring: self.ring.clone(),
            kind: FindingKind::Differs,
            position: Some(row.journal),
            serial: Some(hex(&row.serial)),
            certificate: Some(row.id),
            detail: differs.to_owned(),
            repaired: false,
        })
        .await
    }

    fn issuer_of(&self, leaf: &Signed) -> Result<Option<Issuer>, RecoverError> {
        self.holder_of(leaf.key, leaf.position)
    }

    /// Finds the issuer that has a key.
    pub(super) fn holder_of(
        &self,
        key: KeyId,
        position: u64,
    ) -> Result<Option<Issuer>, RecoverError> {
        let key = self.keys.by_id(key, position)?;
        let issuers = self.authority.issuers();
        Ok(self.keys.ring.issuer_of(&issuers, key.label.as_str()).cloned())
    }

    /// Finds certificates without a row, and puts them back.
    async fn look_for_missing(
        &mut self,
        signed: &HashMap<i64, Signed>,
        found: &HashSet<i64>,
    ) -> Result<(), RecoverError> {
        let mut missing: Vec<&Signed> = signed
            .iter()
            .filter(|(position, leaf)| {
                leaf.position < self.taken_over && !leaf.is_root && !found.contains(position)
            })
            .map(|(_, leaf)| leaf)
            .collect();
        missing.sort_by_key(|leaf| leaf.position);
        if !missing.is_empty() {
            let store = &self.authority.0.store;
            store.write(|tx| Box::pin(drop_orphaned_names(tx))).await?;
        }
        for leaf in missing {
            self.missing(leaf).await?;
        }
        Ok(())
    }

    async fn missing(&mut self, leaf: &Signed) -> Result<(), RecoverError> {
        let key = self.keys.by_id(leaf.key, leaf.position)?;
        let public = public_key(key, leaf.position)?;
        let (detail, repaired) = match self.issuer_of(leaf)? {
            None => (format!("no issuer of the inventory has the key {}", key.label), false),
            Some(issuer) => {
                let repaired = self.put_back(&issuer, leaf, &public).await?;
                ("the inventory did not have this certificate".to_owned(), repaired)
            }
        };
        self.alarm(Finding {
            ring: self.ring.clone(),
            kind: FindingKind::Missing,
            position: Some(at(leaf.position)),
            serial: Some(leaf.serial.to_hex()),
            certificate: None,
            detail,
            repaired,
        })
        .await
    }

    async fn put_back(
        &self,
        issuer: &Issuer,
        leaf: &Signed,
        public: &PublicKey,
    ) -> Result<bool, RecoverError> {
        let position = leaf.position;
        let verified = Verified::new(&leaf.tbs, leaf.scheme, &leaf.signature, public, position)?;
        let profile = match &leaf.profile {
            Some(digest) => self.authority.recovered_profile(digest),
            None => ProfileName::new(CA_PROFILE).expect("`sub-ca` is a profile name"),
        };
        let place = (position, leaf.at);
        let new = self.authority.new_issued(issuer, verified, profile, place);
        match self.authority.0.store.record_issued(new).await {
            Ok(recorded) => Ok(recorded == Recorded::New),
            // A row elsewhere has the serial number: it stays, and has an alarm of its own.
            Err(StoreError::Conflict | StoreError::Corrupt { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Writes a position as the database has it.
fn at(position: u64) -> i64 {
    i64::try_from(position).unwrap_or(i64::MAX)
}

fn hex(serial: &[u8]) -> String {
    serial.iter().map(|octet| format!("{octet:02x}")).collect()
}
