//! MintSerials: serials that authenticate themselves. Nothing is written.

use signer_proto::{KeyState, MintSerials, Purpose, Refusal, Rule, Serials};

use super::check_range;
use crate::keeper::Keeper;
use crate::serial;

pub(super) fn run(keeper: &Keeper, call: MintSerials) -> Result<Serials, Refusal> {
    check_range("count", call.count, 1024)?;
    let view = keeper.view(&call.key, Purpose::is_authority)?;
    view.check_state(&[KeyState::PreActive, KeyState::Active, KeyState::Suspended])?;
    let house = keeper.opened()?.house.as_ref();
    let id = view.card.identity.id;
    let mint = |_| {
        serial::mint(house, keeper.entropy.as_ref(), id, view.serial_prefix)
            .map_err(|error| Refusal::new(Rule::DriverUnavailable, error.to_string()))
    };
    (0..call.count).map(mint).collect::<Result<Vec<_>, _>>().map(Serials)
}
