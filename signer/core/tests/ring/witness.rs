//! Checkpoints under the log key, witnesses' cosignatures, and a journal that was rolled back.

use std::fs;
use std::path::Path;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use signer_log::checkpoint::{Checkpoint, Cosignature, origin};
use signer_log::merkle::root;
use signer_log::note::{Algorithm, Note, NoteKey};
use signer_proto::{
    BuildCrl, CheckpointShown, Checkpoints, Describe, Event, Health, MintSerials, NoteBytes,
    Purpose, ReadCheckpoint, ReadJournal, Refusal, Revoke, Rule, ShowCheckpoint, SignerState,
    Socket,
};
use x509::CrlReason;

use super::drafts::DAY;
use super::workshop::{Workshop, label};

struct Witness {
    pair: Ed25519KeyPair,
    key: NoteKey,
}

impl Witness {
    fn new(seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let octets = pair.public_key().as_ref().try_into().unwrap();
        let name = format!("witness.example/{seed}");
        Self { key: NoteKey::new(&name, Algorithm::CosignatureV1, octets).unwrap(), pair }
    }

    /// Puts its cosignature under a note.
    fn cosign(&self, note: &Note, time: i64) -> Note {
        let time = u64::try_from(time).unwrap();
        let message = Cosignature::message(time, &note.text);
        let signature = self.pair.sign(&message).as_ref().try_into().unwrap();
        let mut cosigned = note.clone();
        cosigned.signatures.push(Cosignature { time, signature }.line(&self.key));
        cosigned
    }
}

fn note(octets: &NoteBytes) -> Note {
    Note::parse(&octets.0).unwrap()
}

fn read(workshop: &Workshop) -> Checkpoints {
    workshop.call(ReadCheckpoint { least: 0 }).unwrap()
}

/// Returns a checkpoint of the whole journal.
fn newest(workshop: &Workshop) -> Note {
    let least = workshop.call(Health).unwrap().position;
    note(&workshop.call(ReadCheckpoint { least }).unwrap().newest)
}

fn show(workshop: &Workshop, note: &Note) -> Result<CheckpointShown, Refusal> {
    workshop.call(ShowCheckpoint { note: NoteBytes(note.to_string().into_bytes()) })
}

fn log_key(workshop: &Workshop) -> NoteKey {
    let description = workshop.call(Describe).unwrap();
    let log = description.keys.0.iter().find(|key| key.purpose == Purpose::Log).unwrap();
    let spki = log.spki.clone().unwrap();
    NoteKey::of_spki(&origin(description.instance), Algorithm::Ed25519, &spki).unwrap()
}

fn signatures(workshop: &Workshop) -> usize {
    workshop.count(|event| matches!(event, Event::CertificateSigned(_) | Event::CrlSigned(_)))
}

fn order(workshop: &Workshop) -> Result<signer_proto::SignedCertificate, Refusal> {
    let tbs = workshop.leaf("a.corp.example");
    workshop.call(workshop.order(&tbs))
}

/// A ring with a hierarchy that demands one of two witnesses, within an hour.
fn watched() -> (Workshop, [Witness; 2]) {
    let witnesses = [Witness::new(2), Witness::new(3)];
    let mut workshop = Workshop::with_hierarchy();
    workshop.stop();
    let path = workshop.ring().join("ring.toml");
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("witnesses_required = 1\nwitness_max_lag = \"1h\"\n");
    for Witness { key, .. } in &witnesses {
        text.push_str(&format!("[[witness]]\nname = \"{}\"\nkey = \"{key}\"\n", key.name()));
    }
    fs::write(&path, text).unwrap();
    workshop.restart();
    (workshop, witnesses)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Puts an older copy in the place of what is in a directory.
fn restore(copied: &Path, to: &Path) {
    for entry in fs::read_dir(to).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            fs::remove_dir_all(entry.path()).unwrap();
        } else {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    copy(copied, to);
}

#[test]
fn a_checkpoint_is_the_signed_root_of_all_durable_leaves() {
    let workshop = Workshop::with_hierarchy();
    let checkpoint = Checkpoint::verify(&newest(&workshop), &log_key(&workshop)).unwrap();
    let slice = workshop.call(ReadJournal { from: 0, limit: 4096 }).unwrap();
    let leaves = slice.leaves.0.iter().map(|leaf| &leaf.0);
    assert_eq!(checkpoint.size, slice.size);
    assert_eq!(checkpoint.root, root(leaves).0);
    for socket in Socket::ALL {
        let asked = workshop.ask_on(*socket, &ReadCheckpoint { least: 0 });
        assert!(asked.recv().unwrap().is_ok(), "{socket}");
    }
}

#[test]
fn a_checkpoint_is_a_second_old_at_most_and_as_large_as_asked() {
    let workshop = Workshop::with_hierarchy();
    let size = |checkpoints: &Checkpoints| {
        Checkpoint::parse(&note(&checkpoints.newest).text).unwrap().size
    };
    let first = size(&read(&workshop));
    workshop.issue("a.corp.example");
    assert_eq!(size(&read(&workshop)), first, "within a second the same one");
    let least = first + 1;
    assert_eq!(size(&workshop.call(ReadCheckpoint { least }).unwrap()), least);
    workshop.issue("b.corp.example");
    workshop.clock.pass(1);
    assert_eq!(size(&read(&workshop)), first + 2);
    let refused = workshop.call(ReadCheckpoint { least: first + 3 }).unwrap_err();
    assert_eq!(refused.rule, Rule::PositionUnknown);
}

#[test]
fn a_locked_ring_shows_what_it_signed_before() {
    let mut workshop = Workshop::locked(|driver| driver);
    let refused = workshop.call(ReadCheckpoint { least: 0 }).unwrap_err();
    assert_eq!(refused.rule, Rule::Locked);
    workshop.restart();
    let signed = read(&workshop);
    workshop.restart_locked();
    assert_eq!(read(&workshop), signed);
    let least = workshop.call(Health).unwrap().position;
    let refused = workshop.call(ReadCheckpoint { least }).unwrap_err();
    assert_eq!(refused.rule, Rule::Locked);
}

#[test]
fn cosignatures_are_kept_and_served() {
    let (mut workshop, [one, two]) = watched();
    let now = workshop.now().0;
    let checkpoint = newest(&workshop);
    let cosigned = one.cosign(&checkpoint, now);
    assert_eq!(show(&workshop, &cosigned).unwrap().taken, 1);
    assert_eq!(show(&workshop, &cosigned).unwrap().taken, 0, "it has this one");
    // The second brings its cosignature without the log's signature.
    let mut bare = two.cosign(&checkpoint, now - 5);
    bare.signatures.remove(0);
    assert_eq!(show(&workshop, &bare).unwrap().taken, 1);
    workshop.restart();
    let served = note(&read(&workshop).cosigned.unwrap());
    assert_eq!(served.text, checkpoint.text);
    assert_eq!(served.signatures.len(), 3);
    assert!(Checkpoint::verify(&served, &log_key(&workshop)).is_ok());
    for witness in [&one, &two] {
        assert!(Cosignature::verify(&served, &witness.key).is_ok());
    }
}

#[test]
fn refuses_notes_that_prove_nothing() {
    let (workshop, [one, _]) = watched();
    let now = workshop.now().0;
    let checkpoint = newest(&workshop);
    let mut bent = one.cosign(&checkpoint, now);
    bent.signatures[1].octets[20] ^= 1;
    let mut forged = checkpoint.clone();
    forged.text = forged.text.replace("chancery/", "chancery/0");
    let mut larger = checkpoint.clone();
    larger.text =
        Checkpoint { size: 1 << 40, ..Checkpoint::parse(&larger.text).unwrap() }.to_string();
    let mut stranger = Witness::new(9).cosign(&checkpoint, now);
    stranger.signatures.remove(0);
    let early = one.cosign(&checkpoint, now + 301);
    for (what, note) in [
        ("a bent cosignature", bent),
        ("another log's", forged),
        ("one with the signature of another", larger),
        ("one by a witness that is not pinned", stranger),
        ("one from the future", early),
    ] {
        assert_eq!(show(&workshop, &note).unwrap_err().rule, Rule::ProofRefused, "{what}");
    }
    let malformed = workshop.call(ShowCheckpoint { note: NoteBytes(b"no note".to_vec()) });
    assert_eq!(malformed.unwrap_err().rule, Rule::FieldMalformed);
    assert_eq!(workshop.call(Health).unwrap().state, SignerState::Ready);
    assert_eq!(read(&workshop).cosigned, None);
}

#[test]
fn refuses_to_issue_while_no_witness_saw_the_journal_lately() {
    let (workshop, [one, _]) = watched();
    let before = signatures(&workshop);
    assert_eq!(order(&workshop).unwrap_err().rule, Rule::WitnessMissing);
    assert_eq!(signatures(&workshop), before);
    show(&workshop, &one.cosign(&newest(&workshop), workshop.now().0)).unwrap();
    let signed = order(&workshop).unwrap();
    assert!(!signed.replayed);
    workshop.clock.pass(3601);
    assert_eq!(order(&workshop).unwrap_err().rule, Rule::WitnessMissing);
    // Status goes on: CRLs, revocation.
    let leaf = workshop.leaves().into_iter().find_map(|leaf| match leaf.event {
        Event::CertificateSigned(signed) => Some(signed.tbs),
        _ => None,
    });
    let serial = x509::TbsCertificate::parse(leaf.unwrap().as_bytes()).unwrap().serial;
    let key = label("issuing");
    let reason = CrlReason::KeyCompromise;
    workshop.call(Revoke { key: key.clone(), serial, reason, invalidity: None }).unwrap();
    let next_update = workshop.now().plus_seconds(DAY);
    workshop.call(BuildCrl { key, shard: 0, next_update }).unwrap();
    show(&workshop, &one.cosign(&newest(&workshop), workshop.now().0)).unwrap();
    order(&workshop).unwrap();
}

/// Holds a ring against doing nothing any more, also after a restart.
fn check_stopped(workshop: &mut Workshop) {
    for round in 0..2 {
        assert_eq!(workshop.call(Health).unwrap().state, SignerState::RolledBack, "{round}");
        let before = signatures(workshop);
        let key = label("issuing");
        let next_update = workshop.now().plus_seconds(DAY);
        let crl = workshop.call(BuildCrl { key, shard: 0, next_update }).unwrap_err();
        assert_eq!(crl.rule, Rule::StateRolledBack);
        let checkpoint = workshop.call(ReadCheckpoint { least: 0 }).unwrap_err();
        assert_eq!(checkpoint.rule, Rule::StateRolledBack);
        let unlocked = workshop.try_unlock().unwrap_err();
        assert_eq!(unlocked.rule, Rule::StateRolledBack);
        let sealed = workshop.call(MintSerials { key: label("issuing"), count: 1 });
        if let Ok(serials) = sealed {
            assert_eq!(serials.0.len(), 1, "minting makes nothing that is not signed later");
        }
        assert_eq!(signatures(workshop), before);
        workshop.restart_locked();
    }
}

#[test]
fn an_older_copy_stops_when_a_newer_checkpoint_is_shown() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.stop();
    let older = tempfile::tempdir().unwrap();
    copy(&workshop.ring(), older.path());
    workshop.restart();
    workshop.issue("a.corp.example");
    let shown = newest(&workshop);
    workshop.stop();
    restore(older.path(), &workshop.ring());
    workshop.restart();
    order(&workshop).unwrap();
    assert_eq!(show(&workshop, &shown).unwrap_err().rule, Rule::StateRolledBack);
    let refused = order(&workshop).unwrap_err();
    assert_eq!(refused.rule, Rule::StateRolledBack);
    check_stopped(&mut workshop);
}

#[test]
fn a_journal_that_grew_another_way_stops_when_its_past_is_shown() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.stop();
    let older = tempfile::tempdir().unwrap();
    copy(&workshop.ring(), older.path());
    workshop.restart();
    workshop.issue("a.corp.example");
    let shown = newest(&workshop);
    workshop.stop();
    restore(older.path(), &workshop.ring());
    workshop.restart();
    (0..8).for_each(|n| drop(workshop.issue(&format!("n{n}.corp.example"))));
    let size = Checkpoint::parse(&shown.text).unwrap().size;
    assert!(size < workshop.call(Health).unwrap().position, "longer than what was shown");
    assert_eq!(show(&workshop, &shown).unwrap_err().rule, Rule::StateRolledBack);
    check_stopped(&mut workshop);
}

#[test]
fn a_witness_alone_stops_a_fork() {
    let (mut workshop, [one, _]) = watched();
    let mut forked = newest(&workshop);
    let mut checkpoint = Checkpoint::parse(&forked.text).unwrap();
    checkpoint.root[0] ^= 1;
    forked.text = checkpoint.to_string();
    forked.signatures.clear();
    let cosigned = one.cosign(&forked, workshop.now().0);
    assert_eq!(show(&workshop, &cosigned).unwrap_err().rule, Rule::StateRolledBack);
    check_stopped(&mut workshop);
}

#[test]
fn a_ring_whose_journal_alone_was_replaced_stops_by_itself() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.stop();
    let older = tempfile::tempdir().unwrap();
    copy(&workshop.ring().join("journal"), older.path());
    workshop.restart();
    workshop.issue("a.corp.example");
    newest(&workshop);
    workshop.stop();
    restore(older.path(), &workshop.ring().join("journal"));
    workshop.restart_locked();
    check_stopped(&mut workshop);
}

#[test]
fn a_journal_that_was_rewritten_consistently_is_not_the_one_that_was_signed() {
    // Somebody with root rewrites a leaf, its hash and its check: the journal alone looks right.
    let mut workshop = Workshop::with_hierarchy();
    workshop.issue("victim.corp.example");
    let shown = newest(&workshop);
    workshop.stop();
    let segment = workshop.ring().join("journal").join(signer_log::segment::name(0));
    let content = fs::read(&segment).unwrap();
    let mut rewritten = content[..signer_log::segment::HEADER].to_vec();
    let (mut rest, mut position) = (&content[signer_log::segment::HEADER..], 0);
    while !rest.is_empty() {
        let signer_log::segment::Front::Record(leaf, _, length) =
            signer_log::segment::front(rest, position)
        else {
            panic!("a record at {position}");
        };
        let mut leaf = leaf.to_vec();
        if let Some(at) = leaf.windows(6).position(|window| window == b"victim") {
            leaf[at..at + 6].copy_from_slice(b"honest");
        }
        signer_log::segment::put_record(&mut rewritten, position, &leaf);
        (rest, position) = (&rest[length..], position + 1);
    }
    assert_ne!(rewritten, content);
    fs::write(&segment, rewritten).unwrap();
    // Without what the ring itself kept it starts, and believes the journal.
    fs::remove_file(workshop.ring().join("checkpoint")).unwrap();
    workshop.restart();
    assert_eq!(show(&workshop, &shown).unwrap_err().rule, Rule::StateRolledBack);
    check_stopped(&mut workshop);
}

#[test]
fn the_start_looks_at_a_checkpoint_before_it_unlocks() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.stop();
    let older = tempfile::tempdir().unwrap();
    copy(&workshop.ring(), older.path());
    workshop.restart();
    workshop.issue("a.corp.example");
    let shown = newest(&workshop).to_string();
    workshop.restart_locked();
    workshop.signer().show_checkpoint(shown.as_bytes()).unwrap();
    workshop.stop();
    restore(older.path(), &workshop.ring());
    workshop.restart_locked();
    let refused = workshop.signer().show_checkpoint(shown.as_bytes()).unwrap_err();
    assert_eq!(refused.rule, Rule::StateRolledBack);
    assert_eq!(workshop.try_unlock().unwrap_err().rule, Rule::StateRolledBack);
}
