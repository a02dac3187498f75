//! Leaves on their way into the journal, and what is applied when they are durable.

use std::sync::Arc;

use signer_proto::{Event, Leaf, Refusal, Rule};
use x509::UnixTime;

use crate::journal::{Committed, JournalError};
use crate::keeper::{Keeper, Written, lock};

impl Keeper {
    /// Queues a leaf. `then` runs on the journal's writer after the leaf is durable and applied,
    /// or after it is certain that nothing more is released. It must not block.
    pub(crate) fn write(
        self: &Arc<Self>,
        event: impl Into<Event>,
        then: impl FnOnce(&Arc<Self>, Result<Written, Refusal>) + Send + 'static,
    ) {
        let event = event.into();
        // A standby has the leaves of the ring that it stands by for, and none of its own.
        if self.standby.is_one() && !matches!(event, Event::Promoted(_)) {
            let refusal = Refusal::new(Rule::Standby, "this ring stands by for another");
            return then(self, Err(refusal));
        }
        let keeper = Arc::clone(self);
        // Stamped and queued under one lock: times do not go backwards in the queue.
        let mut floor = lock(&self.floor);
        let leaf = Arc::new(Leaf {
            at_ms: floor.stamp(self.clock.wall_ms(), self.clock.uptime_ms()),
            event,
        });
        let written = Arc::clone(&leaf);
        self.journal.submit(
            &leaf,
            Box::new(move |outcome| {
                let outcome = keeper.settle(&written.event, outcome);
                then(&keeper, outcome);
            }),
        );
    }

    /// Queues a leaf as another instance of this ring wrote it.
    pub(crate) fn append(
        self: &Arc<Self>,
        leaf: Leaf,
        then: impl FnOnce(Result<Written, Refusal>) + Send + 'static,
    ) {
        let keeper = Arc::clone(self);
        let leaf = Arc::new(leaf);
        let written = Arc::clone(&leaf);
        self.journal
            .submit(&leaf, Box::new(move |outcome| then(keeper.settle(&written.event, outcome))));
    }

    /// Queues a leaf and waits until it is durable. Only for the few calls that must.
    pub(crate) fn write_and_wait(
        self: &Arc<Self>,
        event: impl Into<Event>,
    ) -> Result<Written, Refusal> {
        let (done, wait) = std::sync::mpsc::sync_channel(1);
        self.write(event, move |_, outcome| {
            // Whoever waits has not gone: it waits without a limit.
            let _ = done.send(outcome);
        });
        wait.recv().map_err(|_| Refusal::new(Rule::ShuttingDown, "the signer is ending"))?
    }

    /// Applies the leaf that the journal made durable.
    fn settle(
        &self,
        event: &Event,
        outcome: Result<Committed, JournalError>,
    ) -> Result<Written, Refusal> {
        let mut live = self.live();
        if let Some(rule) = live.broken {
            return Err(Refusal::new(rule, "the signer stopped writing"));
        }
        let Committed { position, at_ms } = outcome.map_err(|error| {
            if !matches!(error, JournalError::LeafTooLong { .. }) {
                live.broken = Some(Rule::JournalUnavailable);
            }
            Refusal::new(Rule::JournalUnavailable, error.to_string())
        })?;
        live.state.apply(position, at_ms, event).map_err(|error| {
            live.broken = Some(Rule::StateCorrupt);
            Refusal::new(Rule::StateCorrupt, error.to_string())
        })?;
        Ok(Written { position, at: UnixTime(at_ms.div_euclid(1000)) })
    }
}
