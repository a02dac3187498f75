//! A journal whose end is lost, a ring that stands by, a ring that follows.

use std::fs;
use std::path::Path;

use signer::OpenError;
use signer_log::checkpoint::Checkpoint;
use signer_log::note::Note;
use signer_proto::{
    AcceptGap, BuildCrl, CertIdHash, Courier, CrlFloor, CrlFloors, Describe, Digest, Event, Follow,
    FollowedRing, Health, Leaf, LeafBytes, Leaves, MintSerials, NoteBytes, OcspItem, OcspItems,
    OcspNonce, OcspOutcome, OcspSubject, OcspSubjects, Promote, ProofHashes, ProofKind,
    ReadCheckpoint, ReadJournal, ReadProof, Reason, Refusal, Revoke, Rule, ShowCheckpoint,
    SignOcsp, Warrant, Wire,
};
use x509::{Certificate, CrlReason};

use super::drafts::DAY;
use super::workshop::{Workshop, label};

fn newest(workshop: &Workshop) -> (Vec<u8>, Checkpoint) {
    let least = workshop.call(Health).unwrap().position;
    let octets = workshop.call(ReadCheckpoint { least }).unwrap().newest.0;
    let note = Note::parse(&octets).unwrap();
    (octets, Checkpoint::parse(&note.text).unwrap())
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

/// Draws a prefix that the ring never used.
fn other_prefix(workshop: &Workshop) -> u8 {
    workshop.call(Describe).unwrap().serial_prefix % 0x7f + 1
}

#[test]
fn a_lost_end_is_accepted_once_with_another_prefix_and_higher_crl_numbers() {
    let mut workshop = Workshop::with_hierarchy();
    workshop.stop();
    let old = tempfile::tempdir().unwrap();
    copy(&workshop.ring().join("journal"), old.path());
    workshop.restart();
    workshop.issue("a.corp.example");
    let (shown, lost) = newest(&workshop);
    workshop.stop();
    // The older journal comes back, and with it no file that tells.
    fs::remove_dir_all(workshop.ring().join("journal")).unwrap();
    copy(old.path(), &workshop.ring().join("journal"));
    let _ = fs::remove_file(workshop.ring().join("checkpoint"));
    workshop.restart();
    let accept = |seen_size, prefix, number| AcceptGap {
        seen_size,
        seen_root: Digest(lost.root),
        serial_prefix: prefix,
        crl_floors: CrlFloors(vec![CrlFloor { key: label("issuing"), number }]),
        warrant: Warrant::none(),
    };
    let (before, prefix) =
        (workshop.call(Describe).unwrap().serial_prefix, other_prefix(&workshop));
    let rule = |call| workshop.call(call).map(|_| ()).unwrap_err().rule;
    assert_eq!(rule(accept(lost.size, prefix, 9)), Rule::FieldMalformed, "nothing was shown yet");
    let show = ShowCheckpoint { note: NoteBytes(shown.clone()) };
    assert_eq!(workshop.call(show.clone()).unwrap_err().rule, Rule::StateRolledBack);
    for refused in [accept(lost.size + 1, prefix, 9), accept(lost.size, before, 9)] {
        assert_eq!(rule(refused), Rule::FieldMalformed);
    }
    assert_eq!(rule(accept(lost.size, 0x80, 9)), Rule::FieldMalformed);
    assert_eq!(workshop.count(|event| matches!(event, Event::GapAccepted(_))), 0);
    assert_eq!(workshop.call(Describe).unwrap().serial_prefix, before, "nothing changed");

    let accepted = workshop.call(accept(lost.size, prefix, 9)).unwrap();
    assert_eq!(accepted.serial_prefix, prefix);
    assert_eq!(rule(accept(lost.size, prefix, 9)), Rule::FieldMalformed, "once");
    let serials = workshop.call(MintSerials { key: label("issuing"), count: 1 }).unwrap();
    assert_eq!(serials.0[0].as_bytes()[0], prefix);
    workshop.issue("b.corp.example");
    let next_update = workshop.now().plus_seconds(DAY);
    let crl = BuildCrl { key: label("issuing"), shard: 0, next_update };
    assert_eq!(workshop.call(crl.clone()).unwrap().number, 10);
    // What is lost may be shown again, and stops nothing; a restart keeps it so.
    assert_eq!(workshop.call(show.clone()).unwrap_err().rule, Rule::ProofRefused);
    workshop.restart();
    assert_eq!(workshop.call(crl).unwrap().number, 11);
    assert_eq!(workshop.call(show).unwrap_err().rule, Rule::ProofRefused);
}

/// Carries the leaves that are missing over, as a courier does.
fn courier(from: &Workshop, at: u64) -> Courier {
    let (checkpoint, tree) = newest(from);
    let slice = from.call(ReadJournal { from: at, limit: 4096 }).unwrap();
    let taken = usize::try_from(tree.size - at).unwrap();
    let leaves: Vec<LeafBytes> = slice.leaves.0.into_iter().take(taken).collect();
    let here = at + leaves.len() as u64;
    let ask = ReadProof { kind: ProofKind::Consistency, first: here, size: tree.size };
    let proof = match here == tree.size {
        true => Vec::new(),
        false => from.call(ask).unwrap().hashes.0,
    };
    Courier {
        instance: from.call(Describe).unwrap().instance,
        from: at,
        leaves: Leaves(leaves),
        checkpoint: NoteBytes(checkpoint),
        proof: ProofHashes(proof),
    }
}

const RESPONDER: &str = r#"
version = 1
purpose = "ocsp"
signature = "ecdsa-p256-sha256"
issuer_key = "issuing"
issuer_ring = "RING"
max_behind = "1h"
issuer = "ISSUER"
max_next_update = "8d"
"#;

/// A ring that follows another one and has a responder's key for its issuing CA.
fn follower(of: &Workshop) -> Workshop {
    use base64::Engine as _;
    let workshop = Workshop::new();
    let genesis = of.call(ReadJournal { from: 0, limit: 1 }).unwrap().leaves.0.remove(0);
    let follow = Follow { genesis, warrant: Warrant::none() };
    assert_eq!(workshop.call(follow.clone()).unwrap().size, 1);
    assert_eq!(workshop.call(follow).unwrap_err().rule, Rule::RingNotFollowed, "once");
    workshop.generate("away", signer_proto::Purpose::Ocsp, signer_proto::KeySpec::P256);
    let issuer = of.issuing.as_ref().unwrap().tbs().subject.der().as_bytes().to_vec();
    let text = RESPONDER
        .replace("RING", &of.call(Describe).unwrap().instance.to_string())
        .replace("ISSUER", &base64::engine::general_purpose::STANDARD.encode(issuer));
    workshop.set_policy("away", text);
    workshop
}

fn ask(workshop: &Workshop, certificate: &Certificate) -> Result<OcspOutcome, Refusal> {
    let subject = OcspSubject { hash: CertIdHash::Sha256, serial: certificate.tbs().serial };
    let item = OcspItem { subjects: OcspSubjects(vec![subject]), nonce: OcspNonce(Vec::new()) };
    let call = SignOcsp {
        responder: label("away"),
        issuer: label("issuing"),
        next_update: workshop.now().plus_seconds(DAY),
        items: OcspItems(vec![item]),
    };
    workshop.call(call).map(|signed| signed.outcomes.0[0].clone())
}

fn size(ring: FollowedRing) -> u64 {
    ring.size
}

#[test]
fn a_follower_tells_what_it_followed_and_nothing_that_a_courier_made_up() {
    let active = Workshop::with_hierarchy();
    let certificate = active.issue("a.corp.example");
    let mut follower = follower(&active);
    let rule = |refused: Result<OcspOutcome, Refusal>| refused.unwrap_err().rule;
    assert_eq!(rule(ask(&follower, &certificate)), Rule::FollowedBehind, "nothing came yet");

    let honest = courier(&active, 1);
    let bent = |bend: &dyn Fn(&mut Courier)| {
        let mut call = honest.clone();
        bend(&mut call);
        follower.call(call).map(size).unwrap_err().rule
    };
    let last = honest.leaves.0.len() - 1;
    assert_eq!(bent(&|c| c.leaves.0.swap(last, last - 1)), Rule::ProofRefused, "reordered");
    assert_eq!(bent(&|c| drop(c.leaves.0.remove(2))), Rule::ProofRefused, "withheld");
    assert_eq!(bent(&|c| drop(c.leaves.0.pop())), Rule::ProofRefused, "cut off, without a proof");
    assert_eq!(bent(&|c| c.checkpoint.0[60] ^= 1), Rule::ProofRefused, "another checkpoint");
    let altered = |c: &mut Courier| {
        let mut leaf = Leaf::from_wire(&c.leaves.0[last].0).unwrap();
        leaf.at_ms += 1;
        c.leaves.0[last] = LeafBytes(leaf.to_wire());
    };
    assert_eq!(bent(&altered), Rule::ProofRefused, "altered");
    let elsewhere = Courier { instance: signer_proto::InstanceId([7; 16]), ..honest.clone() };
    assert_eq!(follower.call(elsewhere).map(size).unwrap_err().rule, Rule::RingNotFollowed);
    // From elsewhere is no lie: the answer says where the journal goes on.
    for from in [0, 2] {
        let told = follower.call(Courier { from, ..honest.clone() }).unwrap();
        assert_eq!((told.size, told.newest, told.as_of), (1, 0, None));
    }
    assert_eq!(rule(ask(&follower, &certificate)), Rule::FollowedBehind, "none of it was taken");
    assert_eq!(follower.count(|event| matches!(event, Event::FollowedRead(_))), 0);
    assert_eq!(follower.count(|event| matches!(event, Event::OcspSigned(_))), 0);

    let taken = follower.call(honest.clone()).unwrap();
    assert_eq!(taken.size, active.call(Health).unwrap().position);
    assert!(matches!(ask(&follower, &certificate), Ok(OcspOutcome::Signed { .. })));

    // Revoked there: unknown here until the news come, and never good after they did.
    active
        .call(Revoke {
            key: label("issuing"),
            serial: certificate.tbs().serial,
            reason: CrlReason::KeyCompromise,
            invalidity: None,
        })
        .unwrap();
    let news = courier(&active, taken.size);
    let again = follower.call(honest).unwrap();
    assert_eq!((again.size, again.newest), (taken.size, taken.newest), "it was here before");
    follower.call(news).unwrap();
    let Ok(OcspOutcome::Signed { response_data, .. }) = ask(&follower, &certificate) else {
        panic!("no answer");
    };
    let data = x509::ResponseData::parse(response_data.as_bytes()).unwrap();
    assert!(matches!(data.responses[0].status, x509::CertStatus::Revoked { .. }));

    // What was followed is there after a restart; it grows old with the clock.
    follower.restart();
    assert!(matches!(ask(&follower, &certificate), Ok(OcspOutcome::Signed { .. })));
    follower.clock.pass(2 * 3600);
    assert_eq!(rule(ask(&follower, &certificate)), Rule::FollowedBehind);
}

#[test]
fn a_followed_journal_that_was_lost_or_never_begun_comes_again_and_no_older_one() {
    let active = Workshop::with_hierarchy();
    let certificate = active.issue("a.corp.example");
    let mut follower = follower(&active);
    let instance = active.call(Describe).unwrap().instance.to_string();
    let folder = follower.ring().join("followed").join(instance);
    let older = courier(&active, 1);
    let rule = |refused: Result<OcspOutcome, Refusal>| refused.unwrap_err().rule;
    // As if a crash had come behind the leaf of Follow, or behind the header of the first segment.
    let segment = folder.join("journal/00000000000000000000.seg");
    for cut in [false, true] {
        follower.stop();
        match cut {
            true => fs::File::options().write(true).open(&segment).unwrap().set_len(64).unwrap(),
            false => fs::remove_dir_all(&folder).unwrap(),
        }
        follower.restart();
        assert_eq!(rule(ask(&follower, &certificate)), Rule::FollowedBehind);
    }
    let size = follower.call(older.clone()).unwrap().size;
    let before = fs::read(&segment).unwrap();
    active.issue("b.corp.example");
    follower.call(courier(&active, size)).unwrap();
    assert!(matches!(ask(&follower, &certificate), Ok(OcspOutcome::Signed { .. })));
    // Lost later: what was followed once is the least that counts.
    follower.stop();
    fs::remove_dir_all(&folder).unwrap();
    follower.restart();
    assert_eq!(rule(ask(&follower, &certificate)), Rule::FollowedBehind);
    assert_eq!(follower.call(older).map(|ring| ring.size).unwrap_err().rule, Rule::ProofRefused);
    follower.call(courier(&active, 1)).unwrap();
    assert!(matches!(ask(&follower, &certificate), Ok(OcspOutcome::Signed { .. })));
    // An older copy of it is not opened.
    follower.stop();
    fs::write(&segment, before).unwrap();
    assert!(matches!(follower.try_open(), Err(OpenError::Followed(_))));
}

#[test]
fn a_standby_takes_leaves_and_signs_nothing_before_it_is_promoted() {
    let mut active = Workshop::with_hierarchy();
    active.stop();
    let mut standby = active.twin();
    fs::write(standby.ring().join("standby"), b"").unwrap();
    active.restart();
    standby.restart_locked();
    let certificate = active.issue("a.corp.example");
    let size = standby.call(Health).unwrap().position;
    let honest = courier(&active, size);
    let elsewhere = Courier { from: 0, ..honest.clone() };
    assert_eq!(standby.call(elsewhere).unwrap().size, size, "it says where it ends");
    let mut bent = honest.clone();
    bent.leaves.0.swap(0, 1);
    assert_eq!(standby.call(bent).unwrap_err().rule, Rule::ProofRefused);
    assert_eq!(standby.call(Health).unwrap().position, size, "none of it was taken");
    let taken = standby.call(honest).unwrap();
    assert_eq!(taken.size, active.call(Health).unwrap().position);
    assert_eq!(standby.try_unlock().unwrap_err().rule, Rule::Standby);
    let revoke = Revoke {
        key: label("issuing"),
        serial: certificate.tbs().serial,
        reason: CrlReason::Superseded,
        invalidity: None,
    };
    assert_eq!(standby.call(revoke.clone()).unwrap_err().rule, Rule::Standby);
    assert_eq!(standby.call(Health).unwrap().position, taken.size, "no leaf of its own");
    let prefix = other_prefix(&standby);
    let promote = Promote {
        serial_prefix: prefix,
        fence: Reason("the disk of the old one is in this drawer".to_owned()),
        warrant: Warrant::none(),
    };
    let before = standby.call(Describe).unwrap().serial_prefix;
    let again = Promote { serial_prefix: before, ..promote.clone() };
    assert_eq!(standby.call(again).unwrap_err().rule, Rule::FieldMalformed);
    assert_eq!(active.call(promote.clone()).unwrap_err().rule, Rule::FieldMalformed);
    assert_eq!(standby.call(promote).unwrap().serial_prefix, prefix);
    assert!(!standby.ring().join("standby").exists());
    standby.try_unlock().unwrap();
    assert_eq!(standby.call(revoke).unwrap().serial, certificate.tbs().serial);
    let serials = standby.call(MintSerials { key: label("issuing"), count: 1 }).unwrap();
    assert_eq!(serials.0[0].as_bytes()[0], prefix);
}
