//! Entries of the signer's journal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use signer_proto::{Event, Leaf, Wire};
use utoipa::ToSchema;

use super::Time;

/// Consecutive entries.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JournalEntries)]
pub struct JournalEntriesBody {
    /// The position of the first.
    #[schema(example = 0)]
    pub from: u64,
    /// How many entries the journal has.
    #[schema(example = 42)]
    pub size: u64,
    /// As many as were asked for, or fewer.
    pub entries: Vec<JournalEntryBody>,
}

/// An entry of the journal.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = JournalEntry)]
pub struct JournalEntryBody {
    /// Its position.
    #[schema(example = 7)]
    pub position: u64,
    /// When; none if this server does not know the entry's form.
    pub at: Option<Time>,
    /// What happened, as in `CertificateSigned`; none if this server does not know it.
    #[schema(example = "CertificateSigned")]
    pub event: Option<&'static str>,
    /// The to-be-signed certificate, DER in base64, where the entry has one.
    pub tbs: Option<String>,
    /// The whole entry as it was hashed into the log, in base64.
    pub leaf: String,
}

impl JournalEntryBody {
    /// Makes one of an encoded leaf.
    pub fn of(position: u64, leaf: &[u8]) -> Self {
        let read = Leaf::from_wire(leaf).ok();
        let tbs = read.as_ref().and_then(|leaf| match &leaf.event {
            Event::CertificateSigned(signed) => Some(signed.tbs.as_bytes()),
            Event::AuthoritySigned(signed) => Some(signed.tbs.as_bytes()),
            _ => None,
        });
        Self {
            position,
            at: read.as_ref().map(|leaf| Time(leaf.at())),
            event: read.as_ref().map(|leaf| leaf.event.name()),
            tbs: tbs.map(|tbs| STANDARD.encode(tbs)),
            leaf: STANDARD.encode(leaf),
        }
    }
}
