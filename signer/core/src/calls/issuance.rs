//! The signing of one certificate: replay or admit, reserve, sign, verify, journal, answer.

mod facts;
mod order;
mod spent;
mod standing;

use std::sync::{Arc, PoisonError};

use signer_proto::{
    AuthoritySigned, CertificateSigned, Event, EvidenceRecords, KeyId, Purpose, Refusal, Rule,
    SignedCertificate,
};
use x509::{Serial, Signature};

use super::Asked;
use crate::acting::{Acting, sanction};
use crate::keeper::Keeper;
use crate::key_view::KeyView;
use crate::serial;
use crate::state::glance;
use facts::OwnJournal;
use signer_policy::{AdmitContext, Admitted, Given};
use signer_proto::stub::STUBBED;
use standing::{Slot, Standing};

pub(super) use order::{Order, What};

/// Where a request got to without waiting.
enum Progress {
    /// It was signed before.
    Answered(SignedCertificate),
    /// The same request is under way, and this one waits for it.
    Parked,
    /// The leaf is queued; the answer follows it.
    Queued,
}

pub(super) fn run(keeper: &Arc<Keeper>, order: Order, asked: Asked) {
    let mut asked = Some(asked);
    let progress = begin(keeper, &order, &mut asked);
    // Parked and queued requests took it along.
    let Some(asked) = asked else { return };
    match progress {
        Ok(Progress::Answered(answer)) => asked.answer(&answer),
        Ok(Progress::Parked | Progress::Queued) => {}
        Err(refusal) => asked.refuse(refusal),
    }
}

fn begin(
    keeper: &Arc<Keeper>,
    order: &Order,
    asked: &mut Option<Asked>,
) -> Result<Progress, Refusal> {
    let purpose = order.purpose();
    let view = keeper.view(&order.key, |found| found == purpose)?;
    let slot = Slot::new(&view, order);
    // A glance finds a retry before anything is parsed; what it cannot read is no retry.
    if let Some((serial, _)) = glance(order.tbs.as_bytes()) {
        let standing = slot.standing(&mut keeper.live(), serial, asked)?;
        if let Some(progress) = repeated(keeper, order, &slot, standing)? {
            return Ok(progress);
        }
    }
    check_standing(keeper, &slot)?;
    let acting = order.act().map(|act| sanction(keeper, &act)).transpose()?;
    let admitted = admit(keeper, order, &view)?;
    let serial = admitted
        .certificate()
        .map(|tbs| tbs.serial)
        .ok_or_else(|| Refusal::new(Rule::StateCorrupt, "what was admitted is no certificate"))?;
    check_minted(keeper, &view, &serial)?;
    sign(keeper, (order, &view, &slot), (serial, admitted, acting), asked)
}

/// Refuses early what cannot be issued now; it is looked at again where it counts.
fn check_standing(keeper: &Keeper, slot: &Slot) -> Result<(), Refusal> {
    let live = keeper.live();
    match live.state.key_by_id(slot.key) {
        Some(key) => standing::check_issuing(live.frozen(), key),
        None => Ok(()),
    }
}

/// Answers a request that was made before; none for a fresh one.
fn repeated(
    keeper: &Keeper,
    order: &Order,
    slot: &Slot,
    standing: Standing,
) -> Result<Option<Progress>, Refusal> {
    Ok(match standing {
        Standing::Fresh => None,
        Standing::Parked => Some(Progress::Parked),
        Standing::Stored(position) => {
            let leaf = keeper.leaf_at(position)?;
            let signature = order.signature_in(slot, &leaf.event)?;
            Some(Progress::Answered(SignedCertificate {
                position,
                signed_at: leaf.at(),
                replayed: true,
                signature,
            }))
        }
    })
}

/// Holds the bytes against the policy in force.
fn admit<'a>(keeper: &Keeper, order: &'a Order, view: &KeyView) -> Result<Admitted<'a>, Refusal> {
    keeper.check_witnessed()?;
    let ruling = view.ruling()?;
    order.check_policy(ruling.reference.digest)?;
    let context = AdmitContext {
        now: keeper.now()?,
        key: &order.key,
        public_key: &view.card.public,
        ring: &view.ring,
    };
    let tbs = order.tbs.as_bytes();
    match &order.what {
        What::Certificate { evidence, .. } => {
            let facts = OwnJournal { keeper, key: view.card.identity.id };
            ruling.policy.admit_certificate(&context, tbs, &Given { evidence, facts: &facts })
        }
        What::Authority { .. } => ruling.policy.admit_authority(&context, tbs),
    }
}

fn check_minted(keeper: &Keeper, view: &KeyView, serial: &Serial) -> Result<(), Refusal> {
    let house = keeper.opened()?.house.as_ref();
    let id = view.card.identity.id;
    if STUBBED || serial::is_minted(house, id, view.serial_prefix, serial) {
        return Ok(());
    }
    let detail = format!("{serial} was not minted for {}", view.card.identity.label);
    Err(Refusal::new(Rule::SerialNotMinted, detail))
}

/// Reserves, signs without any lock but the policy's gate, and queues the leaf.
fn sign(
    keeper: &Arc<Keeper>,
    (order, view, slot): (&Order, &KeyView, &Slot),
    (serial, admitted, acting): (Serial, Admitted<'_>, Option<Acting>),
    asked: &mut Option<Asked>,
) -> Result<Progress, Refusal> {
    if let Some(asked) = asked {
        asked.check_deadline()?;
    }
    keeper.check_usable(&view.card)?;
    let _gate = view.gate.read().unwrap_or_else(PoisonError::into_inner);
    let now_ms = keeper.now_ms()?;
    let standing = {
        let mut live = keeper.live();
        let standing = slot.standing(&mut live, serial, asked)?;
        if matches!(standing, Standing::Fresh) {
            slot.reserve(&mut live, serial, order, now_ms)?;
        }
        standing
    };
    if let Some(progress) = repeated(keeper, order, slot, standing)? {
        return Ok(progress);
    }
    let until = asked.as_ref().and_then(|asked| asked.deadline().until());
    match keeper.sign(&view.card, &admitted, until) {
        Ok(signature) => {
            let event = event(order, view, &admitted, signature.clone());
            if let Some(asked) = asked.take() {
                let done = Done { key: slot.key, serial, signature, _acting: acting };
                queue(keeper, event, done, asked);
            }
            Ok(Progress::Queued)
        }
        Err(refusal) => {
            let waiters = keeper.live().pending.end_signing(slot.key, serial);
            for waiter in waiters {
                waiter.refuse(refusal.clone());
            }
            Err(refusal)
        }
    }
}

struct Done {
    key: KeyId,
    serial: Serial,
    signature: Signature,
    /// The turn of an act lasts until its leaf is durable.
    _acting: Option<Acting>,
}

fn queue(keeper: &Arc<Keeper>, event: Event, done: Done, asked: Asked) {
    keeper.write(event, move |keeper, outcome| {
        let waiters = keeper.live().pending.end_signing(done.key, done.serial);
        match outcome {
            Ok(written) => {
                let mut answer = SignedCertificate {
                    position: written.position,
                    signed_at: written.at,
                    replayed: false,
                    signature: done.signature,
                };
                asked.answer(&answer);
                answer.replayed = true;
                for waiter in waiters {
                    waiter.answer(&answer);
                }
            }
            Err(refusal) => {
                for waiter in waiters {
                    waiter.refuse(refusal.clone());
                }
                asked.refuse(refusal);
            }
        }
    });
}

fn event(order: &Order, view: &KeyView, admitted: &Admitted<'_>, signature: Signature) -> Event {
    let key = view.card.identity.id;
    match &order.what {
        What::Certificate { profile, .. } => Event::from(CertificateSigned {
            key,
            policy: order.policy,
            profile: *profile,
            idempotency: order.idempotency,
            evidence: EvidenceRecords(admitted.evidence().to_vec()),
            tbs: order.tbs.clone(),
            scheme: admitted.scheme(),
            signature,
        }),
        What::Authority { warrant } => Event::from(AuthoritySigned {
            key,
            policy: order.policy,
            idempotency: order.idempotency,
            tbs: order.tbs.clone(),
            scheme: admitted.scheme(),
            signature,
            warrant: warrant.clone(),
        }),
    }
}

impl Order {
    fn purpose(&self) -> Purpose {
        match self.what {
            What::Certificate { .. } => Purpose::CertAndCrl,
            What::Authority { .. } => Purpose::CaCertAndCrl,
        }
    }
}
