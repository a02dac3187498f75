//! Gives up the capabilities of a signer, all five sets.

use crate::report::{Item, Role};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
};

const NAME: &str = "capabilities";

/// Drops them before anything else, but for a signer that root started: it gives its sockets to
/// groups that it is not in, and drops them in [`crate::confine`].
pub(crate) fn drop_first(role: Role) -> Item {
    if matches!(role, Role::Forker | Role::Module) {
        return drop_all();
    }
    if !role.is_signer() {
        return Item::good(NAME, "kept until the ports are bound");
    }
    if geteuid().is_root() {
        return Item::good(NAME, "kept until the sockets are made");
    }
    drop_all()
}

/// Empties the bounding, ambient, inheritable, effective and permitted sets of the calling thread
/// and of those that it starts.
pub(crate) fn drop_all() -> Item {
    Item::from_result(NAME, bounding().and_then(|told| empty().map(|()| told)))
}

/// Only CAP_SETPCAP may empty it. Without: no new privileges makes it moot, as what it bounds is
/// what an exec may add.
fn bounding() -> Result<String, String> {
    let mut left = 0;
    for one in CapabilitySet::all() {
        match capability_is_in_bounding_set(one) {
            Ok(true) if remove_capability_from_bounding_set(one).is_err() => left += 1,
            // EINVAL: this kernel is older than the capability.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(match left {
        0 => "none, none can be had".to_owned(),
        _ => "none; the bounding set stays, without effect under no new privileges".to_owned(),
    })
}

fn empty() -> Result<(), String> {
    let sets = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    let found = || capabilities(None).map_err(|error| describe("capget", error));
    let is_empty = |held: &CapabilitySets| {
        held.permitted.is_empty() && held.effective.is_empty() && held.inheritable.is_empty()
    };
    clear_ambient_capability_set().map_err(|error| describe("ambient set", error))?;
    // A unit's filter may leave capset out, where there is nothing to drop.
    if is_empty(&found()?) {
        return Ok(());
    }
    set_capabilities(None, sets).map_err(|error| describe("capset", error))?;
    let left = found()?;
    if is_empty(&left) { Ok(()) } else { Err(format!("still permitted: {:?}", left.permitted)) }
}

fn describe(call: &str, error: Errno) -> String {
    format!("{call}: {error}")
}
