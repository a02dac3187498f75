//! `make verify-scale`: makes a journal of 100,000 leaves through the real core and times both
//! verifiers on it.
//!
//! `scale [LEAVES] [DIR]`: with a directory, journal, checkpoint and tiles stay there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kit::{DAY, ISSUING, Pending, Plan, Ring, SubjectKey, label};
use signer_proto::{BuildCrl, MintSerials, Revoke, SignCertificate};
use verify_tests::{Thief, publish, read_leaves};
use x509::{CrlReason, Serial};

/// Calls under way at once.
const FLIGHT: usize = 256;
/// One leaf in so many is a revocation, and one in so many a CRL.
const REVOCATIONS: usize = 20;
const CRLS: usize = 5000;
const RUST_LIMIT: Duration = Duration::from_secs(60);
const PYTHON_LIMIT: Duration = Duration::from_secs(120);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let size = arguments.next().map_or(100_000, |text| text.parse().expect("a number of leaves"));
    let kept = arguments.next().map(PathBuf::from);
    let scratch = tempfile::tempdir().expect("a temporary directory");
    let dir = kept.as_deref().unwrap_or(scratch.path());

    let begun = Instant::now();
    let journal = make(size, dir);
    println!("made          {size} leaves in {:.1} s", begun.elapsed().as_secs_f64());
    let verifier = std::env::current_exe().expect("a path").with_file_name("signer-verify");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/verify_journal.py");
    let mut python = Command::new("python3");
    python.arg(script);
    let rust = time("signer-verify", Command::new(verifier), &journal, dir);
    let python = time("verify_journal.py", python, &journal, dir);
    let scale = |limit: Duration| limit.mul_f64((size as f64 / 100_000.0).max(1.0));
    if rust > scale(RUST_LIMIT) || python > scale(PYTHON_LIMIT) {
        eprintln!("over the limit of {RUST_LIMIT:?} or {PYTHON_LIMIT:?}");
        std::process::exit(1);
    }
}

fn time(name: &str, mut command: Command, journal: &Path, dir: &Path) -> Duration {
    command.arg("--journal").arg(journal).arg("--checkpoint").arg(dir.join("checkpoint"));
    command.arg("--tiles").arg(dir.join("log"));
    let begun = Instant::now();
    let output = command.output().expect("the verifier runs");
    let took = begun.elapsed();
    let text = String::from_utf8_lossy(&output.stdout);
    let verdict = text.lines().last().unwrap_or_default();
    println!("{name:18} {verdict} in {:.1} s", took.as_secs_f64());
    if !output.status.success() {
        eprintln!("{text}{}", String::from_utf8_lossy(&output.stderr));
        std::process::exit(1);
    }
    took
}

/// Makes a ring, lets it write, and copies what an auditor copies.
fn make(size: usize, dir: &Path) -> PathBuf {
    let plan = Plan { serve: true, ..Plan::default() };
    let plan = plan.issuing_but("per_hour = 100000", "per_hour = 100000000");
    let plan = plan.issuing_but("per_day = 1000000", "per_day = 100000000");
    let mut ring = Ring::start_with(plan);
    write(&ring, size);
    ring.stop();
    let leaves = read_leaves(&ring.ring_dir().join("journal"));
    assert!(leaves.len() >= size, "{} leaves", leaves.len());
    let tree = publish(&dir.join("log"), &leaves);
    let note = Thief::open(&ring.ring_dir(), &leaves).checkpoint(tree.size(), tree.root());
    std::fs::write(dir.join("checkpoint"), note.to_string()).expect("a checkpoint");
    let journal = dir.join("journal");
    std::fs::create_dir_all(&journal).expect("a directory");
    for entry in std::fs::read_dir(ring.ring_dir().join("journal")).expect("the journal") {
        let path = entry.expect("an entry").path();
        std::fs::copy(&path, journal.join(path.file_name().expect("a name"))).expect("a copy");
    }
    journal
}

fn write(ring: &Ring, size: usize) {
    let mut model = ring.order(&ring.leaf());
    let mut draft = ring.leaf();
    let keys: Vec<SubjectKey> = (0..64).map(|_| SubjectKey::new()).collect();
    let mut serials: Vec<Serial> = Vec::new();
    let mut flight: Vec<Pending<SignCertificate>> = Vec::new();
    let begun = ring.clock.now();
    for nth in 0..size {
        if serials.is_empty() {
            let call = MintSerials { key: label(ISSUING), count: 256 };
            serials = ring.call(&call).expect("serials").0;
        }
        if nth % REVOCATIONS == 0 {
            draft.serial = serials.pop().expect("a serial");
            model.tbs = draft.tbs();
            model.idempotency = ring.idempotency();
            ring.call(&model).expect("a certificate");
            let (key, serial) = (label(ISSUING), draft.serial);
            let reason = CrlReason::Superseded;
            ring.call(&Revoke { key, serial, reason, invalidity: None }).expect("a revocation");
            continue;
        }
        if nth % CRLS == 1 {
            let next_update = ring.clock.now().plus_seconds(5 * DAY);
            let call = BuildCrl { key: label(ISSUING), shard: 0, next_update };
            ring.call(&call).expect("a CRL");
            continue;
        }
        // notBefore stays within what the policy admits, however long this takes.
        let age = ring.clock.now().seconds_since(begun);
        assert!(age < 3000, "this machine is too slow for one validity");
        draft.rekey(keys[nth % keys.len()].public());
        draft.host(&format!("host-{nth}.corp.example"));
        draft.serial = serials.pop().expect("a serial");
        model.tbs = draft.tbs();
        model.idempotency = ring.idempotency();
        flight.push(ring.ask_inside(&model));
        if flight.len() >= FLIGHT {
            flight.drain(..).for_each(|pending| drop(pending.wait().expect("a certificate")));
        }
    }
    flight.drain(..).for_each(|pending| drop(pending.wait().expect("a certificate")));
}
