//! The database of `openssl ca` (index.txt): six columns with tabs between them.
//!
//! Status (`V`, `R`, `E`), end, revocation (date, reason, what goes with the reason), serial, file,
//! subject. Times are `YYMMDDHHMMSSZ`, from 2050 on `YYYYMMDDHHMMSSZ`.

use std::path::Path;

use signer_proto::OldRevocation;
use x509::{CrlReason, Serial, UnixTime};

use super::inventory::{Faults, Inventory, Issued, reason, serial};

pub(super) fn read(path: &Path, text: &str, inventory: &mut Inventory, faults: &mut Faults) {
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let read = row(line).and_then(|(serial, issued)| inventory.add(serial, issued));
        if let Err(why) = read {
            faults.line(path, number, why);
        }
    }
}

fn row(line: &str) -> Result<(Serial, Issued), String> {
    let columns: Vec<&str> = line.split('\t').collect();
    let [status, end, revoked, number, _file, _subject] = columns[..] else {
        return Err(format!("{} columns with tabs between them, not 6", columns.len()));
    };
    let revoked = match (status, revoked) {
        ("V" | "E", "") => None,
        ("R", revoked) if !revoked.is_empty() => Some(revocation(revoked)?),
        ("V" | "E" | "R", _) => {
            return Err(format!("status {status} does not fit the revocation `{revoked}`"));
        }
        _ => return Err(format!("`{status}` is no status: V, R or E")),
    };
    Ok((serial(number)?, Issued { not_after: time(end)?, revoked, pem: None }))
}

/// `apps/ca.c` writes reasons of its own for what RFC 5280 tells in other extensions.
fn revocation(text: &str) -> Result<OldRevocation, String> {
    let mut parts = text.split(',');
    let at = time(parts.next().unwrap_or_default())?;
    let (name, extra) = (parts.next().unwrap_or_default(), parts.next());
    let (reason, invalidity) = match name {
        "" => (CrlReason::Unspecified, None),
        "holdInstruction" => (CrlReason::CertificateHold, None),
        "keyTime" => (CrlReason::KeyCompromise, extra.map(time).transpose()?),
        "CAkeyTime" => (CrlReason::CaCompromise, extra.map(time).transpose()?),
        name => (reason(name)?, None),
    };
    Ok(OldRevocation { at, reason, invalidity })
}

fn time(text: &str) -> Result<UnixTime, String> {
    let bad = || format!("`{text}` is no time of the form YYMMDDHHMMSSZ");
    let digits = text.strip_suffix('Z').ok_or_else(bad)?;
    // RFC 5280 §4.1.2.5.1: a year of 50 or more is of the last century.
    let full = match digits.len() {
        12 if digits >= "50" => format!("19{digits}"),
        12 => format!("20{digits}"),
        14 => digits.to_owned(),
        _ => return Err(bad()),
    };
    let part = |from: usize, to: usize| full.get(from..to).ok_or_else(bad);
    let (date, clock) = (
        format!("{}-{}-{}", part(0, 4)?, part(4, 6)?, part(6, 8)?),
        format!("{}:{}:{}", part(8, 10)?, part(10, 12)?, part(12, 14)?),
    );
    UnixTime::parse_rfc3339(&format!("{date}T{clock}Z")).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_as_openssl_writes_them() {
        let revoked = |line: &str| row(line).expect("a row").1.revoked;
        let (number, valid) = row("V\t301231235959Z\t\t1000\tunknown\t/CN=a").expect("a row");
        assert_eq!((number.to_hex().as_str(), valid.revoked), ("1000", None));
        assert_eq!(valid.not_after.to_string(), "2030-12-31T23:59:59Z");
        let old = row("E\t500101000000Z\t\t01\tunknown\t/CN=a").expect("a row").1;
        assert_eq!(old.not_after.to_string(), "1950-01-01T00:00:00Z");
        let far = row("V\t20550101000000Z\t\t01\tunknown\t/CN=a").expect("a row").1;
        assert_eq!(far.not_after.to_string(), "2055-01-01T00:00:00Z");
        for (text, reason, invalidity) in [
            ("240102030405Z", CrlReason::Unspecified, None),
            ("240102030405Z,superseded", CrlReason::Superseded, None),
            ("240102030405Z,CACompromise", CrlReason::CaCompromise, None),
            ("240102030405Z,certificateHold", CrlReason::CertificateHold, None),
            ("240102030405Z,holdInstruction,1.2.840.10040.2.1", CrlReason::CertificateHold, None),
            (
                "240102030405Z,keyTime,20231231000000Z",
                CrlReason::KeyCompromise,
                Some(1_703_980_800),
            ),
        ] {
            let line = format!("R\t301231235959Z\t{text}\t01\tunknown\t/CN=a");
            let found = revoked(&line).expect("revoked");
            assert_eq!((found.reason, found.invalidity.map(|at| at.0)), (reason, invalidity));
            assert_eq!(found.at.to_string(), "2024-01-02T03:04:05Z");
        }
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = "V\t301231235959Z\t\t01\tunknown\t/CN=a\n\
                    V\t301231235959Z\t\t01\t/CN=a\n\
                    X\t301231235959Z\t\t02\tunknown\t/CN=a\n\
                    V\t301331235959Z\t\t03\tunknown\t/CN=a\n\
                    R\t301231235959Z\t\t04\tunknown\t/CN=a\n\
                    V\t301231235959Z\t240102030405Z\t05\tunknown\t/CN=a\n\
                    R\t301231235959Z\t240102030405Z,boredom\t06\tunknown\t/CN=a\n\
                    V\t301231235959Z\t\t0\tunknown\t/CN=a\n\
                    V\t311231235959Z\t\t01\tunknown\t/CN=a\n";
        let (mut inventory, mut faults) = (Inventory::default(), Faults::default());
        read(Path::new("index.txt"), text, &mut inventory, &mut faults);
        let told = faults.end().expect_err("faults");
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), 8, "{told}");
        for (number, line) in (2..).zip(lines) {
            assert!(line.starts_with(&format!("index.txt:{number}: ")), "{line}");
        }
    }
}
