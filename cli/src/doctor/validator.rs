//! The validation authority: reachable, and its way to the signer.

use va_wire::{Client, SignerState};

use super::Check;
use crate::up::Layout;

/// Asks it how it is; nothing where `up` never started one.
pub async fn checks(layout: &Layout) -> Vec<Check> {
    const SUBJECT: &str = "validation";
    if !layout.va_config().exists() {
        let seen = "no chancery-va: ACME challenges cannot be validated";
        return vec![Check::warning(SUBJECT, seen, "install it beside `chancery`, and start `up`")];
    }
    let health = match Client::new(layout.va_socket()).health().await {
        Ok(health) => health,
        Err(error) => {
            let mend = "start `chancery up`; run doctor as the user who started it";
            return vec![Check::bad(SUBJECT, error.to_string(), mend)];
        }
    };
    let seen = format!("{} validations, {} under way", health.validations, health.in_flight);
    vec![match health.signer {
        SignerState::Ready => Check::good(SUBJECT, seen),
        SignerState::Locked => {
            Check::bad(SUBJECT, format!("{seen}, the signer is locked"), "chancery unlock")
        }
        SignerState::Away => Check::bad(
            SUBJECT,
            format!("{seen}, va.sock does not answer"),
            "va_uids in ring.toml must list its user: start `chancery up` again",
        ),
    }]
}
