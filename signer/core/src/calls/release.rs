//! Release: from hold, and from nothing else.

use std::sync::Arc;

use signer_proto::Release;

use super::Asked;
use super::revocation::{self, Verb, Wish};
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: Release, asked: Asked) {
    let wish = Wish { key: call.key, serial: call.serial, verb: Verb::Release };
    revocation::run(keeper, wish, asked);
}
