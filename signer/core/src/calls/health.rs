//! Health: how the signer is.

use signer_proto::{Health, HealthReport, InstanceId, Refusal};
use x509::UnixTime;

use crate::keeper::Keeper;

pub(super) fn run(keeper: &Keeper, _: Health) -> Result<HealthReport, Refusal> {
    Ok(report(keeper))
}

/// Reports. A clock that is not believed is told as the system tells it: the answer is for
/// whoever mends it.
pub(crate) fn report(keeper: &Keeper) -> HealthReport {
    let wall = UnixTime(keeper.clock.wall_ms().div_euclid(1000));
    let instance = {
        let live = keeper.live();
        live.state.ring().map(|ring| ring.genesis.instance)
    };
    HealthReport {
        state: keeper.standing(),
        instance: instance.unwrap_or(InstanceId([0; 16])),
        position: keeper.journal.size(),
        now: keeper.now().unwrap_or(wall),
    }
}
