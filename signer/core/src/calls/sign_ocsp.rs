//! SignOcsp: a batch of OCSP responses, from the signer's own state, one leaf for all.

use std::sync::{Arc, PoisonError};
use std::thread;

use signer_proto::{
    KeyLabel, KeyState, Kind, OcspItem, OcspOutcome, OcspOutcomes, OcspSigned, Purpose, Refusal,
    Rule, SignOcsp, SignedOcsp, Wire,
};
use x509::{ResponseDataDer, Serial, Signature, UnixTime};

use super::asked::Deadline;
use super::{Asked, with_position};
use crate::keeper::{Keeper, known_key, wrong_purpose};
use crate::key_view::KeyView;
use crate::ocsp::{self, CertIds, OcspTimes, Statuses};
use crate::state::{Key, KeyCard};
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
    keeper.opened()?;
    let ruling = responder.ruling()?;
    responder.check_state(&[KeyState::Active, KeyState::Suspended])?;
    let rules = ruling
        .policy
        .ocsp()
        .ok_or_else(|| Refusal::new(Rule::PurposeMismatch, "not the policy of a responder"))?;
    let found = look_up(keeper, call, rules)?;
    let admission = ruling.policy.admit_ocsp(&call.issuer, found.as_of, call.next_update)?;
    let batch = Batch {
        keeper,
        deadline: asked.deadline(),
        responder: &responder,
        ids: CertIds::new(rules.issuer(), &found.card.public, any),
        admission: &admission,
    };
    let signed = batch.sign_all(&call.items.0, &found.statuses)?;
    let event = OcspSigned {
        responder: responder.card.identity.id,
        issuer: found.card.identity.id,
        this_update: admission.this_update(),
        next_update: admission.next_update(),
        revocations: found.revocations,
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

/// What is known of an issuer's certificates at one moment.
struct Found {
    card: Arc<KeyCard>,
    statuses: Vec<Option<Statuses>>,
    /// How many changes of the revocation set they cover.
    revocations: u64,
    /// The moment.
    as_of: UnixTime,
}

impl Found {
    fn of(issuer: &Key, call: &SignOcsp, rules: &OcspRules, as_of: UnixTime) -> Self {
        let items = call.items.0.iter();
        Self {
            card: Arc::clone(&issuer.card),
            statuses: items
                .map(|item| ocsp::statuses(issuer, item, rules.never_issued()))
                .collect(),
            revocations: issuer.revocations.len(),
            as_of,
        }
    }
}

/// Takes the statuses of the whole batch at one moment: now, or that of the newest checkpoint of
/// the ring that has the issuer, if it is another one.
fn look_up(keeper: &Keeper, call: &SignOcsp, rules: &OcspRules) -> Result<Found, Refusal> {
    let now = keeper.now()?;
    let Some(ring) = rules.issuer_ring() else {
        let live = keeper.live();
        let issuer = known_key(&live.state, &call.issuer)?;
        check_issuer(issuer, &call.issuer)?;
        return Ok(Found::of(issuer, call, rules, now));
    };
    keeper.followed.get(&ring)?.look(|state, as_of| {
        let behind = now.seconds_since(as_of);
        if behind > rules.max_behind() {
            let detail = format!("the news of the ring {ring} are {behind} s old");
            return Err(Refusal::new(Rule::FollowedBehind, detail));
        }
        let issuer = known_key(state, &call.issuer)?;
        check_issuer(issuer, &call.issuer)?;
        // Nothing later than what was followed: a revocation since then is not known here.
        Ok(Found::of(issuer, call, rules, as_of.min(now)))
    })
}

fn check_issuer(issuer: &Key, label: &KeyLabel) -> Result<(), Refusal> {
    match issuer.card.identity.purpose {
        Purpose::CertAndCrl => issuer.check_inventory(),
        other => Err(wrong_purpose(label, other)),
    }
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
        let built = self.admission.built(&data);
        let signature = self.keeper.sign(card, &built, self.deadline.until())?;
        Ok((data, signature))
    }
}

fn outcome(signed: Signed) -> OcspOutcome {
    match signed {
        Some((response_data, signature)) => OcspOutcome::Signed { response_data, signature },
        None => OcspOutcome::NeverIssued,
    }
}
