//! Describe: what the ring holds.

use signer_proto::{
    Describe, Description, HouseKey, KeyDescription, KeyState, Keys, Refusal, Rule,
};

use crate::keeper::Keeper;
use crate::state::{Key, house_label};

pub(super) fn run(keeper: &Keeper, _: Describe) -> Result<Description, Refusal> {
    let live = keeper.live();
    let ring =
        live.state.ring().ok_or_else(|| Refusal::new(Rule::StateCorrupt, "there is no genesis"))?;
    let house = ring.genesis.house_keys.0.iter().filter_map(house_key);
    let keys = house.chain(live.state.keys().iter().map(Key::describe));
    Ok(Description {
        instance: ring.genesis.instance,
        genesis: ring.digest,
        serial_prefix: live.state.serial_prefix(),
        keys: Keys(keys.collect()),
    })
}

fn house_key(key: &HouseKey) -> Option<KeyDescription> {
    Some(KeyDescription {
        id: key.id,
        label: house_label(key.purpose)?,
        purpose: key.purpose,
        spec: key.spec,
        state: KeyState::Active,
        spki: key.spki.clone(),
        policy: None,
        crl_number: 0,
        revocations: 0,
        issued: 0,
    })
}
