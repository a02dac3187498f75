//! What records of evidence point to: validations and renewed certificates.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use signer_proto::{Digest, Identifier, ValidationMethod, ValidationRecorded};
use x509::{GeneralName, TbsCertificate, UnixTime, sha256};

use crate::fault::{Fault, FaultKind, Wrong};
use crate::fold::LATENCY;

/// All validations up to now: whoever checks a leaf looks at those before it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Validations(Arc<RwLock<HashMap<Identifier, Vec<Validated>>>>);

#[derive(Debug, Clone, Copy)]
struct Validated {
    position: u64,
    at: UnixTime,
    method: ValidationMethod,
    account: Digest,
}

impl Validations {
    /// Adds a record.
    pub(crate) fn add(&self, position: u64, at: UnixTime, recorded: &ValidationRecorded) {
        let ValidationRecorded { identifier, method, account } = recorded;
        let record = Validated { position, at, method: *method, account: *account };
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(identifier.clone()).or_default().push(record);
    }

    /// Demands that every name of a certificate has a record that is young enough, all of one
    /// account; a wildcard one by dns-01 of the name below it (RFC 8555 §7.1.3).
    pub(super) fn check(
        &self,
        (position, at): (u64, UnixTime),
        max_age: i64,
        tbs: &TbsCertificate,
    ) -> Result<(), Wrong> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let names = tbs.extensions.subject_alt_name().unwrap_or_default();
        let speaks = |name: &GeneralName| {
            let (identifier, is_wildcard) = match name {
                GeneralName::Dns(name) => match name.strip_prefix("*.") {
                    Some(base) => (Identifier::dns(base).ok()?, true),
                    None => (Identifier::dns(name).ok()?, false),
                },
                GeneralName::Ip(address) => (Identifier::ip(*address).ok()?, false),
                _ => return None,
            };
            let speaking = all.get(&identifier)?.iter().rev().filter(|record| {
                record.position < position
                    && at.seconds_since(record.at) <= max_age.saturating_add(LATENCY)
                    && (!is_wildcard || record.method == ValidationMethod::Dns01)
            });
            let accounts: HashSet<_> = speaking.map(|record| record.account).collect();
            (!accounts.is_empty()).then_some(accounts)
        };
        let mut common: Option<HashSet<Digest>> = None;
        for name in names {
            let Some(accounts) = speaks(name) else {
                return Wrong::because(FaultKind::Evidence, format!("no record of {name:?}"));
            };
            common = Some(match common {
                None => accounts,
                Some(common) => common.intersection(&accounts).copied().collect(),
            });
        }
        match common {
            None => Wrong::because(FaultKind::Evidence, "there is no name"),
            Some(common) if common.is_empty() => {
                Wrong::because(FaultKind::Evidence, "no account has records of all names")
            }
            Some(_) => Ok(()),
        }
    }
}

/// Subjects and names of certificates by position, to be compared once all are known.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    names: Mutex<HashMap<u64, [u8; 32]>>,
}

impl Renewals {
    /// Notes the names of a certificate.
    pub(super) fn note(&self, position: u64, tbs: &TbsCertificate) {
        let mut names: Vec<String> = tbs
            .extensions
            .subject_alt_name()
            .unwrap_or_default()
            .iter()
            .map(|name| format!("{name:?}"))
            .collect();
        names.sort_unstable();
        names.dedup();
        let mut input = tbs.subject.der().as_bytes().to_vec();
        input.extend_from_slice(names.join("\n").as_bytes());
        let mut all = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(position, sha256(&input));
    }

    /// Finds the first certificate whose names are not those of the one that it renews.
    pub(crate) fn first_other(&self, renewals: &[(u64, u64)]) -> Option<Fault> {
        let all = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let other = |pair: &&(u64, u64)| {
            all.get(&pair.0).zip(all.get(&pair.1)).is_none_or(|(new, old)| new != old)
        };
        let (position, renewed) = renewals.iter().find(other)?;
        let why = format!("other names than the certificate at {renewed}, which it renews");
        Some(Fault::new(*position, FaultKind::Evidence, why))
    }
}
