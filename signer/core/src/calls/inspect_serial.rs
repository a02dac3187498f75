//! InspectSerial: whether this ring minted a serial, and what became of it.

use signer_proto::{
    InspectSerial, IssuedSerial, KeyId, KeyLabel, Refusal, SerialInspection, SerialTag,
};
use x509::Serial;

use crate::keeper::Keeper;
use crate::serial;
use crate::state::Key;

pub(super) fn run(keeper: &Keeper, call: InspectSerial) -> Result<SerialInspection, Refusal> {
    let live = keeper.live();
    let keys = live.state.keys();
    let issued = keys.iter().find_map(|key| issued(key, &call.serial));
    let authorities: Vec<(KeyId, KeyLabel)> =
        keys.iter().filter(|key| key.card.identity.purpose.is_authority()).map(name_of).collect();
    drop(live);
    // The tags are made without the lock.
    let Ok(opened) = keeper.opened() else {
        return Ok(SerialInspection { tag: SerialTag::Unchecked, minted_for: None, issued });
    };
    let mut minted = authorities.into_iter().filter(|(id, _)| {
        // By the serial's own prefix: a ring that was promoted had others before.
        let prefix = call.serial.as_bytes().first().copied().unwrap_or_default();
        serial::is_minted(opened.house.as_ref(), *id, prefix, &call.serial)
    });
    let minted_for = minted.next().map(|(_, label)| label);
    let tag = if minted_for.is_some() { SerialTag::Minted } else { SerialTag::NotMinted };
    Ok(SerialInspection { tag, minted_for, issued })
}

fn name_of(key: &Key) -> (KeyId, KeyLabel) {
    (key.card.identity.id, key.card.identity.label.clone())
}

fn issued(key: &Key, serial: &Serial) -> Option<IssuedSerial> {
    let issued = key.issued.get(serial)?;
    Some(IssuedSerial {
        key: key.card.identity.label.clone(),
        position: issued.position,
        change: key.revocations.latest(serial).map(|change| (*change).into()),
    })
}
