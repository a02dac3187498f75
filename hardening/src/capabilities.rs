//! Gives up every capability of a signer that does not run as root.

use crate::report::{Item, Role};
use rustix::io::Errno;
use rustix::process::geteuid;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, set_capabilities,
};

const NAME: &str = "capabilities";

/// Empties the ambient, inheritable, effective and permitted sets of the calling thread.
///
/// As root nothing is dropped: the signer hands its sockets to other uids then, and the report
/// says that it runs as root.
pub(crate) fn drop_all(role: Role) -> Item {
    if role != Role::Signer {
        return Item::good(NAME, "kept until the ports are bound");
    }
    if geteuid().is_root() {
        return Item::bad(NAME, "kept: the signer runs as root; give it its own uid");
    }
    Item::from_result(NAME, empty().map(|()| "none".to_owned()))
}

fn empty() -> Result<(), String> {
    let sets = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    clear_ambient_capability_set().map_err(|error| describe("ambient set", error))?;
    set_capabilities(None, sets).map_err(|error| describe("capset", error))?;
    let left = capabilities(None).map_err(|error| describe("capget", error))?;
    if left.permitted.is_empty() && left.effective.is_empty() && left.inheritable.is_empty() {
        Ok(())
    } else {
        Err(format!("still permitted: {:?}", left.permitted))
    }
}

fn describe(call: &str, error: Errno) -> String {
    format!("{call}: {error}")
}
