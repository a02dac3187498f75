//! The one place where admitted bytes become approved bytes.
//!
//! `cargo xtask tidy` counts the calls of `Approved::admitted`: there is this one.

use std::time::Instant;

use keystore::{Approved, DriverError, House, KeyDriver, Urgency};
use signer_log::checkpoint::{Checkpoint, with_time};
use signer_log::note::{Note, NoteKey};
use signer_proto::{Refusal, Rule};
use x509::{Signature, UnixTime};

use crate::state::KeyCard;
use signer_policy::{Admitted, Meaning};

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SignError {
    /// The driver did not sign.
    #[error("the driver did not sign")]
    Driver(#[source] DriverError),
    /// What the driver gave does not verify: wrong key, bent bits, another message.
    #[error("the driver's signature does not verify")]
    Faulty,
}

impl SignError {
    /// Tells it as a refusal, for a signature by a house key.
    pub(crate) fn refuse(&self) -> Refusal {
        match self {
            Self::Driver(error) => refuse_driver(error),
            Self::Faulty => Refusal::new(Rule::SignatureFaulty, self.to_string()),
        }
    }
}

/// What may be signed: bytes that policy admitted, or a text that is built here.
enum Sealing<'a> {
    Admitted(&'a Admitted<'a>),
    Checkpoint(&'a str),
}

/// Approves. This is the one call of the constructor.
fn approved<'a>(sealing: &Sealing<'a>) -> Approved<'a> {
    Approved::admitted(match sealing {
        Sealing::Admitted(admitted) => admitted.bytes(),
        Sealing::Checkpoint(text) => text.as_bytes(),
    })
}

/// Builds the text of a checkpoint, signs it with the `log` key and verifies the signature.
pub(crate) fn sign_checkpoint(
    house: &dyn House,
    log: &NoteKey,
    checkpoint: &Checkpoint,
    at: UnixTime,
) -> Result<Note, SignError> {
    let text = with_time(checkpoint, at);
    let message = approved(&Sealing::Checkpoint(&text));
    let signature = house.sign_log(message).map_err(SignError::Driver)?;
    let line = log.line(signature.as_bytes());
    let note = Note { text, signatures: vec![line] };
    note.verify(log).map_err(|_| SignError::Faulty)?;
    Ok(note)
}

/// Signs what policy admitted, by the algorithm that policy names, and verifies the signature
/// before anybody sees it: a fault attack on the signing would otherwise give the key away.
pub(crate) fn sign_admitted(
    driver: &dyn KeyDriver,
    card: &KeyCard,
    admitted: &Admitted<'_>,
    until: Option<Instant>,
) -> Result<Signature, SignError> {
    let scheme = admitted.scheme();
    let message = approved(&Sealing::Admitted(admitted))
        .with_urgency(urgency(admitted.meaning()))
        .with_deadline(until);
    let signature = driver.sign(&card.identity, scheme, message).map_err(SignError::Driver)?;
    card.public.verify(scheme, admitted.bytes(), &signature).map_err(|_| SignError::Faulty)?;
    Ok(signature)
}

/// Says what may wait where a key store signs only so much: what is there already stops working
/// without its status, a new certificate does not.
fn urgency(meaning: &Meaning) -> Urgency {
    match meaning {
        Meaning::Certificate(..) | Meaning::Authority(_) | Meaning::Request(_) => Urgency::Issuance,
        Meaning::CertificateList | Meaning::OcspResponse | Meaning::Handshake => Urgency::Status,
    }
}

/// Tells a driver's error as a refusal. No driver error ever carries key bytes.
pub(crate) fn refuse_driver(error: &DriverError) -> Refusal {
    let rule = match error {
        DriverError::KeyMissing(_) | DriverError::Corrupt { .. } | DriverError::Crypto(_) => {
            Rule::KeyFileCorrupt
        }
        DriverError::PublicKeyDiffers { .. } => Rule::SignatureFaulty,
        DriverError::KeyExists(_) => Rule::KeyExists,
        DriverError::SpecUnsupported(_)
        | DriverError::SchemeMismatch
        | DriverError::LocationUnusable { .. }
        | DriverError::MessageTooLong { .. } => Rule::KeySpecRefused,
        DriverError::ImportRefused(_) => Rule::AdoptionRefused,
        DriverError::Overloaded(_) => Rule::Overloaded,
        DriverError::Unavailable(_) => Rule::DriverUnavailable,
    };
    Refusal::new(rule, error.to_string())
}
