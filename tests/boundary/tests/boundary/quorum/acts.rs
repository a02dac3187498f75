//! Rings of three people, and the acts that they approve.

use kit::{Answered, Assault, Operators, Plan, Ring, label};
use signer_proto::{
    Act, Health, KeyState, PolicyText, Proposal, Proposed, ReadCheckpoint, ReadOperators, Reason,
    Refusal, Rule, SetFreeze, SetKeyState, SetOperators, SetPolicy, ShowCheckpoint, Socket,
    Thresholds, Warrant, Wire,
};

/// Three people, two of whom must approve; none where a tool is missing.
pub(super) fn ring_of_three() -> Option<Ring> {
    ring_of(&[("ann", "ed25519"), ("bob", "ecdsa-256"), ("cyd", "ed25519-sk")], 2)
}

pub(super) fn ring_of(people: &[(&'static str, &str)], threshold: u8) -> Option<Ring> {
    let operators = Some(Operators::found(people)?);
    Some(Ring::start_with(Plan { operators, threshold, ..Plan::default() }.inside()))
}

/// The body of an act's call: on the wire an act is its kind, then that.
pub(super) fn body(act: &Act) -> Vec<u8> {
    act.to_wire().split_off(act.kind().to_wire().len())
}

/// Carries an act out.
pub(super) fn carry_out(ring: &Ring, act: &Act) -> Result<(), Refusal> {
    match ring.peer(Socket::Admin).ask(act.kind(), &body(act)) {
        Answered::Answer(_) => Ok(()),
        Answered::Refused(refusal) => Err(refusal),
        Answered::Closed => panic!("the connection ended"),
    }
}

/// Tries an act that must be refused.
pub(super) fn try_refused<'ring>(
    ring: &'ring Ring,
    assault: &mut Assault<'ring>,
    rule: Rule,
    act: &Act,
) {
    assault.refused(rule, ring.attack_body(Socket::Admin, act.kind(), &body(act)));
}

/// Tries an act that must be refused: nothing is signed, made or written but the refusal.
pub(super) fn refused(ring: &Ring, rule: Rule, act: &Act) {
    let mut assault = ring.assault();
    try_refused(ring, &mut assault, rule, act);
    assault.assert_nothing_done();
}

/// Has a bent text of a proposal signed for real.
pub(super) fn bent(proposed: &Proposed, from: &str, to: &str) -> Proposed {
    let text = &proposed.proposal.0;
    assert_eq!(text.matches(from).count(), 1, "{from} in {text}");
    Proposed { proposal: Proposal(text.replace(from, to)), ..proposed.clone() }
}

pub(super) fn line(proposed: &Proposed, field: &str) -> String {
    let mut lines = proposed.proposal.0.lines();
    lines.find(|line| line.starts_with(&format!("{field}: "))).expect("the line").to_owned()
}

pub(super) fn none() -> Warrant {
    Warrant::none()
}

pub(super) fn policy(ring: &Ring, key: &str, text: String) -> Act {
    let previous = ring.describe(key).policy.map(|policy| policy.digest);
    SetPolicy { key: label(key), previous, text: PolicyText(text), warrant: none() }.into()
}

pub(super) fn state(key: &str, from: KeyState, to: KeyState) -> Act {
    SetKeyState { key: label(key), from, to, warrant: none() }.into()
}

pub(super) fn freeze(frozen: bool) -> Act {
    SetFreeze { frozen, reason: Reason("a drill".to_owned()), warrant: none() }.into()
}

pub(super) fn operators(ring: &Ring, names: &[&str], thresholds: Thresholds) -> Act {
    let previous = ring.call(&ReadOperators).unwrap().digest;
    let operators = ring.operators().lines(names);
    SetOperators { previous, operators, thresholds, warrant: none() }.into()
}

/// Carries an act out under as many founders as it needs.
pub(super) fn do_it(ring: &Ring, act: Act) {
    let warrant = ring.enough(act.clone());
    carry_out(ring, &act.under(warrant)).expect("it is approved");
}

/// Puts a ring back to what it was before its newest leaves, shows it its newest checkpoint, and
/// returns how many leaves that covers, and their root.
pub(super) fn lose_the_end(ring: &mut Ring) -> (u64, [u8; 32]) {
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
