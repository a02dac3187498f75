//! What goes wrong, as a test wants it, and what was asked.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The faults of one endpoint; all off at first.
#[derive(Default)]
pub struct Faults {
    throttle_percent: AtomicU32,
    fail_percent: AtomicU32,
    hang: AtomicBool,
    down: AtomicBool,
    lie: AtomicBool,
    damage: AtomicBool,
    latency_us: AtomicU64,
    redirect: Mutex<Option<String>>,
    turn: AtomicU32,
    calls: Mutex<BTreeMap<(String, String), u64>>,
    credentials: Mutex<BTreeMap<String, u64>>,
}

impl Faults {
    /// Throttles this part of all calls, spread evenly.
    pub fn throttle(&self, percent: u32) {
        self.throttle_percent.store(percent, Ordering::Relaxed);
    }

    /// Fails this part of all calls as by a fault of the service.
    pub fn fail(&self, percent: u32) {
        self.fail_percent.store(percent, Ordering::Relaxed);
    }

    /// Answers nothing more, and keeps connections open.
    pub fn hang(&self, hang: bool) {
        self.hang.store(hang, Ordering::Relaxed);
    }

    /// Ends all connections, and takes none.
    pub fn go_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Signs something else than what was asked.
    pub fn lie(&self, lie: bool) {
        self.lie.store(lie, Ordering::Relaxed);
    }

    /// Bends a bit of each answer, but not of its checksum.
    pub fn damage(&self, damage: bool) {
        self.damage.store(damage, Ordering::Relaxed);
    }

    /// Sends whoever asks to another URL.
    pub fn redirect(&self, url: Option<&str>) {
        let mut redirect = self.redirect.lock().unwrap_or_else(PoisonError::into_inner);
        *redirect = url.map(str::to_owned);
    }

    pub(crate) fn redirected(&self) -> Option<String> {
        self.redirect.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits before each answer.
    pub fn latency(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.latency_us.store(micros, Ordering::Relaxed);
    }

    /// Returns how often an operation was carried out or refused; of one key, if a part of its
    /// name is given.
    pub fn calls(&self, operation: &str, key: &str) -> u64 {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |(name, of_key): &&(String, String)| name == operation && of_key.contains(key);
        calls.iter().filter(|(name, _)| of(name)).map(|(_, count)| count).sum()
    }

    /// Returns how often each credential was shown.
    pub fn credentials(&self) -> BTreeMap<String, u64> {
        self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn note_call(&self, operation: &str, key: &str) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry((operation.to_owned(), key.to_owned())).or_default() += 1;
    }

    pub(crate) fn note_credential(&self, credential: &str) {
        let mut shown = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        *shown.entry(credential.to_owned()).or_default() += 1;
    }

    pub(crate) fn is_down(&self) -> bool {
        self.down.load(Ordering::Relaxed)
    }

    pub(crate) fn lies(&self) -> bool {
        self.lie.load(Ordering::Relaxed)
    }

    pub(crate) fn damages(&self) -> bool {
        self.damage.load(Ordering::Relaxed)
    }

    /// Waits as the test wants, and says what becomes of the call.
    pub(crate) async fn fate(&self) -> Fate {
        let latency = Duration::from_micros(self.latency_us.load(Ordering::Relaxed));
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        // Who is down answers on no connection that is left from before, either.
        while self.hang.load(Ordering::Relaxed) || self.is_down() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // 37 has no common factor with 100: any part is spread evenly.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed).wrapping_mul(37) % 100;
        let throttled = self.throttle_percent.load(Ordering::Relaxed);
        if turn < throttled {
            Fate::Throttled
        } else if turn < throttled + self.fail_percent.load(Ordering::Relaxed) {
            Fate::Failed
        } else {
            Fate::Served
        }
    }
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Served,
    Throttled,
    Failed,
}
