//! Issuance stops, or goes on.

use signer_proto::{Action, SetFreeze};

use crate::proposal::Subject;

pub(super) fn subject(call: &SetFreeze) -> Subject {
    let (action, words) = if call.frozen {
        (Action::Freeze, "no certificate is issued in this ring until a quorum unfreezes it")
    } else {
        (Action::Unfreeze, "certificates are issued again")
    };
    Subject::new(action).line("Reason", &call.reason.0).words(words)
}
