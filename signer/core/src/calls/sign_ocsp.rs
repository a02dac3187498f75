//! SignOcsp: a batch of OCSP responses, from the signer's own state, one leaf for all.

use std::sync::{Arc, PoisonError};
use std::thread;

use signer_proto::{
    KeyState, Kind, OcspItem, OcspOutcome, OcspOutcomes, OcspSigned, Purpose, Refusal, Rule,
    SignOcsp, SignedOcsp, Wire,
};
use x509::{ResponseDataDer, Serial, Signature};

use super::asked::Deadline;
use super::{Asked, with_position};
use crate::keeper::{Keeper, known_key};
use crate::key_view::KeyView;
use crate::ocsp::{self, CertIds, OcspTimes, Statuses};
use signer_log::merkle;
use signer_policy::{OcspAdmission, OcspRules};

/// A thread more is worth its start from this many signatures on.
const WORTH_A_THREAD: usize = 32;

/// One signed response; none for a serial that was never issued.
type Signed = Option<(ResponseDataDer, Signature)>;

pub(super) fn run(keeper: &Arc<Keeper>, call: SignOcsp, asked: Asked) {
    let gate = match keeper.gate(&call.responder) {
        Ok(gate) => gate,
        Err(refusal) => return asked.refuse(refusal),
    };
    let _gate = gate.read().unwrap_or_else(PoisonError::into_inner);
    match sign(keeper, &call, &asked) {
        Err(refusal) => asked.refuse(refusal),
        // Nothing was signed: there is nothing to be durable, and a flood of unknown serials
        // does not grow the journal.
        Ok((event, answer)) if event.count == 0 => {
            asked.answer_encoded(with_position(answer, keeper.journal.size()));
        }
        Ok((event, answer)) => keeper.write(event, move |_, outcome| match outcome {
            Ok(written) => asked.answer_encoded(with_position(answer, written.position)),
            Err(refusal) => asked.refuse(refusal),
        }),
    }
}

fn sign(
    keeper: &Arc<Keeper>,
    call: &SignOcsp,
    asked: &Asked,
) -> Result<(OcspSigned, Vec<u8>), Refusal> {
    let any = check_items(call)?;
    let responder = keeper.view(&call.responder, |purpose| purpose == Purpose::Ocsp)?;
    let issuer = keeper.view(&call.issuer, |purpose| purpose == Purpose::CertAndCrl)?;
    keeper.opened()?;
    let ruling = responder.ruling()?;
    responder.check_state(&[KeyState::Active, KeyState::Suspended])?;
    let now = keeper.now()?;
    let admission = ruling.policy.admit_ocsp(&call.issuer, now, call.next_update)?;
    let rules = ruling
        .policy
        .ocsp()
        .ok_or_else(|| Refusal::new(Rule::PurposeMismatch, "not the policy of a responder"))?;
    let (statuses, revocations) = look_up(keeper, call, rules)?;
    let batch = Batch {
        keeper,
        deadline: asked.deadline(),
        responder: &responder,
        ids: CertIds::new(rules.issuer(), &issuer.card.public, any),
        admission: &admission,
    };
    let signed = batch.sign_all(&call.items.0, &statuses)?;
    let event = OcspSigned {
        responder: responder.card.identity.id,
        issuer: issuer.card.identity.id,
        this_update: admission.this_update(),
        next_update: admission.next_update(),
        revocations,
        count: u32::try_from(signed.iter().flatten().count()).unwrap_or(u32::MAX),
        root: merkle::root(signed.iter().flatten().map(|(data, _)| data)),
    };
    let answer = SignedOcsp {
        position: 0,
        this_update: admission.this_update(),
        outcomes: OcspOutcomes(signed.into_iter().map(outcome).collect()),
    };
    let answer = answer.to_wire();
    if answer.len() > Kind::SignOcsp.answer_limit() {
        // Long signatures: what was signed is dropped here, unseen.
        let detail = "the batch is too large for one answer: ask for fewer responses";
        return Err(Refusal::new(Rule::FieldMalformed, detail));
    }
    Ok((event, answer))
}

/// Refuses an empty batch and empty items; gives any one serial of the batch.
fn check_items(call: &SignOcsp) -> Result<Serial, Refusal> {
    let empty = || Refusal::new(Rule::FieldMalformed, "a response without certificates");
    if call.items.0.iter().any(|item| item.subjects.0.is_empty()) {
        return Err(empty());
    }
    let first = call.items.0.first().and_then(|item| item.subjects.0.first());
    first.map(|subject| subject.serial).ok_or_else(empty)
}

/// Takes the statuses of the whole batch at one moment, and the number of changes they cover.
fn look_up(
    keeper: &Keeper,
    call: &SignOcsp,
    rules: &OcspRules,
) -> Result<(Vec<Option<Statuses>>, u64), Refusal> {
    let live = keeper.live();
    let issuer = known_key(&live.state, &call.issuer)?;
    let statuses =
        call.items.0.iter().map(|item| ocsp::statuses(issuer, item, rules.never_issued()));
    Ok((statuses.collect(), issuer.revocations.len()))
}

/// What every response of a batch has in common.
struct Batch<'a> {
    keeper: &'a Arc<Keeper>,
    deadline: Deadline,
    responder: &'a KeyView,
    ids: CertIds,
    admission: &'a OcspAdmission,
}

impl Batch<'_> {
    fn sign_all(
        &self,
        items: &[OcspItem],
        statuses: &[Option<Statuses>],
    ) -> Result<Vec<Signed>, Refusal> {
        let threads = self.keeper.cores.min(items.len() / WORTH_A_THREAD).max(1);
        let share = items.len().div_ceil(threads).max(1);
        let mut shares = items.chunks(share).zip(statuses.chunks(share));
        let Some((first, first_statuses)) = shares.next() else {
            return Ok(Vec::new());
        };
        thread::scope(|scope| {
            let others: Vec<_> = shares
                .map(|(items, statuses)| scope.spawn(move || self.sign_some(items, statuses)))
                .collect();
            let mut signed = self.sign_some(first, first_statuses)?;
            for other in others {
                let more = other.join().map_err(|_| {
                    Refusal::new(Rule::StateCorrupt, "a signing thread ended early")
                })?;
                signed.extend(more?);
            }
            Ok(signed)
        })
    }

    fn sign_some(
        &self,
        items: &[OcspItem],
        statuses: &[Option<Statuses>],
    ) -> Result<Vec<Signed>, Refusal> {
        items
            .iter()
            .zip(statuses)
            .map(|(item, statuses)| match statuses {
                Some(statuses) => self.sign_one(item, statuses).map(Some),
                None => Ok(None),
            })
            .collect()
    }

    fn sign_one(
        &self,
        item: &OcspItem,
        statuses: &Statuses,
    ) -> Result<(ResponseDataDer, Signature), Refusal> {
        self.deadline.check()?;
        let times = OcspTimes {
            this_update: self.admission.this_update(),
            next_update: self.admission.next_update(),
        };
        let card = &self.responder.card;
        let data = ocsp::build(&card.public, &self.ids, times, item, statuses)
            .encode()
            .map_err(|error| Refusal::new(Rule::FieldMalformed, error.to_string()))?;
        let signature = self.keeper.sign(card, &self.admission.built(&data))?;
        Ok((data, signature))
    }
}

fn outcome(signed: Signed) -> OcspOutcome {
    match signed {
        Some((response_data, signature)) => OcspOutcome::Signed { response_data, signature },
        None => OcspOutcome::NeverIssued,
    }
}
