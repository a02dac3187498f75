//! Holds writes back while many answers are made, so that each connection gets one write.

use std::cell::RefCell;
use std::sync::Arc;

use super::outbox::Outbox;

thread_local! {
    /// The connections to write to once the cork is drawn; none while there is no cork.
    static CORKED: RefCell<Option<Vec<Arc<Outbox>>>> = const { RefCell::new(None) };
}

/// Draws the cork even when the work panics.
struct Cork;

impl Drop for Cork {
    fn drop(&mut self) {
        for outbox in CORKED.take().unwrap_or_default() {
            outbox.flush();
        }
    }
}

/// Runs `work`; the answers that it makes on this thread are written together when it is done.
pub fn corked<T>(work: impl FnOnce() -> T) -> T {
    if CORKED.with_borrow(Option::is_some) {
        return work();
    }
    CORKED.set(Some(Vec::new()));
    let _cork = Cork;
    work()
}

/// Writes what waits in `outbox`, now or when this thread's cork is drawn.
pub(super) fn flush(outbox: &Arc<Outbox>) {
    let held = CORKED.with_borrow_mut(|corked| {
        let Some(held) = corked else { return false };
        if !held.iter().any(|other| Arc::ptr_eq(other, outbox)) {
            held.push(Arc::clone(outbox));
        }
        true
    });
    if !held {
        outbox.flush();
    }
}
