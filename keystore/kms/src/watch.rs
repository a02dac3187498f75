//! Looks after the keys: at the start, when a place is down, and every day.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::driver::Core;
use crate::key::{Key, Seat};

/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(250);

/// Holds the public key at every place against the pinned one whenever that is due. A place that
/// was down is used again as soon as it answers.
pub(crate) async fn keep_watch(core: Arc<Core>) {
    loop {
        // Woken, or nothing happened for a while: both are a reason to look.
        let _ = timeout(TICK, core.look.notified()).await;
        // All at once: a place that hangs must not keep another one from being used again.
        let mut looks = JoinSet::new();
        for key in core.all() {
            let due = |seat: &Seat| seat.is_due(core.timing.recheck, Instant::now());
            if key.seats.iter().any(due) {
                let core = Arc::clone(&core);
                looks.spawn(async move { look_at(&core, &key).await });
            }
        }
        looks.join_all().await;
    }
}

async fn look_at(core: &Core, key: &Key) {
    for seat in &key.seats {
        if seat.is_due(core.timing.recheck, Instant::now()) {
            look(core, key, seat).await;
        }
    }
}

async fn look(core: &Core, key: &Key, seat: &Seat) {
    let until = Instant::now() + core.timing.attempt;
    let call = core.cloud.find(&seat.place, key.identity.spec);
    match core.attempt(call, until).await {
        Ok(found) => drop(seat.note_found(found, &key.pinned, Instant::now())),
        Err(error) if error.passes() => seat.note_probe(&error, Instant::now()),
        Err(error) => seat.note_absent(error, Instant::now()),
    }
}
