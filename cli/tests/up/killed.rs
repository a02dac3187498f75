//! `up` is killed without a word: what it started ends by itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{Place, is_ready};

/// How long the processes may take to end once their parent is gone.
const END: Duration = Duration::from_secs(20);

/// Lists the processes that a process started.
fn children(parent: u32) -> Vec<PathBuf> {
    let is_child = |folder: &PathBuf| {
        // The name may hold spaces; the parent is the second field behind it (proc(5)).
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let behind = stat.rsplit_once(") ").map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        behind.split(' ').nth(1) == Some(parent.to_string().as_str())
    };
    let all = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok).map(|e| e.path());
    all.filter(is_child).collect()
}

/// Tells whether a process runs: one that waits to be reaped does not.
fn runs(folder: &Path) -> bool {
    let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn nothing_that_up_started_outlives_it() {
    let Some(place) = Place::new() else { return };
    let mut up = place.up("data", &[], is_ready);
    let started = children(up.0.id());
    assert!(started.len() >= 2, "signer and server: {started:?}");
    up.0.kill().expect("killed");
    up.0.wait().expect("it ended");
    let since = Instant::now();
    while started.iter().any(|folder| runs(folder)) {
        assert!(since.elapsed() < END, "still there: {started:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    // Ports, sockets and the ring's lock are free again.
    place.up("data", &[], is_ready).end();
}
