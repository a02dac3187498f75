//! A thousand mutations of a small journal: both verifiers name the same leaf.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use signer_log::segment::HEADER;
use signer_verify::{Audit, Evidence, Fault, FaultKind, audit};
use tempfile::TempDir;
use verify_tests::{Dice, Gallery, Thief, eventful, gallery, mutate, publish, write_segments};

use crate::python::Python;

/// What the Python verifier does not read: X.509, policies, signatures of certificates and CRLs.
const NOT_IN_PYTHON: [FaultKind; 8] = [
    FaultKind::Signature,
    FaultKind::PolicyRefused,
    FaultKind::PolicyChain,
    FaultKind::CrlBytes,
    FaultKind::Key,
    FaultKind::TbsMalformed,
    FaultKind::Budget,
    FaultKind::Evidence,
];

/// An honest journal, and what an auditor copied of the log when it was.
struct Scene {
    gallery: Gallery,
    dir: TempDir,
    checkpoint: PathBuf,
    tiles: PathBuf,
}

impl Scene {
    fn set(gallery: Gallery) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (checkpoint, tiles) = (dir.path().join("checkpoint"), dir.path().join("log"));
        let tree = publish(&tiles, &gallery.leaves);
        let thief = Thief::open(&gallery.ring.ring_dir(), &gallery.leaves);
        let note = thief.checkpoint(tree.size(), tree.root());
        std::fs::write(&checkpoint, note.to_string()).unwrap();
        Self { gallery, dir, checkpoint, tiles }
    }

    fn evidence(&self, with_tiles: bool) -> Evidence {
        let note = std::fs::read(&self.checkpoint).unwrap();
        Evidence {
            checkpoints: vec![("checkpoint".to_owned(), note)],
            tiles: with_tiles.then(|| self.tiles.clone()),
            ..Evidence::default()
        }
    }
}

fn fault(journal: &Path, evidence: &Evidence) -> Option<Fault> {
    audit(Audit { journal, evidence, threads: 1, progress: &mut |_| {} }).unwrap().fault
}

fn mutations() -> usize {
    std::env::var("VERIFY_MUTATIONS").map_or(1000, |text| text.parse().expect("a number"))
}

/// Runs `one` for every number, in a few threads with a Python each.
fn campaign(scene: &Scene, with_tiles: bool, one: impl Fn(usize, &mut Python) + Sync) {
    let next = AtomicUsize::new(0);
    let tiles = with_tiles.then_some(scene.tiles.as_path());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            let Some(mut python) = Python::start(Some(&scene.checkpoint), tiles) else { return };
            let (next, one) = (&next, &one);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    if number >= mutations() {
                        return;
                    }
                    one(number, &mut python);
                }
            });
        }
    });
}

#[test]
fn both_name_the_same_leaf_of_a_thousand_mutations() {
    names_the_same_leaf(gallery(300));
}

#[test]
fn both_name_the_same_leaf_of_a_thousand_mutations_of_an_eventful_journal() {
    names_the_same_leaf(eventful(300));
}

fn names_the_same_leaf(gallery: Gallery) {
    let scene = Scene::set(gallery);
    let evidence = scene.evidence(true);
    campaign(&scene, true, |number, python| {
        let dir = scene.dir.path().join(format!("tiled-{number}"));
        let mut dice = Dice(number as u64);
        let mutation = mutate(&dir, &scene.gallery.leaves, &mut dice);
        let found = fault(&dir, &evidence);
        let other = python.verdict(&dir);
        let index = found.as_ref().map(|fault| fault.index);
        assert!(index.is_some(), "{number}, {}: PASS", mutation.how);
        assert_eq!(
            index,
            other.as_ref().map(|(index, _)| *index),
            "{number}, {}: {found:?} and {other:?}",
            mutation.how
        );
        if mutation.first.is_some() {
            assert_eq!(index, mutation.first, "{number}, {}: {found:?}", mutation.how);
        }
        std::fs::remove_dir_all(&dir).unwrap();
    });
}

/// Without the tiles a checkpoint only says that something before it is wrong. Then the first
/// leaf that does not follow is named, and only signer-verify reads X.509.
#[test]
fn both_fail_a_thousand_mutations_by_a_checkpoint_alone() {
    let kinds = fails_by_a_checkpoint_alone(gallery(300));
    assert!(mutations() < 1000 || kinds.len() >= 15, "{kinds:?}");
}

#[test]
fn both_fail_a_thousand_mutations_of_an_eventful_journal_by_a_checkpoint_alone() {
    let kinds = fails_by_a_checkpoint_alone(eventful(300));
    for kind in ["intent", "rings", "rotation", "handshakes", "evidence"] {
        assert!(mutations() < 1000 || kinds.contains_key(kind), "{kind}: {kinds:?}");
    }
}

fn fails_by_a_checkpoint_alone(gallery: Gallery) -> BTreeMap<&'static str, u32> {
    let scene = Scene::set(gallery);
    let evidence = scene.evidence(false);
    let kinds = Mutex::new(BTreeMap::<&'static str, u32>::new());
    campaign(&scene, false, |number, python| {
        let dir = scene.dir.path().join(format!("plain-{number}"));
        let mut dice = Dice(1_000_000 + number as u64);
        let mutation = mutate(&dir, &scene.gallery.leaves, &mut dice);
        let found = fault(&dir, &evidence);
        let other = python.verdict(&dir);
        let both = format!("{number}, {}: {found:?} and {other:?}", mutation.how);
        let (Some(found), Some((index, _))) = (found, other) else { panic!("PASS: {both}") };
        if NOT_IN_PYTHON.contains(&found.kind) {
            assert!(found.index <= index, "{both}");
        } else {
            assert_eq!(found.index, index, "{both}");
        }
        *kinds.lock().unwrap().entry(found.kind.as_str()).or_default() += 1;
        std::fs::remove_dir_all(&dir).unwrap();
    });
    let kinds = kinds.into_inner().unwrap();
    eprintln!("{kinds:?}");
    kinds
}

/// A torn write is nobody's fault at the end of a journal, but where it is all there is, the
/// journal is not the one that the checkpoint was seen of.
#[test]
fn both_fail_a_journal_that_ends_inside_genesis() {
    let scene = Scene::set(gallery(1));
    let evidence = [Evidence::default(), scene.evidence(false), scene.evidence(true)];
    let notes = Some(scene.checkpoint.as_path());
    let mut pythons = [(None, None), (notes, None), (notes, Some(scene.tiles.as_path()))]
        .map(|(checkpoint, tiles)| Python::start(checkpoint, tiles));
    let dir = scene.dir.path().join("cut");
    write_segments(&dir, &scene.gallery.leaves[..1], 1);
    let path = dir.join(signer_log::segment::name(0));
    let whole = std::fs::read(&path).unwrap();
    for at in 0..whole.len() {
        std::fs::write(&path, &whole[..at]).unwrap();
        let kind = if at < HEADER { FaultKind::SegmentHeader } else { FaultKind::Genesis };
        for (evidence, python) in evidence.iter().zip(&mut pythons) {
            let found = fault(&dir, evidence).map(|fault| (fault.index, fault.kind));
            assert_eq!(found, Some((0, kind)), "cut at {at}");
            if let Some(python) = python {
                let other = python.verdict(&dir);
                assert_eq!(other, Some((0, kind.as_str().to_owned())), "cut at {at}");
            }
        }
    }
}
