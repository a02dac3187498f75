//! A key of the ring, and the places where the service has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use keystore::{DriverError, KeyIdentity};
use x509::SpkiDer;

use crate::cloud::{CallError, Found, Place};

/// How often in a row the only place of a key may fail before calls stop to wait for it.
const FAILURES: u32 = 3;
/// How long after it went down a place is first asked again, and how long at most.
const FIRST_PROBE: Duration = Duration::from_millis(250);
const LAST_PROBE: Duration = Duration::from_secs(5);

/// A key of the ring.
pub(crate) struct Key {
    /// What it is.
    pub(crate) identity: KeyIdentity,
    /// The public key that the journal has, or that was found when the key was made.
    pub(crate) pinned: SpkiDer,
    /// Where it is, in the order in which they are asked.
    pub(crate) seats: Vec<Seat>,
}

/// One place of a key, and how it fares.
pub(crate) struct Seat {
    /// As configured, adopted or made.
    pub(crate) place: Place,
    state: Mutex<State>,
}

struct State {
    standing: Standing,
    /// Failures in a row.
    failures: u32,
    down: bool,
    probe_at: Instant,
    probe_wait: Duration,
    /// When the public key was last held against the pinned one.
    checked: Option<Instant>,
    told: String,
}

/// What is known of the key at a place.
#[derive(Clone)]
pub(crate) enum Standing {
    /// Nothing yet.
    Unknown,
    /// It has the pinned public key.
    Good(Arc<Found>),
    /// It is another key: nothing is ever signed there.
    Differs,
    /// It is not there, or not usable.
    Absent(CallError),
}

impl Key {
    /// Makes a key of which nothing is known yet but its public key.
    pub(crate) fn new(identity: KeyIdentity, pinned: SpkiDer, places: Vec<Place>) -> Self {
        Self { identity, pinned, seats: places.into_iter().map(Seat::new).collect() }
    }

    /// Refuses another key under the same number.
    pub(crate) fn check(&self, asked: &KeyIdentity) -> Result<(), DriverError> {
        if (self.identity.purpose, self.identity.spec) == (asked.purpose, asked.spec) {
            return Ok(());
        }
        Err(DriverError::Corrupt {
            key: asked.id.to_string(),
            why: "the key has another purpose or algorithm",
        })
    }

    /// Returns the places to ask, in order: none while all are down.
    pub(crate) fn open_seats(&self) -> impl Iterator<Item = &Seat> {
        self.seats.iter().filter(|seat| !seat.lock().down)
    }

    /// Says why nothing can be signed.
    pub(crate) fn told(&self) -> String {
        let each = self.seats.iter().map(|seat| format!("{}: {}", seat.place, seat.told()));
        each.collect::<Vec<_>>().join("; ")
    }

    /// Says whether a signature can be had somewhere.
    pub(crate) fn is_usable(&self) -> bool {
        self.seats.iter().any(Seat::is_usable)
    }

    /// A place that fails is left at once where there is another one.
    pub(crate) fn note_failure(&self, seat: &Seat, error: &CallError, now: Instant) {
        let most = if self.seats.len() > 1 { 1 } else { FAILURES };
        seat.fail(error, most, now);
    }
}

impl Seat {
    fn new(place: Place) -> Self {
        let state = State {
            standing: Standing::Unknown,
            failures: 0,
            down: false,
            probe_at: Instant::now(),
            probe_wait: FIRST_PROBE,
            checked: None,
            told: "not looked up yet".to_owned(),
        };
        Self { place, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known of the key here.
    pub(crate) fn standing(&self) -> Standing {
        self.lock().standing.clone()
    }

    /// Says how it fares, in words.
    pub(crate) fn told(&self) -> String {
        let state = self.lock();
        match &state.standing {
            Standing::Good(_) if !state.down => "usable".to_owned(),
            Standing::Differs => "another key than the one that is pinned".to_owned(),
            Standing::Absent(error) => error.to_string(),
            Standing::Unknown | Standing::Good(_) => state.told.clone(),
        }
    }

    fn is_usable(&self) -> bool {
        let state = self.lock();
        matches!(state.standing, Standing::Good(_)) && !state.down
    }

    /// Takes up what was found here; says whether it is the pinned key.
    pub(crate) fn note_found(&self, found: Found, pinned: &SpkiDer, now: Instant) -> Standing {
        let standing = if found.public.spki() == pinned {
            Standing::Good(Arc::new(found))
        } else {
            Standing::Differs
        };
        self.note(standing.clone(), now);
        standing
    }

    /// Takes up that the key cannot be used here.
    pub(crate) fn note_absent(&self, error: CallError, now: Instant) {
        self.note(Standing::Absent(error), now);
    }

    fn note(&self, standing: Standing, now: Instant) {
        let mut state = self.lock();
        state.standing = standing;
        state.checked = Some(now);
        state.failures = 0;
        state.down = false;
        state.probe_wait = FIRST_PROBE;
    }

    /// Takes up that a signature came.
    pub(crate) fn note_signed(&self) {
        self.lock().failures = 0;
    }

    fn fail(&self, error: &CallError, most: u32, now: Instant) {
        let mut state = self.lock();
        state.told = error.to_string();
        // Who is throttled is there.
        if matches!(error, CallError::Throttled(_)) {
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= most && !state.down {
            state.down = true;
            state.probe_wait = FIRST_PROBE;
            state.probe_at = now + FIRST_PROBE;
        }
    }

    /// Takes up that a probe failed.
    pub(crate) fn note_probe(&self, error: &CallError, now: Instant) {
        let mut state = self.lock();
        state.told = error.to_string();
        state.probe_wait = (state.probe_wait * 2).min(LAST_PROBE);
        state.probe_at = now + state.probe_wait;
    }

    /// Says whether it is time to look whether the key is here: it is down, it was never looked
    /// up, or that was long ago.
    pub(crate) fn is_due(&self, recheck: Duration, now: Instant) -> bool {
        let state = self.lock();
        if state.down || state.checked.is_none() {
            return now >= state.probe_at;
        }
        // What is not usable may have been mended; another key stays another key.
        let every = match state.standing {
            Standing::Absent(_) => recheck.min(Duration::from_secs(60)),
            _ => recheck,
        };
        state.checked.is_some_and(|at| now.saturating_duration_since(at) >= every)
            && now >= state.probe_at
    }
}
