//! SignHandshake and SignKeyExchange: the server's part of a TLS handshake, built here.

use std::sync::{Arc, PoisonError};

use signer_policy::{HandshakeAdmission, KeyPolicy};
use signer_proto::{
    KeyLabel, KeyState, Purpose, Refusal, SignHandshake, SignKeyExchange, SignedHandshake,
};

use super::Asked;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: SignHandshake, asked: Asked) {
    let admit = |policy: &KeyPolicy| policy.admit_handshake(call.scheme, &call.transcript);
    answer(sign(keeper, &call.key, admit, &asked), asked);
}

pub(super) fn run_key_exchange(keeper: &Arc<Keeper>, call: SignKeyExchange, asked: Asked) {
    let admit = |policy: &KeyPolicy| policy.admit_key_exchange(&call);
    answer(sign(keeper, &call.key, admit, &asked), asked);
}

fn answer(outcome: Result<SignedHandshake, Refusal>, asked: Asked) {
    match outcome {
        Ok(answer) => asked.answer(&answer),
        Err(refusal) => asked.refuse(refusal),
    }
}

/// Signs, and notes it before the signature leaves. The leaf comes later: see
/// [`crate::handshakes`].
fn sign(
    keeper: &Arc<Keeper>,
    key: &KeyLabel,
    admit: impl FnOnce(&KeyPolicy) -> Result<HandshakeAdmission, Refusal>,
    asked: &Asked,
) -> Result<SignedHandshake, Refusal> {
    let gate = keeper.gate(key)?;
    let _gate = gate.read().unwrap_or_else(PoisonError::into_inner);
    let view = keeper.view(key, |purpose| purpose == Purpose::Tls)?;
    let ruling = view.ruling()?;
    view.check_state(&[KeyState::Active, KeyState::Suspended])?;
    let admission = admit(&ruling.policy)?;
    keeper.now()?;
    asked.check_deadline()?;
    let signature = keeper.sign(&view.card, &admission.built(), asked.deadline().until())?;
    keeper.note_handshake(view.card.identity.id, admission.content())?;
    Ok(SignedHandshake { signature })
}
