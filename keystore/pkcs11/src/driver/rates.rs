//! How fast the tokens are, by themselves and through their helpers.

use std::thread;
use std::time::{Duration, Instant};

use keystore::DriverError;
use signer_proto::KeySpec;

use super::token::Token;
use super::{GENERATION, Pkcs11Driver, nonsense};
use crate::wire::{Answer, Request};

/// Signatures a second, with all sessions of the token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    /// How many sessions.
    pub sessions: usize,
    /// In the helper, without the signer.
    pub raw: f64,
    /// Asked by the signer, one at a time in each session.
    pub through_helper: f64,
}

/// The rates of one token.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenRates {
    /// Its name in the configuration.
    pub token: String,
    /// What was measured, or why nothing was.
    pub rates: Result<Rates, String>,
}

impl Pkcs11Driver {
    /// Measures with keys that end with their sessions; no key of a ring is used.
    #[must_use]
    pub fn rates(&self, spec: KeySpec, time: Duration) -> Vec<TokenRates> {
        let measured = self.tokens.iter().map(|token| TokenRates {
            token: token.config.name.clone(),
            rates: measure(token, spec, time).map_err(|error| error.to_string()),
        });
        measured.collect()
    }
}

/// All at once, so that each session gets a key before the clock runs.
fn raw(token: &Token, sessions: usize, spec: KeySpec, time: Duration) -> Result<u64, DriverError> {
    all(sessions, || ask(token, &Request::TryKey(spec), Some(GENERATION)).map(|_| 0))?;
    let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
    all(sessions, || match ask(token, &Request::TryMany(spec, millis), Some(GENERATION))? {
        Answer::Count(count) => Ok(count),
        _ => Err(nonsense()),
    })
}

#[expect(clippy::cast_precision_loss, reason = "a rate, for people")]
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

fn measure(token: &Token, spec: KeySpec, time: Duration) -> Result<Rates, DriverError> {
    let patience = Instant::now() + token.timeout;
    let link = token.ready(patience).map_err(|_| nonsense_of(token))?;
    let sessions = link.count();
    let raw = raw(token, sessions, spec, time)?;
    let end = Instant::now() + time;
    let through = all(sessions, || {
        let mut count = 0;
        while Instant::now() < end {
            ask(token, &Request::TryOne(spec), None)?;
            count += 1;
        }
        Ok(count)
    })?;
    Ok(Rates { sessions, raw: rate(raw, time), through_helper: rate(through, time) })
}

fn ask(token: &Token, request: &Request, limit: Option<Duration>) -> Result<Answer, DriverError> {
    let patience = Instant::now() + GENERATION;
    let answer = token.call(request, patience, limit);
    answer.map_err(|error| DriverError::Unavailable(format!("{error:?}")))
}

fn nonsense_of(token: &Token) -> DriverError {
    DriverError::Unavailable(token.health().err().unwrap_or_default())
}

fn all(
    sessions: usize,
    each: impl Fn() -> Result<u64, DriverError> + Sync,
) -> Result<u64, DriverError> {
    thread::scope(|scope| {
        let workers: Vec<_> = (0..sessions).map(|_| scope.spawn(&each)).collect();
        let mut sum = 0;
        for worker in workers {
            sum += worker.join().map_err(|_| nonsense())??;
        }
        Ok(sum)
    })
}
