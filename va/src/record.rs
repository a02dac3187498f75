//! Records in the signer's journal, by va.sock.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use signer_client::{CallError, ClientOptions, SignerClient, Sockets};
use signer_proto::{Blame, RecordValidation, Rule, SignerState as State, ValidationRecord};
use va_wire::SignerState;

/// How long the signer may take.
const RECORDING: Duration = Duration::from_secs(10);

/// The signers of the rings.
#[derive(Clone)]
pub(crate) struct Records {
    first: SignerClient,
    others: BTreeMap<String, SignerClient>,
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    /// The server named a ring that the configuration does not.
    #[error("the ring {0} is not known here")]
    Ring(String),
    /// The signer is locked or away. Unavailable.
    #[error("the signer does not take the record")]
    Unavailable(#[source] CallError),
    /// The signer refused.
    #[error("the signer refused the record")]
    Refused(#[source] CallError),
}

impl Records {
    pub(crate) fn new(run: &std::path::Path, others: &BTreeMap<String, PathBuf>) -> Self {
        let client = |run: &std::path::Path| {
            let sockets = Sockets { va: Some(run.join("va.sock")), ..Sockets::default() };
            let options = ClientOptions {
                connections_per_socket: 1,
                default_deadline: RECORDING,
                ..ClientOptions::default()
            };
            SignerClient::connect(sockets, options)
        };
        let named = |(name, run): (&String, &PathBuf)| (name.clone(), client(run));
        Self { first: client(run), others: others.iter().map(named).collect() }
    }

    /// Has a record written; durable when it is answered.
    pub(crate) async fn write(
        &self,
        ring: Option<&str>,
        record: &RecordValidation,
    ) -> Result<ValidationRecord, RecordError> {
        let client = match ring {
            None => &self.first,
            Some(name) => {
                self.others.get(name).ok_or_else(|| RecordError::Ring(name.to_owned()))?
            }
        };
        client.record_validation(record).await.map_err(|error| match error.blame() {
            Blame::Unavailable => RecordError::Unavailable(error),
            _ => RecordError::Refused(error),
        })
    }

    /// Asks how the first signer is.
    pub(crate) async fn signer(&self) -> SignerState {
        match self.first.health().await {
            Ok(report) if report.state == State::Ready => SignerState::Ready,
            Ok(_) => SignerState::Locked,
            Err(CallError::Refused(refusal)) if refusal.rule == Rule::Locked => SignerState::Locked,
            Err(_) => SignerState::Away,
        }
    }
}
