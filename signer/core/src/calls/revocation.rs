//! Changes of the revocation set: revoked never changes, and only what is held is released.
//!
//! No key is needed, so a locked ring revokes too. A clock that is not believed does not stop a
//! revocation either: the leaf then has the time that the floor and the uptime tell.

use std::sync::Arc;

use signer_proto::{
    KeyId, Purpose, Refusal, RevocationChange, RevocationChanged, RevocationStatus, Rule,
};
use x509::{CrlReason, Serial, UnixTime};

use super::Asked;
use crate::keeper::Keeper;
use crate::key_view::KeyView;
use crate::state::{Change, Live, follows};

/// A certificate goes on hold and off again at most so often: whoever has status.sock could
/// otherwise make the set and every later CRL grow without end.
const MOST_RELEASES: u32 = 64;

/// What is asked for.
pub(super) struct Wish {
    pub(super) key: signer_proto::KeyLabel,
    pub(super) serial: Serial,
    pub(super) verb: Verb,
}

#[derive(Clone, Copy)]
pub(super) enum Verb {
    Revoke { reason: CrlReason, invalidity: Option<UnixTime> },
    Hold,
    Release,
}

impl Verb {
    fn status(self) -> RevocationStatus {
        match self {
            Self::Revoke { .. } => RevocationStatus::Revoked,
            Self::Hold => RevocationStatus::Held,
            Self::Release => RevocationStatus::Released,
        }
    }

    fn reason(self) -> CrlReason {
        match self {
            Self::Revoke { reason, .. } => reason,
            Self::Hold => CrlReason::CertificateHold,
            Self::Release => CrlReason::RemoveFromCrl,
        }
    }

    fn invalidity(self) -> Option<UnixTime> {
        match self {
            Self::Revoke { invalidity, .. } => invalidity,
            Self::Hold | Self::Release => None,
        }
    }
}

enum Decision {
    /// The change was made before: it is only repeated.
    Stands(Change),
    /// Another change of the serial is under way.
    Wait,
    /// The serial is reserved: write it.
    Write,
}

pub(super) fn run(keeper: &Arc<Keeper>, wish: Wish, asked: Asked) {
    decide_and_do(keeper, wish, asked, Reservation::None);
}

/// Who may change the serial.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reservation {
    /// Nobody is known to.
    None,
    /// The asking side: the change before left it.
    Ours,
}

/// Returns whether a change is on its way to the journal.
fn decide_and_do(keeper: &Arc<Keeper>, wish: Wish, asked: Asked, reservation: Reservation) -> bool {
    let view = match admit(keeper, &wish) {
        Ok(view) => view,
        Err(refusal) => {
            asked.refuse(refusal);
            return false;
        }
    };
    let id = view.card.identity.id;
    let mut live = keeper.live();
    match decide(&mut live, id, &wish, reservation) {
        Err(refusal) => {
            drop(live);
            asked.refuse(refusal);
            false
        }
        Ok(Decision::Stands(change)) => {
            drop(live);
            asked.answer(&RevocationChange::from(change));
            false
        }
        Ok(Decision::Wait) => {
            let serial = wish.serial;
            let later = Box::new(move |keeper: &Arc<Keeper>| {
                decide_and_do(keeper, wish, asked, Reservation::Ours)
            });
            live.pending.after_change(id, serial, later);
            false
        }
        Ok(Decision::Write) => {
            drop(live);
            write(keeper, id, &wish, asked);
            true
        }
    }
}

/// Holds the wish against everything that does not depend on the revocation set.
fn admit(keeper: &Keeper, wish: &Wish) -> Result<KeyView, Refusal> {
    let view = keeper.view(&wish.key, Purpose::is_authority)?;
    match wish.verb {
        Verb::Revoke { reason, invalidity } => {
            if matches!(reason, CrlReason::CertificateHold | CrlReason::RemoveFromCrl) {
                let detail = format!("{reason} is asked for by Hold and Release");
                return Err(Refusal::new(Rule::ReasonRefused, detail));
            }
            if let Some(since) = invalidity {
                check_invalidity(keeper, since)?;
            }
        }
        Verb::Hold => {
            if !view.ruling()?.policy.allows_hold() {
                let detail = format!("the policy of {} does not say hold", wish.key);
                return Err(Refusal::new(Rule::HoldNotAllowed, detail));
            }
        }
        Verb::Release => {}
    }
    Ok(view)
}

/// RFC 5280 §5.3.2: the date on which the key is known or suspected to have been known to
/// others; no time to come.
fn check_invalidity(keeper: &Keeper, since: UnixTime) -> Result<(), Refusal> {
    if since.0 >= 0 && since <= keeper.now()? {
        return Ok(());
    }
    let detail = format!("invalidity {since} lies in the future or before 1970");
    Err(Refusal::new(Rule::FieldMalformed, detail))
}

fn decide(
    live: &mut Live,
    id: KeyId,
    wish: &Wish,
    reservation: Reservation,
) -> Result<Decision, Refusal> {
    let serial = wish.serial;
    let key = live.state.key_by_id(id).filter(|key| key.issued.get(&serial).is_some()).ok_or_else(
        || {
            let detail = format!("{} has no certificate {serial}", wish.key);
            Refusal::new(Rule::NeverIssued, detail)
        },
    )?;
    if reservation == Reservation::None && live.pending.is_changing(id, serial) {
        return Ok(Decision::Wait);
    }
    let latest = key.revocations.latest(&serial).copied();
    let status = wish.verb.status();
    match latest {
        Some(change) if change.status == status => Ok(Decision::Stands(change)),
        _ if status == RevocationStatus::Held
            && key.revocations.releases(&serial) >= MOST_RELEASES =>
        {
            let detail = format!("{serial} was released {MOST_RELEASES} times: revoke it");
            Err(Refusal::new(Rule::HoldNotAllowed, detail))
        }
        _ if follows(latest.map(|change| change.status), status) => {
            live.pending.begin_change(id, serial);
            Ok(Decision::Write)
        }
        Some(change) if change.status == RevocationStatus::Revoked => {
            let detail = format!("{serial} was revoked at {}", change.at);
            Err(Refusal::new(Rule::AlreadyRevoked, detail))
        }
        _ => Err(Refusal::new(Rule::NotHeld, format!("{serial} is not held"))),
    }
}

fn write(keeper: &Arc<Keeper>, id: KeyId, wish: &Wish, asked: Asked) {
    let event = RevocationChanged {
        key: id,
        serial: wish.serial,
        status: wish.verb.status(),
        reason: wish.verb.reason(),
        invalidity: wish.verb.invalidity(),
    };
    let answer = event.clone();
    keeper.write(event, move |keeper, outcome| {
        let serial = answer.serial;
        match outcome {
            Ok(written) => asked.answer(&RevocationChange {
                position: written.position,
                serial: answer.serial,
                status: answer.status,
                at: written.at,
                reason: answer.reason,
                invalidity: answer.invalidity,
            }),
            Err(refusal) => asked.refuse(refusal),
        }
        go_on(keeper, id, serial);
    });
}

/// Lets the changes that wait be decided, up to the first that writes: this runs on the
/// journal's writer, and each of them is looked at once.
fn go_on(keeper: &Arc<Keeper>, id: KeyId, serial: Serial) {
    loop {
        let next = keeper.live().pending.end_change(id, serial);
        let Some(next) = next else { return };
        if next(keeper) {
            return;
        }
    }
}
