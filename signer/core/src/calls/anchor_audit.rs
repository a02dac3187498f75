//! AnchorAudit: the server's audit log, by its running digest, goes into the journal.

use std::sync::Arc;

use signer_proto::{AnchorAudit, AuditAnchor, AuditAnchored, NewestAnchor, Refusal, Rule};

use super::Asked;
use crate::keeper::Keeper;
use crate::state::continues;

pub(super) fn run(keeper: &Arc<Keeper>, call: AnchorAudit, asked: Asked) {
    let newest = keeper.live().state.audit_anchor();
    let Some(anchored) = call.anchor else {
        let anchor = newest.map(|(position, anchored)| AuditAnchor { position, anchored });
        return asked.answer(&NewestAnchor { anchor });
    };
    let before = newest.map(|(_, anchored)| anchored);
    if before == Some(anchored) {
        // The answer to the first attempt was lost.
        let anchor = newest.map(|(position, anchored)| AuditAnchor { position, anchored });
        return asked.answer(&NewestAnchor { anchor });
    }
    if let Err(refusal) = begin(keeper, before, &anchored) {
        return asked.refuse(refusal);
    }
    keeper.write(anchored, move |keeper, outcome| {
        keeper.live().pending.end_anchor();
        match outcome {
            Ok(written) => {
                let anchor = AuditAnchor { position: written.position, anchored };
                asked.answer(&NewestAnchor { anchor: Some(anchor) });
            }
            Err(refusal) => asked.refuse(refusal),
        }
    });
}

/// Reserves the place of the next anchor, for one that goes on from the one before.
fn begin(
    keeper: &Keeper,
    before: Option<AuditAnchored>,
    anchored: &AuditAnchored,
) -> Result<(), Refusal> {
    if !continues(before, anchored) {
        let detail = "the anchor does not go on from the one before";
        return Err(Refusal::new(Rule::ProofRefused, detail));
    }
    if keeper.live().pending.begin_anchor() {
        Ok(())
    } else {
        Err(Refusal::new(Rule::Overloaded, "another anchor is under way"))
    }
}
