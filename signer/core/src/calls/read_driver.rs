//! ReadDriver: what the key driver says of itself.

use keystore::ReportLine;
use signer_proto::{DriverLine, DriverLines, DriverReport, DriverText, ReadDriver, Refusal};

use crate::keeper::Keeper;

/// The longest text, in octets.
const LONGEST: usize = 2 * 1024;
/// All of them together: half of what an answer may have.
const ALL: usize = 512 * 1024;

pub(super) fn run(keeper: &Keeper, call: ReadDriver) -> Result<DriverReport, Refusal> {
    let driver = &keeper.opened()?.driver;
    let fault = driver.health().err().map(|error| text(&error.to_string()));
    let mut left = ALL;
    let report = if call.lines { driver.report() } else { vec![] };
    let lines = report.iter().map(line).take_while(|line| {
        let length = line.subject.0.len() + line.name.0.len() + line.value.0.len();
        left = left.saturating_sub(length);
        left > 0
    });
    Ok(DriverReport { fault, lines: DriverLines(lines.take(4096).collect()) })
}

fn line(told: &ReportLine) -> DriverLine {
    let ReportLine { subject, name, value } = told;
    DriverLine { subject: text(subject), name: text(name), value: text(value) }
}

fn text(told: &str) -> DriverText {
    let end = told.floor_char_boundary(LONGEST);
    DriverText(told.get(..end).unwrap_or_default().to_owned())
}
