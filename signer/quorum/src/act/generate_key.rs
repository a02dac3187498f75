//! A key is generated.

use signer_proto::{Action, GenerateKey};

use crate::proposal::Subject;

pub(super) fn subject(call: &GenerateKey) -> Subject {
    Subject::new(Action::Generate)
        .line("Key", &call.label)
        .line("Key purpose", call.purpose)
        .line("Key algorithm", call.spec)
        .words(format!(
            "makes a new key for {}; it signs nothing before it has a policy",
            call.purpose
        ))
}
