//! Propose: the text that operators sign for an act. Nothing is kept of it.

use signer_proto::{Act, Propose, Proposed, Refusal, Rule};
use signer_quorum::{Facts as _, MAX_LIFE, Moment};

use super::check_range;
use crate::keeper::Keeper;

/// The shortest life of a proposal, in seconds.
const MIN_LIFE: u32 = 60;

pub(super) fn run(keeper: &Keeper, call: Propose) -> Result<Proposed, Refusal> {
    check_range("expires_in", call.expires_in, u32::try_from(MAX_LIFE).unwrap_or(u32::MAX))?;
    if call.expires_in < MIN_LIFE || !call.act.warrant().is_none() {
        let detail = format!("a proposal lives for {MIN_LIFE} s at least, and has no warrant yet");
        return Err(Refusal::new(Rule::FieldMalformed, detail));
    }
    if matches!(&call.act, Act::AdoptKey(call) if call.file.0.is_some()) {
        let detail = "a proposal names the file of a key by its digest, and does not have it";
        return Err(Refusal::new(Rule::FieldMalformed, detail));
    }
    let (known, size) = {
        let live = keeper.live();
        (live.state.known_for(&call.act), live.state.size())
    };
    let quorum =
        known.quorum().ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?;
    let subject = signer_quorum::subject(&known, &call.act)?;
    let mut nonce = [0; 16];
    keeper
        .entropy
        .fill(&mut nonce)
        .map_err(|error| Refusal::new(Rule::DriverUnavailable, error.to_string()))?;
    let created = keeper.now()?;
    let expires = created.plus_seconds(call.expires_in.into());
    let moment = Moment { size, root: keeper.root_at(size)?, created, expires, nonce };
    Ok(Proposed {
        proposal: quorum.propose(&subject, &moment)?,
        action: subject.action,
        needed: quorum.needed(subject.action),
        expires,
    })
}
