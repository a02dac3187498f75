//! What an attacker who owns the files makes of an honest journal.

use std::fs;
use std::path::{Path, PathBuf};

use signer_log::segment::{HEADER, leaf_time, set_leaf_time};
use signer_proto::{Digest, Event, IdempotencyKey, KeyId, Leaf, Rule, Warrant, Wire};
use x509::{CrlReason, Serial, Signature, TbsCertificateDer, UnixTime};

use crate::{Dice, write_segments};

/// A journal that was changed.
#[derive(Debug, Clone)]
pub struct Mutation {
    /// How.
    pub how: String,
    /// The first leaf that is not what it was, or not there; none where that depends on octets.
    pub first: Option<u64>,
}

/// Changes an honest journal and writes it to `dir`, where nothing is yet.
///
/// # Panics
/// If the directory cannot be written.
#[must_use]
pub fn mutate(dir: &Path, honest: &[Vec<u8>], dice: &mut Dice) -> Mutation {
    let most = *dice.pick(&[1000, 120, 64]);
    if dice.below(10) < 3 {
        write_segments(dir, honest, most);
        return Mutation { how: files(dir, dice), first: None };
    }
    loop {
        let mut leaves = honest.to_vec();
        let how = match dice.below(10) {
            0..5 => order(&mut leaves, dice),
            _ => field(&mut leaves, dice),
        };
        let differ = |at: &usize| leaves.get(*at) != honest.get(*at);
        let first = (0..honest.len().max(leaves.len())).find(differ);
        // What is only added behind the end is what the log may do, too.
        if let Some(first) = first.filter(|first| *first < honest.len()) {
            write_segments(dir, &leaves, most);
            return Mutation { how, first: Some(first as u64) };
        }
    }
}

/// Damages the files: checks are not made anew.
fn files(dir: &Path, dice: &mut Dice) -> String {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let path = dice.pick(&paths).clone();
    let name = path.file_name().unwrap().to_string_lossy().into_owned();
    let mut octets = fs::read(&path).unwrap();
    let at = dice.below(octets.len());
    let how = match dice.below(6) {
        0..3 => {
            octets[at] ^= 1 << dice.below(8);
            format!("a bit of octet {at} of {name} is flipped")
        }
        3 => {
            octets.truncate(at);
            format!("{name} is cut at {at}")
        }
        4 => {
            let end = (at + dice.within(1, 2000)).min(octets.len());
            octets.drain(at..end);
            format!("octets {at} to {end} of {name} are taken out")
        }
        _ => {
            let at = dice.below(HEADER);
            octets[at] ^= 0x80;
            format!("octet {at} of the header of {name} is changed")
        }
    };
    fs::write(&path, octets).unwrap();
    how
}

/// Takes out, doubles, exchanges: every leaf is whole and every check fits.
fn order(leaves: &mut Vec<Vec<u8>>, dice: &mut Dice) -> String {
    let n = leaves.len();
    let (a, b) = (dice.below(n), dice.below(n));
    match dice.below(7) {
        0 => {
            leaves.remove(a);
            format!("leaf {a} is taken out")
        }
        1 => {
            let leaf = leaves[a].clone();
            leaves.insert(a, leaf);
            format!("leaf {a} is doubled")
        }
        2 => {
            let mut leaf = leaves[a].clone();
            set_leaf_time(&mut leaf, leaf_time(&leaves[b]).unwrap());
            leaves.insert(b + 1, leaf);
            format!("leaf {a} comes again after {b}, by its time")
        }
        3 => {
            leaves.swap(a, b);
            format!("leaves {a} and {b} are exchanged")
        }
        4 => {
            let (a_time, b_time) = (leaf_time(&leaves[a]).unwrap(), leaf_time(&leaves[b]).unwrap());
            leaves.swap(a, b);
            set_leaf_time(&mut leaves[a], a_time);
            set_leaf_time(&mut leaves[b], b_time);
            format!("leaves {a} and {b} are exchanged, but for their times")
        }
        5 => {
            leaves.truncate(a);
            format!("nothing follows leaf {a}")
        }
        _ => {
            let end = (a + dice.within(1, 20)).min(n);
            leaves.drain(a..end);
            format!("leaves {a} to {end} are taken out")
        }
    }
}

/// Changes what a leaf says; its check is made anew.
fn field(leaves: &mut [Vec<u8>], dice: &mut Dice) -> String {
    let at = dice.below(leaves.len());
    match dice.below(6) {
        0 => {
            let octet = dice.below(leaves[at].len());
            leaves[at][octet] ^= 1 << dice.below(8);
            return format!("a bit of octet {octet} of leaf {at} is flipped");
        }
        1 => {
            let to = leaf_time(&leaves[at]).unwrap() + dice.draw() as i64 % 100_000;
            set_leaf_time(&mut leaves[at], to);
            return format!("leaf {at} is of {to} ms");
        }
        2 => {
            let extra = vec![0; dice.within(1, 9)];
            leaves[at].extend(extra);
            return format!("octets follow leaf {at}");
        }
        _ => {}
    }
    let mut leaf = Leaf::from_wire(&leaves[at]).unwrap();
    let how = event(&mut leaf.event, leaves, dice);
    leaves[at] = leaf.to_wire();
    format!("leaf {at}: {how}")
}

/// Says something else: whatever an attacker would like to be true.
fn event(event: &mut Event, leaves: &[Vec<u8>], dice: &mut Dice) -> String {
    let key = KeyId(dice.draw().to_be_bytes().repeat(2).try_into().unwrap());
    match event {
        Event::Genesis(genesis) => genesis.serial_prefix ^= 0x10,
        Event::Opened(opened) => opened.cut += 1,
        Event::UnlockAttempt(attempt) => attempt.opened = !attempt.opened,
        Event::KeyGenerated(generated) => generated.id = key,
        Event::KeyAdopted(adopted) => match dice.below(5) {
            0 => adopted.crl_number ^= 1,
            1 => adopted.imported = !adopted.imported,
            2 => adopted.inventory.certificates += 1,
            3 => adopted.id = key,
            _ => adopted.warrant = forged(&adopted.warrant, dice),
        },
        Event::InventoryImported(imported) => match dice.below(3) {
            0 => imported.key = key,
            1 => imported.chunk.next = Some(Digest([6; 32])),
            _ => {
                // What was revoked is good again; where nothing was, one ends later.
                let certificates = &mut imported.chunk.certificates.0;
                match certificates.iter_mut().find(|old| old.revoked.is_some()) {
                    Some(old) => old.revoked = None,
                    None => certificates.iter_mut().for_each(|old| old.not_after.0 += 1),
                }
            }
        },
        Event::PolicySet(set) => match dice.below(4) {
            3 => set.warrant = forged(&set.warrant, dice),
            0 => set.text.0.push_str("\n# wider\n"),
            1 => set.version += 1,
            _ => set.previous = Some(Digest([7; 32])),
        },
        Event::OperatorsSet(set) => match dice.below(3) {
            0 => set.thresholds.default = 1,
            1 => set.version += 1,
            _ => set.warrant = forged(&set.warrant, dice),
        },
        Event::KeyStateSet(set) => match dice.below(2) {
            0 => set.to = signer_proto::KeyState::Destroyed,
            _ => set.warrant = forged(&set.warrant, dice),
        },
        Event::IssuanceFrozen(change) => match dice.below(2) {
            0 => change.frozen = !change.frozen,
            _ => change.warrant = forged(&change.warrant, dice),
        },
        Event::CeremonyRecorded(record) => record.plan = Digest([4; 32]),
        Event::CertificateSigned(signed) => match dice.below(7) {
            0 => signed.key = key,
            6 => match signed.evidence.0.first_mut() {
                // Another certificate is renewed, or none: the position is in the digest.
                Some(record) => match dice.below(2) {
                    0 => record.kind = dice.within(1, 9) as u8,
                    _ => record.digest.0[dice.within(24, 32)] ^= 1,
                },
                None => signed.profile = Digest([1; 32]),
            },
            1 => signed.policy = Digest([9; 32]),
            2 => signed.signature = Signature::from_vec(vec![0x30, 6, 2, 1, 1, 2, 1, 1]),
            3 => {
                // The serial of another certificate: two for one serial.
                let other = leaves.iter().filter_map(|leaf| certificate(leaf));
                let others: Vec<_> = other.collect();
                signed.tbs = dice.pick(&others).clone();
            }
            4 => signed.idempotency = IdempotencyKey([5; 16]),
            _ => {
                let mut tbs = signed.tbs.as_bytes().to_vec();
                let at = dice.below(tbs.len());
                tbs[at] ^= 1 << dice.below(8);
                signed.tbs = TbsCertificateDer::from_vec(tbs);
            }
        },
        Event::AuthoritySigned(signed) => match dice.below(2) {
            0 => signed.signature = Signature::from_vec(vec![1]),
            _ => signed.warrant = forged(&signed.warrant, dice),
        },
        Event::RequestSigned(signed) => signed.key = key,
        Event::RevocationChanged(changed) => match dice.below(4) {
            0 => changed.serial = Serial::from_unsigned(&[0x21; 19]).unwrap(),
            1 => changed.reason = CrlReason::RemoveFromCrl,
            2 => changed.invalidity = Some(UnixTime(i64::MAX / 2)),
            _ => changed.key = key,
        },
        Event::CrlSigned(signed) => match dice.below(5) {
            0 => signed.number += 1,
            1 => signed.revocations = signed.revocations.saturating_sub(1),
            2 => signed.this_update = UnixTime(signed.this_update.0 - 4000),
            3 => signed.revocations += 1,
            _ => signed.tbs_digest = Digest([3; 32]),
        },
        Event::OcspSigned(signed) => match dice.below(3) {
            0 => signed.revocations += 1000,
            1 => signed.count = 0,
            _ => signed.responder = key,
        },
        Event::HandshakesSigned(signed) => match dice.below(4) {
            0 => signed.count = 0,
            1 => signed.count = 5000,
            2 => signed.key = key,
            _ => signed.root = Digest([2; 32]),
        },
        Event::SignIntended(intended) => match dice.below(2) {
            0 => intended.tbs_digest = Digest([1; 32]),
            _ => intended.key = key,
        },
        Event::ValidationRecorded(record) => record.account = Digest([1; 32]),
        Event::AuditAnchored(anchored) => match dice.below(2) {
            0 => anchored.through = 0,
            _ => anchored.previous = Digest([1; 32]),
        },
        Event::UnlockRotated(rotated) => match dice.below(2) {
            0 => rotated.unlock = Digest([1; 32]),
            _ => {
                use signer_proto::RotationStage::{Abandoned, Done, Found, Intended};
                rotated.stage = *dice.pick(&[Intended, Done, Abandoned, Found]);
            }
        },
        Event::GapAccepted(gap) => match dice.below(4) {
            0 => gap.seen_size += 1,
            1 => gap.serial_prefix = gap.serial_prefix % 0x7f + 1,
            2 => gap.crl_numbers.0.clear(),
            _ => gap.warrant = forged(&gap.warrant, dice),
        },
        Event::Promoted(promoted) => match dice.below(3) {
            0 => promoted.serial_prefix = promoted.serial_prefix % 0x7f + 1,
            1 => promoted.fence.0.push('.'),
            _ => promoted.warrant = forged(&promoted.warrant, dice),
        },
        Event::RingFollowed(followed) => match dice.below(2) {
            0 => {
                let at = dice.below(followed.genesis.0.len());
                followed.genesis.0[at] ^= 1 << dice.below(8);
            }
            _ => followed.warrant = forged(&followed.warrant, dice),
        },
        Event::FollowedRead(read) => match dice.below(3) {
            0 => read.size = 0,
            1 => read.root = Digest([1; 32]),
            _ => read.instance.0[0] ^= 1,
        },
        Event::Refused(refused) => refused.rule = Rule::SerialUsed,
        // A type that came later: the byte-wise attacks are for all.
        #[allow(unreachable_patterns)]
        _ => {}
    }
    format!("{} says something else", event.name())
}

/// A warrant with an approval less, one twice, one bent, another text, or none.
fn forged(warrant: &Warrant, dice: &mut Dice) -> Warrant {
    let mut warrant = warrant.clone();
    let approvals = &mut warrant.approvals.0;
    match (dice.below(5), approvals.first().cloned()) {
        (0, Some(_)) => drop(approvals.pop()),
        (1, Some(first)) => approvals.push(first),
        (2, Some(mut first)) => {
            let middle = first.0.len() / 2;
            first.0[middle] = if first.0[middle] == b'A' { b'B' } else { b'A' };
            approvals[0] = first;
        }
        (3, Some(_)) => {
            warrant.proposal.0 = warrant.proposal.0.replacen("Nonce: ", "Nonce: 0", 1);
        }
        _ => warrant = Warrant::none(),
    }
    warrant
}

fn certificate(leaf: &[u8]) -> Option<TbsCertificateDer> {
    match Leaf::from_wire(leaf).ok()?.event {
        Event::CertificateSigned(signed) => Some(signed.tbs),
        _ => None,
    }
}
