//! The transcript of a ceremony is written down.

use signer_proto::{Action, Digest, RecordCeremony};
use x509::sha256;

use crate::proposal::Subject;

pub(super) fn subject(call: &RecordCeremony) -> Subject {
    let lines: Vec<String> = call.transcript.0.lines().map(|line| format!("| {line}")).collect();
    Subject::new(Action::Ceremony)
        .line("Plan", call.plan)
        .line("Transcript", Digest(sha256(call.transcript.0.as_bytes())))
        .all_words(&lines, "read the text of which the transcript is the SHA-256")
}
