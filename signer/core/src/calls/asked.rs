//! A request that has not been answered yet.

use std::sync::Arc;
use std::time::Instant;

use signer_proto::{Kind, Refusal, Rule, Wire};

use crate::keeper::Keeper;
use crate::listen::{Peer, Reply};
use crate::refusals;

/// Who asked what, and the way back. It is spent by answering or refusing.
pub(crate) struct Asked {
    keeper: Arc<Keeper>,
    peer: Peer,
    kind: Kind,
    deadline: Instant,
    reply: Reply,
}

impl Asked {
    pub(super) fn new(
        keeper: &Arc<Keeper>,
        peer: Peer,
        kind: Kind,
        deadline: Instant,
        reply: Reply,
    ) -> Self {
        Self { keeper: Arc::clone(keeper), peer, kind, deadline, reply }
    }

    /// Refuses to begin what cannot be done in time any more.
    pub(crate) fn check_deadline(&self) -> Result<(), Refusal> {
        self.deadline().check()
    }

    /// Returns by when it must be done; a batch asks for each of its signatures.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline(self.deadline)
    }

    /// Answers.
    pub(crate) fn answer(self, answer: &impl Wire) {
        self.answer_encoded(answer.to_wire());
    }

    /// Answers with an encoding that is made already.
    pub(crate) fn answer_encoded(self, answer: Vec<u8>) {
        (self.reply)(Ok(answer));
    }

    /// Refuses, and leaves it to the journal.
    pub(crate) fn refuse(self, refusal: Refusal) {
        note(&self.keeper, &self.peer, Some(self.kind), &refusal);
        (self.reply)(Err(refusal));
    }
}

/// When nobody waits for the answer any more.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// Returns the moment, for a driver that waits for something.
    pub(super) fn until(self) -> Option<Instant> {
        Some(self.0)
    }

    /// Refuses the next signature once it has passed.
    pub(super) fn check(self) -> Result<(), Refusal> {
        if Instant::now() < self.0 {
            return Ok(());
        }
        let why = "the deadline passed before the signing began";
        Err(Refusal::new(Rule::DeadlineExceeded, why))
    }
}

/// Notes a refusal for the journal, but for those that say nothing about the asking side: a
/// locked or ending signer, a deadline, a journal that takes nothing.
pub(crate) fn note(keeper: &Arc<Keeper>, peer: &Peer, kind: Option<Kind>, refusal: &Refusal) {
    if matches!(
        refusal.rule,
        Rule::Locked | Rule::ShuttingDown | Rule::DeadlineExceeded | Rule::JournalUnavailable
    ) {
        return;
    }
    keeper.note_refusal(refusals::leaf(
        peer.socket.code(),
        peer.uid,
        kind.map_or(0, Kind::code),
        refusal.rule,
        &refusal.detail,
    ));
}
