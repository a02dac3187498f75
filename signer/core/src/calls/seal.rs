//! Seal: a small secret of the server, bound to its context.

use signer_proto::{Refusal, Seal, Sealed};

use crate::approve::refuse_driver;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, call: Seal) -> Result<Sealed, Refusal> {
    keeper
        .opened()?
        .house
        .seal(&call.context.0, &call.plaintext.0)
        .map(Sealed)
        .map_err(|error| refuse_driver(&error))
}
