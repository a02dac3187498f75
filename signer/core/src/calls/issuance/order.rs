//! What is ordered, and when two orders are the same.

use signer_policy::records;
use signer_proto::{
    Act, Digest, Event, Evidence, EvidenceRecord, IdempotencyKey, KeyId, KeyLabel, Refusal, Rule,
    SignAuthority, Warrant, Wire, Writer,
};
use x509::{Signature, TbsCertificateDer, sha256};

use super::Slot;

/// One certificate to sign.
pub(in crate::calls) struct Order {
    pub(in crate::calls) key: KeyLabel,
    pub(in crate::calls) policy: Digest,
    pub(in crate::calls) tbs: TbsCertificateDer,
    pub(in crate::calls) idempotency: IdempotencyKey,
    pub(in crate::calls) what: What,
}

/// Leaf or authority.
pub(in crate::calls) enum What {
    /// issue.sock.
    Certificate { profile: Digest, evidence: Vec<Evidence> },
    /// admin.sock.
    Authority { warrant: Warrant },
}

impl Order {
    /// Refuses a policy other than the one in force: the server prepared against another.
    pub(super) fn check_policy(&self, in_force: Digest) -> Result<(), Refusal> {
        if self.policy == in_force {
            return Ok(());
        }
        let detail = format!("{} is not in force for {}", self.policy, self.key);
        Err(Refusal::new(Rule::PolicyDigestUnknown, detail))
    }

    /// Gives the act that this order is; none for a leaf certificate, which needs no approval.
    pub(super) fn act(&self) -> Option<Act> {
        let What::Authority { warrant } = &self.what else { return None };
        Some(Act::from(SignAuthority {
            key: self.key.clone(),
            policy: self.policy,
            tbs: self.tbs.clone(),
            idempotency: self.idempotency,
            warrant: warrant.clone(),
        }))
    }

    /// Digests what is signed, and the proposal that it was approved by: the same certificate
    /// under another proposal is another order.
    pub(super) fn content(&self) -> Digest {
        match &self.what {
            What::Certificate { .. } => Digest(sha256(self.tbs.as_bytes())),
            What::Authority { warrant } => content(&self.tbs, warrant),
        }
    }

    /// Digests everything that makes two requests the same. The policy is not part of it: a retry
    /// stays a retry when another policy came into force meanwhile.
    pub(super) fn body(&self, key: KeyId, tbs: Digest) -> Digest {
        match &self.what {
            What::Certificate { profile, evidence } => {
                body(key, tbs, Some((*profile, &records(evidence))))
            }
            What::Authority { .. } => body(key, tbs, None),
        }
    }

    /// Takes the signature out of the leaf that stands for this order, or says why that leaf is
    /// not this order's.
    pub(super) fn signature_in(&self, slot: &Slot, event: &Event) -> Result<Signature, Refusal> {
        let stored = match event {
            Event::CertificateSigned(signed) => {
                let tbs = Digest(sha256(signed.tbs.as_bytes()));
                let leaf = Some((signed.profile, signed.evidence.0.as_slice()));
                let body = body(signed.key, tbs, leaf);
                (signed.idempotency, body, signed.key, tbs, &signed.signature)
            }
            Event::AuthoritySigned(signed) => {
                let tbs = content(&signed.tbs, &signed.warrant);
                let body = body(signed.key, tbs, None);
                (signed.idempotency, body, signed.key, tbs, &signed.signature)
            }
            // A certificate of before the adoption.
            Event::InventoryImported(_) => return Err(slot.used()),
            other => {
                let detail = format!("{} stands where a signature was", other.name());
                return Err(Refusal::new(Rule::StateCorrupt, detail));
            }
        };
        let (idempotency, body, key, tbs, signature) = stored;
        if idempotency == self.idempotency && body != slot.body {
            return Err(slot.conflict());
        }
        if (key, tbs) != (slot.key, slot.tbs) {
            return Err(slot.used());
        }
        Ok(signature.clone())
    }
}

fn content(tbs: &TbsCertificateDer, warrant: &Warrant) -> Digest {
    let tbs = sha256(tbs.as_bytes());
    Digest(sha256(&[tbs, sha256(warrant.proposal.0.as_bytes())].concat()))
}

fn body(key: KeyId, tbs: Digest, leaf: Option<(Digest, &[EvidenceRecord])>) -> Digest {
    let mut w = Writer::new();
    key.put(&mut w);
    tbs.put(&mut w);
    leaf.is_some().put(&mut w);
    if let Some((profile, evidence)) = leaf {
        profile.put(&mut w);
        w.list(evidence);
    }
    Digest(sha256(&w.into_vec()))
}
