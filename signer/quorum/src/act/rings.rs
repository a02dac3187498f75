//! A gap that is accepted, a standby that is promoted, a ring that is followed.

use signer_proto::{
    AcceptGap, Action, Digest, Event, Follow, Genesis, Leaf, LeafBytes, Promote, Purpose, Refusal,
    Rule, Wire,
};
use x509::sha256;

use crate::proposal::Subject;

pub(super) fn gap(call: &AcceptGap) -> Subject {
    let mut subject = Subject::new(Action::Gap)
        .line("Lost from", "the journal size below")
        .line("Seen size", call.seen_size)
        .line("Seen root", call.seen_root)
        .line("Serial prefix", format!("{:02x}", call.serial_prefix));
    for floor in &call.crl_floors.0 {
        subject = subject.line("CRL numbers of", format!("{} above {}", floor.key, floor.number));
    }
    subject.words(
        "what was signed and revoked in the lost leaves is forgotten: this ring knows none of it",
    )
}

pub(super) fn promote(call: &Promote) -> Subject {
    Subject::new(Action::Promote)
        .line("Serial prefix", format!("{:02x}", call.serial_prefix))
        .line("Fence", &call.fence.0)
        .words("this standby signs from now on; the ring that was active must not")
}

pub(super) fn follow(call: &Follow) -> Result<Subject, Refusal> {
    let genesis = followed_genesis(&call.genesis)?;
    let log = genesis.house_keys.0.iter().find(|key| key.purpose == Purpose::Log);
    let key = log.and_then(|key| key.spki.as_ref());
    let key = key.ok_or_else(|| malformed("the followed ring has no log key"))?;
    Ok(Subject::new(Action::Follow)
        .line("Followed ring", genesis.instance)
        .line("Followed genesis", Digest(sha256(&call.genesis.0)))
        .line("Followed log key", Digest(sha256(key.as_bytes())))
        .words("responders of this ring may tell the status of that ring's certificates"))
}

/// Reads the genesis leaf of a ring that is to be followed.
///
/// # Errors
/// `field-malformed`.
pub fn followed_genesis(leaf: &LeafBytes) -> Result<Genesis, Refusal> {
    match Leaf::from_wire(&leaf.0).map(|leaf| leaf.event) {
        Ok(Event::Genesis(genesis)) => Ok(genesis),
        _ => Err(malformed("what is to be followed begins with no genesis leaf")),
    }
}

fn malformed(why: &str) -> Refusal {
    Refusal::new(Rule::FieldMalformed, why)
}
