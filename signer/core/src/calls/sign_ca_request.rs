//! SignCaRequest: the CSR of a CA key of this ring, also before its first policy.

use std::sync::Arc;

use signer_proto::{KeyState, Purpose, Refusal, RequestSigned, SignCaRequest, SignedCertificate};

use super::Asked;
use crate::acting::{Acting, sanction};
use crate::keeper::Keeper;
use signer_policy::admit_request;

pub(super) fn run(keeper: &Arc<Keeper>, call: SignCaRequest, asked: Asked) {
    match sign(keeper, call, &asked) {
        Err(refusal) => asked.refuse(refusal),
        Ok((event, acting)) => {
            let signature = event.signature.clone();
            // The next act begins when this one's leaf is durable.
            keeper.write(event, move |_, outcome| {
                drop(acting);
                match outcome {
                    Ok(written) => asked.answer(&SignedCertificate {
                        position: written.position,
                        signed_at: written.at,
                        replayed: false,
                        signature,
                    }),
                    Err(refusal) => asked.refuse(refusal),
                }
            });
        }
    }
}

fn sign(
    keeper: &Arc<Keeper>,
    call: SignCaRequest,
    asked: &Asked,
) -> Result<(RequestSigned, Acting), Refusal> {
    let acting = sanction(keeper, &call.clone().into())?;
    let view = keeper.view(&call.key, Purpose::is_authority)?;
    view.check_state(&[KeyState::PreActive, KeyState::Active])?;
    let card = &view.card;
    let admitted = admit_request(card.identity.purpose, &card.public, call.info.as_bytes())?;
    keeper.now()?;
    asked.check_deadline()?;
    let signature = keeper.sign(card, &admitted, asked.deadline().until())?;
    let scheme = admitted.scheme();
    let event = RequestSigned {
        key: card.identity.id,
        info: call.info,
        scheme,
        signature,
        warrant: call.warrant,
    };
    Ok((event, acting))
}
