//! Hold: where the policy admits it.

use std::sync::Arc;

use signer_proto::Hold;

use super::Asked;
use super::revocation::{self, Verb, Wish};
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: Hold, asked: Asked) {
    let wish = Wish { key: call.key, serial: call.serial, verb: Verb::Hold };
    revocation::run(keeper, wish, asked);
}
