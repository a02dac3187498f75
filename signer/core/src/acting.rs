//! One act of authority at a time, from the check of its warrant to its leaf.
//!
//! What was checked stays true until the leaf is durable: no operator leaves, no proposal is used
//! twice, and the leaf follows from the leaves before it for every verifier.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

use signer_proto::{Act, Refusal, Rule};
use signer_quorum::{Facts as _, Reading};

use crate::keeper::{Keeper, lock};

/// Whether an act is under way.
#[derive(Debug, Default)]
pub(crate) struct Acts {
    under_way: Mutex<bool>,
    done: Condvar,
}

impl Acts {
    pub(crate) fn begin(&self) {
        let mut under_way = lock(&self.under_way);
        while *under_way {
            under_way = self.done.wait(under_way).unwrap_or_else(PoisonError::into_inner);
        }
        *under_way = true;
    }

    fn end(&self) {
        *lock(&self.under_way) = false;
        self.done.notify_one();
    }
}

/// The turn of an act; the next one may begin when it is dropped, which is after the leaf is
/// durable and applied, or will never be.
pub(crate) struct Acting(pub(crate) Arc<Keeper>);

impl Drop for Acting {
    fn drop(&mut self) {
        self.0.acts().end();
    }
}

/// Decides whether operators approved an act of this ring, and takes its turn.
///
/// # Errors
/// Those of [`signer_quorum::Quorum::decide`], and `proposal-mismatch` for a proposal of another
/// history.
pub(crate) fn sanction(keeper: &Arc<Keeper>, act: &Act) -> Result<Acting, Refusal> {
    let acting = keeper.begin_act();
    let known = keeper.live().state.known_for(act);
    let quorum =
        known.quorum().ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?;
    if quorum.set().is_empty() || act.warrant().is_none() {
        quorum.check_unapproved(act.warrant())?;
        return Ok(acting);
    }
    let subject = signer_quorum::subject(&known, act)?;
    let decision = quorum.decide(&subject, act.warrant(), keeper.now()?, Reading::Live)?;
    if let Some(moment) = decision.moment {
        let root = keeper.root_at(moment.size);
        if !root.is_ok_and(|root| root == moment.root) {
            let detail = "the proposal is of another journal than this one";
            return Err(Refusal::new(Rule::ProposalMismatch, detail));
        }
    }
    Ok(acting)
}
