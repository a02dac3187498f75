//! SignCertificate: a leaf certificate, under the policy of an issuing key.

use std::sync::Arc;

use signer_proto::SignCertificate;

use super::Asked;
use super::issuance::{self, Order, What};
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: SignCertificate, asked: Asked) {
    let order = Order {
        key: call.key,
        policy: call.policy,
        tbs: call.tbs,
        idempotency: call.idempotency,
        what: What::Certificate { profile: call.profile, evidence: call.evidence.0 },
    };
    issuance::run(keeper, order, asked);
}
