//! `chancery operators`: who approves what makes authority.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use signer_proto::{
    Action, OperatorKey, OperatorKeys, OperatorsInForce, ReadOperators, SetOperators, Threshold,
    Thresholds, Warrant,
};
use signer_quorum::{Operator, OperatorSet};

use crate::admin::not_done;
use crate::exit::{Failure, Outcome};
use crate::operator::operator;
use crate::options::{Global, read};
use crate::output;

/// Who approves what makes authority.
#[derive(Debug, Subcommand)]
pub enum Operators {
    /// List the operators and how many of them each action needs
    List,
    /// Add operators; each new key signs the change too
    Add {
        /// A public key of OpenSSH: ed25519, ecdsa-p256, ecdsa-p384, or of a security key
        #[arg(required = true)]
        keys: Vec<PathBuf>,
        #[command(flatten)]
        thresholds: NewThresholds,
    },
    /// Remove operators
    Remove {
        /// A fingerprint as `operators list` shows it, or a public key file
        #[arg(required = true)]
        operators: Vec<String>,
        #[command(flatten)]
        thresholds: NewThresholds,
    },
    /// Change how many operators actions need
    Thresholds {
        #[command(flatten)]
        thresholds: NewThresholds,
    },
}

/// How many operators actions need from now on.
#[derive(Debug, Default, Args)]
pub struct NewThresholds {
    /// The number that counts for every action without one of its own
    #[arg(long)]
    threshold: Option<u8>,
    /// A number for one action, as in sign-with-root=3; may be given several times
    #[arg(long = "for", value_name = "ACTION=N", value_parser = exception)]
    exceptions: Vec<Threshold>,
}

/// Reads `ACTION=N`.
fn exception(text: &str) -> Result<Threshold, String> {
    let actions =
        || Action::ALL.iter().map(|action| action.as_str()).collect::<Vec<_>>().join(", ");
    let (action, operators) = text.split_once('=').ok_or("it is no ACTION=N")?;
    let action = action.parse().map_err(|_| format!("the actions are {}", actions()))?;
    let operators = operators.parse().map_err(|_| format!("`{operators}` is no number"))?;
    Ok(Threshold { action, operators })
}

impl NewThresholds {
    fn apply(&self, mut thresholds: Thresholds) -> Thresholds {
        if let Some(default) = self.threshold {
            thresholds.default = default;
        }
        for new in &self.exceptions {
            thresholds.exceptions.retain(|old| old.action != new.action);
            thresholds.exceptions.push(*new);
        }
        thresholds.exceptions.sort_by_key(|threshold| threshold.action);
        thresholds
    }

    fn is_empty(&self) -> bool {
        self.threshold.is_none() && self.exceptions.is_empty()
    }
}

impl Operators {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        let admin = operator(global)?;
        let now = admin.read_operators(&ReadOperators).await?;
        let mut keys = now.operators.0.clone();
        let thresholds = match &self {
            Self::List => return show(global, &now),
            Self::Add { keys: files, thresholds } => {
                for file in files {
                    keys.push(OperatorKey(public(file)?.to_line()));
                }
                thresholds
            }
            Self::Remove { operators, thresholds } => {
                for name in operators {
                    remove(&mut keys, name)?;
                }
                thresholds
            }
            Self::Thresholds { thresholds } if thresholds.is_empty() => {
                return Err(Failure::Usage("give --threshold N or --for ACTION=N".into()));
            }
            Self::Thresholds { thresholds } => thresholds,
        };
        let mut next = thresholds.apply(now.thresholds.clone());
        if next.default == 0 {
            // A ring without operators gets its first ones.
            next.default = 1;
        }
        let call = SetOperators {
            previous: now.digest,
            operators: OperatorKeys(keys),
            thresholds: next,
            warrant: Warrant::none(),
        };
        let act = "changing the operators";
        let (_, now) = admin.act(call).await.map_err(|error| not_done(act, error))?;
        show(global, &now)
    }
}

/// Reads a public key file.
fn public(file: &Path) -> Outcome<Operator> {
    let text = read(file, "an operator's public key")?;
    Operator::parse(text.trim())
        .map_err(|error| Failure::Usage(format!("{}: {error}; give the .pub file", file.display())))
}

fn remove(keys: &mut Vec<OperatorKey>, name: &str) -> Outcome {
    let wanted = match Path::new(name).is_file() {
        true => public(Path::new(name))?.key().fingerprint(),
        false => name.to_owned(),
    };
    let before = keys.len();
    keys.retain(|key| fingerprint(key) != wanted);
    if keys.len() == before {
        return Err(Failure::NotFound(format!("{wanted} is no operator")));
    }
    Ok(())
}

fn fingerprint(key: &OperatorKey) -> String {
    Operator::parse(&key.0).map_or_else(|_| "?".to_owned(), |one| one.key().fingerprint())
}

fn object(now: &OperatorsInForce, set: &OperatorSet) -> Value {
    let operators: Vec<_> = now
        .operators
        .0
        .iter()
        .map(|key| json!({ "fingerprint": fingerprint(key), "key": key.0 }))
        .collect();
    let needed: serde_json::Map<_, _> =
        Action::ALL.iter().map(|action| (action.to_string(), set.needed(*action).into())).collect();
    json!({
        "version": now.version,
        "digest": now.digest.to_string(),
        "operators": operators,
        "needed": needed,
        "frozen": now.frozen.as_ref().map(|reason| reason.0.clone()),
    })
}

fn show(global: &Global, now: &OperatorsInForce) -> Outcome {
    let set = OperatorSet::read(&now.operators, &now.thresholds)
        .map_err(|refusal| Failure::Refused(format!("the signer's operators: {refusal}")))?;
    if global.json {
        return output::json(&object(now, &set));
    }
    if now.operators.0.is_empty() {
        return output::text(
            "this ring has no operators: whoever reaches admin.sock makes authority\n\
             `chancery operators add KEY.pub --operator-key KEY` gives it its first",
        );
    }
    let rows: Vec<_> = now
        .operators
        .0
        .iter()
        .map(|key| {
            let mut words = key.0.splitn(3, ' ');
            let kind = words.next().unwrap_or_default().to_owned();
            let comment = words.nth(1).unwrap_or_default().to_owned();
            vec![fingerprint(key), kind, comment]
        })
        .collect();
    output::table(&["OPERATOR", "KIND", "COMMENT"], &rows)?;
    let rows: Vec<_> = Action::ALL
        .iter()
        .map(|action| vec![action.to_string(), set.needed(*action).to_string()])
        .collect();
    output::text("")?;
    output::table(&["ACTION", "NEEDS"], &rows)
}
