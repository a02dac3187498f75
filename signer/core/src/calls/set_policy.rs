//! SetPolicy: puts a policy in force, after the one that it names as its predecessor.

use std::sync::{Arc, PoisonError};

use signer_proto::{Digest, KeyState, PolicyRef, PolicySet, Purpose, Refusal, Rule, SetPolicy};
use x509::sha256;

use super::Asked;
use crate::acting::sanction;
use crate::keeper::{Keeper, known_key};
use crate::key_view::KeyView;

pub(super) fn run(keeper: &Arc<Keeper>, call: SetPolicy, asked: Asked) {
    match set(keeper, call, &asked) {
        Ok(reference) => asked.answer(&reference),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn set(keeper: &Arc<Keeper>, call: SetPolicy, asked: &Asked) -> Result<PolicyRef, Refusal> {
    let _acting = sanction(keeper, &call.clone().into())?;
    asked.check_deadline()?;
    let view = keeper.view(&call.key, |_| true)?;
    check_text(keeper, &call, &view)?;
    // Whoever signs holds the gate to read. It stays shut until the new policy is durable and
    // applied, so that no signature under the old one comes after it in the journal. Such
    // calls are rare, and their workers wait for the disk.
    let _gate = view.gate.write().unwrap_or_else(PoisonError::into_inner);
    keeper.flush_handshakes();
    let reference = next(keeper, &call)?;
    keeper.write_and_wait(PolicySet {
        key: view.card.identity.id,
        version: reference.version,
        previous: call.previous,
        text: call.text,
        warrant: call.warrant,
    })?;
    Ok(reference)
}

/// Refuses a text that is no policy for this key, or names an issuer that the ring does not have.
fn check_text(keeper: &Keeper, call: &SetPolicy, view: &KeyView) -> Result<(), Refusal> {
    let policy = view.card.read_policy(&call.text)?;
    if let Some(rules) = policy.ocsp() {
        match rules.issuer_ring() {
            Some(ring) => keeper.followed.get(&ring).map(|_| ())?,
            None => {
                keeper.view(rules.issuer_key(), |purpose| purpose == Purpose::CertAndCrl)?;
            }
        }
    }
    Ok(())
}

/// Refuses a predecessor that is not in force, and gives the reference of the next policy.
fn next(keeper: &Keeper, call: &SetPolicy) -> Result<PolicyRef, Refusal> {
    let live = keeper.live();
    let key = known_key(&live.state, &call.key)?;
    let before = key.ruling.as_ref().map(|ruling| ruling.reference);
    let refuse = |why: &str| Refusal::new(Rule::PolicyPredecessor, format!("{}: {why}", call.key));
    if call.previous != before.map(|reference| reference.digest) {
        return Err(refuse("the policy that is named is not the one in force"));
    }
    let digest = Digest(sha256(call.text.0.as_bytes()));
    if key.state == KeyState::Destroyed {
        return Err(Refusal::new(Rule::KeyNotActive, format!("{} is destroyed", call.key)));
    }
    if key.ruled.contains(&digest) {
        let detail = format!("{digest} was in force for {} before", call.key);
        return Err(Refusal::new(Rule::PolicyRollback, detail));
    }
    let version = before.map_or(0, |reference| reference.version);
    Ok(PolicyRef {
        version: version.checked_add(1).ok_or_else(|| refuse("there are no more versions"))?,
        digest,
    })
}
