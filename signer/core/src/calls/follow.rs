//! Follow: another ring's journal is followed from now on.

use std::sync::Arc;

use signer_proto::{Follow, FollowedRing, Refusal, RingFollowed, Rule};
use signer_quorum::followed_genesis;

use super::Asked;
use crate::acting::sanction;
use crate::keeper::Keeper;

pub(super) fn run(keeper: &Arc<Keeper>, call: Follow, asked: Asked) {
    match follow(keeper, call) {
        Ok(ring) => asked.answer(&ring),
        Err(refusal) => asked.refuse(refusal),
    }
}

fn follow(keeper: &Arc<Keeper>, call: Follow) -> Result<FollowedRing, Refusal> {
    let _acting = sanction(keeper, &call.clone().into())?;
    let genesis = followed_genesis(&call.genesis)?;
    let instance = genesis.instance;
    let refuse = |why: &str| Err(Refusal::new(Rule::RingNotFollowed, why));
    {
        let live = keeper.live();
        if live.state.ring().is_some_and(|own| own.genesis.instance == instance) {
            return refuse("a ring does not follow itself");
        }
        if live.state.followed().contains_key(&instance) {
            return refuse("it is followed already");
        }
    }
    let spare = keeper.followed.spare()?;
    keeper.write_and_wait(RingFollowed { genesis: call.genesis, warrant: call.warrant })?;
    keeper.open_followed(instance, &spare)?;
    keeper.followed_ring(instance)
}
