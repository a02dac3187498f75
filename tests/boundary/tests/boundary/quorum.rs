//! Acts that operators approve: each works at its threshold, and fails one below it, with one
//! operator twice, after its time, on another instance, and a second time. The signatures are
//! `ssh-keygen`'s, those of security keys by the middleware of `tests/kit/sk`.

mod acts;
mod trial;

use std::sync::Arc;

use kit::{ISSUING, NAMESPACE, OTHER, Operators, Plan, Ring, SubjectKey, label};
use signer_proto::{
    AcceptGap, Act, Action, CeremonyTranscript, CrlFloor, CrlFloors, Describe, Digest, Follow,
    GenerateKey, KeySpec, KeyState, Kind, LeafBytes, OperatorKeys, Promote, Purpose, ReadOperators,
    Reason, RecordCeremony, Rule, SetOperators, SignAuthority, Socket, Threshold, Thresholds,
};

use acts::*;
use trial::Tried;

/// Makes a test of each body, of a kind of act, and the list of the kinds that are tried. A body
/// ends early where a tool is missing.
macro_rules! tried {
    ($($name:ident, $kind:ident, $body:expr;)*) => {
        const TRIED: &[Kind] = &[$(Kind::$kind),*];
        $(#[test]
        fn $name() {
            let body: fn(&Tried) -> Option<()> = $body;
            let _ = body(&Tried(Kind::$kind));
        })*
    };
}

#[test]
fn every_act_is_tried() {
    for kind in Act::KINDS {
        assert!(TRIED.contains(kind), "nothing tries {kind}: add it to tried! below");
    }
}

tried! {
    generating_a_key_needs_its_quorum, GenerateKey, |tried| {
        let (purpose, spec) = (Purpose::CertAndCrl, KeySpec::P256);
        let act = GenerateKey { label: label("new"), purpose, spec, warrant: none() };
        tried.holds(&ring_of_three()?, act.into(), Action::Generate, 2);
        Some(())
    };
    a_first_policy_needs_its_quorum, SetPolicy, |tried| {
        let ring = ring_of_three()?;
        let _ = ring.generate("new", Purpose::CertAndCrl, KeySpec::P256);
        assert_eq!(ring.describe("new").state, KeyState::PreActive);
        let first = policy(&ring, "new", Plan::default().issuing);
        tried.holds(&ring, first, Action::Activate, 2);
        assert_eq!(ring.describe("new").state, KeyState::Active);
        Some(())
    };
    widening_a_policy_needs_its_quorum, SetPolicy, |tried| {
        let ring = ring_of(&[("ann", "ecdsa-384"), ("bob", "ecdsa-sk"), ("cyd", "ed25519")], 3)?;
        let wider = Plan::default().issuing_but("398d", "399d").issuing;
        tried.holds(&ring, policy(&ring, ISSUING, wider), Action::Widen, 3);
        Some(())
    };
    narrowing_a_policy_needs_two, SetPolicy, |tried| {
        let ring = ring_of(&[("ann", "ed25519"), ("bob", "ed25519"), ("cyd", "ed25519")], 3)?;
        let narrower = Plan::default().issuing_but("398d", "397d").issuing;
        tried.holds(&ring, policy(&ring, ISSUING, narrower), Action::Narrow, 2);
        Some(())
    };
    a_root_needs_its_quorum, SignAuthority, |tried| {
        let ring = ring_of_three()?;
        let draft = ring.authority("CN=Sub,O=Corp", SubjectKey::new().public());
        tried.holds(&ring, ring.authority_order(&draft).into(), Action::Root, 2);
        Some(())
    };
    a_sub_ca_needs_its_quorum, SignAuthority, |tried| {
        let ring = ring_of_three()?;
        let _ = ring.generate("middle", Purpose::CaCertAndCrl, KeySpec::P384);
        ring.set_policy("middle", &Plan::default().root);
        let subject = SubjectKey::new();
        let order = SignAuthority {
            key: label("middle"),
            policy: ring.policy("middle"),
            tbs: ring.authority_by("middle", "CN=Sub,O=Corp", subject.public()).tbs(),
            idempotency: ring.idempotency(),
            warrant: none(),
        };
        tried.holds(&ring, order.into(), Action::SubCa, 2);
        Some(())
    };
    a_ca_request_needs_its_quorum, SignCaRequest, |tried| {
        let ring = ring_of_three()?;
        let request = crate::authority::ca_request(ISSUING, &ring.public(ISSUING));
        tried.holds(&ring, request.into(), Action::Request, 2);
        Some(())
    };
    suspending_and_activating_a_key_need_their_quorums, SetKeyState, |tried| {
        let ring = ring_of_three()?;
        let act = state(OTHER, KeyState::Active, KeyState::Suspended);
        tried.holds(&ring, act, Action::Suspend, 2);
        let act = state(OTHER, KeyState::Suspended, KeyState::Active);
        tried.holds(&ring, act, Action::Activate, 2);
        Some(())
    };
    destroying_a_key_needs_its_quorum, SetKeyState, |tried| {
        let ring = ring_of_three()?;
        let _ = ring.generate("new", Purpose::CertAndCrl, KeySpec::P256);
        let file = ring.ring_dir().join(format!("keys/{}.key", ring.describe("new").id));
        assert!(file.exists());
        let act = state("new", KeyState::PreActive, KeyState::Destroyed);
        tried.holds(&ring, act, Action::Destroy, 2);
        assert!(!file.exists());
        Some(())
    };
    freezing_needs_one_and_unfreezing_its_quorum, SetFreeze, |tried| {
        let ring = ring_of_three()?;
        tried.holds(&ring, freeze(true), Action::Freeze, 1);
        let order = ring.order(&ring.leaf());
        ring.attack(Socket::Issue, &order).assert_unchanged(Rule::IssuanceFrozen);
        tried.holds(&ring, freeze(false), Action::Unfreeze, 2);
        let _ = ring.issue();
        Some(())
    };
    the_record_of_a_ceremony_needs_two, RecordCeremony, |tried| {
        let act = RecordCeremony {
            plan: Digest([7; 32]),
            transcript: CeremonyTranscript("09:00 the door was shut\n".to_owned()),
            warrant: none(),
        };
        tried.holds(&ring_of_three()?, act.into(), Action::Ceremony, 2);
        Some(())
    };
    other_operators_need_the_quorum_of_those_before, SetOperators, |tried| {
        let ring = ring_of_three()?;
        ring.operators().make("dan", "ed25519", "dan");
        let act = operators(&ring, &["ann", "bob", "cyd", "dan"], Thresholds::all(3));
        tried.holds_with(&ring, &["dan"], act, Action::Operators, 2);
        assert_eq!(ring.call(&ReadOperators).unwrap().version, 2);
        Some(())
    };
    accepting_a_gap_needs_its_quorum, AcceptGap, |tried| {
        let mut ring = ring_of_three()?;
        let order = ring.order(&ring.leaf());
        let (seen_size, root) = lose_the_end(&mut ring);
        let act = AcceptGap {
            seen_size,
            seen_root: Digest(root),
            serial_prefix: ring.call(&Describe).unwrap().serial_prefix % 0x7f + 1,
            crl_floors: CrlFloors(vec![CrlFloor { key: label(ISSUING), number: 9 }]),
            warrant: none(),
        };
        ring.attack(Socket::Issue, &order).assert_unchanged(Rule::StateRolledBack);
        tried.holds(&ring, act.into(), Action::Gap, 2);
        let _ = ring.issue();
        Some(())
    };
    promoting_a_standby_needs_its_quorum, Promote, |tried| {
        let mut active = ring_of_three()?;
        active.stop();
        let mut standby = active.twin();
        std::fs::write(standby.ring_dir().join("standby"), b"").unwrap();
        standby.try_open().unwrap();
        let act = Promote {
            serial_prefix: standby.call(&Describe).unwrap().serial_prefix % 0x7f + 1,
            fence: Reason("the disk of the old one is in this drawer".to_owned()),
            warrant: none(),
        };
        assert_eq!(standby.unlock().unwrap_err().rule, Rule::Standby);
        tried.holds(&standby, act.into(), Action::Promote, 2);
        standby.unlock().unwrap();
        let _ = standby.issue();
        Some(())
    };
    adopting_a_key_needs_its_quorum, AdoptKey, |tried| {
        let (ring, ca) = (ring_of_three()?, kit::OldCa::make()?);
        tried.holds(&ring, ca.adopt(&[], 7).0.into(), Action::Adopt, 2);
        assert_eq!(ring.describe(kit::OLD).crl_number, 7);
        Some(())
    };
    following_a_ring_needs_its_quorum, Follow, |tried| {
        let ring = ring_of_three()?;
        let other = Ring::locked(Plan::default().inside());
        let genesis = other.ledger().leaves.remove(0).1;
        let act = Follow { genesis: LeafBytes(genesis), warrant: none() };
        tried.holds(&ring, act.into(), Action::Follow, 2);
        let instance = other.call(&Describe).unwrap().instance.to_string();
        assert!(ring.ring_dir().join("followed").join(instance).is_dir());
        Some(())
    };
}

#[test]
fn changing_operators_needs_its_quorum_and_the_new_ones() {
    let Some(ring) = ring_of_three() else { return };
    let people = ring.operators();
    people.make("dan", "ed25519", "dan");
    people.make("fay", "ecdsa-sk", "fay");
    let act = operators(&ring, &["ann", "bob", "dan", "fay"], Thresholds::all(3));
    let proposed = ring.propose(act.clone());
    assert_eq!((proposed.action, proposed.needed), (Action::Operators, 2));
    let under = |names: &[&str]| act.clone().under(people.warrant(&proposed, names));
    refused(&ring, Rule::NewOperatorUnsigned, &under(&["ann", "bob", "dan"]));
    // A newcomer's signature counts for nothing else, and nobody adds himself.
    refused(&ring, Rule::ApprovalShort, &under(&["ann", "dan", "fay"]));
    refused(&ring, Rule::ApprovalShort, &under(&["dan", "fay"]));
    refused(&ring, Rule::OperatorTwice, &under(&["ann", "bob", "dan", "fay", "dan"]));
    carry_out(&ring, &under(&["ann", "bob", "dan", "fay"])).unwrap();
    let in_force = ring.call(&ReadOperators).unwrap();
    assert_eq!((in_force.version, in_force.thresholds.default), (2, 3));

    // Who left counts no more; who came does.
    let freeze = freeze(true);
    let proposed = ring.propose(freeze.clone());
    let by = |name: &str| freeze.clone().under(people.warrant(&proposed, &[name]));
    refused(&ring, Rule::OperatorUnknown, &by("cyd"));
    carry_out(&ring, &by("fay")).unwrap();
    refused(&ring, Rule::ProposalReplayed, &by("fay"));
}

#[test]
fn refuses_an_operator_who_adds_himself() {
    let Some(ring) = ring_of(&[("ann", "ed25519")], 1) else { return };
    ring.operators().make("eve", "ed25519", "eve");
    let act = operators(&ring, &["ann", "eve"], Thresholds::all(1));
    let proposed = ring.propose(act.clone());
    let warrant = ring.operators().warrant(&proposed, &["eve"]);
    refused(&ring, Rule::ApprovalShort, &act.under(warrant));
}

#[test]
fn refuses_one_person_with_two_keys() {
    let Some(ring) = ring_of(&[("ann", "ed25519"), ("bob", "ed25519")], 2) else { return };
    let people = ring.operators();
    people.make("ann-again", "ed25519", "Ann");
    let act = operators(&ring, &["ann", "ann-again", "bob"], Thresholds::all(2));
    let proposed = ring.propose(act.clone());
    let warrant = people.warrant(&proposed, &["ann", "bob", "ann-again"]);
    carry_out(&ring, &act.under(warrant)).expect("a second key of a person is taken");
    let act = state(OTHER, KeyState::Active, KeyState::Suspended);
    let proposed = ring.propose(act.clone());
    let warrant = people.warrant(&proposed, &["ann", "ann-again"]);
    refused(&ring, Rule::OperatorTwice, &act.clone().under(warrant));
    // Three keys are two people: nobody can demand three.
    let three = operators(&ring, &["ann", "ann-again", "bob"], Thresholds::all(3));
    let asked = signer_proto::Propose { act: three, expires_in: 60 };
    ring.attack(Socket::Admin, &asked).assert_unchanged(Rule::OperatorsRefused);
}

#[test]
fn the_proposer_alone_is_never_enough_among_two() {
    let Some(ring) = ring_of(&[("ann", "ed25519"), ("bob", "ed25519")], 1) else { return };
    let act = state(OTHER, KeyState::Active, KeyState::Suspended);
    let proposed = ring.propose(act.clone());
    assert_eq!(proposed.needed, 2);
    let alone = ring.operators().warrant(&proposed, &["ann"]);
    refused(&ring, Rule::ApprovalShort, &act.under(alone));
}

#[test]
fn thresholds_of_their_own_are_kept() {
    let Some(ring) = ring_of_three() else { return };
    let all = |action| Threshold { action, operators: 3 };
    let exceptions = vec![all(Action::Root), all(Action::Freeze)];
    let thresholds = Thresholds { default: 2, exceptions };
    do_it(&ring, operators(&ring, &["ann", "bob", "cyd"], thresholds));
    let draft = ring.authority("CN=Sub,O=Corp", SubjectKey::new().public());
    assert_eq!(ring.propose(ring.authority_order(&draft)).needed, 3);
    assert_eq!(ring.propose(freeze(true)).needed, 3);
    let narrower = Plan::default().issuing_but("398d", "397d").issuing;
    assert_eq!(ring.propose(policy(&ring, ISSUING, narrower)).needed, 2);
}

#[test]
fn refuses_operators_that_cannot_be() {
    let Some(ring) = ring_of_three() else { return };
    let previous = ring.call(&ReadOperators).unwrap().digest;
    let people = ring.operators();
    people.make("rsa", "rsa-2048", "rsa");
    let line = |text: &str| OperatorKeys(vec![signer_proto::OperatorKey(text.to_owned())]);
    for (keys, default) in [
        (OperatorKeys(vec![]), 0),
        (people.lines(&["ann"]), 0),
        (people.lines(&["ann"]), 2),
        (people.lines(&["ann", "ann"]), 1),
        (people.lines(&["ann", "rsa"]), 1),
        (line("ssh-ed25519 AAAA nobody"), 1),
    ] {
        let thresholds = Thresholds::all(default);
        let act = SetOperators { previous, operators: keys, thresholds, warrant: none() };
        let asked = signer_proto::Propose { act: act.into(), expires_in: 60 };
        ring.attack(Socket::Admin, &asked).assert_unchanged(Rule::OperatorsRefused);
    }
}

#[test]
fn refuses_an_older_policy_version() {
    let Some(ring) = ring_of_three() else { return };
    let old = Plan::default().issuing;
    let stale = policy(&ring, ISSUING, Plan::default().issuing_but("398d", "300d").issuing);
    let proposed = ring.propose(stale.clone());
    ring.set_policy(ISSUING, &Plan::default().issuing_but("398d", "397d").issuing);
    // Approved before another came into force: it names the wrong predecessor.
    let warrant = ring.operators().warrant(&proposed, &["ann", "bob"]);
    refused(&ring, Rule::ProposalMismatch, &stale.under(warrant));
    let rollback = policy(&ring, ISSUING, old);
    let warrant = ring.enough(rollback.clone());
    refused(&ring, Rule::PolicyRollback, &rollback.under(warrant));
}

#[test]
fn refuses_a_widening_dressed_as_narrowing() {
    let Some(ring) = ring_of(&[("ann", "ed25519"), ("bob", "ed25519"), ("cyd", "ed25519")], 3)
    else {
        return;
    };
    // Narrower in one place, wider in another.
    let plan = Plan::default().issuing_but("398d", "397d");
    let plan = plan.issuing_but("dns = [\"corp.example\"]", "dns = [\"example\"]");
    let act = policy(&ring, ISSUING, plan.issuing);
    let proposed = ring.propose(act.clone());
    assert_eq!((proposed.action, proposed.needed), (Action::Widen, 3));
    let dressed = bent(&proposed, "Action: widen-policy", "Action: narrow-policy");
    let two = ring.operators().warrant(&dressed, &["ann", "bob"]);
    refused(&ring, Rule::ProposalMismatch, &act.clone().under(two));
    let two = ring.operators().warrant(&proposed, &["ann", "bob"]);
    refused(&ring, Rule::ApprovalShort, &act.under(two));
}

#[test]
fn refuses_a_security_key_that_nobody_touched() {
    let Some(ring) = ring_of(&[("ann", "ed25519-sk"), ("bob", "ecdsa-sk")], 2) else { return };
    let act = state(OTHER, KeyState::Active, KeyState::Suspended);
    let proposed = ring.propose(act.clone());
    let mut warrant = ring.operators().warrant(&proposed, &["ann", "bob"]);
    // The flag stands in what is signed: without it the signature is another one's.
    let untouched = untouch(&warrant.approvals.0[1].0);
    warrant.approvals.0[1].0 = untouched;
    refused(&ring, Rule::ApprovalFaulty, &act.under(warrant));
}

/// Takes the presence flag out of a signature by a security key.
fn untouch(armoured: &[u8]) -> Vec<u8> {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let text = String::from_utf8(armoured.to_vec()).unwrap();
    let inner: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let mut octets = STANDARD.decode(inner).unwrap();
    let flags = octets.len() - 5;
    assert_eq!(octets[flags], 1);
    octets[flags] = 0;
    signer_quorum::armour(&octets).into_bytes()
}

#[test]
fn what_is_suspended_or_frozen_still_revokes() {
    let Some(ring) = ring_of_three() else { return };
    let issued = ring.issue();
    do_it(&ring, freeze(true));
    do_it(&ring, state(ISSUING, KeyState::Active, KeyState::Suspended));
    let order = ring.order(&ring.leaf());
    ring.attack(Socket::Issue, &order).assert_unchanged(Rule::IssuanceFrozen);
    do_it(&ring, freeze(false));
    ring.attack(Socket::Issue, &order).assert_unchanged(Rule::KeyNotActive);
    still_tells(&ring, &issued);
    do_it(&ring, state(ISSUING, KeyState::Suspended, KeyState::Compromised));
    ring.attack(Socket::Issue, &order).assert_unchanged(Rule::KeyNotActive);
    still_tells(&ring, &issued);
}

fn still_tells(ring: &Ring, issued: &x509::Certificate) {
    let serial = issued.tbs().serial;
    let key = label(ISSUING);
    let reason = x509::CrlReason::KeyCompromise;
    ring.call(&signer_proto::Revoke { key: key.clone(), serial, reason, invalidity: None })
        .expect("it is revoked");
    let next_update = ring.clock.now().plus_seconds(3600);
    ring.call(&signer_proto::BuildCrl { key: key.clone(), shard: 0, next_update }).expect("a CRL");
    let subject = signer_proto::OcspSubject { hash: signer_proto::CertIdHash::Sha256, serial };
    let item = signer_proto::OcspItem {
        subjects: signer_proto::OcspSubjects(vec![subject]),
        nonce: signer_proto::OcspNonce(vec![]),
    };
    let items = signer_proto::OcspItems(vec![item]);
    let (responder, issuer) = (label(kit::RESPONDER), key);
    ring.call(&signer_proto::SignOcsp { responder, issuer, next_update, items }).expect("OCSP");
}

#[test]
fn refuses_every_way_that_is_none_in_the_life_of_a_key() {
    let Some(ring) = ring_of_three() else { return };
    for (key, is, to) in [
        (OTHER, KeyState::Active, KeyState::Destroyed),
        (OTHER, KeyState::Active, KeyState::PreActive),
        (OTHER, KeyState::Active, KeyState::Active),
        (OTHER, KeyState::Suspended, KeyState::Active),
    ] {
        let act = state(key, is, to);
        let warrant = ring.enough(act.clone());
        refused(&ring, Rule::KeyStateRefused, &act.under(warrant));
    }
    do_it(&ring, state(OTHER, KeyState::Active, KeyState::Deactivated));
    for to in [KeyState::Active, KeyState::Suspended] {
        let act = state(OTHER, KeyState::Deactivated, to);
        let warrant = ring.enough(act.clone());
        refused(&ring, Rule::KeyStateRefused, &act.under(warrant));
    }
}

#[test]
fn operators_states_and_used_proposals_outlast_a_restart() {
    let Some(mut ring) = ring_of_three() else { return };
    let act = state(OTHER, KeyState::Active, KeyState::Compromised);
    let done = act.clone().under(ring.enough(act));
    carry_out(&ring, &done).unwrap();
    do_it(&ring, freeze(true));
    ring.restart();
    refused(&ring, Rule::ProposalReplayed, &done);
    assert_eq!(ring.describe(OTHER).state, KeyState::Compromised);
    assert!(ring.call(&ReadOperators).unwrap().frozen.is_some());
    let gone = state(OTHER, KeyState::Compromised, KeyState::Destroyed);
    let file = ring.ring_dir().join(format!("keys/{}.key", ring.describe(OTHER).id));
    let kept = std::fs::read(&file).unwrap();
    do_it(&ring, gone);
    // As if a kill had come between the leaf and the wipe.
    std::fs::write(&file, kept).unwrap();
    ring.restart();
    assert!(!file.exists());
    assert_eq!(ring.describe(OTHER).state, KeyState::Destroyed);
    let crl = signer_proto::BuildCrl {
        key: label(OTHER),
        shard: 0,
        next_update: ring.clock.now().plus_seconds(60),
    };
    ring.attack(Socket::Status, &crl).assert_unchanged(Rule::KeyNotActive);
}

#[test]
fn refuses_a_proposal_of_this_ring_on_another() {
    let people = [("ann", "ed25519"), ("bob", "ed25519")];
    let Some(operators) = Operators::found(&people) else { return };
    let plan = || Plan { operators: Some(Arc::clone(&operators)), threshold: 2, ..Plan::default() };
    let [one, two] = [Ring::start_with(plan().inside()), Ring::start_with(plan().inside())];
    let act = freeze(true);
    let warrant = one.enough(act.clone());
    refused(&two, Rule::ProposalMismatch, &act.clone().under(warrant.clone()));
    carry_out(&one, &act.under(warrant)).unwrap();
}

#[test]
fn the_namespace_is_the_documented_one() {
    assert_eq!(NAMESPACE, signer_quorum::NAMESPACE);
}
