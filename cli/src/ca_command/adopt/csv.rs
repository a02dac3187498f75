//! An inventory as CSV: a line of headings, then a line for each certificate.
//!
//! `serial` (hexadecimal) and `not_after` must be there; `revoked_at`, `reason` and
//! `invalidity_date` may; other columns are passed over. Times are RFC 3339 in UTC.

use std::path::Path;

use signer_proto::OldRevocation;
use x509::{CrlReason, Serial, UnixTime};

use super::inventory::{Faults, Inventory, Issued, reason, serial};

/// Where the columns are.
struct Columns {
    serial: usize,
    not_after: usize,
    revoked_at: Option<usize>,
    reason: Option<usize>,
    invalidity: Option<usize>,
}

impl Columns {
    fn read(heading: &str) -> Result<Self, String> {
        let names = cells(heading);
        let find = |name: &str| names.iter().position(|cell| cell.eq_ignore_ascii_case(name));
        let must = |name: &str| find(name).ok_or_else(|| format!("there is no column `{name}`"));
        Ok(Self {
            serial: must("serial")?,
            not_after: must("not_after")?,
            revoked_at: find("revoked_at"),
            reason: find("reason"),
            invalidity: find("invalidity_date"),
        })
    }

    fn row(&self, line: &str) -> Result<(Serial, Issued), String> {
        let cells = cells(line);
        let cell = |at: usize| cells.get(at).map_or("", |cell| cell.trim());
        let given = |at: Option<usize>| at.map(cell).filter(|cell| !cell.is_empty());
        let at = given(self.revoked_at).map(time).transpose()?;
        let reason = given(self.reason).map(reason).transpose()?;
        let invalidity = given(self.invalidity).map(time).transpose()?;
        let revoked = match (at, reason, invalidity) {
            (Some(at), reason, invalidity) => Some(OldRevocation {
                at,
                reason: reason.unwrap_or(CrlReason::Unspecified),
                invalidity,
            }),
            (None, None, None) => None,
            _ => return Err("a reason or an invalidity date without revoked_at".into()),
        };
        let not_after = time(cell(self.not_after))?;
        Ok((serial(cell(self.serial))?, Issued { not_after, revoked, pem: None }))
    }
}

pub(super) fn read(path: &Path, text: &str, inventory: &mut Inventory, faults: &mut Faults) {
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
    let Some((number, heading)) = lines.next() else { return };
    let columns = match Columns::read(heading) {
        Ok(columns) => columns,
        Err(why) => return faults.line(path, number, why),
    };
    for (number, line) in lines {
        let read = columns.row(line).and_then(|(serial, issued)| inventory.add(serial, issued));
        if let Err(why) = read {
            faults.line(path, number, why);
        }
    }
}

fn time(text: &str) -> Result<UnixTime, String> {
    UnixTime::parse_rfc3339(text)
        .map_err(|_| format!("`{text}` is no time of the form 2030-12-31T23:59:59Z"))
}

/// Cuts a line at its commas (RFC 4180); a cell in quotation marks may have some.
fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut cell, mut quoted) = (Vec::new(), String::new(), false);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(std::mem::take(&mut cell)),
            c => cell.push(c),
        }
    }
    cells.push(cell);
    cells.into_iter().map(|cell| cell.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_their_headings() {
        let text = "Not_After,subject,SERIAL,reason,revoked_at\n\
                    2030-12-31T23:59:59Z,\"CN=a,O=b \"\"c\"\"\",01:d3,,\n\
                    2030-12-31T23:59:59Z,,1d4,keycompromise,2024-01-02T03:04:05Z\n";
        let (mut inventory, mut faults) = (Inventory::default(), Faults::default());
        read(Path::new("a.csv"), text, &mut inventory, &mut faults);
        faults.end().expect("no faults");
        let old = inventory.old();
        assert_eq!(old.len(), 2);
        assert_eq!((old[0].serial.to_hex().as_str(), old[0].revoked), ("01d3", None));
        let revoked = old[1].revoked.expect("revoked");
        assert_eq!(revoked.reason, CrlReason::KeyCompromise);
        assert_eq!(revoked.at.to_string(), "2024-01-02T03:04:05Z");
    }

    #[test]
    fn every_fault_is_told_with_its_line() {
        let text = "serial,not_after,revoked_at,reason\n\
                    x,2030-12-31T23:59:59Z,,\n\
                    02,tomorrow,,\n\
                    03,2030-12-31T23:59:59Z,,superseded\n\
                    04,2030-12-31T23:59:59Z,2024-01-02T03:04:05Z,boredom\n";
        let (mut inventory, mut faults) = (Inventory::default(), Faults::default());
        read(Path::new("a.csv"), text, &mut inventory, &mut faults);
        assert_eq!(faults.end().expect_err("faults").lines().count(), 4);
        let mut faults = Faults::default();
        read(Path::new("a.csv"), "serial,end\n01,x\n", &mut inventory, &mut faults);
        assert_eq!(faults.end().expect_err("a fault"), "a.csv:1: there is no column `not_after`");
    }
}
