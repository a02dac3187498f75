//! Acts that operators approve: each works at its threshold, and fails one below it, with one
//! operator twice, after its time, on another instance, and a second time. The signatures are
//! `ssh-keygen`'s, those of security keys by the middleware of `tests/kit/sk`.

use std::sync::Arc;
use std::time::Duration;

use kit::{Answered, Assault, ISSUING, NAMESPACE, OTHER, Operators, Plan, Ring, SubjectKey, label};
use signer_proto::{
    AcceptGap, Act, Action, Approvals, CeremonyTranscript, CrlFloor, CrlFloors, Describe, Digest,
    Follow, GenerateKey, Health, KeySpec, KeyState, Kind, LeafBytes, OperatorKeys, PolicyText,
    Promote, Proposal, Proposed, Purpose, ReadCheckpoint, ReadOperators, Reason, RecordCeremony,
    Refusal, Rule, SetFreeze, SetKeyState, SetOperators, SetPolicy, ShowCheckpoint, SignAuthority,
    Socket, Threshold, Thresholds, Warrant, Wire,
};
use x509::UnixTime;

/// Three people, two of whom must approve; none where a tool is missing.
fn ring_of_three() -> Option<Ring> {
    ring_of(&[("ann", "ed25519"), ("bob", "ecdsa-256"), ("cyd", "ed25519-sk")], 2)
}

fn ring_of(people: &[(&'static str, &str)], threshold: u8) -> Option<Ring> {
    let operators = Some(Operators::found(people)?);
    Some(Ring::start_with(Plan { operators, threshold, ..Plan::default() }.inside()))
}

/// The body of an act's call: on the wire an act is its kind, then that.
fn body(act: &Act) -> Vec<u8> {
    act.to_wire().split_off(act.kind().to_wire().len())
}

/// Carries an act out.
fn carry_out(ring: &Ring, act: &Act) -> Result<(), Refusal> {
    match ring.peer(Socket::Admin).ask(act.kind(), &body(act)) {
        Answered::Answer(_) => Ok(()),
        Answered::Refused(refusal) => Err(refusal),
        Answered::Closed => panic!("the connection ended"),
    }
}

/// Tries an act that must be refused.
fn try_refused<'ring>(ring: &'ring Ring, assault: &mut Assault<'ring>, rule: Rule, act: &Act) {
    assault.refused(rule, ring.attack_body(Socket::Admin, act.kind(), &body(act)));
}

/// Tries an act that must be refused: nothing is signed, made or written but the refusal.
fn refused(ring: &Ring, rule: Rule, act: &Act) {
    let mut assault = ring.assault();
    try_refused(ring, &mut assault, rule, act);
    assault.assert_nothing_done();
}

/// Has a bent text of a proposal signed for real.
fn bent(proposed: &Proposed, from: &str, to: &str) -> Proposed {
    let text = &proposed.proposal.0;
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    Proposed { proposal: Proposal(text.replace(from, to)), ..proposed.clone() }
}

fn line(proposed: &Proposed, field: &str) -> String {
    let mut lines = proposed.proposal.0.lines();
    lines.find(|line| line.starts_with(&format!("{field}: "))).expect("the line").to_owned()
}

/// A kind of act, and that it was tried. See [`tried`].
struct Tried(Kind);

impl Tried {
    /// Holds all that must fail of an act, and that it works as it should.
    fn holds(&self, ring: &Ring, act: Act, action: Action, needed: u8) {
        self.holds_with(ring, &[], act, action, needed);
    }

    /// Like [`Self::holds`] of an act that more must sign than count.
    fn holds_with(&self, ring: &Ring, more: &[&str], act: Act, action: Action, needed: u8) {
        assert_eq!(act.kind(), self.0, "the test is of another act");
        let proposed = ring.propose(act.clone());
        assert_eq!((proposed.action, proposed.needed), (action, needed), "{}", proposed.proposal.0);
        let (needed, people) = (usize::from(needed), ["ann", "bob", "cyd"]);
        let trial = Trial {
            ring,
            short: [&people[..needed - 1], more].concat(),
            enough: [&people[..needed], more].concat(),
            last: needed - 1,
            act,
            proposed,
        };
        let mut assault = ring.assault();
        trial.refuses_the_wrong_people(&mut assault);
        trial.refuses_other_texts(&mut assault);
        trial.refuses_other_signatures(&mut assault);
        trial.refuses_another_act(&mut assault);
        if ring.ring_dir().join("standby").exists() {
            assault.assert_nothing_written();
            // What was counted and could not be written is forgotten within two seconds.
            std::thread::sleep(Duration::from_millis(2_500));
        } else {
            assault.assert_nothing_done();
        }
        trial.works_once();
    }
}

/// One act, and who must approve it.
struct Trial<'ring> {
    ring: &'ring Ring,
    act: Act,
    proposed: Proposed,
    enough: Vec<&'ring str>,
    short: Vec<&'ring str>,
    /// Without whose signature they would not be enough, among them.
    last: usize,
}

impl<'ring> Trial<'ring> {
    fn under(&self, proposed: &Proposed, names: &[&str]) -> Act {
        self.act.clone().under(self.ring.operators().warrant(proposed, names))
    }

    fn refused(&self, assault: &mut Assault<'ring>, rule: Rule, act: &Act) {
        try_refused(self.ring, assault, rule, act);
    }

    /// One too few, nobody, one of them twice, and one whom nobody knows.
    fn refuses_the_wrong_people(&self, assault: &mut Assault<'ring>) {
        let short = self.under(&self.proposed, &self.short);
        self.refused(assault, Rule::ApprovalShort, &short);
        self.refused(assault, Rule::ApprovalMissing, &self.act);
        let twice = [&self.enough[..], &["ann"]].concat();
        self.refused(assault, Rule::OperatorTwice, &self.under(&self.proposed, &twice));
        // In the place of the missing one, too.
        let twice = [&self.short[..], &[*self.short.first().unwrap_or(&"ann"); 2]].concat();
        self.refused(assault, Rule::OperatorTwice, &self.under(&self.proposed, &twice));
        let stranger = format!("{}-stranger", self.proposed.action);
        self.ring.operators().make(&stranger, "ed25519", "eve");
        let with_stranger = [&self.enough[..], &[stranger.as_str()]].concat();
        self.refused(assault, Rule::OperatorUnknown, &self.under(&self.proposed, &with_stranger));
    }

    /// Texts that name another ring, another history, another time: signed for real.
    fn refuses_other_texts(&self, assault: &mut Assault<'ring>) {
        let (proposed, now) = (&self.proposed, self.ring.clock.now());
        let elsewhere = format!("Ring: {}", "ab".repeat(16));
        let root = format!("Journal root: {}", "cd".repeat(32));
        let ages = |from: i64, to: i64| {
            let [created, expires] = [from, to].map(|seconds| UnixTime(now.0 + seconds));
            let aged = bent(proposed, &line(proposed, "Created"), &format!("Created: {created}"));
            bent(&aged, &line(proposed, "Expires"), &format!("Expires: {expires}"))
        };
        for (rule, text) in [
            (Rule::ProposalMismatch, bent(proposed, &line(proposed, "Ring"), &elsewhere)),
            (Rule::ProposalMismatch, bent(proposed, &line(proposed, "Journal root"), &root)),
            (Rule::ProposalMismatch, bent(proposed, "\nOperators: ", "\nOperators: at least ")),
            (Rule::ProposalMismatch, ages(3600, 7200)),
            (Rule::ProposalExpired, ages(-7200, -1)),
            (Rule::ProposalMalformed, ages(-60, 31 * 86_400)),
            (Rule::ProposalMalformed, bent(proposed, "Nonce: ", "Nonce: 0")),
            (Rule::ProposalMalformed, bent(proposed, "proposal v1", "proposal v2")),
        ] {
            self.refused(assault, rule, &self.under(&text, &self.enough));
        }
    }

    /// Signatures over something else.
    fn refuses_other_signatures(&self, assault: &mut Assault<'ring>) {
        let (operators, text) = (self.ring.operators(), &self.proposed.proposal.0);
        let mut approvals: Vec<_> =
            self.enough.iter().map(|name| operators.sign(name, text)).collect();
        let with = |approvals: Vec<_>| {
            let (proposal, approvals) = (self.proposed.proposal.clone(), Approvals(approvals));
            self.act.clone().under(Warrant { proposal, approvals })
        };
        let (last, name) = (self.last, self.enough[self.last]);
        approvals[last] = operators.sign_for(name, text, "chancery/other/v1");
        self.refused(assault, Rule::ApprovalFaulty, &with(approvals.clone()));
        approvals[last] = operators.sign(name, &text.replace("Nonce", "nonce"));
        self.refused(assault, Rule::ApprovalFaulty, &with(approvals.clone()));
        approvals[last].0.pop();
        self.refused(assault, Rule::ApprovalMalformed, &with(approvals));
    }

    /// Another act under the same warrant: one that the ring would take for what it is.
    fn refuses_another_act(&self, assault: &mut Assault<'ring>) {
        let warrant = self.under(&self.proposed, &self.enough).warrant().clone();
        let other: Act = match self.act.clone() {
            Act::AcceptGap(call) => {
                AcceptGap { serial_prefix: call.serial_prefix % 0x7f + 1, ..call }.into()
            }
            Act::Promote(call) => {
                Promote { serial_prefix: call.serial_prefix % 0x7f + 1, ..call }.into()
            }
            _ => {
                let reason = Reason("another act".to_owned());
                SetFreeze { frozen: true, reason, warrant: none() }.into()
            }
        };
        self.refused(assault, Rule::ProposalMismatch, &other.under(warrant));
    }

    /// With enough it is carried out, and not a second time.
    fn works_once(&self) {
        let Self { ring, proposed, .. } = self;
        let full = self.under(proposed, &self.enough);
        let before = ring.ledger().acts().len();
        carry_out(ring, &full)
            .unwrap_or_else(|refusal| panic!("{refusal}\n{}", proposed.proposal.0));
        assert_eq!(ring.ledger().acts().len(), before + 1, "{}", proposed.action);
        if let Act::SignAuthority(call) = &full {
            // The same request again is answered from the journal.
            let signs = ring.counts.signs();
            assert!(ring.call(call).expect("the same answer").replayed);
            assert_eq!((ring.counts.signs(), ring.ledger().acts().len()), (signs, before + 1));
            let bare = SignAuthority { warrant: Warrant::none(), ..call.clone() };
            refused(ring, Rule::IdempotencyConflict, &Act::from(bare));
        } else {
            refused(ring, Rule::ProposalReplayed, &full);
        }
    }
}

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

fn none() -> Warrant {
    Warrant::none()
}

fn policy(ring: &Ring, key: &str, text: String) -> Act {
    let previous = ring.describe(key).policy.map(|policy| policy.digest);
    SetPolicy { key: label(key), previous, text: PolicyText(text), warrant: none() }.into()
}

fn state(key: &str, from: KeyState, to: KeyState) -> Act {
    SetKeyState { key: label(key), from, to, warrant: none() }.into()
}

fn freeze(frozen: bool) -> Act {
    SetFreeze { frozen, reason: Reason("a drill".to_owned()), warrant: none() }.into()
}

fn operators(ring: &Ring, names: &[&str], thresholds: Thresholds) -> Act {
    let previous = ring.call(&ReadOperators).unwrap().digest;
    let operators = ring.operators().lines(names);
    SetOperators { previous, operators, thresholds, warrant: none() }.into()
}

/// Carries an act out under as many founders as it needs.
fn do_it(ring: &Ring, act: Act) {
    let warrant = ring.enough(act.clone());
    carry_out(ring, &act.under(warrant)).expect("it is approved");
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

/// Puts a ring back to what it was before its newest leaves, shows it its newest checkpoint, and
/// returns how many leaves that covers, and their root.
fn lose_the_end(ring: &mut Ring) -> (u64, [u8; 32]) {
    ring.stop();
    let older = ring.twin();
    ring.restart();
    let _ = ring.issue();
    let least = ring.call(&Health).unwrap().position;
    let note = ring.call(&ReadCheckpoint { least }).unwrap().newest;
    let text = signer_log::note::Note::parse(&note.0).unwrap().text;
    let lost = signer_log::checkpoint::Checkpoint::parse(&text).unwrap();
    ring.stop();
    std::fs::remove_dir_all(ring.ring_dir()).unwrap();
    let mut back = std::process::Command::new("cp");
    assert!(back.arg("-a").args([older.ring_dir(), ring.ring_dir()]).status().unwrap().success());
    ring.try_open().unwrap();
    ring.unlock().unwrap();
    let show = ShowCheckpoint { note };
    ring.attack(Socket::Admin, &show).assert_unchanged(Rule::StateRolledBack);
    (lost.size, lost.root)
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
