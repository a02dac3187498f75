//! What a CA issued before, gathered from files. Every fault is told, with its file and line.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;
use std::path::Path;

use signer_proto::{OldCertificate, OldRevocation};
use x509::{CrlReason, ForeignCertificate, ForeignCrl, Serial, UnixTime};

use super::{csv, index, pem_folder};

/// Faults that are shown; the rest is counted.
const SHOWN: usize = 50;

/// What is wrong with the files, each with its place.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// Notes a fault of a file.
    pub fn note(&mut self, file: &Path, what: impl core::fmt::Display) {
        self.0.push(format!("{}: {what}", file.display()));
    }

    /// Notes a fault of a line.
    pub fn line(&mut self, file: &Path, line: usize, what: impl core::fmt::Display) {
        self.0.push(format!("{}:{line}: {what}", file.display()));
    }

    /// Notes a fault that is of no single file.
    pub fn other(&mut self, what: String) {
        self.0.push(what);
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// All faults as one text.
    pub fn end(self) -> Result<(), String> {
        if self.0.is_empty() {
            return Ok(());
        }
        let mut text: Vec<String> = self.0.iter().take(SHOWN).cloned().collect();
        let more = self.0.len().saturating_sub(SHOWN);
        if more > 0 {
            text.push(format!("and {more} more"));
        }
        Err(text.join("\n"))
    }

    /// Returns whether anything was noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A certificate that was issued before.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The last second of its validity.
    pub not_after: UnixTime,
    /// Whether it was revoked.
    pub revoked: Option<OldRevocation>,
    /// The certificate, where a file has it.
    pub pem: Option<String>,
}

/// All of them, by serial number.
#[derive(Debug, Default)]
pub struct Inventory(BTreeMap<Serial, Issued>);

impl Inventory {
    /// Reads a folder of certificates, a CSV or an `openssl ca` index, and adds what it has.
    pub fn read(&mut self, path: &Path, ca: &ForeignCertificate, faults: &mut Faults) {
        if path.is_dir() {
            return pem_folder::read(path, ca, self, faults);
        }
        match std::fs::read_to_string(path) {
            Err(error) => faults.note(path, error),
            Ok(text) if text.lines().next().is_some_and(|line| line.contains('\t')) => {
                index::read(path, &text, self, faults);
            }
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => csv::read(path, &text, self, faults),
        }
    }

    /// Adds a certificate; what another file says of it must not contradict.
    ///
    /// # Errors
    /// What contradicts.
    pub fn add(&mut self, serial: Serial, issued: Issued) -> Result<(), String> {
        let place = match self.0.entry(serial) {
            Slot::Vacant(place) => {
                place.insert(issued);
                return Ok(());
            }
            Slot::Occupied(place) => place.into_mut(),
        };
        if place.not_after != issued.not_after {
            let (one, other) = (place.not_after, issued.not_after);
            return Err(format!("serial {serial} ends at {other} here, and at {one} elsewhere"));
        }
        match (place.revoked, issued.revoked) {
            (Some(one), Some(other)) if one != other => {
                return Err(format!("serial {serial} is revoked in two ways"));
            }
            (None, Some(revoked)) => place.revoked = Some(revoked),
            _ => {}
        }
        match (&place.pem, issued.pem) {
            (Some(one), Some(other)) if *one != other => {
                return Err(format!("serial {serial} has two certificates"));
            }
            (None, Some(pem)) => place.pem = Some(pem),
            _ => {}
        }
        Ok(())
    }

    /// Holds the last CRL against it: what it revokes must be there, and is revoked.
    pub fn take_crl(&mut self, path: &Path, crl: &ForeignCrl, faults: &mut Faults) {
        for entry in crl.entries() {
            let Some(issued) = self.0.get_mut(&entry.serial) else {
                let what = format!("it revokes {}, which is in no inventory", entry.serial);
                faults.note(path, what);
                continue;
            };
            issued.revoked.get_or_insert(OldRevocation {
                at: entry.revoked_at,
                reason: entry.reason.unwrap_or(CrlReason::Unspecified),
                invalidity: entry.invalidity,
            });
        }
    }

    /// Refuses what the signer would: revocations that are to come, of no kind, or of two.
    pub fn check(&self, now: UnixTime, faults: &mut Faults) {
        for (serial, issued) in &self.0 {
            let Some(revoked) = issued.revoked else { continue };
            let was = |time: UnixTime| time.0 >= 0 && time <= now;
            let held = revoked.reason == CrlReason::CertificateHold;
            if revoked.reason == CrlReason::RemoveFromCrl {
                faults.other(format!("serial {serial}: removeFromCRL revokes nothing"));
            } else if !was(revoked.at) {
                faults.other(format!("serial {serial}: revoked at {}, to come", revoked.at));
            } else if !revoked.invalidity.is_none_or(|since| !held && was(since)) {
                faults.other(format!("serial {serial}: its invalidity date cannot be"));
            }
        }
    }

    /// Returns all of them as the signer takes them.
    pub fn old(&self) -> Vec<OldCertificate> {
        let old = |(serial, issued): (&Serial, &Issued)| OldCertificate {
            serial: *serial,
            not_after: issued.not_after,
            revoked: issued.revoked,
        };
        self.0.iter().map(old).collect()
    }

    /// Returns the certificates that files have.
    pub fn pems(&self) -> impl Iterator<Item = &str> {
        self.0.values().filter_map(|issued| issued.pem.as_deref())
    }

    /// Counts all, those that expired unrevoked, the revoked, and those on hold.
    pub fn counts(&self, now: UnixTime) -> [usize; 4] {
        let of = |fits: &dyn Fn(&Issued) -> bool| self.0.values().filter(|one| fits(one)).count();
        let held = |issued: &Issued| {
            issued.revoked.is_some_and(|revoked| revoked.reason == CrlReason::CertificateHold)
        };
        [
            self.0.len(),
            of(&|issued| issued.revoked.is_none() && issued.not_after < now),
            of(&|issued| issued.revoked.is_some() && !held(issued)),
            of(&held),
        ]
    }
}

/// Reads a serial number: hexadecimal, with or without colons or `0x`.
///
/// # Errors
/// In words.
pub fn serial(text: &str) -> Result<Serial, String> {
    let digits: String = text.trim().trim_start_matches("0x").replace(':', "");
    let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits };
    let octets = hex::decode(&padded).map_err(|_| format!("`{text}` is no serial number"))?;
    Serial::from_unsigned(&octets).map_err(|error| format!("serial `{text}`: {error}"))
}

/// Reads the name of a reason (RFC 5280 §5.3.1), whatever the case.
///
/// # Errors
/// In words.
pub fn reason(text: &str) -> Result<CrlReason, String> {
    let found = (0..=10).filter_map(CrlReason::from_code);
    let mut found = found.filter(|reason| reason.as_str().eq_ignore_ascii_case(text));
    found.next().ok_or_else(|| format!("`{text}` is no reason of RFC 5280"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_are_read_as_tools_write_them() {
        for text in ["01d3", "1D3", "0x1d3", "01:D3", "000001D3"] {
            assert_eq!(serial(text).expect("a serial").to_hex(), "01d3", "{text}");
        }
        for text in ["", "0", "zz", "-1", &"ff".repeat(20)] {
            assert!(serial(text).is_err(), "{text}");
        }
    }

    #[test]
    fn two_files_complete_each_other_and_must_not_contradict() {
        let one = serial("01").expect("a serial");
        let revoked =
            OldRevocation { at: UnixTime(5), reason: CrlReason::Superseded, invalidity: None };
        let issued = |not_after, revoked, pem: Option<&str>| Issued {
            not_after: UnixTime(not_after),
            revoked,
            pem: pem.map(str::to_owned),
        };
        let mut inventory = Inventory::default();
        inventory.add(one, issued(9, None, Some("pem"))).expect("the first");
        inventory.add(one, issued(9, Some(revoked), None)).expect("its status");
        inventory.add(one, issued(9, None, Some("pem"))).expect("the same again");
        assert_eq!(inventory.counts(UnixTime(10)), [1, 0, 1, 0]);
        assert_eq!(inventory.pems().collect::<Vec<_>>(), ["pem"]);
        let other = OldRevocation { at: UnixTime(6), ..revoked };
        for (wrong, why) in [
            (issued(8, None, None), "ends at"),
            (issued(9, Some(other), None), "two ways"),
            (issued(9, None, Some("other")), "two certificates"),
        ] {
            let error = inventory.add(one, wrong).expect_err("it contradicts");
            assert!(error.contains(why), "{error}");
        }
    }
}
