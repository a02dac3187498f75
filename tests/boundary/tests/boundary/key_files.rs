//! Key files that are bent, swapped, or from another ring.

use std::fs;
use std::path::PathBuf;

use kit::{ISSUING, OTHER, Ring};
use signer_proto::{Refusal, Rule};

fn key_file(ring: &Ring, key: &str) -> PathBuf {
    let id = ring.describe(key).id.to_string();
    ring.ring_dir().join("keys").join(format!("{id}.key"))
}

/// Asks for a leaf after the key's file was changed: no signature comes out, the other keys go
/// on, and with the file put right again all is well.
fn refuses_with(ring: &mut Ring, change: impl FnOnce(&mut Ring) -> PathBuf) {
    let path = key_file(ring, ISSUING);
    let honest = fs::read(&path).unwrap();
    ring.stop();
    assert_eq!(change(ring), path);
    ring.try_open().unwrap();
    let refusal = match ring.unlock() {
        Err(refusal) => refusal,
        Ok(()) => {
            let refusal = ask(ring);
            let other = ring.leaf_of(OTHER, kit::OTHER_NAME);
            let mut order = ring.order(&other);
            order.key = kit::label(OTHER);
            order.policy = ring.policy(OTHER);
            ring.call(&order).unwrap();
            refusal
        }
    };
    assert_eq!(refusal.rule, Rule::KeyFileCorrupt, "{}", refusal.detail);
    fs::write(&path, honest).unwrap();
    ring.restart();
    let _ = ring.issue();
}

fn ask(ring: &Ring) -> Refusal {
    let signs = ring.counts.signs();
    let refusal = ring.call(&ring.order(&ring.leaf())).unwrap_err();
    assert_eq!(ring.counts.signs(), signs);
    refusal
}

#[test]
fn refuses_a_key_file_with_a_bit_flipped() {
    let mut ring = Ring::start();
    let path = key_file(&ring, ISSUING);
    let length = fs::read(&path).unwrap().len();
    // Every octet of a file has its test in keystore-file; here it is the whole core.
    for part in 0..12 {
        let at = part * (length - 1) / 11;
        refuses_with(&mut ring, |_| {
            let mut octets = fs::read(&path).unwrap();
            octets[at] ^= 1 << (part % 8);
            fs::write(&path, octets).unwrap();
            path.clone()
        });
    }
}

#[test]
fn refuses_a_key_file_swapped_with_another_keys() {
    let mut ring = Ring::start();
    let (ours, others) = (key_file(&ring, ISSUING), key_file(&ring, OTHER));
    refuses_with(&mut ring, |_| {
        fs::copy(&others, &ours).unwrap();
        ours.clone()
    });
}

#[test]
fn refuses_a_key_file_of_another_ring() {
    let mut ring = Ring::start();
    let ours = key_file(&ring, ISSUING);
    let elsewhere = Ring::start();
    let theirs = key_file(&elsewhere, ISSUING);
    refuses_with(&mut ring, |_| {
        fs::copy(&theirs, &ours).unwrap();
        ours.clone()
    });
}

#[test]
fn refuses_a_key_file_that_is_gone() {
    let mut ring = Ring::start();
    let ours = key_file(&ring, ISSUING);
    refuses_with(&mut ring, |_| {
        fs::remove_file(&ours).unwrap();
        ours.clone()
    });
}

#[test]
fn refuses_a_key_file_cut_short() {
    let mut ring = Ring::start();
    let ours = key_file(&ring, ISSUING);
    refuses_with(&mut ring, |_| {
        let octets = fs::read(&ours).unwrap();
        fs::write(&ours, &octets[..octets.len() / 2]).unwrap();
        ours.clone()
    });
}

#[test]
fn refuses_house_keys_of_another_genesis() {
    let mut ring = Ring::start();
    let elsewhere = Ring::start();
    ring.stop();
    let unlock = |ring: &Ring| ring.ring_dir().join("unlock");
    let honest = fs::read(unlock(&ring)).unwrap();
    fs::copy(unlock(&elsewhere), unlock(&ring)).unwrap();
    ring.try_open().unwrap();
    let refusal = ring.unlock().unwrap_err();
    assert!(matches!(refusal.rule, Rule::KeyFileCorrupt | Rule::UnlockFailed), "{refusal}");
    ring.stop();
    fs::write(unlock(&ring), honest).unwrap();
    ring.restart();
    let _ = ring.issue();
}
