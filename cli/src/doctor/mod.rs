//! `chancery doctor`: looks for what is wrong and says how to mend it.

mod driver;
mod files;
mod machine;
mod old_tls;
mod server;
mod signer;
mod validator;

use serde_json::json;

use crate::exit::{Failure, Outcome};
use crate::options::Global;
use crate::output;

/// What to look at.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Tells of the HSM or key service instead: module, slot, token, firmware, mechanisms, sessions,
    /// and the attributes of each key
    #[arg(long)]
    hsm: bool,
    /// Measures besides how fast the tokens sign, by themselves and through their process, with keys
    /// that end with the measurement
    #[arg(long, requires = "hsm")]
    rates: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// Worth mending.
    Warning,
    /// Broken.
    Bad,
}

/// What a check found.
#[derive(Debug, Clone)]
pub struct Check {
    /// What was looked at.
    pub subject: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was seen.
    pub seen: String,
    /// How to mend it; empty if nothing is to be done.
    pub mend: String,
}

impl Check {
    /// Finds nothing wrong.
    pub fn good(subject: &'static str, seen: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Good, seen: seen.into(), mend: String::new() }
    }

    /// Finds something worth mending.
    pub fn warning(
        subject: &'static str,
        seen: impl Into<String>,
        mend: impl Into<String>,
    ) -> Self {
        Self { subject, verdict: Verdict::Warning, seen: seen.into(), mend: mend.into() }
    }

    /// Finds something broken.
    pub fn bad(subject: &'static str, seen: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { verdict: Verdict::Bad, ..Self::warning(subject, seen, mend) }
    }
}

/// Runs every check. Exits with 6 if one is bad; warnings alone are a success.
impl Doctor {
    /// Looks; a bad check is a finding.
    pub async fn run(&self, global: &Global) -> Outcome {
        if self.hsm { driver::run(global, self.rates).await } else { run(global).await }
    }
}

async fn run(global: &Global) -> Outcome {
    let layout = global.layout()?;
    if !layout.data.exists() {
        let seen = format!("{} is not there", layout.data.display());
        let mend = "name the directory of `chancery up` with --data; `chancery up` makes one";
        let checks = [Check::bad("data directory", seen, mend)];
        show(global, &checks)?;
        return Err(Failure::Findings("1 of 1 checks is bad".into()));
    }
    let mut checks = files::checks(&layout);
    checks.extend(machine::checks(&layout));
    checks.extend(old_tls::check(&layout));
    checks.extend(signer::checks(&layout).await);
    checks.extend(driver::checks(&layout).await);
    checks.extend(validator::checks(&layout).await);
    checks.extend(server::checks(global).await);
    let bad = checks.iter().filter(|check| check.verdict == Verdict::Bad).count();
    show(global, &checks)?;
    if bad > 0 {
        return Err(Failure::Findings(format!(
            "{bad} of {} checks {} bad",
            checks.len(),
            if bad == 1 { "is" } else { "are" }
        )));
    }
    Ok(())
}

fn show(global: &Global, checks: &[Check]) -> Outcome {
    let word = |verdict| match verdict {
        Verdict::Good => "ok",
        Verdict::Warning => "warning",
        Verdict::Bad => "BAD",
    };
    if global.json {
        let items: Vec<_> = checks
            .iter()
            .map(|check| {
                json!({
                    "subject": check.subject,
                    "verdict": word(check.verdict).to_ascii_lowercase(),
                    "seen": check.seen,
                    "mend": check.mend,
                })
            })
            .collect();
        return output::json(&json!({ "checks": items }));
    }
    let mut rows = Vec::new();
    for check in checks {
        rows.push(vec![
            word(check.verdict).to_owned(),
            check.subject.to_owned(),
            check.seen.clone(),
        ]);
        if !check.mend.is_empty() {
            rows.push(vec![String::new(), String::new(), format!("mend: {}", check.mend)]);
        }
    }
    output::table(&["", "CHECK", "SEEN"], &rows)
}
