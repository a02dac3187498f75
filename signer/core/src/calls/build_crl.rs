//! BuildCrl: the next CRL of a key, over the signer's own revocation set.

use std::sync::{Arc, PoisonError};

use signer_proto::{
    BuildCrl, BuiltCrl, CrlSigned, Digest, KeyId, KeyState, Purpose, Refusal, Rule, Wire,
};
use x509::sha256;

use super::{Asked, with_position};
use crate::crl::{self, CrlHead};
use crate::keeper::Keeper;
use crate::key_view::KeyView;
use crate::state::{CrlLine, Snapshot};

/// What the CRL is built over, taken under the state lock.
struct Ground {
    snapshot: Snapshot,
    previous: Option<CrlLine>,
}

pub(super) fn run(keeper: &Arc<Keeper>, call: BuildCrl, asked: Asked) {
    let gate = match keeper.gate(&call.key) {
        Ok(gate) => gate,
        Err(refusal) => return asked.refuse(refusal),
    };
    let _gate = gate.read().unwrap_or_else(PoisonError::into_inner);
    let (view, ground) = match reserve(keeper, &call) {
        Ok(reserved) => reserved,
        Err(refusal) => return asked.refuse(refusal),
    };
    let id = view.card.identity.id;
    match build(keeper, &call, &view, &ground, &asked) {
        Ok((event, answer)) => keeper.write(event, move |keeper, outcome| {
            keeper.live().pending.end_crl(id);
            match outcome {
                Ok(written) => asked.answer_encoded(with_position(answer, written.position)),
                Err(refusal) => asked.refuse(refusal),
            }
        }),
        Err(refusal) => {
            keeper.live().pending.end_crl(id);
            asked.refuse(refusal);
        }
    }
}

/// Takes the next number: one CRL of a key at a time.
fn reserve(keeper: &Keeper, call: &BuildCrl) -> Result<(KeyView, Ground), Refusal> {
    if call.shard != 0 {
        let detail = format!("{} has no shard {}", call.key, call.shard);
        return Err(Refusal::new(Rule::ShardUnknown, detail));
    }
    let view = keeper.view(&call.key, Purpose::is_authority)?;
    view.ruling()?;
    if view.state == KeyState::Destroyed {
        return Err(Refusal::new(Rule::KeyNotActive, format!("{} is destroyed", call.key)));
    }
    keeper.opened()?;
    let id = view.card.identity.id;
    let mut live = keeper.live();
    if !live.pending.begin_crl(id) {
        let detail = format!("a CRL of {} is being built", call.key);
        return Err(Refusal::new(Rule::Overloaded, detail));
    }
    let ground = ground(&live.state, id);
    drop(live);
    Ok((view, ground))
}

fn ground(state: &crate::state::State, id: KeyId) -> Ground {
    let key = state.key_by_id(id);
    Ground {
        snapshot: key.map(|key| key.revocations.snapshot()).unwrap_or_default(),
        previous: key.and_then(|key| key.crl),
    }
}

/// Builds, signs and encodes, without the state lock: a large CRL takes a second.
fn build(
    keeper: &Arc<Keeper>,
    call: &BuildCrl,
    view: &KeyView,
    ground: &Ground,
    asked: &Asked,
) -> Result<(CrlSigned, Vec<u8>), Refusal> {
    asked.check_deadline()?;
    let policy = &view.ruling()?.policy;
    let last = ground.previous.map(|line| line.this_update);
    let admission = policy.admit_crl(keeper.now()?, last, call.next_update)?;
    let issuer = policy
        .issuer()
        .ok_or_else(|| Refusal::new(Rule::PurposeMismatch, "the policy names no issuer"))?;
    let head = CrlHead {
        scheme: admission.scheme(),
        issuer,
        issuer_key: &view.card.public,
        number: ground.previous.map_or(0, |line| line.number).saturating_add(1),
        this_update: admission.this_update(),
        next_update: admission.next_update(),
    };
    let tbs = crl::build(&head, &ground.snapshot, ground.previous)?;
    let signature = keeper.sign(&view.card, &admission.built(&tbs), asked.deadline().until())?;
    let event = CrlSigned {
        key: view.card.identity.id,
        shard: call.shard,
        number: head.number,
        this_update: head.this_update,
        next_update: head.next_update,
        revocations: ground.snapshot.len(),
        tbs_digest: Digest(sha256(tbs.as_bytes())),
        scheme: head.scheme,
        signature: signature.clone(),
    };
    let answer = BuiltCrl {
        position: 0,
        number: head.number,
        this_update: head.this_update,
        next_update: head.next_update,
        revocations: event.revocations,
        tbs,
        signature,
    };
    Ok((event, answer.to_wire()))
}
