//! Measurements, for people: `cargo test --release -p signer -- --ignored --nocapture speed`.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use super::fixture::{genesis, leaf};
use super::{Journal, RealDisk};

const SUBMITTERS: u32 = 64;

/// Returns leaves a second with so many submitters that each wait for every leaf of 2 KB.
fn rate(dir: &Path, leaves: u32) -> f64 {
    let opened = Journal::open(Arc::new(RealDisk), dir, None, &mut |_, _| Ok(()));
    let (journal, _) = opened.unwrap();
    let commit = |leaf| {
        let (tell, told) = mpsc::sync_channel(1);
        journal.submit(&leaf, Box::new(move |outcome| tell.send(outcome).unwrap()));
        told.recv().unwrap().unwrap()
    };
    if journal.size() == 0 {
        commit(genesis(1));
    }
    let start = Instant::now();
    thread::scope(|scope| {
        for submitter in 0..SUBMITTERS {
            scope.spawn(move || {
                for n in 0..leaves / SUBMITTERS {
                    commit(leaf(submitter * leaves + n, 2000));
                }
            });
        }
    });
    f64::from(leaves) / start.elapsed().as_secs_f64()
}

#[test]
#[ignore = "a measurement"]
fn speed_of_group_commit() {
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    println!("64 submitters, tmpfs: {:.0} leaves/s", rate(memory.path(), 200_000));
    let disk = tempfile::tempdir_in("/var/tmp").unwrap();
    println!("64 submitters, disk: {:.0} leaves/s", rate(disk.path(), 50_000));
    let start = Instant::now();
    let mut leaves = 0_u64;
    Journal::open(Arc::new(RealDisk), memory.path(), None, &mut |_, _| {
        leaves += 1;
        Ok(())
    })
    .unwrap();
    let replayed = leaves as f64 / start.elapsed().as_secs_f64();
    println!("replay from memory: {replayed:.0} leaves/s of 2 KB");
}
