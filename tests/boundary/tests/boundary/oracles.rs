//! What must not be opened, and errors that must not tell why.

use kit::{CREDENTIAL, Plan, Ring, uid};
use signer_proto::{
    Health, Plaintext, Rule, Seal, SealContext, Sealed, SignerState, Socket, Unlock, Unseal,
};
use zeroize::Zeroizing;

const SECRET: &[u8] = b"canary-of-a-sealed-value-5e0f";

fn secret(octets: &[u8]) -> Plaintext {
    Plaintext(Zeroizing::new(octets.to_vec()))
}

fn seal(ring: &Ring, context: &[u8]) -> Sealed {
    let call = Seal { context: SealContext(context.to_vec()), plaintext: secret(SECRET) };
    ring.call(&call).unwrap()
}

fn unseal(context: &[u8], sealed: &Sealed) -> Unseal {
    Unseal { context: SealContext(context.to_vec()), sealed: sealed.clone() }
}

#[test]
fn refuses_a_sealed_value_in_the_context_of_another_row() {
    let ring = Ring::start();
    let sealed = seal(&ring, b"scep/challenge/1");
    let mut assault = ring.assault();
    for context in [b"scep/challenge/2".as_slice(), b"scep/challenge/", b"", &[0; 256]] {
        assault.refused_call(Rule::SealNotOurs, &unseal(context, &sealed));
    }
    assault.assert_held();
    assert_eq!(*ring.call(&unseal(b"scep/challenge/1", &sealed)).unwrap().0, SECRET);
}

#[test]
fn refuses_a_sealed_value_whose_context_and_content_are_shifted() {
    // Contexts are bound by their length: "a" + "bc" is not "ab" + "c".
    let ring = Ring::start();
    let sealed = seal(&ring, b"row1");
    let mut shifted = sealed.clone();
    shifted.0.insert(0, b'1');
    ring.attack(Socket::Issue, &unseal(b"row", &shifted)).assert_refused(Rule::SealNotOurs);
}

#[test]
fn refuses_a_sealed_value_of_another_ring() {
    let ring = Ring::start();
    let sealed = seal(&Ring::start(), b"row");
    ring.attack(Socket::Issue, &unseal(b"row", &sealed)).assert_refused(Rule::SealNotOurs);
}

#[test]
fn refuses_a_sealed_value_with_any_octet_bent_and_tells_nothing() {
    let ring = Ring::start();
    let sealed = seal(&ring, b"row");
    let mut details = Vec::new();
    let mut assault = ring.assault();
    for at in 0..sealed.0.len() {
        let mut bent = sealed.clone();
        bent.0[at] ^= 0x10;
        let refusal = assault.refused_call(Rule::SealNotOurs, &unseal(b"row", &bent));
        details.push(refusal.detail);
    }
    for length in 0..sealed.0.len() {
        let cut = Sealed(sealed.0[..length].to_vec());
        let refusal = assault.refused_call(Rule::SealNotOurs, &unseal(b"row", &cut));
        details.push(refusal.detail);
    }
    details.dedup();
    assert_eq!(details.len(), 1, "one error for every cause: {details:?}");
    assault.assert_held();
}

#[test]
fn the_same_value_is_never_sealed_to_the_same_octets() {
    let ring = Ring::start();
    assert_ne!(seal(&ring, b"row"), seal(&ring, b"row"));
}

#[test]
fn refuses_a_wrong_credential_and_slows_down() {
    let ring = Ring::locked(Plan::default().inside());
    let guess = Unlock { passphrase: secret(b"a guess at the credential that is long enough") };
    let mut peer = ring.peer(Socket::Admin);
    let mut rules = Vec::new();
    for _ in 0..5 {
        rules.push(peer.call(&guess).unwrap_err().refusal().rule);
    }
    assert_eq!(rules[0], Rule::UnlockFailed);
    assert_eq!(rules[4], Rule::Overloaded, "{rules:?}");
    assert_eq!(ring.signer().health().state, SignerState::Locked);
    ring.clock.pass(120);
    let right = Unlock { passphrase: secret(CREDENTIAL) };
    let report = peer.call(&right).unwrap();
    assert_eq!(report.state, SignerState::Ready);
    ring.await_refused(Rule::UnlockFailed, 1);
    let ledger = ring.ledger();
    assert_eq!(ledger.count("UnlockAttempt"), 2);
    assert!(ledger.refusals().iter().all(|refused| refused.uid == uid()));
}

#[test]
fn refuses_everything_that_needs_a_key_while_locked() {
    let mut ring = Ring::start();
    let order = ring.order(&ring.leaf());
    let authority = {
        let draft = ring.authority("CN=Sub,O=Corp", kit::SubjectKey::new().public());
        ring.authority_order(&draft)
    };
    let sealed = seal(&ring, b"row");
    let next_update = ring.clock.now().plus_seconds(3600);
    ring.stop();
    ring.try_open().unwrap();
    let crl = signer_proto::BuildCrl { key: kit::label(kit::ISSUING), shard: 0, next_update };
    ring.attack(Socket::Issue, &order).assert_unavailable(Rule::Locked);
    ring.attack(Socket::Admin, &authority).assert_unavailable(Rule::Locked);
    ring.attack(Socket::Issue, &unseal(b"row", &sealed)).assert_unavailable(Rule::Locked);
    ring.attack(Socket::Status, &crl).assert_unavailable(Rule::Locked);
    assert_eq!(ring.call(&Health).unwrap().state, SignerState::Locked);
    ring.unlock().unwrap();
    ring.call(&order).unwrap();
}
