//! A CA that was elsewhere before: its key, what it issued there, its policy, its responder.

use signer_proto::{
    AdoptKey, Digest, Event, FileGiven, ImportInventory, InventoryChunk, InventoryDigest,
    KeyAdopted, KeyId, KeyLabel, KeySource, KeySpec, MAX_CHUNK, OldCertificate, OldCertificates,
    Purpose, Socket, Warrant, Wire,
};
use x509::{CertificateDer, ForeignCertificate, sha256};

use super::CeremonyError;
use super::operator::Operator;
use super::ring::{Key, Ring, failed, label, stopped};
use crate::hierarchy::{AuthorityPolicy, BACKDATE, NameScope};
use crate::issuers::responder_label;
use crate::profile::Seconds;

use super::execute::{LONGEST_BACKDATE, MAX_PATH_LEN};

/// How long a part of an inventory may take.
const IMPORTING: std::time::Duration = std::time::Duration::from_secs(30);

/// A CA that is to be taken over.
pub struct TakeOver {
    /// The label of its key.
    pub label: String,
    /// Whether it signs leaves, or CAs.
    pub purpose: Purpose,
    /// Its certificate.
    pub certificate: CertificateDer,
    /// Where its key is.
    pub source: KeySource,
    /// The file of its key, if it is one.
    pub file: FileGiven,
    /// The highest CRL number that anybody saw.
    pub crl_number: u64,
    /// What it issued, by ascending serials.
    pub old: Vec<OldCertificate>,
    /// Names that it may certify from now on.
    pub names: NameScope,
    /// The longest validity of leaves from now on.
    pub leaf_validity: Seconds,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenOver {
    /// Whether others may have the key.
    pub imported: bool,
    /// Whether the key was there already, from a run that was interrupted.
    pub resumed: bool,
}

/// Cuts an inventory, by ascending serials, into parts: each names the next by its digest.
#[must_use]
pub fn inventory_chunks(old: &[OldCertificate]) -> (InventoryDigest, Vec<InventoryChunk>) {
    let mut first = None;
    let mut chunks = Vec::with_capacity(old.len().div_ceil(MAX_CHUNK));
    for part in old.chunks(MAX_CHUNK).rev() {
        let certificates = OldCertificates(part.to_vec());
        let chunk = InventoryChunk { certificates, next: first };
        first = Some(Digest(sha256(&chunk.to_wire())));
        chunks.push(chunk);
    }
    chunks.reverse();
    let certificates = u64::try_from(old.len()).unwrap_or(u64::MAX);
    (InventoryDigest { certificates, first }, chunks)
}

/// Takes a CA over: adopts its key, brings its inventory, puts policies in force for it and its
/// responder. `progress` is told how many certificates are in the journal. It can be run again.
///
/// # Errors
/// [`CeremonyError`]; until the inventory is whole, the key signs nothing.
pub async fn take_over(
    operator: &Operator,
    plan: TakeOver,
    progress: &mut (dyn FnMut(usize) + Send),
) -> Result<TakenOver, CeremonyError> {
    let ring = Ring(operator);
    let name = label(&plan.label)?;
    let held = ForeignCertificate::parse(plan.certificate.as_bytes())
        .map_err(CeremonyError::Certificate)?;
    let (inventory, chunks) = inventory_chunks(&plan.old);
    let resumed = ring.key(&name).await?.is_some();
    if !resumed {
        adopt_key(&ring, &plan, &name, inventory).await?;
    }
    let (adopted, brought) = ring.adoption_of(&name).await?;
    if adopted.certificate != plan.certificate || adopted.inventory != inventory {
        return Err(CeremonyError::OtherKey {
            label: name.to_string(),
            what: "adopted with another certificate or another inventory".into(),
        });
    }
    let mut done: usize = chunks.iter().take(brought).map(|c| c.certificates.0.len()).sum();
    progress(done);
    for chunk in chunks.into_iter().skip(brought) {
        done += chunk.certificates.0.len();
        let call = ImportInventory { key: name.clone(), chunk };
        let sent = operator.call(Socket::Admin, &call, IMPORTING).await;
        sent.map_err(failed(format!("importing the inventory of `{name}`")))?;
        progress(done);
    }
    let key = ring.key(&name).await?;
    let mut key = key.ok_or_else(|| CeremonyError::NoKey(name.to_string()))?;
    policies(&ring, &plan, &mut key, (&held, adopted.imported)).await?;
    Ok(TakenOver { imported: adopted.imported, resumed })
}

async fn adopt_key(
    ring: &Ring<'_>,
    plan: &TakeOver,
    name: &KeyLabel,
    inventory: InventoryDigest,
) -> Result<(), CeremonyError> {
    let call = AdoptKey {
        label: name.clone(),
        purpose: plan.purpose,
        certificate: plan.certificate.clone(),
        source: plan.source.clone(),
        crl_number: plan.crl_number,
        inventory,
        file: FileGiven(None),
        warrant: Warrant::none(),
    };
    let act = format!("adopting the key `{name}`");
    let file = plan.file.clone();
    let adopted = ring.0.act_with(call, |call: &mut AdoptKey| call.file = file).await;
    adopted.map(drop).map_err(stopped(act))
}

async fn policies(
    ring: &Ring<'_>,
    plan: &TakeOver,
    key: &mut Key,
    (held, imported): (&ForeignCertificate, bool),
) -> Result<(), CeremonyError> {
    let policy = AuthorityPolicy {
        scheme: key.scheme,
        issuer: held.subject().der().clone(),
        issuer_not_after: held.not_after(),
        imported,
    };
    if plan.purpose != Purpose::CertAndCrl {
        let limit = held.basic_constraints().and_then(|bc| bc.path_len);
        let below = limit.map_or(MAX_PATH_LEN, |limit| limit.saturating_sub(1));
        let longest = held.not_after().seconds_since(held.not_before()) + 1 + BACKDATE.0;
        return ring.first_policy(key, policy.authorities(below, Seconds(longest), false)).await;
    }
    let longest = Seconds(plan.leaf_validity.0 + LONGEST_BACKDATE.0);
    ring.first_policy(key, policy.issuing(&plan.names, longest)).await?;
    let responder = label(&responder_label(key.label.as_str()))?;
    let mut responder = ring.ensure_key(&responder, Purpose::Ocsp, KeySpec::P256).await?;
    let text = policy.responder(key.label.as_str(), responder.scheme);
    ring.first_policy(&mut responder, text).await
}

impl Ring<'_> {
    /// Reads from the journal how a key was adopted, and how many parts of its inventory are here.
    async fn adoption_of(&self, name: &KeyLabel) -> Result<(KeyAdopted, usize), CeremonyError> {
        let mut found: Option<(KeyId, KeyAdopted)> = None;
        let (mut position, mut brought) = (0, 0);
        loop {
            let events = self.events(position).await?;
            if events.is_empty() {
                break;
            }
            position += events.len() as u64;
            for event in events {
                match event {
                    Event::KeyAdopted(leaf) if leaf.label == *name => {
                        found = Some((leaf.id, leaf));
                    }
                    Event::InventoryImported(leaf) => {
                        brought += usize::from(found.as_ref().is_some_and(|f| f.0 == leaf.key));
                    }
                    _ => {}
                }
            }
        }
        let (_, adopted) = found.ok_or_else(|| CeremonyError::OtherKey {
            label: name.to_string(),
            what: "not an adopted one".into(),
        })?;
        Ok((adopted, brought))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509::{Serial, UnixTime};

    #[test]
    fn chunks_lead_from_one_to_the_next() {
        let old = |n: u32| OldCertificate {
            serial: Serial::from_unsigned(&(n + 1).to_be_bytes()).expect("a serial"),
            not_after: UnixTime(9),
            revoked: None,
        };
        let all: Vec<OldCertificate> = (0..2500).map(old).collect();
        let (inventory, chunks) = inventory_chunks(&all);
        assert_eq!((inventory.certificates, chunks.len()), (2500, 3));
        let mut next = inventory.first;
        let mut found = Vec::new();
        for chunk in chunks {
            assert_eq!(next, Some(Digest(sha256(&chunk.to_wire()))));
            next = chunk.next;
            found.extend(chunk.certificates.0);
        }
        assert_eq!((next, found), (None, all));
        let (inventory, chunks) = inventory_chunks(&[]);
        assert_eq!(inventory, InventoryDigest { certificates: 0, first: None });
        assert!(chunks.is_empty());
    }
}
