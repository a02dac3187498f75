//! What the journal says.

use signer_proto::{CertificateSigned, Event, Leaf, Refused, Rule, Wire};
use x509::{Serial, TbsCertificate};

/// Consecutive leaves of a journal.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The position of the first.
    pub from: u64,
    /// The leaves, with the octets that were hashed.
    pub leaves: Vec<(Leaf, Vec<u8>)>,
}

impl Ledger {
    /// Reads leaves.
    ///
    /// # Panics
    /// If octets are no leaf.
    #[must_use]
    pub fn new(from: u64, octets: Vec<Vec<u8>>) -> Self {
        let leaves = octets.into_iter().map(|leaf| {
            let parsed = Leaf::from_wire(&leaf).expect("a canonical leaf");
            (parsed, leaf)
        });
        Self { from, leaves: leaves.collect() }
    }

    /// Returns the events in order.
    pub fn events(&self) -> impl Iterator<Item = &Event> {
        self.leaves.iter().map(|(leaf, _)| &leaf.event)
    }

    /// Returns the signatures that the leaves hold.
    pub fn signatures(&self) -> impl Iterator<Item = &[u8]> {
        self.events().filter_map(|event| match event {
            Event::CertificateSigned(signed) => Some(signed.signature.as_bytes()),
            Event::AuthoritySigned(signed) => Some(signed.signature.as_bytes()),
            Event::RequestSigned(signed) => Some(signed.signature.as_bytes()),
            Event::CrlSigned(signed) => Some(signed.signature.as_bytes()),
            _ => None,
        })
    }

    /// Counts the leaves of a type.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.events().filter(|event| event.name() == name).count()
    }

    /// Returns the refusals in order.
    #[must_use]
    pub fn refusals(&self) -> Vec<Refused> {
        let refused = self.events().filter_map(|event| match event {
            Event::Refused(refused) => Some(refused.clone()),
            _ => None,
        });
        refused.collect()
    }

    /// Counts the refusals by a rule, the ones that were only counted too.
    #[must_use]
    pub fn refused_by(&self, rule: Rule) -> u64 {
        let refusals = self.refusals().into_iter().filter(|refused| refused.rule == rule);
        refusals.map(|refused| u64::from(refused.count)).sum()
    }

    /// Returns what was signed or changed: everything but refusals and starts.
    #[must_use]
    pub fn acts(&self) -> Vec<&'static str> {
        let acts = self.events().filter(|event| {
            !matches!(event, Event::Refused(_) | Event::Opened(_) | Event::UnlockAttempt(_))
        });
        acts.map(Event::name).collect()
    }

    /// Returns the certificates that were signed, with their positions.
    pub fn certificates(&self) -> impl Iterator<Item = (u64, &CertificateSigned)> {
        let positions = self.from..;
        positions.zip(self.events()).filter_map(|(position, event)| match event {
            Event::CertificateSigned(signed) => Some((position, signed)),
            _ => None,
        })
    }

    /// Returns the serials of all certificates that were signed, in order.
    ///
    /// # Panics
    /// If a signed certificate does not parse.
    #[must_use]
    pub fn serials(&self) -> Vec<Serial> {
        let serial = |signed: &CertificateSigned| {
            TbsCertificate::parse(signed.tbs.as_bytes()).expect("what was signed parses").serial
        };
        self.certificates().map(|(_, signed)| serial(signed)).collect()
    }
}
