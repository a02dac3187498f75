//! SignAuthority: a CA certificate (cA TRUE), self-signed ones too.

use std::sync::Arc;

use signer_proto::SignAuthority;

use super::Asked;
use super::issuance::{self, Order, What};
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: SignAuthority, asked: Asked) {
    let order = Order {
        key: call.key,
        policy: call.policy,
        tbs: call.tbs,
        idempotency: call.idempotency,
        what: What::Authority { warrant: call.warrant },
    };
    issuance::run(keeper, order, asked);
}
