//! What the kernel sees of one issuance: written, synced, answered, in this order.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use kit::{Database, Openssl, Stack, tool};

use crate::issued::Issued;

/// What a line of the trace is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Octets went into a segment of the journal.
    Written,
    /// A segment was made durable.
    Synced,
    /// An answer to SignCertificate left by a socket.
    Answered,
}

/// Reads a finished call, or the end of one that was interrupted, in the order of their ends.
fn step(line: &str, unfinished: &mut std::collections::HashMap<String, String>) -> Option<Step> {
    let (thread, rest) = line.split_once(' ')?;
    let rest = rest.trim_start();
    if rest.ends_with("<unfinished ...>") {
        unfinished.insert(thread.to_owned(), rest.to_owned());
        return None;
    }
    let whole = match rest.strip_prefix("<... ") {
        Some(_) => unfinished.remove(thread)?,
        None => rest.to_owned(),
    };
    let (call, arguments) = whole.split_once('(')?;
    let on_segment = arguments.contains(".seg>");
    match call {
        "pwrite64" | "write" | "pwritev" | "writev" if on_segment => Some(Step::Written),
        "fdatasync" | "fsync" if on_segment => Some(Step::Synced),
        // Version 1, kind 17, the flags of an answer, the reserved octet.
        "write" | "sendto" | "sendmsg" | "writev" if arguments.contains("\\1\\21\\1\\0") => {
            Some(Step::Answered)
        }
        _ => None,
    }
}

#[test]
fn a_certificate_is_written_then_synced_then_answered() {
    let Some(strace) = tool("strace") else { return };
    let Some(setpriv) = tool("setpriv") else {
        return;
    };
    if !rustix::process::getuid().is_root() {
        kit::skip("root", "the signer cannot be dumped: only root's strace sees what it writes");
        return;
    }
    // It is the order of signer-file: over a token there are intents besides.
    let mut stack = Stack::start_apart(Database::Sqlite, &["--driver", "file"]);
    let Some(openssl) = Openssl::find(&stack.dir().join("openssl")) else {
        return;
    };
    stack.kill_signer();
    let folder = stack.dir().join("trace");
    fs::create_dir(&folder).unwrap();
    let out = folder.join("trace");
    let calls = "trace=write,pwrite64,pwritev,writev,fdatasync,fsync,sendto,sendmsg";
    let owner = fs::metadata(stack.ring()).unwrap();
    let text = |path: &Path| path.display().to_string();
    stack.start_signer_under(
        &strace,
        &[
            "-f",
            "-y",
            "-s",
            "64",
            "-e",
            calls,
            "-o",
            &text(&out),
            &text(&setpriv),
            "--clear-groups",
            &format!("--reuid={}", owner.uid()),
            &format!("--regid={}", owner.gid()),
        ],
    );
    stack.eventually("the server finds the signer again", Duration::from_secs(10), || {
        stack.api().get("/readyz").status == 200
    });
    const ORDERS: usize = 5;
    for n in 0..ORDERS {
        // One after the other: each has a group of its own.
        let _ = Issued::new(&stack, &openssl, &format!("host{n}"));
    }
    let text = fs::read_to_string(&out).unwrap();
    let mut unfinished = std::collections::HashMap::new();
    let steps: Vec<Step> = text.lines().filter_map(|line| step(line, &mut unfinished)).collect();
    let mut answers = 0;
    for (at, _) in steps.iter().enumerate().filter(|(_, step)| **step == Step::Answered) {
        // Before the answer there is a sync, and before that a write, and no write is between the
        // last sync and the answer that nothing synced.
        let before: Vec<Step> = steps[..at].iter().rev().copied().take(2).collect();
        assert_eq!(before, [Step::Synced, Step::Written], "answer {answers}: {steps:?}");
        answers += 1;
    }
    assert!(answers >= ORDERS, "{answers} answers in the trace: {steps:?}");
}
