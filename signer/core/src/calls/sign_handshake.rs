//! SignHandshake: the server's CertificateVerify of a TLS 1.3 handshake, built here.

use std::sync::{Arc, PoisonError};

use signer_proto::{KeyState, Purpose, Refusal, SignHandshake, SignedHandshake};

use super::Asked;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: SignHandshake, asked: Asked) {
    match sign(keeper, &call, &asked) {
        Ok(answer) => asked.answer(&answer),
        Err(refusal) => asked.refuse(refusal),
    }
}

/// Signs, and notes it before the signature leaves. The leaf comes later: see
/// [`crate::handshakes`].
fn sign(
    keeper: &Arc<Keeper>,
    call: &SignHandshake,
    asked: &Asked,
) -> Result<SignedHandshake, Refusal> {
    let gate = keeper.gate(&call.key)?;
    let _gate = gate.read().unwrap_or_else(PoisonError::into_inner);
    let view = keeper.view(&call.key, |purpose| purpose == Purpose::Tls)?;
    let ruling = view.ruling()?;
    view.check_state(&[KeyState::Active, KeyState::Suspended])?;
    let admission = ruling.policy.admit_handshake(call.scheme, &call.transcript)?;
    keeper.now()?;
    asked.check_deadline()?;
    let signature = keeper.sign(&view.card, &admission.built(), asked.deadline().until())?;
    keeper.note_handshake(view.card.identity.id, admission.content())?;
    Ok(SignedHandshake { signature })
}
