//! Revoke: for good.

use std::sync::Arc;

use signer_proto::Revoke;

use super::Asked;
use super::revocation::{self, Verb, Wish};
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: Revoke, asked: Asked) {
    let verb = Verb::Revoke { reason: call.reason, invalidity: call.invalidity };
    let wish = Wish { key: call.key, serial: call.serial, verb };
    revocation::run(keeper, wish, asked);
}
