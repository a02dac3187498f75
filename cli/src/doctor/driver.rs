//! What the signer reaches its keys by: an HSM, a key service, or its own files.

use serde_json::json;
use signer_proto::{DriverReport, ReadDriver};

use super::Check;
use crate::exit::{Failure, Outcome};
use crate::options::Global;
use crate::output;
use crate::up::Layout;

/// Says whether keys can be used now; nothing of a ring whose keys are its files.
pub async fn checks(layout: &Layout) -> Option<Check> {
    let admin = crate::admin::connect(&layout.run()).ok()?;
    // A locked ring is told elsewhere.
    let report = admin.read_driver(&ReadDriver { lines: true }).await.ok()?;
    match report.fault {
        Some(fault) => Some(Check::bad(
            "keys",
            fault.0,
            "`chancery doctor --hsm` tells more; the signer goes on by itself when they are back",
        )),
        None if report.lines.0.is_empty() => None,
        None => Some(Check::good("keys", "reachable; `chancery doctor --hsm` tells more")),
    }
}

/// Shows everything that the driver says; an HSM that is away is a finding.
pub async fn run(global: &Global) -> Outcome {
    let layout = global.layout()?;
    let admin = crate::admin::connect(&layout.run())?;
    let report = admin.read_driver(&ReadDriver { lines: true }).await?;
    show(global, &report)?;
    match report.fault {
        Some(fault) => Err(Failure::Findings(format!("keys cannot be used now: {}", fault.0))),
        None => Ok(()),
    }
}

fn show(global: &Global, report: &DriverReport) -> Outcome {
    if global.json {
        let lines: Vec<_> = report
            .lines
            .0
            .iter()
            .map(|line| {
                json!({
                    "subject": line.subject.0,
                    "name": line.name.0,
                    "value": line.value.0,
                })
            })
            .collect();
        let fault = report.fault.as_ref().map(|fault| &fault.0);
        return output::json(&json!({ "fault": fault, "lines": lines }));
    }
    if report.lines.0.is_empty() {
        println!("the keys are files of the ring: there is no HSM");
        return Ok(());
    }
    let cells = |line: &signer_proto::DriverLine| {
        vec![line.subject.0.clone(), line.name.0.clone(), line.value.0.clone()]
    };
    let rows: Vec<_> = report.lines.0.iter().map(cells).collect();
    output::table(&["WHAT", "PROPERTY", "VALUE"], &rows)
}
