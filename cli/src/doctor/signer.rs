//! The signer: sockets, state, clock, policies.

use signer_client::SignerClient;
use signer_proto::{Purpose, ReadOperators, ReadPolicy, SignerState};

use super::Check;
use crate::up::Layout;

/// Speaks to the signer on admin.sock.
pub async fn checks(layout: &Layout) -> Vec<Check> {
    let admin = match crate::admin::connect(&layout.run()) {
        Ok(admin) => admin,
        Err(failure) => {
            return vec![Check::bad("signer", failure.to_string(), "start `chancery up`")];
        }
    };
    let health = match admin.health().await {
        Ok(health) => health,
        Err(error) => {
            return vec![Check::bad(
                "signer",
                error.to_string(),
                "start `chancery up`; run doctor as the user who started it",
            )];
        }
    };
    let mut checks = vec![match health.state {
        SignerState::Ready => Check::good("signer", format!("ready, {} leaves", health.position)),
        SignerState::Locked => Check::bad("signer", "locked", "chancery unlock"),
        SignerState::JournalFailed => Check::bad(
            "signer",
            "the journal cannot be written: nothing is signed",
            "look at disk space and the signer's last words, then start it again",
        ),
        SignerState::RolledBack => Check::bad(
            "signer",
            "somebody showed a checkpoint that this journal did not make: nothing is signed",
            "read docs/operate/log.md: restore the newer journal, or let operators accept the gap",
        ),
    }];
    if let Ok(now) = crate::up::now() {
        let apart = (now.0 - health.now.0).abs();
        checks.push(if apart <= 5 {
            Check::good("signer's clock", format!("{apart} s apart from this machine's"))
        } else {
            Check::bad(
                "signer's clock",
                format!("{apart} s apart from this machine's"),
                "set the machine's clock: the signer never goes back behind its last leaf",
            )
        });
    }
    checks.extend(operators(&admin).await);
    checks.extend(policies(&admin).await);
    checks
}

/// Who makes authority, and whether issuance stands still.
async fn operators(admin: &SignerClient) -> Vec<Check> {
    let Ok(now) = admin.read_operators(&ReadOperators).await else {
        return Vec::new();
    };
    let add = "chancery operators add KEY.pub --operator-key KEY (docs/operate/ceremony.md)";
    let mut checks = vec![match now.operators.0.len() {
        0 => Check::bad("operators", "none: whoever reaches admin.sock makes authority", add),
        1 => Check::warning(
            "operators",
            "ONE OPERATOR: whoever has that one key makes authority",
            add,
        ),
        n => Check::good("operators", format!("{n}, {} by default", now.thresholds.default)),
    }];
    if let Some(reason) = now.frozen {
        checks.push(Check::bad(
            "issuance",
            format!("frozen: {}", reason.0),
            "look why, then `chancery unfreeze --reason ...` (docs/operate/compromise.md)",
        ));
    }
    checks
}

async fn policies(admin: &SignerClient) -> Vec<Check> {
    let Ok(described) = admin.describe().await else {
        return Vec::new();
    };
    let mut checks = Vec::new();
    for key in &described.keys.0 {
        if key.purpose.is_house() {
            continue;
        }
        if key.policy.is_none() {
            checks.push(Check::warning(
                "policy",
                format!("the key {} has none and signs nothing", key.label),
                "`chancery ca sign` or `chancery policy set` gives it one",
            ));
            continue;
        }
        if key.purpose != Purpose::CertAndCrl {
            continue;
        }
        let policy = admin.read_policy(&ReadPolicy { key: key.label.clone() }).await;
        if policy.is_ok_and(|policy| crate::policy::admits_any_name(&policy.text.0)) {
            checks.push(Check::warning(
                "policy",
                format!("{} may certify ANY name", key.label),
                format!("chancery policy names {} --names corp.example,10.0.0.0/8", key.label),
            ));
        } else {
            checks.push(Check::good("policy", format!("{} has its names pinned", key.label)));
        }
    }
    checks
}
