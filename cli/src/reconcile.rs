//! `chancery reconcile`: holds the inventory against the signer's journal.

use std::time::Duration;

use clap::Args;
use http::Method;
use serde_json::{Value, json};

use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;
use crate::output;

const PATH: &str = "/api/v1/reconciliation";
/// How often it is looked at whether a run is over.
const LOOK: Duration = Duration::from_millis(250);

/// Compares inventory and journal, both ways. Exits with 6 if they differ.
#[derive(Debug, Args)]
pub struct Reconcile {
    /// Show what the server's last run came to, and start none
    #[arg(long)]
    last: bool,
}

impl Reconcile {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let api = Api::open(global)?;
        let report = if self.last { last(&api).await? } else { compare(&api).await? };
        show(global, &report)?;
        if report["agrees"].as_bool() == Some(true) {
            return Ok(());
        }
        Err(Failure::Findings("inventory and journal differ: see above".to_owned()))
    }
}

async fn last(api: &Api) -> Outcome<Value> {
    let standing = api.get(PATH).await?.json()?;
    match &standing["last"] {
        Value::Null => Err(Failure::NotFound("the server has compared nothing yet".to_owned())),
        report => Ok(report.clone()),
    }
}

/// Has a run started and waits until it is over.
async fn compare(api: &Api) -> Outcome<Value> {
    let started = api.send(Method::POST, PATH, &json!({})).await?.json()?;
    let run = started["run"].as_u64().unwrap_or_default();
    loop {
        let standing = api.get(PATH).await?.json()?;
        let report = &standing["last"];
        if report["run"].as_u64().is_some_and(|last| last >= run) {
            return Ok(report.clone());
        }
        if standing["running"].as_bool() != Some(true) {
            let why = standing["failure"].as_str().unwrap_or("the run came to nothing");
            return Err(Failure::Unavailable(why.to_owned()));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn show(global: &Global, report: &Value) -> Outcome {
    if global.json {
        return output::json(report);
    }
    output::fields(
        report,
        &[
            "agrees",
            "started_at",
            "finished_at",
            "leaves",
            "certificates",
            "rows",
            "statuses",
            "never_signed",
            "differs",
            "missing",
            "status",
            "repaired",
        ],
    )?;
    let none = Vec::new();
    let findings = report["findings"].as_array().unwrap_or(&none);
    if findings.is_empty() {
        return Ok(());
    }
    output::text("")?;
    let columns = [
        ("KIND", "kind"),
        ("POSITION", "position"),
        ("SERIAL", "serial"),
        ("CERTIFICATE", "certificate"),
        ("MENDED", "repaired"),
        ("WHAT", "detail"),
    ];
    output::list(false, findings, &columns)
}
