//! Unlock: opens the ring's keys. Wrong factors are slow and leave a trace.

use std::sync::{Arc, MutexGuard, TryLockError};
use std::time::Duration;

use keystore::{UnlockError, UnlockFactor};
use signer_proto::{HealthReport, KeyState, Refusal, Rule, Unlock, UnlockAttempt};

use super::{Asked, Gathered, health_report, set_key_state};
use crate::approve::refuse_driver;
use crate::keeper::Keeper;
use crate::state::KeyCard;

/// The longest time that a wrong factor keeps the next one waiting.
const LONGEST_WAIT_MS: i64 = 30_000;
/// The ticker looks at the shares that wait, under the lock of an attempt, and is no attempt: its
/// glance is over after this.
const GLANCE: Duration = Duration::from_millis(2);
/// How often an attempt waits for a glance to be over.
const TRIES: usize = 5;

pub(super) fn run(keeper: &Arc<Keeper>, call: Unlock, asked: Asked) {
    let attempt = keeper
        .factor_of(call.passphrase.0)
        .map_err(|error| refuse(&error))
        .and_then(|factor| attempt(keeper, &factor));
    match attempt {
        Ok(report) => asked.answer(&report),
        Err(refusal) => asked.refuse(refusal),
    }
}

/// One attempt from outside: one at a time, and later after each that failed.
fn attempt(keeper: &Arc<Keeper>, factor: &UnlockFactor) -> Result<HealthReport, Refusal> {
    let _one = one_attempt(keeper)?;
    if keeper.opened().is_ok() {
        return Ok(health_report(keeper));
    }
    check_wait(keeper)?;
    unlock_now(keeper, factor)?;
    Ok(health_report(keeper))
}

/// Keeps other attempts out while this one lasts.
pub(super) fn one_attempt(keeper: &Keeper) -> Result<MutexGuard<'_, Gathered>, Refusal> {
    for _ in 0..TRIES {
        match keeper.unlocking.try_lock() {
            Ok(guard) => return Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => std::thread::sleep(GLANCE),
        }
    }
    Err(Refusal::new(Rule::Overloaded, "another attempt is under way"))
}

/// Refuses an attempt that comes too early after failed ones: 1, 2, 4 … 30 seconds.
pub(super) fn check_wait(keeper: &Keeper) -> Result<(), Refusal> {
    let failures = keeper.live().state.unlock_failures();
    if failures.count == 0 {
        return Ok(());
    }
    let wait = wait_ms(failures.count);
    let left = failures.last_ms.saturating_add(wait).saturating_sub(keeper.now_ms()?);
    if left <= 0 {
        return Ok(());
    }
    let detail = format!("after {} failed attempts: wait {left} ms", failures.count);
    Err(Refusal::new(Rule::Overloaded, detail))
}

fn wait_ms(failures: u32) -> i64 {
    1000i64
        .checked_shl(failures.saturating_sub(1).min(20))
        .map_or(LONGEST_WAIT_MS, |ms| ms.min(LONGEST_WAIT_MS))
}

/// Refuses while the ring must stay locked, whatever is given.
pub(super) fn check_allowed(keeper: &Keeper) -> Result<(), Refusal> {
    if let Some(why) = keeper.unlock_forbidden.get() {
        return Err(Refusal::new(Rule::SelfCheckFailed, why.clone()));
    }
    keeper.check_not_rolled_back()
}

/// Tries the factor, writes down whether it opened, and only then uses the keys.
pub(crate) fn unlock_now(keeper: &Arc<Keeper>, factor: &UnlockFactor) -> Result<(), Refusal> {
    check_allowed(keeper)?;
    let (genesis, house) = keeper.house_keys()?;
    match keeper.vault.unlock(factor, genesis, &house) {
        Ok(opened) => {
            keeper.write_and_wait(UnlockAttempt { opened: true, failed: 0 })?;
            opened.driver.attach(keeper.known_keys());
            for (card, rule) in strangers(keeper, opened.driver.as_ref()) {
                keeper.live().quarantine.insert(card.identity.id, rule);
            }
            keeper.keep_opened(opened);
            finish_wipes(keeper)
        }
        Err(error) => {
            if matches!(error, UnlockError::WrongFactor) {
                keeper.write_and_wait(UnlockAttempt { opened: false, failed: 1 })?;
            }
            Err(refuse(&error))
        }
    }
}

/// Holds every key of the driver against the journal; gives those that are not what they were.
fn strangers(keeper: &Keeper, driver: &dyn keystore::KeyDriver) -> Vec<(Arc<KeyCard>, Rule)> {
    let cards: Vec<Arc<KeyCard>> = {
        let live = keeper.live();
        let keys = live.state.keys().iter();
        let kept = keys.filter(|key| key.state != KeyState::Destroyed);
        kept.map(|key| Arc::clone(&key.card)).collect()
    };
    let stranger = |card: Arc<KeyCard>| match driver.public_key(&card.identity) {
        Ok(spki) if spki == *card.public.spki() => None,
        Ok(_) => Some((card, Rule::KeyFileCorrupt)),
        Err(error) => match refuse_driver(&error).rule {
            // It may answer later; every signature is verified anyway.
            Rule::DriverUnavailable => None,
            rule => Some((card, rule)),
        },
    };
    cards.into_iter().filter_map(stranger).collect()
}

/// Wipes what the journal says is destroyed: the wipe may have been cut off.
fn finish_wipes(keeper: &Keeper) -> Result<(), Refusal> {
    let cards: Vec<Arc<KeyCard>> = {
        let live = keeper.live();
        let keys = live.state.keys().iter();
        let gone = keys.filter(|key| key.state == KeyState::Destroyed);
        gone.map(|key| Arc::clone(&key.card)).collect()
    };
    let wipe = |card: &Arc<KeyCard>| match set_key_state::destroy(keeper, card) {
        // What keeps it is away: the key signs nothing anyhow, and the next unlocking tries again.
        Err(refusal) if refusal.rule == Rule::DriverUnavailable => Ok(()),
        wiped => wiped,
    };
    cards.iter().try_for_each(wipe)
}

pub(crate) fn refuse(error: &UnlockError) -> Refusal {
    let rule = match error {
        UnlockError::ShareMalformed(_) => Rule::FieldMalformed,
        UnlockError::WrongShare(_) => Rule::ShareRefused,
        UnlockError::WrongFactor | UnlockError::FactorUnusable(_) => Rule::UnlockFailed,
        UnlockError::Corrupt(_) => Rule::KeyFileCorrupt,
        UnlockError::Io(_) => Rule::DriverUnavailable,
    };
    Refusal::new(rule, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_thirty_seconds() {
        let waits: Vec<i64> = (1..=7).map(wait_ms).collect();
        assert_eq!(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        assert_eq!(wait_ms(u32::MAX), 30_000);
    }
}
