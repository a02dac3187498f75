//! Unlocking by shares, from admin.sock.

use keystore::{Custodian, NewFactor};
use signer_proto::{
    Event, Plaintext, Refusal, Rule, SignerState, Unlock, UnlockAttempt, UnlockShare,
};
use zeroize::Zeroizing;

use super::workshop::Workshop;

fn phrase(index: u8) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(format!("passphrase {index}").into_bytes())
}

/// A ring that three of five passphrases open.
fn workshop() -> Workshop {
    let custodians = (1..=5).map(|index| Custodian::Passphrase(phrase(index))).collect();
    Workshop::locked_by(|driver| driver, NewFactor::Shares { threshold: 3, custodians })
}

/// State, shares given, shares missing.
type Taken = (SignerState, u8, u8);
const READY: Result<Taken, Refusal> = Ok((SignerState::Ready, 0, 0));

fn give(workshop: &Workshop, index: u8, octets: &[u8]) -> Result<Taken, Refusal> {
    let secret = Plaintext(Zeroizing::new(octets.to_vec()));
    let taken = workshop.call(UnlockShare { index, secret });
    taken.map(|taken| (taken.health.state, taken.given, taken.missing))
}

fn share(workshop: &Workshop, index: u8) -> Result<Taken, Refusal> {
    give(workshop, index, &phrase(index))
}

fn waiting(given: u8) -> Result<Taken, Refusal> {
    Ok((SignerState::Locked, given, 3 - given))
}

fn attempts(workshop: &Workshop) -> Vec<bool> {
    let leaves = workshop.leaves();
    let opened = leaves.iter().filter_map(|leaf| match &leaf.event {
        Event::UnlockAttempt(UnlockAttempt { opened, .. }) => Some(*opened),
        _ => None,
    });
    opened.collect()
}

/// Refused by the rule, and the refusal stands in the journal.
fn refused(workshop: &Workshop, found: Result<Taken, Refusal>, rule: Rule, why: &str) {
    let refusal = found.unwrap_err();
    assert_eq!(refusal.rule, rule, "{}", refusal.detail);
    assert!(refusal.detail.contains(why), "{}", refusal.detail);
    let written = || {
        let leaves = workshop.leaves();
        leaves.iter().any(|leaf| match &leaf.event {
            Event::Refused(refused) => refused.rule == rule && refused.detail.0.contains(why),
            _ => false,
        })
    };
    // The first of a second is written at once, beside the answer.
    for _ in 0..100 {
        if written() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("{why} is not in the journal");
}

#[test]
fn three_of_five_shares_open_it_and_two_do_not() {
    let workshop = workshop();
    assert_eq!(share(&workshop, 5), waiting(1));
    assert_eq!(share(&workshop, 2), waiting(2));
    assert!(attempts(&workshop).is_empty());
    assert_eq!(share(&workshop, 3), READY);
    assert_eq!(attempts(&workshop), [true]);
    // Once open, nothing more is tried.
    assert_eq!(give(&workshop, 1, b"anything"), READY);
    assert_eq!(attempts(&workshop), [true]);
}

#[test]
fn a_share_counts_once() {
    let workshop = workshop();
    for _ in 0..2 {
        let before = workshop.leaves().len();
        let first = share(&workshop, 1);
        if first == waiting(1) {
            assert_eq!(workshop.leaves().len(), before, "nothing is written of a share alone");
        }
    }
    refused(&workshop, share(&workshop, 1), Rule::ShareRefused, "share 1 was given already");
    assert!(attempts(&workshop).is_empty(), "a share given twice is no wrong one");
    assert_eq!(share(&workshop, 2), waiting(2));
}

#[test]
fn a_wrong_share_is_refused_alone_journaled_and_slow() {
    let workshop = workshop();
    assert_eq!(share(&workshop, 1), waiting(1));
    for seconds in [1, 2, 4] {
        let wrong = give(&workshop, 2, b"wrong passphrase");
        refused(&workshop, wrong, Rule::ShareRefused, "passphrase is another one");
        assert_eq!(share(&workshop, 2).unwrap_err().rule, Rule::Overloaded, "{seconds}");
        workshop.clock.pass(seconds);
    }
    assert_eq!(attempts(&workshop), [false; 3]);
    // What was given before is still there.
    assert_eq!(share(&workshop, 2), waiting(2));
    assert_eq!(share(&workshop, 3), READY);
}

#[test]
fn a_share_that_is_none_is_malformed_and_no_attempt() {
    let workshop = workshop();
    for text in [&b""[..], b"chancery-share-1:", b"correct horse"] {
        let found = give(&workshop, 0, text).unwrap_err();
        assert_eq!(found.rule, Rule::FieldMalformed);
    }
    assert!(attempts(&workshop).is_empty());
    assert_eq!(share(&workshop, 1), waiting(1));
}

#[test]
fn shares_are_forgotten_when_nobody_adds_to_them() {
    let workshop = workshop();
    assert_eq!(share(&workshop, 1), waiting(1));
    workshop.clock.pass(599);
    assert_eq!(share(&workshop, 2), waiting(2));
    workshop.clock.pass(599);
    refused(&workshop, share(&workshop, 2), Rule::ShareRefused, "given already");
    workshop.clock.pass(601);
    assert_eq!(share(&workshop, 3), waiting(1));
    assert_eq!(share(&workshop, 1), waiting(2));
    assert_eq!(share(&workshop, 2), READY);
}

#[test]
fn shares_do_not_outlive_the_signer() {
    let mut workshop = workshop();
    assert_eq!(share(&workshop, 1), waiting(1));
    assert_eq!(share(&workshop, 2), waiting(2));
    workshop.restart_locked();
    assert_eq!(share(&workshop, 3), waiting(1));
}

#[test]
fn a_ring_takes_only_what_opens_it() {
    let shared = workshop();
    let passphrase = Plaintext(phrase(1));
    let found = shared.call(Unlock { passphrase }).unwrap_err();
    assert_eq!((found.rule, found.detail.contains("opened by shares")), (Rule::UnlockFailed, true));
    let single = Workshop::locked(|driver| driver);
    let found = share(&single, 1).unwrap_err();
    assert_eq!(found.rule, Rule::UnlockFailed);
    assert!(found.detail.contains("opened by a credential"), "{}", found.detail);
    for workshop in [&shared, &single] {
        assert!(attempts(workshop).is_empty());
    }
}
