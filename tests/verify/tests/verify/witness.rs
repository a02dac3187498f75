//! A witness on a second directory sees a forked or truncated log.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use signer_log::checkpoint::{Checkpoint, Cosignature};
use signer_log::note::{NoteError, NoteKey};
use signer_log::segment::set_leaf_time;
use signer_verify::witness::{CosignerKey, Source, State, StateError, Witness, WitnessError};
use signer_verify::{Audit, Evidence, FaultKind, audit};
use tempfile::TempDir;
use verify_tests::{Gallery, Thief, gallery, publish, write_segments};

const NOW: u64 = 1_790_000_000;

struct Scene {
    gallery: Gallery,
    thief: Thief,
    log_key: NoteKey,
    dir: TempDir,
}

impl Scene {
    fn set() -> Self {
        let gallery = gallery(300);
        let thief = Thief::open(&gallery.ring.ring_dir(), &gallery.leaves);
        let journal = gallery.ring.ring_dir().join("journal");
        let evidence = Evidence::default();
        let report = audit(Audit {
            journal: &journal,
            evidence: &evidence,
            threads: 1,
            progress: &mut |_| {},
        });
        let log_key = report.unwrap().log_key.unwrap();
        let dir = tempfile::tempdir().unwrap();
        CosignerKey::generate(&dir.path().join("key"), "witness.example").unwrap();
        Self { gallery, thief, log_key, dir }
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    /// Publishes the log as its host would.
    fn publish(&self, leaves: &[Vec<u8>]) {
        let _ = std::fs::remove_dir_all(self.log());
        let tree = publish(&self.log(), leaves);
        let note = self.thief.checkpoint(tree.size(), tree.root());
        std::fs::write(self.log().join("checkpoint"), note.to_string()).unwrap();
    }

    fn witness_of(&self, address: &str) -> Witness {
        Witness {
            source: Source::parse(address, None).unwrap(),
            state: State::open(&self.dir.path().join("state"), Some(self.log_key.clone())).unwrap(),
            key: CosignerKey::load(&self.dir.path().join("key")).unwrap(),
        }
    }

    fn witness(&self) -> Witness {
        self.witness_of(self.log().to_str().unwrap())
    }

    fn leaves(&self) -> &[Vec<u8>] {
        &self.gallery.leaves
    }
}

/// Another history from a leaf on.
fn forked(leaves: &[Vec<u8>], at: usize) -> Vec<Vec<u8>> {
    let mut other = leaves.to_vec();
    set_leaf_time(&mut other[at], 1_700_000_000_000);
    other
}

#[test]
fn cosigns_a_log_that_grows() {
    let scene = Scene::set();
    let sizes = [1, 7, 255, 256, 257, 300, scene.leaves().len()];
    for (nth, size) in sizes.into_iter().enumerate() {
        scene.publish(&scene.leaves()[..size]);
        let witness = scene.witness();
        let followed = witness.follow(NOW + nth as u64).unwrap();
        assert_eq!(followed.size, size as u64);
        assert_eq!(followed.before, nth.checked_sub(1).map(|before| sizes[before] as u64));
        let cosignature = Cosignature::verify(&followed.note, witness.key.verifier()).unwrap();
        assert_eq!(cosignature.time, NOW + nth as u64);
        assert_eq!(Checkpoint::verify(&followed.note, &scene.log_key).unwrap().size, size as u64);
        // Nothing new: cosigned again, with a later time.
        assert_eq!(witness.follow(NOW + nth as u64 + 1).unwrap().size, size as u64);
    }
    // What it kept is what an auditor needs to name the leaf that was replaced.
    let journal = scene.dir.path().join("journal");
    write_segments(&journal, &forked(scene.leaves(), 200), 1000);
    let state = scene.dir.path().join("state");
    let note = std::fs::read(state.join("checkpoint")).unwrap();
    let evidence = Evidence {
        checkpoints: vec![("the witness'".to_owned(), note)],
        witnesses: vec![scene.witness().key.verifier().clone()],
        tiles: Some(state),
        ..Evidence::default()
    };
    let found =
        audit(Audit { journal: &journal, evidence: &evidence, threads: 1, progress: &mut |_| {} });
    let fault = found.unwrap().fault.unwrap();
    assert_eq!((fault.index, fault.kind), (200, FaultKind::LeafReplaced));
}

fn alarm(witness: &Witness, index: Option<u64>) {
    match witness.follow(NOW + 100) {
        Err(WitnessError::Alarm(alarm)) => assert_eq!(alarm.index, index, "{alarm}"),
        other => panic!("{other:?}"),
    }
    let kept = witness.state.alarm().expect("the proof is kept");
    assert!(kept.join("remembered").is_file() && kept.join("presented").is_file());
    // Nothing is cosigned while it stands, whatever the log shows.
    let again = witness.follow(NOW + 200);
    assert!(matches!(again, Err(WitnessError::AlarmStands(_))), "{again:?}");
}

#[test]
fn sees_a_truncated_log() {
    let scene = Scene::set();
    scene.publish(scene.leaves());
    scene.witness().follow(NOW).unwrap();
    scene.publish(&scene.leaves()[..280]);
    alarm(&scene.witness(), Some(280));
}

#[test]
fn sees_a_fork_of_the_same_size() {
    let scene = Scene::set();
    scene.publish(scene.leaves());
    scene.witness().follow(NOW).unwrap();
    scene.publish(&forked(scene.leaves(), 17));
    alarm(&scene.witness(), Some(17));
}

#[test]
fn sees_a_fork_that_grew() {
    let scene = Scene::set();
    scene.publish(&scene.leaves()[..270]);
    scene.witness().follow(NOW).unwrap();
    scene.publish(&forked(scene.leaves(), 260));
    alarm(&scene.witness(), Some(260));
}

#[test]
fn cosigns_nothing_that_the_log_did_not_sign_or_that_its_tiles_do_not_make() {
    let scene = Scene::set();
    scene.publish(&scene.leaves()[..270]);
    let first = scene.witness().follow(NOW).unwrap();
    let state = scene.dir.path().join("state/checkpoint");
    // Another key's checkpoint.
    scene.publish(scene.leaves());
    let path = scene.log().join("checkpoint");
    let honest = std::fs::read_to_string(&path).unwrap();
    for bent in [honest.replacen("\n3", "\n2", 1), honest.replacen("chancery/", "chancery/0", 1)] {
        std::fs::write(&path, bent).unwrap();
        let refused = scene.witness().follow(NOW + 1);
        let expected = [NoteError::BadSignature, NoteError::Origin];
        assert!(
            matches!(&refused, Err(WitnessError::Note(error)) if expected.contains(error)),
            "{refused:?}"
        );
    }
    std::fs::write(&path, &honest).unwrap();
    // Tiles of another tree, and tiles that are not there.
    let tile = scene
        .log()
        .join(signer_log::tile::Tile::at(0, 1, scene.leaves().len() as u64).unwrap().to_string());
    let mut hashes = std::fs::read(&tile).unwrap();
    let last = hashes.len() - 1;
    hashes[last] ^= 1;
    std::fs::write(&tile, &hashes).unwrap();
    let refused = scene.witness().follow(NOW + 1);
    assert!(matches!(refused, Err(WitnessError::Tiles(_))), "{refused:?}");
    std::fs::remove_file(&tile).unwrap();
    let refused = scene.witness().follow(NOW + 1);
    assert!(matches!(refused, Err(WitnessError::Source(_))), "{refused:?}");
    assert!(scene.witness().state.alarm().is_none(), "nothing of this is proof");
    assert_eq!(std::fs::read_to_string(state).unwrap(), first.note.to_string());
    // And the honest log goes on.
    scene.publish(scene.leaves());
    assert_eq!(scene.witness().follow(NOW + 1).unwrap().before, Some(270));
}

#[test]
fn a_witness_heals_from_a_crash_and_refuses_foreign_state() {
    let scene = Scene::set();
    scene.publish(&scene.leaves()[..270]);
    scene.witness().follow(NOW).unwrap();
    let state = scene.dir.path().join("state");
    // Between the range and the checkpoint.
    std::fs::write(state.join("range"), "").unwrap();
    scene.publish(scene.leaves());
    assert_eq!(scene.witness().follow(NOW + 1).unwrap().before, Some(270));
    // A clock that went back promises nothing.
    let refused = scene.witness().follow(NOW);
    assert!(matches!(refused, Err(WitnessError::Cosigner(_))), "{refused:?}");
    // A checkpoint that this witness did not cosign is none that it remembers.
    let note = std::fs::read(scene.log().join("checkpoint")).unwrap();
    std::fs::write(state.join("checkpoint"), note).unwrap();
    let refused = scene.witness().follow(NOW + 2);
    assert!(
        matches!(refused, Err(WitnessError::State(StateError::Note(NoteError::Unsigned)))),
        "{refused:?}"
    );
    let other = CosignerKey::generate(&scene.dir.path().join("other"), "other").unwrap();
    let opened = State::open(&state, Some(other.verifier().clone()));
    assert!(matches!(opened, Err(StateError::OtherLog(_))));
    let opened = State::open(&scene.dir.path().join("empty"), None);
    assert!(matches!(opened, Err(StateError::NoLogKey)));
}

/// Serves a directory over HTTP, as many requests as come; keeps what is posted.
fn serve(dir: &Path) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/log", listener.local_addr().unwrap());
    let dir = dir.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            let (head, body) = loop {
                let read = stream.read(&mut buffer).unwrap();
                request.extend_from_slice(&buffer[..read]);
                let text = String::from_utf8_lossy(&request).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    break (head.to_owned(), body.to_owned());
                }
            };
            let path = head.split(' ').nth(1).unwrap().strip_prefix("/log/").unwrap().to_owned();
            if head.starts_with("POST") {
                std::fs::write(dir.join(&path), body).unwrap();
            }
            let answer = match std::fs::read(dir.join(path)) {
                Ok(content) => {
                    let length = content.len();
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                    [head.into_bytes(), content].concat()
                }
                Err(_) => b"HTTP/1.1 404 Not Found\r\n\r\n".to_vec(),
            };
            stream.write_all(&answer).unwrap();
        }
    });
    address
}

#[test]
fn follows_a_server_and_posts_to_it() {
    let scene = Scene::set();
    scene.publish(scene.leaves());
    let address = serve(&scene.log());
    let witness = scene.witness_of(&address);
    let followed = witness.follow(NOW).unwrap();
    assert_eq!(followed.size, scene.leaves().len() as u64);
    witness.source.show(followed.note.to_string().as_bytes()).unwrap();
    let posted = std::fs::read_to_string(scene.log().join("checkpoint")).unwrap();
    assert_eq!(posted, followed.note.to_string());
    std::fs::remove_file(scene.log().join("checkpoint")).unwrap();
    let refused = witness.follow(NOW + 1);
    assert!(matches!(refused, Err(WitnessError::Source(_))), "{refused:?}");
}
