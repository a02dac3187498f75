//! `chancery key`: the keys of the ring, and the states of their lives.

use clap::Subcommand;
use serde_json::json;
use signer_proto::{
    GenerateKey, KeyDescription, KeyLabel, KeySpec, KeyState, Purpose, SetKeyState, Warrant,
};

use crate::admin::not_done;
use crate::exit::{Failure, Outcome};
use crate::operator::operator;
use crate::options::Global;
use crate::output;

/// Keys of the ring.
#[derive(Debug, Subcommand)]
pub enum Key {
    /// List the keys with their states
    List,
    /// Make a key that has no policy yet: `ca sign` and `up` make those of a CA, this one makes
    /// others, as of a responder for a CA whose key is in another ring
    Generate {
        /// The key's label
        key: KeyLabel,
        /// What it signs: cert+crl, ca-cert+crl, ocsp, tls
        #[arg(long)]
        purpose: Purpose,
        /// Its algorithm, as in p-256, p-384, ed25519, rsa-3072
        #[arg(long)]
        algorithm: KeySpec,
    },
    /// Stop issuing with a key for a while; CRLs, OCSP and revocation go on
    Suspend {
        /// The key's label
        key: KeyLabel,
    },
    /// Let a suspended key issue again
    Activate {
        /// The key's label
        key: KeyLabel,
    },
    /// End issuing with a key for good; CRLs, OCSP and revocation go on
    Deactivate {
        /// The key's label
        key: KeyLabel,
    },
    /// Declare that others may have the key (docs/operate/compromise.md)
    Compromise {
        /// The key's label
        key: KeyLabel,
    },
    /// Give an issuing CA a new key in another ring, and let the old one drain
    Move(Box<crate::key_move::Move>),
    /// Destroy a key for good
    Destroy {
        /// The key's label
        key: KeyLabel,
        /// Say that you mean it
        #[arg(long)]
        yes: bool,
    },
}

impl Key {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        match self {
            Self::List => list(global).await,
            Self::Generate { key, purpose, algorithm } => {
                generate(global, key, purpose, algorithm).await
            }
            Self::Move(to) => to.run(global).await,
            Self::Suspend { key } => set(global, key, KeyState::Suspended).await,
            Self::Activate { key } => set(global, key, KeyState::Active).await,
            Self::Deactivate { key } => set(global, key, KeyState::Deactivated).await,
            Self::Compromise { key } => set(global, key, KeyState::Compromised).await,
            Self::Destroy { key, yes: true } => set(global, key, KeyState::Destroyed).await,
            Self::Destroy { key, yes: false } => Err(Failure::Usage(format!(
                "{key} cannot be had again, and its CRLs and OCSP responses end with it: add --yes"
            ))),
        }
    }
}

async fn list(global: &Global) -> Outcome {
    let described = crate::admin::connect(&global.run_dir()?)?.describe().await?;
    if global.json {
        let keys: Vec<_> = described.keys.0.iter().map(object).collect();
        return output::json(&json!({ "keys": keys }));
    }
    let rows: Vec<_> = described.keys.0.iter().map(row).collect();
    output::table(&["KEY", "PURPOSE", "ALGORITHM", "STATE", "POLICY", "SIGNED", "ID"], &rows)
}

fn row(key: &KeyDescription) -> Vec<String> {
    let policy = key.policy.map_or_else(|| "-".to_owned(), |policy| policy.version.to_string());
    vec![
        key.label.to_string(),
        key.purpose.to_string(),
        key.spec.to_string(),
        key.state.to_string(),
        policy,
        key.issued.to_string(),
        key.id.to_string(),
    ]
}

fn object(key: &KeyDescription) -> serde_json::Value {
    json!({
        "label": key.label.as_str(),
        "id": key.id.to_string(),
        "purpose": key.purpose.to_string(),
        "algorithm": key.spec.to_string(),
        "state": key.state.to_string(),
        "policy_version": key.policy.map(|policy| policy.version),
        "policy_digest": key.policy.map(|policy| policy.digest.to_string()),
        "issued": key.issued,
        "revocations": key.revocations,
        "crl_number": key.crl_number,
    })
}

async fn generate(global: &Global, label: KeyLabel, purpose: Purpose, spec: KeySpec) -> Outcome {
    let call = GenerateKey { label: label.clone(), purpose, spec, warrant: Warrant::none() };
    let act = format!("making the key `{label}`");
    let (_, key) = operator(global)?.act(call).await.map_err(|error| not_done(&act, error))?;
    if global.json {
        return output::json(&object(&key));
    }
    output::text(&format!("{label} is {} and has no policy", key.state))
}

async fn set(global: &Global, label: KeyLabel, to: KeyState) -> Outcome {
    let admin = operator(global)?;
    let described = admin.describe().await?;
    let found = described.keys.0.iter().find(|key| key.label == label);
    let from =
        found.ok_or_else(|| Failure::NotFound(format!("the ring has no key `{label}`")))?.state;
    let call = SetKeyState { key: label.clone(), from, to, warrant: Warrant::none() };
    let act = format!("taking `{label}` from {from} to {to}");
    let (_, key) = admin.act(call).await.map_err(|error| not_done(&act, error))?;
    if global.json {
        return output::json(&object(&key));
    }
    output::text(&format!("{label} is {}", key.state))
}
