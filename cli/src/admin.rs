//! The way to the signer's admin.sock: whatever makes authority goes there.

use std::io::ErrorKind;
use std::path::Path;

use ca::ceremony::{ActError, CeremonyError, WarrantError};
use signer_client::{ClientOptions, SignerClient, Sockets};

use crate::exit::{Failure, Outcome};

/// Speaks on admin.sock in `run`; connects at the first call.
pub fn connect(run: &Path) -> Outcome<SignerClient> {
    let socket = run.join("admin.sock");
    if let Err(error) = reach(&socket) {
        return Err(match error.kind() {
            ErrorKind::PermissionDenied => Failure::Refused(format!(
                "{} is not for uid {}: run this as whoever started `chancery up`",
                socket.display(),
                rustix::process::geteuid().as_raw()
            )),
            _ => Failure::Unavailable(format!(
                "{}: {error}; is the signer running (`chancery up`), is --data right?",
                socket.display()
            )),
        });
    }
    Ok(SignerClient::connect(Sockets::of_operator(run), ClientOptions::default()))
}

/// Looks whether the socket is there and lets this user connect.
fn reach(socket: &Path) -> std::io::Result<()> {
    use rustix::fs::{Access, access};
    std::fs::metadata(socket)?;
    Ok(access(socket, Access::WRITE_OK)?)
}

/// Says what became of a ceremony.
pub fn failure(error: CeremonyError) -> Failure {
    match error {
        CeremonyError::Call { act, source } => match Failure::from(source) {
            Failure::Unavailable(why) => Failure::Unavailable(format!("{act}: {why}")),
            Failure::Refused(why) => Failure::Refused(format!("{act}: {why}")),
            other => other,
        },
        CeremonyError::Warrant { act, source } => warrant(&act, source),
        CeremonyError::NoKey(_) => Failure::NotFound(error.to_string()),
        other => Failure::Refused(format!("{:#}", anyhow::Error::new(other))),
    }
}

/// Says why an act was not carried out.
pub fn not_done(act: &str, error: ActError) -> Failure {
    match error {
        ActError::Call(source) => failure(CeremonyError::Call { act: act.to_owned(), source }),
        ActError::Warrant(source) => warrant(act, source),
    }
}

fn warrant(act: &str, error: WarrantError) -> Failure {
    match error {
        WarrantError::Call(source) => failure(CeremonyError::Call { act: act.to_owned(), source }),
        WarrantError::Waiting(what) => Failure::Waiting(format!("{act}: {what}")),
        WarrantError::Failed(why) => Failure::Refused(format!("{act}: {why}")),
    }
}
