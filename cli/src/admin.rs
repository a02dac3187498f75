//! The way to the signer's admin.sock: whatever makes authority goes there.

use std::path::Path;

use ca::ceremony::CeremonyError;
use signer_client::{ClientOptions, SignerClient, Sockets};

use crate::exit::{Failure, Outcome};

/// Speaks on admin.sock in `run`; connects at the first call.
pub fn connect(run: &Path) -> Outcome<SignerClient> {
    let socket = run.join("admin.sock");
    if !socket.exists() {
        return Err(Failure::Unavailable(format!(
            "{} is not there: is the signer running (`chancery up`), and is --data right?",
            socket.display()
        )));
    }
    Ok(SignerClient::connect(
        Sockets::of_operator(run),
        ClientOptions::default(),
    ))
}

/// Says what became of a ceremony.
pub fn failure(error: CeremonyError) -> Failure {
    match error {
        CeremonyError::Call { act, source } => match Failure::from(source) {
            Failure::Unavailable(why) => Failure::Unavailable(format!("{act}: {why}")),
            Failure::Refused(why) => Failure::Refused(format!("{act}: {why}")),
            other => other,
        },
        other => Failure::Refused(other.to_string()),
    }
}
