//! A key goes to another state of its life.

use signer_proto::{KeyState, Refusal, SetKeyState};

use super::{Facts, known};
use crate::key_state::action_to;
use crate::proposal::Subject;

pub(super) fn subject(facts: &dyn Facts, call: &SetKeyState) -> Result<Subject, Refusal> {
    let key = known(facts, &call.key)?;
    Ok(Subject::new(action_to(call.to))
        .key(&key)
        .line("From", call.from)
        .line("To", call.to)
        .words(match call.to {
            KeyState::PreActive => "no key goes back there",
            KeyState::Active => "the key issues again under its policy",
            KeyState::Suspended => "the key issues nothing until it is made active again",
            KeyState::Deactivated => "the key never issues again; its CRLs go on",
            KeyState::Compromised => {
                "others are taken to know the key: it never issues again; its CRLs go on"
            }
            KeyState::Destroyed => "the key is wiped for good: no CRL of it can be signed any more",
        }))
}
