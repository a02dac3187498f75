//! Revoked never changes; hold only where the policy says so; release only from hold.

use signer_proto::{
    BuildCrl, Hold, Refusal, Release, RevocationChange, RevocationDelta, RevocationStatus, Revoke,
    Rule,
};
use x509::{CrlReason, Serial, UnixTime};

use super::drafts::{self, DAY};
use super::workshop::{Workshop, label};

fn revoke(workshop: &Workshop, serial: Serial) -> Result<RevocationChange, Refusal> {
    workshop.call(Revoke {
        key: label("issuing"),
        serial,
        reason: CrlReason::Superseded,
        invalidity: None,
    })
}

fn hold(workshop: &Workshop, serial: Serial) -> Result<RevocationChange, Refusal> {
    let key = label("issuing");
    workshop.call(Hold { key, serial })
}

fn release(workshop: &Workshop, serial: Serial) -> Result<RevocationChange, Refusal> {
    let key = label("issuing");
    workshop.call(Release { key, serial })
}

fn rule<T: std::fmt::Debug>(refused: Result<T, Refusal>) -> Rule {
    refused.unwrap_err().rule
}

#[test]
fn a_repeated_revocation_tells_the_first_one() {
    let mut workshop = Workshop::with_hierarchy();
    let serial = workshop.issue("a.corp.example").tbs().serial;
    let first = revoke(&workshop, serial).unwrap();
    workshop.clock.pass(100);
    let again = workshop.call(Revoke {
        key: label("issuing"),
        serial,
        reason: CrlReason::KeyCompromise,
        invalidity: Some(UnixTime(5)),
    });
    assert_eq!(again, Ok(first.clone()));
    workshop.restart();
    assert_eq!(revoke(&workshop, serial), Ok(first));
    assert_eq!(workshop.describe("issuing").revocations, 1);
}

#[test]
fn refuses_never_issued_serials_and_reasons_of_other_calls() {
    let workshop = Workshop::with_hierarchy();
    let never = workshop.mint("issuing");
    assert_eq!(rule(revoke(&workshop, never)), Rule::NeverIssued);
    let serial = workshop.issue("a.corp.example").tbs().serial;
    for reason in [CrlReason::CertificateHold, CrlReason::RemoveFromCrl] {
        let refused =
            workshop.call(Revoke { key: label("issuing"), serial, reason, invalidity: None });
        assert_eq!(rule(refused), Rule::ReasonRefused);
    }
    let tomorrow = workshop.call(Revoke {
        key: label("issuing"),
        serial,
        reason: CrlReason::KeyCompromise,
        invalidity: Some(workshop.now().plus_seconds(DAY)),
    });
    assert_eq!(rule(tomorrow), Rule::FieldMalformed);
    let elsewhere = workshop.call(Revoke {
        key: label("root"),
        serial,
        reason: CrlReason::Superseded,
        invalidity: None,
    });
    assert_eq!(rule(elsewhere), Rule::NeverIssued);
    assert_eq!(workshop.describe("issuing").revocations, 0);
}

#[test]
fn refuses_hold_where_the_policy_does_not_say_so() {
    let workshop = Workshop::with_hierarchy();
    let serial = workshop.issue("a.corp.example").tbs().serial;
    assert_eq!(rule(hold(&workshop, serial)), Rule::HoldNotAllowed);
    assert_eq!(rule(release(&workshop, serial)), Rule::NotHeld);
}

#[test]
fn hold_and_release_go_around_until_it_is_revoked_for_good() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.set_policy("issuing", drafts::issuing_policy_with(100, true));
    let serial = workshop.issue("a.corp.example").tbs().serial;
    assert_eq!(rule(release(&workshop, serial)), Rule::NotHeld);
    let held = hold(&workshop, serial).unwrap();
    assert_eq!(hold(&workshop, serial), Ok(held));
    let released = release(&workshop, serial).unwrap();
    assert_eq!(release(&workshop, serial), Ok(released));
    hold(&workshop, serial).unwrap();
    let revoked = revoke(&workshop, serial).unwrap();
    assert_eq!(rule(release(&workshop, serial)), Rule::AlreadyRevoked);
    assert_eq!(rule(hold(&workshop, serial)), Rule::AlreadyRevoked);
    workshop.restart();
    assert_eq!(rule(release(&workshop, serial)), Rule::AlreadyRevoked);
    assert_eq!(revoke(&workshop, serial), Ok(revoked));
    let slice =
        workshop.call(RevocationDelta { key: label("issuing"), from: 0, limit: 10 }).unwrap();
    use RevocationStatus::{Held, Released, Revoked};
    let statuses: Vec<_> = slice.changes.0.iter().map(|change| change.status).collect();
    assert_eq!(statuses, [Held, Released, Held, Revoked]);
}

#[test]
fn changes_of_one_serial_wait_for_each_other() {
    let workshop = Workshop::with_hierarchy();
    workshop.set_policy("issuing", drafts::issuing_policy_with(100, true));
    let serial = workshop.issue("a.corp.example").tbs().serial;
    let key = label("issuing");
    let (h, r) = (Hold { key: key.clone(), serial }, Release { key, serial });
    // Asked without waiting: each is decided after the one before is durable.
    let answers: Vec<_> =
        (0..30).map(|n| if n % 2 == 0 { workshop.ask(&h) } else { workshop.ask(&r) }).collect();
    for (n, answer) in answers.into_iter().enumerate() {
        assert!(answer.recv().unwrap().is_ok(), "{n}");
    }
    assert_eq!(workshop.describe("issuing").revocations, 30);
}

#[test]
fn the_delta_goes_on_where_it_ended() {
    let workshop = Workshop::with_hierarchy();
    for n in 0..5 {
        let serial = workshop.issue(&format!("n{n}.corp.example")).tbs().serial;
        revoke(&workshop, serial).unwrap();
    }
    let delta = |from, limit| {
        let key = label("issuing");
        workshop.call(RevocationDelta { key, from, limit })
    };
    let all = delta(0, 65_536).unwrap();
    assert_eq!((all.size, all.changes.0.len()), (5, 5));
    assert_eq!(delta(3, 1).unwrap().changes.0, all.changes.0[3..4]);
    assert!(delta(5, 1).unwrap().changes.0.is_empty());
    assert_eq!(rule(delta(6, 1)), Rule::PositionUnknown);
    assert_eq!(rule(delta(0, 0)), Rule::FieldMalformed);
}

#[test]
fn a_locked_ring_revokes_and_signs_nothing() {
    let mut workshop = Workshop::with_hierarchy();
    let serial = workshop.issue("a.corp.example").tbs().serial;
    let order = workshop.order(&workshop.leaf("b.corp.example"));
    workshop.restart_locked();
    assert_eq!(rule(workshop.call(order)), Rule::Locked);
    let crl =
        BuildCrl { key: label("issuing"), shard: 0, next_update: workshop.now().plus_seconds(DAY) };
    assert_eq!(rule(workshop.call(crl)), Rule::Locked);
    assert_eq!(
        revoke(&workshop, serial).map(|change| change.status),
        Ok(RevocationStatus::Revoked)
    );
}

/// Changes of one serial that wait are decided one at a time: were all of them looked at again
/// after each, a few thousand would hold the journal's writer up for minutes.
#[test]
fn many_changes_of_one_serial_do_not_hold_up_the_journal() {
    const CHANGES: u32 = 3000;
    let workshop = Workshop::with_hierarchy();
    workshop.set_policy("issuing", drafts::issuing_policy_with(100, true));
    let serial = workshop.issue("a.corp.example").tbs().serial;
    let key = label("issuing");
    let (h, r) = (Hold { key: key.clone(), serial }, Release { key, serial });
    let ask = |n| match n % 2 {
        0 => workshop.ask(&h),
        _ => workshop.ask(&r),
    };
    let answers: Vec<_> = (0..CHANGES).map(ask).collect();
    let mut refused = Vec::new();
    for answer in answers {
        refused.extend(answer.recv().unwrap().err().map(|refusal| refusal.rule));
    }
    // 64 times on hold and off again; then every hold is refused and every release stands.
    assert_eq!(refused, vec![Rule::HoldNotAllowed; (CHANGES as usize - 128) / 2]);
    assert_eq!(workshop.describe("issuing").revocations, 128);
}

#[test]
fn refuses_the_sixty_fifth_hold_of_a_certificate() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.set_policy("issuing", drafts::issuing_policy_with(100, true));
    let serial = workshop.issue("a.corp.example").tbs().serial;
    for _ in 0..64 {
        hold(&workshop, serial).unwrap();
        release(&workshop, serial).unwrap();
    }
    assert_eq!(rule(hold(&workshop, serial)), Rule::HoldNotAllowed);
    workshop.restart();
    assert_eq!(rule(hold(&workshop, serial)), Rule::HoldNotAllowed);
    assert_eq!(workshop.describe("issuing").revocations, 128);
    assert!(revoke(&workshop, serial).is_ok());
}
