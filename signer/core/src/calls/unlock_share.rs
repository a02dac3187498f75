//! UnlockShare: takes one share after another until there are enough.

use std::sync::{Arc, MutexGuard};

use keystore::{Share, ShareOffer, UnlockError, UnlockFactor, UnlockKind};
use signer_proto::{Refusal, Rule, ShareTaken, UnlockAttempt, UnlockShare};

use super::unlock::{check_allowed, check_wait, one_attempt, refuse};
use super::{Asked, health_report, unlock_now};
use crate::keeper::Keeper;

/// How long shares wait for the next one, by the uptime.
const PATIENCE_MS: i64 = 10 * 60 * 1000;

/// Shares that were given and are too few yet. They are wiped when they are dropped.
#[derive(Default)]
pub(crate) struct Gathered {
    shares: Vec<Share>,
    /// When the newest came, by the uptime.
    newest_ms: i64,
}

impl Gathered {
    /// Returns whether nothing waits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.shares.is_empty()
    }

    /// Forgets shares that waited too long for the next one.
    pub(crate) fn expire(&mut self, uptime_ms: i64) {
        if uptime_ms.saturating_sub(self.newest_ms) >= PATIENCE_MS {
            self.shares.clear();
        }
    }
}

pub(super) fn run(keeper: &Arc<Keeper>, call: UnlockShare, asked: Asked) {
    let secret = call.secret.0;
    let offer = match call.index {
        0 => ShareOffer::Text(secret),
        index => ShareOffer::Passphrase { index, passphrase: secret },
    };
    match take(keeper, &offer) {
        Ok(taken) => asked.answer(&taken),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn take(keeper: &Arc<Keeper>, offer: &ShareOffer) -> Result<ShareTaken, Refusal> {
    let mut gathered = one_attempt(keeper)?;
    if keeper.opened().is_ok() {
        return Ok(progress(keeper, 0, 0));
    }
    check_allowed(keeper)?;
    check_wait(keeper)?;
    let uptime_ms = keeper.clock.uptime_ms();
    gathered.expire(uptime_ms);
    let (genesis, _) = keeper.house_keys()?;
    let share = keeper.vault.admit_share(offer, genesis).map_err(|error| wrong(keeper, &error))?;
    if gathered.shares.iter().any(|given| given.index == share.index) {
        // No wrong one: nobody waits for it.
        let detail = format!("share {} was given already", share.index);
        return Err(Refusal::new(Rule::ShareRefused, detail));
    }
    gathered.shares.push(share);
    gathered.newest_ms = uptime_ms;
    let needed = match keeper.vault.kind(genesis).map_err(|error| refuse(&error))? {
        UnlockKind::Shares { threshold, .. } => usize::from(threshold),
        UnlockKind::Passphrase | UnlockKind::Credential => 0,
    };
    let given = gathered.shares.len();
    match needed.saturating_sub(given) {
        0 => open(keeper, gathered),
        missing => {
            drop(gathered);
            keeper.wake_ticker();
            Ok(progress(keeper, given, missing))
        }
    }
}

/// Opens with what was gathered; whether or not that works, the shares are spent.
fn open(
    keeper: &Arc<Keeper>,
    mut gathered: MutexGuard<'_, Gathered>,
) -> Result<ShareTaken, Refusal> {
    let factor = UnlockFactor::Shares(std::mem::take(&mut gathered.shares));
    unlock_now(keeper, &factor)?;
    Ok(progress(keeper, 0, 0))
}

/// Writes a wrong share down as a failed attempt, so that the next one waits.
fn wrong(keeper: &Arc<Keeper>, error: &UnlockError) -> Refusal {
    if matches!(error, UnlockError::WrongShare(_))
        && let Err(refusal) = keeper.write_and_wait(UnlockAttempt { opened: false, failed: 1 })
    {
        return refusal;
    }
    refuse(error)
}

fn progress(keeper: &Keeper, given: usize, missing: usize) -> ShareTaken {
    let small = |number| u8::try_from(number).unwrap_or(u8::MAX);
    ShareTaken { health: health_report(keeper), given: small(given), missing: small(missing) }
}
