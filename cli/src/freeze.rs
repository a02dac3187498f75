//! `chancery freeze` and `unfreeze`: the brake on issuance.

use clap::Args;
use serde_json::json;
use signer_proto::{Reason, SetFreeze, Warrant};

use crate::admin::not_done;
use crate::exit::{Failure, Outcome};
use crate::operator::operator;
use crate::options::Global;
use crate::output;

/// Stops all issuance. One operator is enough.
#[derive(Debug, Args)]
pub struct Freeze {
    /// Why, for the journal; at most 512 octets
    #[arg(long)]
    reason: String,
}

/// Lets issuance go on.
#[derive(Debug, Args)]
pub struct Unfreeze {
    /// Why, for the journal; at most 512 octets
    #[arg(long)]
    reason: String,
}

impl Freeze {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        set(global, true, self.reason).await
    }
}

impl Unfreeze {
    /// Runs the command.
    pub async fn run(self, global: &Global) -> Outcome {
        set(global, false, self.reason).await
    }
}

async fn set(global: &Global, frozen: bool, reason: String) -> Outcome {
    if reason.len() > 512 {
        return Err(Failure::Usage("--reason: more than 512 octets".into()));
    }
    let call = SetFreeze { frozen, reason: Reason(reason), warrant: Warrant::none() };
    let act = if frozen { "stopping issuance" } else { "letting issuance go on" };
    let (_, now) = operator(global)?.act(call).await.map_err(|error| not_done(act, error))?;
    let reason = now.frozen.map(|reason| reason.0);
    if global.json {
        return output::json(&json!({ "frozen": reason.is_some(), "reason": reason }));
    }
    output::text(match reason {
        Some(_) => "issuance is frozen; CRLs, OCSP and revocation go on",
        None => "issuance goes on",
    })
}
