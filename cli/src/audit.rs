//! `chancery audit`: whether the server's audit log is what the signer's journal has anchored of it.

use clap::Subcommand;
use serde_json::Value;

use crate::exit::{Failure, Outcome};
use crate::https::Api;
use crate::options::Global;
use crate::output;

/// The server's audit log.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Compute the log's digest again and compare it with the newest anchor in the signer's
    /// journal; exits with 6 if an anchored event was changed, taken out or put in
    Verify,
}

impl Audit {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let Self::Verify = self;
        let found = check(&Api::open(global)?).await?;
        if global.json {
            output::json(&found)?;
        } else {
            output::fields(&found, &["intact", "events", "through", "journal"])?;
        }
        match found["intact"].as_bool() {
            Some(true) => Ok(()),
            _ => Err(Failure::Findings(
                "the audit log is not the one that was anchored: docs/operate/log.md".into(),
            )),
        }
    }
}

/// Asks the server to compare.
pub async fn check(api: &Api) -> Outcome<Value> {
    api.get("/api/v1/audit/check").await?.json()
}
