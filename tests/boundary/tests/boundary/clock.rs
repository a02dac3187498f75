//! Clocks that are set.

use kit::{DAY, ISSUING, Ring, label};
use signer_proto::{BuildCrl, Event, Revoke, Rule};
use x509::CrlReason;

#[test]
fn refuses_to_sign_with_a_clock_stepped_back() {
    let ring = Ring::inside();
    let order = ring.order(&ring.leaf());
    let mut assault = ring.assault();
    for seconds in [-60, -3600, -365 * DAY] {
        ring.clock.set_wall_by(seconds);
        assault.refused_call(Rule::ClockBehind, &order);
        ring.clock.set_wall_by(-seconds);
    }
    assault.assert_held();
}

#[test]
fn refuses_to_sign_with_a_clock_31_days_ahead() {
    let ring = Ring::inside();
    let order = ring.order(&ring.leaf());
    ring.clock.set_wall_by(31 * DAY);
    let mut assault = ring.assault();
    assault.refused_call(Rule::ClockAhead, &order);
    ring.clock.set_wall_by(-31 * DAY);
    assault.assert_held();
}

#[test]
fn refuses_a_crl_of_yesterday() {
    let ring = Ring::inside();
    let call =
        BuildCrl { key: label(ISSUING), shard: 0, next_update: ring.clock.now().plus_seconds(DAY) };
    let first = ring.call(&call).unwrap();
    ring.clock.set_wall_by(-DAY);
    let mut assault = ring.assault();
    assault.refused_call(Rule::ClockBehind, &call);
    ring.clock.set_wall_by(DAY);
    assault.assert_held();
    assert!(ring.call(&call).unwrap().number > first.number);
}

#[test]
fn a_clock_stepped_back_over_a_restart_is_not_believed() {
    let mut ring = Ring::inside();
    let order = ring.order(&ring.leaf());
    ring.stop();
    ring.clock.set_wall_by(-DAY);
    ring.try_open().unwrap();
    ring.unlock().unwrap();
    let mut assault = ring.assault();
    assault.refused_call(Rule::ClockBehind, &order);
    ring.clock.set_wall_by(DAY);
    assault.assert_held();
}

#[test]
fn revocation_goes_on_whatever_the_clock_says_and_times_never_go_backwards() {
    let ring = Ring::inside();
    for seconds in [-DAY, 40 * DAY] {
        let serial = ring.issue().tbs().serial;
        ring.clock.set_wall_by(seconds);
        let call = Revoke {
            key: label(ISSUING),
            serial,
            reason: CrlReason::KeyCompromise,
            invalidity: None,
        };
        ring.call(&call).unwrap();
        ring.clock.set_wall_by(-seconds);
    }
    let ledger = ring.ledger();
    let times: Vec<i64> = ledger.leaves.iter().map(|(leaf, _)| leaf.at_ms).collect();
    assert!(times.is_sorted());
    let changes = ledger.events().filter(|event| matches!(event, Event::RevocationChanged(_)));
    assert_eq!(changes.count(), 2);
    // The jump ahead did not become the floor.
    let _ = ring.issue();
}
