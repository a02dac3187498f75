//! What the signer reaches its keys by: an HSM, a key service, or its own files.

use std::process::Command;

use anyhow::Context as _;
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
            "`chancery doctor --hsm` tells more; the signer goes on by itself when they are back, \
             unless it says what to do",
        )),
        None if report.lines.0.is_empty() => None,
        None => Some(Check::good("keys", "reachable; `chancery doctor --hsm` tells more")),
    }
}

/// Shows everything that the driver says; an HSM that is away is a finding.
pub async fn run(global: &Global, rates: bool) -> Outcome {
    let layout = global.layout()?;
    let admin = crate::admin::connect(&layout.run())?;
    let report = admin.read_driver(&ReadDriver { lines: true }).await?;
    show(global, &report)?;
    if rates {
        let family = report.lines.0.iter().find(|line| line.name.0 == "family");
        if family.is_none_or(|line| line.value.0 != "pkcs11") {
            return Err(Failure::Usage("--rates: only PKCS#11 tokens are measured".into()));
        }
        measure(&layout).context("measure the tokens")?;
    }
    match report.fault {
        Some(fault) => Err(Failure::Findings(format!("keys cannot be used now: {}", fault.0))),
        None => Ok(()),
    }
}

/// Runs `signer-pkcs11 probe` as the signer's user, who may read the PIN. It has sessions of its own,
/// beside those of the running signer.
fn measure(layout: &Layout) -> anyhow::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(crate::up::beside("signer-pkcs11")?);
    command.args(["probe", "--report", "no", "--seconds", "1"]);
    command.args(["--spec", "p-256", "--spec", "rsa-3072", "--driver-config"]);
    command.arg(layout.driver_config());
    command.env_clear().current_dir("/");
    if rustix::process::geteuid().is_root() {
        let owner = std::fs::metadata(layout.ring()).context("look at the ring")?;
        command.uid(owner.uid()).gid(owner.gid());
    }
    let status = command.status().context("start signer-pkcs11")?;
    anyhow::ensure!(status.success(), "signer-pkcs11 probe ended with {status}");
    Ok(())
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
