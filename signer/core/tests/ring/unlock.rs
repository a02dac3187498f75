//! Unlocking from admin.sock.

use signer_proto::{Event, Health, Plaintext, Refusal, Rule, SignerState, Unlock, UnlockAttempt};
use zeroize::Zeroizing;

use super::workshop::{CREDENTIAL, Workshop};

fn unlock(workshop: &Workshop, octets: &[u8]) -> Result<SignerState, Refusal> {
    let passphrase = Plaintext(Zeroizing::new(octets.to_vec()));
    workshop.call(Unlock { passphrase }).map(|report| report.state)
}

fn attempts(workshop: &Workshop) -> Vec<bool> {
    let leaves = workshop.leaves();
    let opened = leaves.iter().filter_map(|leaf| match &leaf.event {
        Event::UnlockAttempt(UnlockAttempt { opened, .. }) => Some(*opened),
        _ => None,
    });
    opened.collect()
}

#[test]
fn the_right_factor_opens_and_is_journaled() {
    let workshop = Workshop::locked(|driver| driver);
    assert_eq!(workshop.call(Health).unwrap().state, SignerState::Locked);
    assert_eq!(unlock(&workshop, &CREDENTIAL), Ok(SignerState::Ready));
    assert_eq!(attempts(&workshop), [true]);
    // Once open, nothing more is tried.
    assert_eq!(unlock(&workshop, b"anything"), Ok(SignerState::Ready));
    assert_eq!(attempts(&workshop), [true]);
}

#[test]
fn wrong_factors_wait_longer_and_longer_also_over_a_restart() {
    let mut workshop = Workshop::locked(|driver| driver);
    let wrong = [8; 32];
    let rule = |refused: Result<SignerState, Refusal>| refused.unwrap_err().rule;
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        assert_eq!(rule(unlock(&workshop, &wrong)), Rule::UnlockFailed);
        workshop.restart_locked();
        assert_eq!(rule(unlock(&workshop, &CREDENTIAL)), Rule::Overloaded);
        workshop.clock.pass(seconds - 1);
        assert_eq!(rule(unlock(&workshop, &wrong)), Rule::Overloaded, "{seconds}");
        workshop.clock.pass(1);
    }
    assert_eq!(attempts(&workshop), [false; 7]);
    assert_eq!(unlock(&workshop, &CREDENTIAL), Ok(SignerState::Ready));
}
