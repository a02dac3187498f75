//! The command itself: usage and exit codes.

use std::path::Path;
use std::process::{Command, Output};

fn run(arguments: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signer-verify"));
    command.args(arguments).current_dir(dir).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn exit_codes_tell_usage_and_unreadable_files_from_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &[][..],
        &["--journal", "missing"],
        &["--ring", "missing"],
        &["--journal", ".", "--genesis", "A5"],
        &["--journal", ".", "--checkpoint", "missing"],
        &["--journal", ".", "--tiles", "."],
        &["--follow", "."],
        &["--follow", ".", "--cosign", "missing", "--once"],
        &["--follow", "gopher://x/", "--cosign", "key", "--once"],
        &["--cosign-generate", "a name", "--cosign", "key"],
    ] {
        let output = run(arguments, dir.path());
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
    // An empty directory is a journal without its first leaf.
    let empty = tempfile::tempdir().unwrap();
    let output = run(&["--journal", "."], empty.path());
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.ends_with("FAIL segment-missing at 0: there is no segment\n"), "{text}");
    let output = run(&["--journal", ".", "--json"], empty.path());
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["verdict"], &report["fault"]["index"]), (&"FAIL".into(), &0.into()));
}

#[test]
fn a_witness_draws_a_key_and_refuses_to_watch_without_the_logs() {
    let dir = tempfile::tempdir().unwrap();
    let drawn = run(&["--cosign-generate", "w.example/1", "--cosign", "key"], dir.path());
    assert_eq!(drawn.status.code(), Some(0), "{}", stderr(&drawn));
    assert!(drawn.stdout.starts_with(b"w.example/1+"));
    let again = run(&["--cosign-generate", "w.example/1", "--cosign", "key"], dir.path());
    assert_eq!(again.status.code(), Some(2));
    let watch = run(&["--follow", ".", "--cosign", "key", "--once"], dir.path());
    assert_eq!(watch.status.code(), Some(2));
    assert!(stderr(&watch).contains("give --log-key"), "{}", stderr(&watch));
}
