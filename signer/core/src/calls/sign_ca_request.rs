//! SignCaRequest: the CSR of a CA key of this ring, also before its first policy.

use std::sync::Arc;

use signer_proto::{Purpose, Refusal, RequestSigned, SignCaRequest, SignedCertificate};

use super::{Asked, check_warrant};
use crate::keeper::Keeper;
use signer_policy::admit_request;

pub(super) fn run(keeper: &Arc<Keeper>, call: SignCaRequest, asked: Asked) {
    match sign(keeper, call, &asked) {
        Err(refusal) => asked.refuse(refusal),
        Ok(event) => {
            let signature = event.signature.clone();
            keeper.write(event, move |_, outcome| match outcome {
                Ok(written) => asked.answer(&SignedCertificate {
                    position: written.position,
                    signed_at: written.at,
                    replayed: false,
                    signature,
                }),
                Err(refusal) => asked.refuse(refusal),
            });
        }
    }
}

fn sign(keeper: &Keeper, call: SignCaRequest, asked: &Asked) -> Result<RequestSigned, Refusal> {
    check_warrant(keeper, &call.warrant)?;
    let view = keeper.view(&call.key, Purpose::is_authority)?;
    let card = &view.card;
    let admitted = admit_request(card.identity.purpose, &card.public, call.info.as_bytes())?;
    keeper.now()?;
    asked.check_deadline()?;
    let signature = keeper.sign(card, &admitted)?;
    let scheme = admitted.scheme();
    Ok(RequestSigned {
        key: card.identity.id,
        info: call.info,
        scheme,
        signature,
        warrant: call.warrant,
    })
}
